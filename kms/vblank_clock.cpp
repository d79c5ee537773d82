// SPDX-License-Identifier: MIT
#include "kms/vblank_clock.h"

#include <cerrno>

namespace scanthru::kms {
namespace {

constexpr std::chrono::seconds measured_over{1};

}  // namespace

Result<Vblank> read_vblank(int drm_fd, ObjectId crtc) {
    std::uint64_t sequence = 0;
    std::uint64_t nanoseconds = 0;
    if (drmCrtcGetSequence(drm_fd, raw(crtc), &sequence, &nanoseconds) != 0)
        return fail(errno, "DRM_IOCTL_CRTC_GET_SEQUENCE");
    const std::chrono::nanoseconds since_boot{static_cast<std::int64_t>(nanoseconds)};
    return Vblank{.sequence = sequence, .when = Timestamp{since_boot}};
}

VblankClock::VblankClock(std::chrono::nanoseconds period) noexcept
    : nominal_(period > std::chrono::nanoseconds::zero() ? period : fallback_period),
      period_(nominal_) {}

void VblankClock::sync(const Vblank& seen) noexcept {
    last_ = seen;
    const std::chrono::nanoseconds passed = seen.when - since_.when;
    const auto frames = static_cast<std::int64_t>(seen.sequence - since_.sequence);
    const bool counts = seen.sequence != 0 && since_.sequence != 0 && frames > 0;
    if (counts && passed < measured_over) return;
    if (counts) {
        const std::chrono::nanoseconds measured = passed / frames;
        if (std::chrono::abs(measured - nominal_) < nominal_ / 500) period_ = measured;
    }
    since_ = seen;
}

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
