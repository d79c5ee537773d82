// SPDX-License-Identifier: MIT
#include "presenter/frame_clock.h"

#include <algorithm>
#include <cerrno>

namespace scanthru {
namespace {

using std::chrono::nanoseconds;

/// Asked right after a vblank, the next one can still be reached when there is so much time left.
constexpr std::chrono::milliseconds early_margin{1};
/// The clock is read so much more often until it has measured the period.
constexpr int eager = 8;

/// So often in a period the guest is asked where no vblank has to be waited for.
constexpr int asks_in_a_period = 4;

nanoseconds blanking_of(const kms::Mode& mode, const Pacing& pacing) {
    return pacing.stamped_after_blanking ? kms::vertical_blanking(mode) : nanoseconds{};
}

}  // namespace

FrameClock::FrameClock(const kms::Mode& mode, const Pacing& pacing) noexcept
    : pacing_(pacing),
      nominal_(kms::frame_period(mode)),
      blanking_(blanking_of(mode, pacing)),
      clock_(nominal_),
      pacer_(clock_.period()),
      idle_(pacing.idle_poll) {}

void FrameClock::restart(const kms::Mode& mode) noexcept {
    blanking_ = blanking_of(mode, pacing_);
    nominal_ = kms::frame_period(mode);
    clock_ = kms::VblankClock{nominal_};
    pacer_.restart(clock_.period());
    target_ = {};
}

/// How long before the vblank's timestamp the guest is asked.
nanoseconds FrameClock::lead() const noexcept {
    const auto period = clock_.period();
    const auto margin = std::min(pacing_.margin.value_or(pacer_.margin()), period / 2);
    return std::min(margin + blanking_, period * 3 / 4);
}

void FrameClock::aim(kms::Timestamp now, std::optional<nanoseconds> refresh) noexcept {
    const auto period = clock_.period();
    const auto before = pacing_.early ? early_margin : lead();
    // The one that was served must not come again, not even where it is predicted a little later
    // now; any other may.
    const auto after = idle_.idle(now) ? idle_.earliest(target_.when, now, refresh) - nanoseconds{1}
                                       : target_.when + period / 2;
    target_ = clock_.next_after(std::max(now + before, after));
    asked_ = target_.when - (pacing_.early ? period : before);
}

void FrameClock::aim_at_none(kms::Timestamp now, std::optional<nanoseconds> refresh) noexcept {
    // Where a question costs a copy, one in a period.
    const auto step = clock_.period() / (refresh ? 1 : asks_in_a_period);
    auto next = std::max(now, target_.when + step);
    if (idle_.idle(now)) next = std::max(next, idle_.earliest(target_.when, now, refresh));
    // Earlier the commit would only wait, with a picture that gets older.
    if (pacing_.variable) next = std::max(next, clock_.last().when + clock_.period() - lead());
    target_ = {.sequence = 0, .when = next};
    asked_ = next;
}

kms::Vblank FrameClock::read(const Result<kms::Vblank>& seen, kms::Timestamp now) noexcept {
    read_ = now;
    // A driver without exact timestamps has none right after it was switched on.
    if (seen && seen->when != kms::Timestamp{}) {
        // Its vblanks would tell of the guest's rate.
        if (pacing_.variable) clock_ = kms::VblankClock{nominal_};
        clock_.sync(*seen);
        return *seen;
    }
    if (!seen && seen.error().code == EOPNOTSUPP) has_vblank_ = false;
    const kms::Vblank moment{.sequence = 0, .when = now};
    // A driver without vblank is paced from the first such moment on by the mode's period alone.
    if (clock_.last().when == kms::Timestamp{}) clock_.sync(moment);
    return moment;
}

bool FrameClock::wants_reading(kms::Timestamp now) const noexcept {
    const auto interval = clock_.measured() ? pacing_.resync : pacing_.resync / eager;
    return has_vblank_ && !pacing_.variable && now - read_ >= interval;
}

bool FrameClock::land(const kms::Vblank& seen, FrameCost cost, kms::Timestamp now) noexcept {
    if (!has_vblank_ || target_.sequence == 0) {
        if (learns()) pacer_.learn(cost, now);
        return false;
    }
    const auto period = clock_.period();
    // No flip comes before it was asked for: a clock that stands still says nothing.
    const nanoseconds late = (seen.when > asked_ ? seen.when : read_) - target_.when;
    // Only what is one vblank late came a little too late for the one before. Anything else is a
    // driver that takes its time, or a rate that has changed, and no margin helps against them.
    cost.missed = std::chrono::abs(late - period) < period / 8;
    if (learns()) pacer_.learn(cost, now);
    return late > period / 2;
}

}  // namespace scanthru
