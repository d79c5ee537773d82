// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace scanthru::system_test {

/// An input device of this test, by uinput. It comes when it is made and goes when it is destroyed.
/// Throws std::runtime_error where the kernel refuses.
class UinputDevice {
public:
    struct Axis {
        std::uint16_t code;  ///< ABS_…
        int maximum;         ///< Its least place is 0.
    };

    struct Features {
        std::string name;
        std::vector<std::uint16_t> keys;  ///< KEY_… and BTN_…
        std::vector<std::uint16_t> relative;
        std::vector<Axis> absolute;
        std::vector<std::uint16_t> leds;
        std::vector<std::uint16_t> properties;  ///< INPUT_PROP_…
        std::string phys;
        bool everything = false;  ///< Every key, axis, switch, light and sound there is.
    };

    explicit UinputDevice(const Features& features);

    /// One event; nobody sees it before report().
    void send(std::uint16_t type, std::uint16_t code, int value) const;
    void report() const;

    void key(std::uint16_t code, bool down) const;

    /// Puts finger `slot` down, or moves it; seen with the next report().
    void put_finger(int slot, int x, int y) const;
    void lift_finger(int slot) const;

    /// A whole report of a tablet.
    void point(int x, int y) const;

    /// A whole report of a mouse, in one write as hardware has it in one interrupt.
    void move(int dx, int dy) const;

    /// The state of a light as the kernel told us last; reads what it has to say.
    bool led(std::uint16_t code);

private:
    UniqueFd fd_;
    std::uint64_t leds_ = 0;
};

UinputDevice::Features keyboard(const std::string& name = "test keyboard");
UinputDevice::Features mouse(const std::string& name = "test mouse");
/// Absolute pointer with places 0 … 65535 across and 0 … 32767 down.
UinputDevice::Features tablet(const std::string& name = "test tablet");
/// Five slots, places 0 … 4095.
UinputDevice::Features touch_screen(const std::string& name = "test touch screen");
/// Places 0 … 10000.
UinputDevice::Features pen(const std::string& name = "test pen");

}  // namespace scanthru::system_test
