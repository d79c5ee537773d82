// SPDX-License-Identifier: MIT
#pragma once

#include "kms/vblank_clock.h"
#include "presenter/histogram.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace scanthru {

/// What one frame that was committed has cost, as far as it can be seen from here.
struct FrameCost {
    std::chrono::nanoseconds late{};      ///< From the timer asked for to our code running.
    std::chrono::nanoseconds prepared{};  ///< From there to the commit entering the kernel.
    /// Processor time of the commit, which bounds what it takes to the point where the driver has
    /// armed the flip; zero: not measured.
    std::chrono::nanoseconds commit{};
    bool missed = false;  ///< The flip came a vblank later than aimed at.
    bool novel = false;   ///< A framebuffer was new: no frame like others.
};

/// Learns d, how long before the hardware takes a flip the guest is asked what it shows.
///
/// d is the 99.9th percentile of what frames took until their commit entered the kernel (over the
/// last 7 · 1024 to 8 · 1024 of them, but always without the two slowest), and the commit's own
/// cost (the third largest of those that were measured: single ones are accidents), and a guard of
/// a quarter but at least 50 µs. It goes up at once and down by 100 µs a second, and is never more
/// than a quarter of the period. A missed deadline raises it by a quarter; what has missed is not
/// tried again for a minute, when that has missed again for two, and so on up to an hour. A frame
/// that no margin could have saved raises nothing.
///
/// Deterministic; memory is fixed, a frame costs no loop.
class Pacer {
public:
    explicit Pacer(std::chrono::nanoseconds period) noexcept { restart(period); }

    /// Begins anew: another mode, another driver, after a suspend.
    void restart(std::chrono::nanoseconds period) noexcept;

    /// The next frames are like no others: memory is found for them, caches are cold. They do not
    /// count.
    void settle() noexcept { settling_ = settling_frames; }

    /// A commit has returned.
    void learn(const FrameCost& cost, kms::Timestamp now) noexcept;

    /// d.
    std::chrono::nanoseconds margin() const noexcept { return margin_; }

    /// Whether the next commit's processor time is wanted: of the first ones after a restart, and
    /// of a few after a miss. To take it costs two system calls.
    bool wants_commit_cost() const noexcept { return unmeasured_ > 0; }

    static constexpr std::chrono::nanoseconds first_margin = std::chrono::milliseconds{1};

private:
    static constexpr std::size_t generations = 8;
    static constexpr unsigned generation_frames = 1024;
    static constexpr unsigned settling_frames = 16;

    using Counts = std::array<std::uint16_t, DurationClass::count>;

    void count(std::chrono::nanoseconds spent) noexcept;
    void begin_generation() noexcept;
    void find_percentile() noexcept;
    void keep_commit(std::chrono::nanoseconds commit) noexcept;
    void miss(const FrameCost& cost, kms::Timestamp now) noexcept;
    std::chrono::nanoseconds needed() const noexcept;
    void move(kms::Timestamp now) noexcept;

    std::chrono::nanoseconds bound_{};
    std::chrono::nanoseconds margin_{};
    std::array<std::chrono::nanoseconds, 3> commits_{};  ///< The largest, largest first.
    unsigned unmeasured_ = 0;
    unsigned settling_ = 0;

    std::array<Counts, generations> by_generation_{};
    Counts all_{};
    std::size_t generation_ = 0;
    unsigned in_generation_ = 0;
    unsigned novel_in_generation_ = 0;
    unsigned frames_ = 0;         ///< In all_.
    std::size_t percentile_ = 0;  ///< The class of the 99.9th.
    unsigned above_ = 0;          ///< Frames in classes beyond it.

    std::chrono::nanoseconds missed_{};  ///< d is not less, until:
    kms::Timestamp missed_until_;
    std::chrono::nanoseconds hold_{};
    kms::Timestamp moved_;
};

/// How often a guest is asked: at every vblank for one second after anything changed or a hand was
/// at a device, then at a lower rate. Pure.
class IdlePolicy {
public:
    /// `poll`: between two questions to an idle guest; empty: always at every vblank.
    explicit IdlePolicy(std::optional<std::chrono::nanoseconds> poll) noexcept : poll_(poll) {}

    /// Something changed, or input or a message came.
    void active(kms::Timestamp now) noexcept { active_ = now; }

    bool idle(kms::Timestamp now) const noexcept { return poll_ && now - active_ >= patience; }

    /// The earliest vblank to ask for after one was asked for at `last`. `refresh`: where pictures
    /// are copied, they are looked at so often at least.
    kms::Timestamp earliest(kms::Timestamp last,
                            kms::Timestamp now,
                            std::optional<std::chrono::nanoseconds> refresh = {}) const noexcept;

    static constexpr std::chrono::nanoseconds patience = std::chrono::seconds{1};

private:
    std::optional<std::chrono::nanoseconds> poll_;
    kms::Timestamp active_;
};

}  // namespace scanthru
