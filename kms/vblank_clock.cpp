// SPDX-License-Identifier: MIT
#include "kms/vblank_clock.h"

#include <cerrno>

namespace scanthru::kms {

Result<Vblank> read_vblank(int drm_fd, ObjectId crtc) {
    std::uint64_t sequence = 0;
    std::uint64_t nanoseconds = 0;
    if (drmCrtcGetSequence(drm_fd, raw(crtc), &sequence, &nanoseconds) != 0)
        return fail(errno, "DRM_IOCTL_CRTC_GET_SEQUENCE");
    const std::chrono::nanoseconds since_boot{static_cast<std::int64_t>(nanoseconds)};
    return Vblank{.sequence = sequence, .when = Timestamp{since_boot}};
}

VblankClock::VblankClock(std::chrono::nanoseconds period) noexcept
    : period_(period > std::chrono::nanoseconds::zero() ? period : fallback_period) {}

Vblank VblankClock::next_after(Timestamp when) const noexcept {
    const std::chrono::nanoseconds passed = when - last_.when;
    // Division truncates towards zero; a moment before the last vblank needs the floor.
    std::int64_t frames = passed / period_;
    if (passed < frames * period_) --frames;
    ++frames;
    return {.sequence = last_.sequence + static_cast<std::uint64_t>(frames),
            .when = last_.when + frames * period_};
}

}  // namespace scanthru::kms
