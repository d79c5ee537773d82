// SPDX-License-Identifier: MIT
#include "kms/vblank_clock.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace scanthru::kms {
namespace {

using std::chrono::nanoseconds;

/// The period is measured over so long at first, then over ever longer.
constexpr nanoseconds first_span = std::chrono::milliseconds{250};
constexpr nanoseconds longest_span = std::chrono::seconds{64};
/// So many readings in a row that agree are a rate, however strange.
constexpr unsigned enough_to_agree = 8;

/// By so much the times of vblanks of one and the same rate may be off.
bool agree(nanoseconds one, nanoseconds other, nanoseconds period) {
    return std::chrono::abs(one - other) <= period / 128;
}

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
      accepted_(nominal_),
      period_(nominal_) {}

void VblankClock::sync(const Vblank& seen) noexcept {
    const Vblank before = std::exchange(last_, seen);
    const auto frames = static_cast<std::int64_t>(seen.sequence - before.sequence);
    const nanoseconds passed = seen.when - before.when;
    if (frames == 0 && passed == nanoseconds::zero()) return;
    if (seen.sequence == 0 || before.sequence == 0 || frames <= 0 || passed <= nanoseconds::zero())
        return measure_from(seen);
    const std::int64_t predicted = (passed + period_ / 2) / period_;
    if (predicted != frames || !agree(passed, predicted * period_, period_))
        doubt(before, frames);
    else if (strange_ > 0)
        measure_from(before);
    measure();
}

void VblankClock::measure_from(const Vblank& first) noexcept {
    since_ = first;
    span_ = first_span;
    strange_ = 0;
}

/// The last two vblanks are not as far apart as was predicted: the rate has changed, or one of them
/// was not when it says.
void VblankClock::doubt(const Vblank& before, std::int64_t frames) noexcept {
    const nanoseconds measured = (last_.when - before.when) / frames;
    if (strange_ == 0 || !agree(measured, strange_period_, period_ / frames)) measure_from(before);
    ++strange_;
    strange_period_ = measured;
}

void VblankClock::measure() noexcept {
    const nanoseconds passed = last_.when - since_.when;
    const nanoseconds measured =
        passed / static_cast<std::int64_t>(last_.sequence - since_.sequence);
    const bool ordinary = std::chrono::abs(measured - accepted_) <= accepted_ / 100;
    if (ordinary && passed >= span_) {
        period_ = measured;
        measured_ = true;
        if (span_ == longest_span) since_ = last_;
        span_ = std::min(2 * span_, longest_span);
    } else if (strange_ >= enough_to_agree && measured >= nominal_ / 3 &&
               measured <= nominal_ * 3) {
        period_ = accepted_ = measured;
        measure_from(last_);
    }
}

Vblank VblankClock::next_after(Timestamp when) const noexcept {
    const nanoseconds passed = when - last_.when;
    // Division truncates towards zero; a moment before the last vblank needs the floor.
    std::int64_t frames = passed / period_;
    if (passed < frames * period_) --frames;
    ++frames;
    return {.sequence = last_.sequence + static_cast<std::uint64_t>(frames),
            .when = last_.when + frames * period_};
}

}  // namespace scanthru::kms
