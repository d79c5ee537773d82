// SPDX-License-Identifier: MIT
#pragma once

#include "base/clock.h"
#include "input/event.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <variant>

namespace scanthru::input {

/// Whole notches of a wheel; positive: right and down.
struct Notches {
    int x = 0;
    int y = 0;
    bool operator==(const Notches&) const = default;
};

/// One thing to do in a guest. A wheel's 1/120 have become notches.
using Step = std::variant<Key, Button, RelativeMotion, AbsoluteMotion, Notches, Touch>;

/// What can be down in a guest, in one number: KEY_… and BTN_…, which share the kernel's numbers,
/// and touch_id() of a finger.
using HeldId = std::uint32_t;

constexpr HeldId touch_id(std::uint8_t slot) {
    return 0x10000U + slot;
}

/// A press or release of something.
struct Switch {
    HeldId id;
    bool down;
};

/// What `step` presses or releases, a finger's beginning and end included; nothing for the rest.
std::optional<Switch> switch_of(const Step& step);

/// The step that releases `id`: of a finger, its cancellation.
Step release_of(HeldId id);

/// Whether it is relative or absolute motion of the pointer.
bool is_motion(const Step& step);

/// Whether `later` needs a sync between itself and an `earlier` one. A device reports its state at
/// a sync: of two changes of one key, or a click and a motion after it, it would tell the end only.
/// `has_touch`: the guest has a touch screen, else a finger is the pointer.
bool must_part(const Step& earlier, const Step& later, bool has_touch);

/// Steps on their way to a guest, in order. Motion is summed or replaced, but never across
/// anything else. Pure.
class InjectionQueue {
public:
    /// Steps that may wait; beyond it only releases are taken.
    static constexpr std::size_t limit = 1024;

    enum class Added : std::uint8_t { appended, coalesced, full };

    /// Appends `step`, or merges it with the last one: relative motion and notches are summed, of
    /// absolute motion and of a finger's moves the newest counts. A release is always taken.
    Added add(const Step& step);

    /// What is there may go.
    void commit() { ready_ = steps_.size(); }

    /// The first step that may go; nullptr when there is none.
    const Step* front() const { return ready_ == 0 ? nullptr : &steps_.front(); }
    void pop();

    /// Takes at most `most` notches of each axis off the first step, which is of notches; it goes
    /// when nothing is left of it.
    Notches take_notches(int most);

    void clear();
    bool empty() const { return steps_.empty(); }
    bool is_full() const { return steps_.size() >= limit; }

private:
    bool merge(const Step& step);

    std::deque<Step> steps_;
    std::size_t ready_ = 0;
};

/// So many at once, then one per interval. Pure.
class TokenBucket {
public:
    TokenBucket(unsigned size, Clock::duration interval)
        : size_(size), interval_(interval), tokens_(size) {}

    /// Takes one if there is one at `now`.
    bool take(Clock::time_point now);

    /// How long after `now` there will be one.
    Clock::duration wait(Clock::time_point now) const;

private:
    unsigned size_;
    Clock::duration interval_;
    unsigned tokens_;
    Clock::time_point filled_{};
};

}  // namespace scanthru::input
