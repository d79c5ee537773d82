// SPDX-License-Identifier: MIT
#include "input/qmp_events.h"

#include "input/key_table.h"
#include "input/pressed.h"

#include <algorithm>
#include <cmath>
#include <linux/input-event-codes.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace scanthru::input {
namespace {

using nlohmann::json;

constexpr double absolute_max = 0x7fff;  // INPUT_EVENT_ABS_MAX of QEMU's ui/input.h.
constexpr double max_pixels = 0x7fff;

json event_of(const char* type, json data) {
    return {{"type", type}, {"data", std::move(data)}};
}

json button_event(std::string_view name, bool down) {
    return event_of("btn", {{"button", name}, {"down", down}});
}

void append_axes(const char* type, int x, int y, json& events) {
    events.push_back(event_of(type, {{"axis", "x"}, {"value", x}}));
    events.push_back(event_of(type, {{"axis", "y"}, {"value", y}}));
}

json touch_event(const char* type, std::uint8_t slot, int tracking, const char* axis, int value) {
    return event_of("mtt", {{"type", type},
                            {"slot", slot},
                            {"tracking-id", tracking},
                            {"axis", axis},
                            {"value", value}});
}

/// The whole pixels of `sum`, which keeps the rest.
int take_whole(double& sum) {
    sum = std::clamp(sum, -max_pixels, max_pixels);
    // Fractions of a picture add up to a little less than whole pixels.
    const double whole = std::trunc(sum + std::copysign(1e-6, sum));
    sum -= whole;
    return static_cast<int>(whole);
}

bool flag(const json& object, const char* key) {
    const auto value = object.find(key);
    return value != object.end() && value->is_boolean() && value->get<bool>();
}

}  // namespace

Mice read_mice(const json& answer) {
    Mice mice;
    if (!answer.is_array()) return mice;
    for (const json& mouse : answer)
        if (mouse.is_object()) (flag(mouse, "absolute") ? mice.absolute : mice.relative) = true;
    return mice;
}

QmpOffers read_offers(const json& schema) {
    QmpOffers offers;
    if (!schema.is_array()) return offers;
    // Its types have numbers for names, so enumerations are known by what they list.
    for (const json& type : schema) {
        if (!type.is_object()) continue;
        const auto values = type.find("values");
        if (values == type.end() || !values->is_array()) continue;
        const auto lists = [&](const char* value) {
            return std::find(values->begin(), values->end(), value) != values->end();
        };
        if (lists("rel") && lists("abs")) offers.touch |= lists("mtt");
        if (lists("wheel-up")) offers.touch_button |= lists("touch");
        if (lists("lang2")) offers.newer_keys |= lists("f13");
    }
    return offers;
}

std::string_view button_name(std::uint16_t code) {
    switch (code) {
    case BTN_LEFT: return "left";
    case BTN_MIDDLE: return "middle";
    case BTN_RIGHT: return "right";
    case BTN_SIDE:
    case BTN_BACK: return "side";
    case BTN_EXTRA:
    case BTN_FORWARD: return "extra";
    default: return {};
    }
}

int absolute_value(double fraction) {
    return static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * absolute_max));
}

void QmpTranslator::set_size(std::uint32_t width, std::uint32_t height) {
    if (width == 0 || height == 0) return;
    width_ = width;
    height_ = height;
}

bool QmpTranslator::needs_offers(const Step& step) {
    const auto* const key = std::get_if<Key>(&step);
    return std::holds_alternative<Touch>(step) ||
           (key != nullptr && is_newer_than_qemu_7_2(key->code));
}

bool QmpTranslator::is_down(HeldId id) const {
    return std::binary_search(guest.down.begin(), guest.down.end(), id);
}

bool QmpTranslator::change(HeldId id, bool down) {
    const auto place = std::lower_bound(guest.down.begin(), guest.down.end(), id);
    const bool was_down = place != guest.down.end() && *place == id;
    if (was_down == down) return false;
    if (down) {
        guest.down.insert(place, id);
    } else {
        guest.down.erase(place);
    }
    return true;
}

void QmpTranslator::append(const Step& step, json& events) {
    if (const auto* key = std::get_if<Key>(&step)) {
        append_key(*key, events);
    } else if (const auto* button = std::get_if<Button>(&step)) {
        append_button(*button, events);
    } else if (const auto* relative = std::get_if<RelativeMotion>(&step)) {
        append_relative(relative->dx, relative->dy, events);
    } else if (const auto* absolute = std::get_if<AbsoluteMotion>(&step)) {
        append_absolute(absolute->x, absolute->y, events);
    } else if (const auto* notches = std::get_if<Notches>(&step)) {
        append_notches(*notches, events);
    } else if (offers.touch && guest.finger != std::get<Touch>(step).slot) {
        append_touch(std::get<Touch>(step), events);
    } else {
        append_finger_as_pointer(std::get<Touch>(step), events);
    }
}

void QmpTranslator::append_key(const Key& key, json& events) {
    const std::string_view qcode = qcode_of(key.code);
    if (qcode.empty() || (is_newer_than_qemu_7_2(key.code) && !offers.newer_keys)) return;
    if (!change(key.code, key.down)) return;
    events.push_back(
        event_of("key", {{"down", key.down}, {"key", {{"type", "qcode"}, {"data", qcode}}}}));
}

void QmpTranslator::append_button(const Button& button, json& events) {
    const std::string_view name = button_name(button.code);
    if (name.empty() || !has_pointer() || !change(button.code, button.down)) return;
    events.push_back(button_event(name, button.down));
}

void QmpTranslator::append_relative(double dx, double dy, json& events) {
    if (mice.relative) {
        guest.dx += dx;
        guest.dy += dy;
        const int x = take_whole(guest.dx);
        const int y = take_whole(guest.dy);
        if (x != 0 || y != 0) append_axes("rel", x, y, events);
    } else if (mice.absolute) {
        guest.x = std::clamp(guest.x + dx / width_, 0.0, 1.0);
        guest.y = std::clamp(guest.y + dy / height_, 0.0, 1.0);
        append_axes("abs", absolute_value(guest.x), absolute_value(guest.y), events);
    }
}

void QmpTranslator::append_absolute(double x, double y, json& events) {
    x = std::clamp(x, 0.0, 1.0);
    y = std::clamp(y, 0.0, 1.0);
    const double dx = (x - guest.x) * width_;
    const double dy = (y - guest.y) * height_;
    const bool was_known = std::exchange(guest.pointer_known, true);
    guest.x = x;
    guest.y = y;
    if (mice.absolute) {
        append_axes("abs", absolute_value(x), absolute_value(y), events);
    } else if (was_known) {
        append_relative(dx, dy, events);
    }
}

void QmpTranslator::append_notches(const Notches& notches, json& events) const {
    if (!has_pointer()) return;
    const auto append_axis = [&](int count, const char* name) {
        for (int i = 0; i < count; ++i) {
            events.push_back(button_event(name, true));
            events.push_back(button_event(name, false));
        }
    };
    append_axis(-notches.y, "wheel-up");
    append_axis(notches.y, "wheel-down");
    append_axis(-notches.x, "wheel-left");
    append_axis(notches.x, "wheel-right");
}

void QmpTranslator::append_touch(const Touch& touch, json& events) {
    const HeldId id = touch_id(touch.slot);
    const bool is_end = touch.phase == Touch::Phase::up || touch.phase == Touch::Phase::cancel;
    if (touch.phase == Touch::Phase::move ? !is_down(id) : touch.slot >= max_touches) return;
    const bool was_any = any_touch();
    if (touch.phase != Touch::Phase::move && !change(id, !is_end)) return;
    if (is_end) {
        const char* const type = touch.phase == Touch::Phase::up ? "end" : "cancel";
        events.push_back(touch_event(type, touch.slot, -1, "x", 0));
        if (offers.touch_button && !any_touch()) events.push_back(button_event("touch", false));
        return;
    }
    const char* const type = touch.phase == Touch::Phase::down ? "begin" : "update";
    // The device sends the slot with this one only; the axes that follow are meant for it.
    events.push_back(touch_event(type, touch.slot, touch.slot, "x", 0));
    if (offers.touch_button && !was_any) events.push_back(button_event("touch", true));
    for (const auto& [axis, value] : {std::pair{"x", touch.x}, std::pair{"y", touch.y}})
        events.push_back(touch_event("data", touch.slot, touch.slot, axis, absolute_value(value)));
}

void QmpTranslator::append_finger_as_pointer(const Touch& touch, json& events) {
    const HeldId id = touch_id(touch.slot);
    if (touch.phase == Touch::Phase::down) {
        if (guest.finger || !has_pointer() || !change(id, true)) return;
        guest.finger = touch.slot;
        append_absolute(touch.x, touch.y, events);
        events.push_back(button_event("left", true));
        return;
    }
    const bool is_pointer = guest.finger == touch.slot;
    if (touch.phase == Touch::Phase::move) {
        if (is_pointer) append_absolute(touch.x, touch.y, events);
        return;
    }
    // One that is not the pointer began while the guest still had a touch screen.
    change(id, false);
    if (!is_pointer) return;
    guest.finger.reset();
    events.push_back(button_event("left", false));
}

}  // namespace scanthru::input
