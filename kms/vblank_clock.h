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
/// it is measured over a second or more, because the clock that makes the picture and the one that
/// makes the time are two. Pure.
class VblankClock {
public:
    /// Stands in for a period of zero (a mode without timings), so that nobody waits for no time.
    static constexpr std::chrono::nanoseconds fallback_period{16'666'667};

    explicit VblankClock(std::chrono::nanoseconds period) noexcept;

    /// A vblank was seen. Also tells the clock's phase to a driver without vblank: any moment, with
    /// sequence 0. A period that is measured 0.2 % or more beside the mode's is not believed: the
    /// sequence or the time has jumped.
    void sync(const Vblank& seen) noexcept;

    /// The first vblank strictly later than `when`, which may lie before last(); the sequence is
    /// counted from last() in either direction, modulo 2⁶⁴.
    Vblank next_after(Timestamp when) const noexcept;

    std::chrono::nanoseconds period() const noexcept { return period_; }
    const Vblank& last() const noexcept { return last_; }

private:
    std::chrono::nanoseconds nominal_;
    std::chrono::nanoseconds period_;
    Vblank last_;
    Vblank since_;  ///< What the period is measured from.
};

}  // namespace scanthru::kms
