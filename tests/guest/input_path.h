// SPDX-License-Identifier: MIT
#pragma once

#include "guest_event_log.h"
#include "input/event.h"
#include "outer_input.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scanthru::system_test {

/// From the VM's own keyboard, tablet and mouse to a program in a guest (events.cpp): what is done
/// to them, and that the same arrives there, no more and in this order. Each function waits for
/// that before it goes on, and fails the test where it does not come.
class InputPath {
public:
    /// What the guest calls the devices that things arrive by.
    struct Devices {
        std::string keyboard;
        std::string tablet;
        std::string mouse;
        std::string touch_screen = {};
    };

    struct Place {
        int x = 0;
        int y = 0;
        bool operator==(const Place&) const = default;
        friend std::ostream& operator<<(std::ostream& stream, const Place& place) {
            return stream << place.x << ',' << place.y;
        }
    };

    static constexpr int far = 0x7fff;  ///< The other end of an absolute axis, out here and there.

    using Press = std::function<void(std::span<const input::Key>)>;

    InputPath(const NestedGuest& guest, Devices devices)
        : log_(guest), devices_(std::move(devices)) {}

    /// Things arrive by these from now on, which are new.
    void use(Devices devices);

    bool wait_for_device(const std::string& name, std::chrono::milliseconds limit) {
        return log_.wait_for_device(name, limit);
    }

    /// `press` does it where the VM's own keyboard has no such keys.
    void type(const std::vector<input::Key>& keys, const Press& press);
    void type(const std::vector<input::Key>& keys);

    /// The ends of an axis are reached, and what is between them to one unit.
    void point_at(Place place);

    /// The sum is the same.
    void move(std::span<const Place> steps);

    void click(const std::string& button, std::uint16_t code);
    void turn(const std::string& wheel, int notches);

    /// The fingers on the guest's touch screen, by slot, become these.
    void wait_for_fingers(const std::map<int, Place>& wanted);

    /// Moves and clicks until the guest hears that of its mouse.
    void wait_for_mouse();

    /// The light of the guest's keyboard, which follows the key.
    bool caps() const noexcept { return caps_; }

private:
    void follow_finger(const GuestEvent& event);

    GuestEventLog log_;
    OuterInput outer_;
    Devices devices_;
    Place place_;  ///< Of the guest's tablet.
    bool caps_ = false;
    std::map<int, Place> fingers_;  ///< By slot, those that are up included.
    std::set<int> down_;
    int slot_ = 0;  ///< That the guest's touch screen speaks of.
};

}  // namespace scanthru::system_test
