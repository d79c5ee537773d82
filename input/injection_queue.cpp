// SPDX-License-Identifier: MIT
#include "input/injection_queue.h"

#include <algorithm>

namespace scanthru::input {
namespace {

/// Of one direction; more can wait only when a wheel is broken.
constexpr int max_notches = 1000;

int saturated(int a, int b) {
    return std::clamp(a + b, -max_notches, max_notches);
}

bool is_move(const Step& step) {
    const auto* const touch = std::get_if<Touch>(&step);
    return touch != nullptr && touch->phase == Touch::Phase::move;
}

}  // namespace

std::optional<Switch> switch_of(const Step& step) {
    if (const auto* key = std::get_if<Key>(&step)) return Switch{key->code, key->down};
    if (const auto* button = std::get_if<Button>(&step)) return Switch{button->code, button->down};
    if (const auto* touch = std::get_if<Touch>(&step); touch != nullptr && !is_move(step))
        return Switch{touch_id(touch->slot), touch->phase == Touch::Phase::down};
    return std::nullopt;
}

Step release_of(HeldId id) {
    if (id >= touch_id(0))
        return Touch{Touch::Phase::cancel, static_cast<std::uint8_t>(id - touch_id(0)), 0, 0};
    const auto code = static_cast<std::uint16_t>(id);
    // BTN_MISC of linux/input-event-codes.h; keys that follow the buttons have no way in.
    constexpr std::uint16_t first_button = 0x100;
    if (code >= first_button) return Button{code, false};
    return Key{code, false};
}

bool is_motion(const Step& step) {
    return std::holds_alternative<RelativeMotion>(step) ||
           std::holds_alternative<AbsoluteMotion>(step);
}

bool must_part(const Step& earlier, const Step& later, bool has_touch) {
    const auto* const finger = std::get_if<Touch>(&later);
    if (std::holds_alternative<Key>(earlier) != std::holds_alternative<Key>(later)) return false;
    if (const auto* of = std::get_if<Touch>(&earlier); of != nullptr && finger != nullptr)
        return !has_touch || of->slot == finger->slot;
    if (finger != nullptr || std::holds_alternative<Touch>(earlier) || is_motion(later))
        return true;
    if (std::holds_alternative<Notches>(later)) return !is_motion(earlier);
    const auto before = switch_of(earlier);
    const auto after = switch_of(later);
    return before && after && before->id == after->id;
}

bool InjectionQueue::merge(const Step& step) {
    if (steps_.empty()) return false;
    Step& last = steps_.back();
    if (const auto* more = std::get_if<RelativeMotion>(&step)) {
        auto* const motion = std::get_if<RelativeMotion>(&last);
        if (motion == nullptr) return false;
        motion->dx += more->dx;
        motion->dy += more->dy;
        return true;
    }
    if (const auto* more = std::get_if<Notches>(&step)) {
        auto* const notches = std::get_if<Notches>(&last);
        if (notches == nullptr) return false;
        *notches = {saturated(notches->x, more->x), saturated(notches->y, more->y)};
        return true;
    }
    if (std::holds_alternative<AbsoluteMotion>(step) &&
        std::holds_alternative<AbsoluteMotion>(last)) {
        last = step;
        return true;
    }
    if (!is_move(step)) return false;
    for (auto earlier = steps_.rbegin(); earlier != steps_.rend() && is_move(*earlier); ++earlier) {
        if (std::get<Touch>(*earlier).slot != std::get<Touch>(step).slot) continue;
        *earlier = step;
        return true;
    }
    return false;
}

InjectionQueue::Added InjectionQueue::add(const Step& step) {
    if (merge(step)) return Added::coalesced;
    const auto change = switch_of(step);
    const bool is_release = change && !change->down;
    if (is_full() && !is_release) return Added::full;
    steps_.push_back(step);
    return Added::appended;
}

void InjectionQueue::pop() {
    steps_.pop_front();
    --ready_;
}

Notches InjectionQueue::take_notches(int most) {
    auto& notches = std::get<Notches>(steps_.front());
    const Notches taken{std::clamp(notches.x, -most, most), std::clamp(notches.y, -most, most)};
    notches = {notches.x - taken.x, notches.y - taken.y};
    if (notches == Notches{}) pop();
    return taken;
}

void InjectionQueue::clear() {
    steps_.clear();
    ready_ = 0;
}

bool TokenBucket::take(Clock::time_point now) {
    const auto grown = (now - filled_) / interval_;
    if (grown >= static_cast<std::int64_t>(size_ - tokens_)) {
        tokens_ = size_;
        filled_ = now;
    } else {
        tokens_ += static_cast<unsigned>(grown);
        filled_ += grown * interval_;
    }
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
}

Clock::duration TokenBucket::wait(Clock::time_point now) const {
    if (tokens_ > 0) return {};
    return std::max(Clock::duration{}, filled_ + interval_ - now);
}

}  // namespace scanthru::input
