// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/mode.h"
#include "kms/vblank_clock.h"
#include "presenter/pacer.h"

#include <chrono>
#include <optional>

namespace scanthru {

/// When the guest is asked.
struct Pacing {
    /// Before the hardware takes what was committed; at most half a frame period is used. Has to
    /// cover wake lateness, two queries and the commit up to the point where the driver arms it.
    /// Empty: it is learnt (Pacer).
    std::optional<std::chrono::nanoseconds> margin{};
    /// The guest is asked right after each vblank for the next one, as a simple loop does it: only
    /// for comparison.
    bool early = false;
    /// Between two questions to a guest that stands still; empty: every vblank.
    std::optional<std::chrono::nanoseconds> idle_poll{};
    /// The thread takes real-time priority where that is allowed.
    bool real_time = true;
    /// Vblank timestamps are of the first line of the picture, as scanout hardware has them: flips
    /// are taken before that, at the beginning of the blanking. Not so where a timer stands for the
    /// hardware.
    bool stamped_after_blanking = false;
    /// The display waits for the guest, within its range: a new picture is shown as soon as the one
    /// before has been shown for the mode's period.
    bool variable = false;
    /// Without a flip the CRTC's clock is read this often, so that prediction stays right; eight
    /// times as often while the period has not been measured.
    std::chrono::nanoseconds resync = std::chrono::seconds{1};
};

/// Tells the frame thread of one output when to ask the guest, from the vblanks it has seen and
/// where its commits came to. Deterministic: knows no time but what it is told.
///
/// Whatever vblanks and commits do, the guest is asked at most once for each vblank that is
/// predicted, and what was slept or hung through is not caught up with. Where pictures need not
/// wait for a vblank (variable refresh rate, asynchronous flips) none is aimed at: the guest is
/// asked four times in the mode's period.
class FrameClock {
public:
    FrameClock(const kms::Mode& mode, const Pacing& pacing) noexcept;

    /// Another mode: all but how long the guest has stood still is learnt anew.
    void restart(const kms::Mode& mode) noexcept;

    /// Chooses the vblank to ask for: the next one whose time to ask has not passed. An idle
    /// guest's comes later. `refresh`: see IdlePolicy.
    void aim(kms::Timestamp now, std::optional<std::chrono::nanoseconds> refresh = {}) noexcept;

    /// The same where a flip does not wait for a vblank.
    void aim_at_none(kms::Timestamp now,
                     std::optional<std::chrono::nanoseconds> refresh = {}) noexcept;

    /// That vblank, and when the guest is to be asked; where there is none both are that moment.
    const kms::Vblank& target() const noexcept { return target_; }
    kms::Timestamp asked() const noexcept { return asked_; }
    bool aims() const noexcept { return target_.sequence != 0 || target_.when != asked_; }

    /// Any vblank may be aimed at next.
    void forget_target() noexcept { target_ = {}; }

    /// The CRTC's clock was read at `now`, or a driver refused. What a flip that has just happened
    /// is dated by: the vblank that was read, or `now` without a sequence.
    kms::Vblank read(const Result<kms::Vblank>& seen, kms::Timestamp now) noexcept;

    /// Whether it is to be read without a flip.
    bool wants_reading(kms::Timestamp now) const noexcept;

    /// Whether the driver has vblanks, as far as is known.
    bool has_vblank() const noexcept { return has_vblank_; }

    /// A commit for the target has returned, and the clock was read. Whether it came to a later
    /// vblank. `cost.missed` is found out here.
    bool land(const kms::Vblank& seen, FrameCost cost, kms::Timestamp now) noexcept;

    /// See Pacer.
    void settle() noexcept { pacer_.settle(); }
    bool wants_commit_cost() const noexcept { return learns() && pacer_.wants_commit_cost(); }

    /// Something changed, or input or a message came.
    void active(kms::Timestamp now) noexcept { idle_.active(now); }
    bool idle(kms::Timestamp now) const noexcept { return idle_.idle(now); }

    std::chrono::nanoseconds period() const noexcept { return clock_.period(); }
    bool variable() const noexcept { return pacing_.variable; }

private:
    bool learns() const noexcept { return !pacing_.margin && !pacing_.early; }
    std::chrono::nanoseconds lead() const noexcept;

    Pacing pacing_;
    std::chrono::nanoseconds nominal_;   ///< The mode's period.
    std::chrono::nanoseconds blanking_;  ///< From where flips are taken to the timestamp.
    kms::VblankClock clock_;
    Pacer pacer_;
    IdlePolicy idle_;
    kms::Vblank target_;
    kms::Timestamp asked_;
    kms::Timestamp read_;
    bool has_vblank_ = true;
};

}  // namespace scanthru
