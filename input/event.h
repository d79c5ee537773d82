// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <variant>

namespace scanthru::input {

/// A key of a keyboard. `code`: KEY_… of linux/input-event-codes.h.
struct Key {
    std::uint16_t code = 0;
    bool down = false;
    bool operator==(const Key&) const = default;
};

/// A button of a pointer. `code`: BTN_LEFT … BTN_TASK of linux/input-event-codes.h.
struct Button {
    std::uint16_t code = 0;
    bool down = false;
    bool operator==(const Button&) const = default;
};

/// In pixels, after acceleration; to the right and down.
struct RelativeMotion {
    double dx = 0;
    double dy = 0;
    bool operator==(const RelativeMotion&) const = default;
};

/// A place in fractions of a width and a height, 0 … 1: from a device of the device's area, to a
/// guest of the guest's picture.
struct AbsoluteMotion {
    double x = 0;
    double y = 0;
    bool operator==(const AbsoluteMotion&) const = default;
};

/// In 1/120 of a wheel's notch, as in the kernel's REL_WHEEL_HI_RES; positive: right and down.
struct Wheel {
    int x120 = 0;
    int y120 = 0;
    bool operator==(const Wheel&) const = default;
};

/// One finger. Fractions as in AbsoluteMotion; they count for `down` and `move`.
struct Touch {
    enum class Phase : std::uint8_t { down, move, up, cancel };
    Phase phase = Phase::down;
    std::uint8_t slot = 0;
    double x = 0;
    double y = 0;
    bool operator==(const Touch&) const = default;
};

/// What a hand did, without who did it.
using Event = std::variant<Key, Button, RelativeMotion, AbsoluteMotion, Wheel, Touch>;

}  // namespace scanthru::input
