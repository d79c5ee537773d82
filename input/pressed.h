// SPDX-License-Identifier: MIT
#pragma once

#include "input/event.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace scanthru::input {

/// Number of a host's input device, never used again for another one.
using DeviceId = std::uint32_t;

/// Fingers that a guest can be shown at once, those of all devices together.
inline constexpr std::uint8_t max_touches = 10;

/// What is down on the devices that belong to one guest: keys, buttons, fingers.
///
/// Makes one keyboard, one pointer and one touch screen of many: a key held on two keyboards is
/// down until both let go, and two screens' fingers get slots of their own. Pure.
class Pressed {
public:
    /// What of `event` by `device` is to go on, if anything. Dropped: what a device repeats
    /// (a press of what it holds, a release or a move of what it does not), what another device
    /// holds too, and fingers beyond max_touches. Motion and wheel go on as they are.
    std::optional<Event> take(DeviceId device, const Event& event);

    /// Lets go of all that `device` holds: the releases of what no other one does, newest press
    /// first. For a device that went or is to be ignored.
    std::vector<Event> releases_of(DeviceId device);

    /// Lets go of everything: the releases, newest press first.
    std::vector<Event> releases();

    /// Whether a key or button, KEY_… or BTN_…, is down on any device.
    bool is_down(std::uint16_t code) const;

    bool empty() const noexcept { return held_.empty(); }

private:
    /// One thing that one device holds. A key has `code`; a finger has the device's slot in `code`
    /// and the guest's in `slot`.
    struct Held {
        enum class Kind : std::uint8_t { key, button, touch };
        DeviceId device;
        Kind kind;
        std::uint16_t code;
        std::uint8_t slot;
    };

    std::vector<Held>::iterator find(DeviceId device, Held::Kind kind, std::uint16_t code);
    bool is_held(Held::Kind kind, std::uint16_t code) const;
    std::optional<std::uint8_t> free_slot() const;
    std::optional<Event> take_switch(DeviceId device, Held::Kind kind, Event event);
    std::optional<Event> take_touch(DeviceId device, Touch touch);
    static Event release_of(const Held& held);

    std::vector<Held> held_;  ///< Oldest first.
};

}  // namespace scanthru::input
