// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/types.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace scanthru::kms {

using Timestamp = std::chrono::steady_clock::time_point;  ///< CLOCK_MONOTONIC.

/// A vblank that has happened.
struct Vblank {
    std::uint64_t sequence = 0;  ///< The CRTC's frame counter, 64 bit.
    Timestamp when;
};

/// Asks the CRTC for its last vblank. One system call (DRM_IOCTL_CRTC_GET_SEQUENCE).
///
/// Errors: EINVAL while the CRTC is off; EOPNOTSUPP for a driver without vblank (virtio-gpu).
Result<Vblank> read_vblank(int drm_fd, ObjectId crtc);

/// Predicts vblanks from one that was seen and the period: the mode's exact one at first, then as
/// it is measured over a quarter of a second to a minute, because the clock that makes the picture
/// and the one that makes the time are two. Pure.
///
/// A vblank that comes elsewhere than predicted begins the measurement anew. Within 1 % of the rate
/// that holds the new one is believed as soon as it is measured; beyond, as soon as eight readings
/// in a row agree on it (between a third and three times the mode's): a driver that lowers the rate
/// of a picture that stands still, not a sequence or a clock that has jumped.
class VblankClock {
public:
    /// Stands in for a period of zero (a mode without timings), so that nobody waits for no time.
    static constexpr std::chrono::nanoseconds fallback_period{16'666'667};

    explicit VblankClock(std::chrono::nanoseconds period) noexcept;

    /// A vblank was seen, maybe the same again. Also tells the clock's phase to a driver without
    /// vblank: any moment, with sequence 0.
    void sync(const Vblank& seen) noexcept;

    /// The first vblank strictly later than `when`, which may lie before last(); the sequence is
    /// counted from last() in either direction, modulo 2⁶⁴.
    Vblank next_after(Timestamp when) const noexcept;

    std::chrono::nanoseconds period() const noexcept { return period_; }
    const Vblank& last() const noexcept { return last_; }

    /// Whether period() is measured, and not the mode's.
    bool measured() const noexcept { return measured_; }

private:
    void measure_from(const Vblank& first) noexcept;
    void doubt(const Vblank& before, std::int64_t frames) noexcept;
    void measure() noexcept;

    std::chrono::nanoseconds nominal_;
    std::chrono::nanoseconds accepted_;  ///< About which small changes are believed at once.
    std::chrono::nanoseconds period_;
    bool measured_ = false;
    Vblank last_;
    Vblank since_;                     ///< What the period is measured from,
    std::chrono::nanoseconds span_{};  ///< over so long at least.
    unsigned strange_ = 0;             ///< Readings in a row that agree on another rate:
    std::chrono::nanoseconds strange_period_{};
};

}  // namespace scanthru::kms
