// SPDX-License-Identifier: MIT
#include "input/pressed.h"

#include <algorithm>

namespace scanthru::input {

std::vector<Pressed::Held>::iterator
Pressed::find(DeviceId device, Held::Kind kind, std::uint16_t code) {
    return std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
        return held.device == device && held.kind == kind && held.code == code;
    });
}

bool Pressed::is_held(Held::Kind kind, std::uint16_t code) const {
    return std::any_of(held_.begin(), held_.end(),
                       [&](const Held& held) { return held.kind == kind && held.code == code; });
}

std::optional<std::uint8_t> Pressed::free_slot() const {
    for (std::uint8_t slot = 0; slot < max_touches; ++slot)
        if (std::none_of(held_.begin(), held_.end(), [&](const Held& held) {
                return held.kind == Held::Kind::touch && held.slot == slot;
            }))
            return slot;
    return std::nullopt;
}

std::optional<Event> Pressed::take(DeviceId device, const Event& event) {
    if (const auto* key = std::get_if<Key>(&event))
        return take_switch(device, Held::Kind::key, *key);
    if (const auto* button = std::get_if<Button>(&event))
        return take_switch(device, Held::Kind::button, *button);
    if (const auto* touch = std::get_if<Touch>(&event)) return take_touch(device, *touch);
    return event;
}

std::optional<Event> Pressed::take_switch(DeviceId device, Held::Kind kind, Event event) {
    const bool is_key = kind == Held::Kind::key;
    const std::uint16_t code = is_key ? std::get<Key>(event).code : std::get<Button>(event).code;
    const bool down = is_key ? std::get<Key>(event).down : std::get<Button>(event).down;
    const auto held = find(device, kind, code);
    if (down == (held != held_.end())) return std::nullopt;
    if (down) {
        const bool is_first = !is_held(kind, code);
        held_.push_back({device, kind, code, 0});
        return is_first ? std::optional{event} : std::nullopt;
    }
    held_.erase(held);
    return is_held(kind, code) ? std::nullopt : std::optional{event};
}

std::optional<Event> Pressed::take_touch(DeviceId device, Touch touch) {
    const auto held = find(device, Held::Kind::touch, touch.slot);
    const bool is_down = held != held_.end();
    if ((touch.phase == Touch::Phase::down) == is_down) return std::nullopt;
    if (!is_down) {
        const auto slot = free_slot();
        if (!slot) return std::nullopt;
        held_.push_back({device, Held::Kind::touch, touch.slot, *slot});
        touch.slot = *slot;
        return touch;
    }
    touch.slot = held->slot;
    if (touch.phase != Touch::Phase::move) held_.erase(held);
    return touch;
}

Event Pressed::release_of(const Held& held) {
    switch (held.kind) {
    case Held::Kind::key: return Key{held.code, false};
    case Held::Kind::button: return Button{held.code, false};
    case Held::Kind::touch: break;
    }
    // Not up: nobody has finished the gesture.
    return Touch{Touch::Phase::cancel, held.slot, 0, 0};
}

std::vector<Event> Pressed::releases_of(DeviceId device) {
    std::vector<Event> events;
    for (std::size_t i = held_.size(); i-- > 0;) {
        const Held held = held_[i];
        if (held.device != device) continue;
        held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
        // A finger is one device's own; the slot in `code` says nothing about another's.
        if (held.kind == Held::Kind::touch || !is_held(held.kind, held.code))
            events.push_back(release_of(held));
    }
    return events;
}

std::vector<Event> Pressed::releases() {
    std::vector<Event> events;
    while (!held_.empty()) {
        const auto of_one = releases_of(held_.back().device);
        events.insert(events.end(), of_one.begin(), of_one.end());
    }
    return events;
}

bool Pressed::is_down(std::uint16_t code) const {
    return is_held(Held::Kind::key, code) || is_held(Held::Kind::button, code);
}

}  // namespace scanthru::input
