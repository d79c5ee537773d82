// SPDX-License-Identifier: MIT
#pragma once

#include "input/device_rule.h"
#include "input/event.h"
#include "input/host_keys.h"
#include "input/pressed.h"
#include "presenter/guest_hands.h"
#include "presenter/pointer_map.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace scanthru {

/// From the devices of the seat to the guests on screen: which device belongs to whom, what of it
/// is the host's, and where on a guest's picture a hand is. Main thread.
///
/// A device that is assigned to a guest or to an output goes there, all others to the output that
/// has the focus. Those that go to the same place make one keyboard, one pointer, one touch screen.
class Hands {
public:
    /// What it asks of the host. Outputs are called as the devices' assignment calls them; empty:
    /// the one that has the focus.
    struct Host {
        /// The guest on an output; null: none that takes input.
        std::function<GuestHands*(const std::string& output)> on_output;
        /// A guest by its name; null: there is none.
        std::function<GuestHands*(const std::string& guest)> guest;
        /// The output on which a guest is to be seen, the first of several; "-" where it is on
        /// none.
        std::function<std::string(const std::string& guest)> seen_on;
        /// How a guest's picture lies on that output; empty: there is none on it.
        std::function<std::optional<PictureOnScreen>(const std::string& output)> picture;
        /// A hand is at work there.
        std::function<void(const std::string& output)> used;
        /// A host key was pressed there.
        std::function<void(const input::HostAction& action, const std::string& output)> act;
    };

    Hands(Host host, std::vector<input::HostChord> chords)
        : host_(std::move(host)), chords_(std::move(chords)) {}

    /// Other host keys from now on.
    void set_chords(std::vector<input::HostChord> chords);

    /// What there is, by number.
    const std::map<std::uint32_t, input::DeviceInfo>& devices() const noexcept { return devices_; }

    void device_added(const input::DeviceInfo& device);
    void device_removed(std::uint32_t device);
    void event(std::uint32_t device, const input::Event& event);
    void batch_end();

    /// Another guest is to be seen where `there` says so of an output's name, or the focus has gone
    /// from it: all that is down in `before` (may be null) is let go of.
    void leave(const std::function<bool(const std::string& output)>& there, GuestHands* before);

private:
    /// What goes to one place: an output's guest, or one guest wherever it is.
    struct Desk {
        std::string output;
        std::string guest;
        input::Pressed pressed;
        input::HostKeys keys;
    };

    Desk& desk_of(std::uint32_t device);
    GuestHands* guest_of(const Desk& desk) const;
    std::string output_of(const Desk& desk) const;
    void serve(Desk& desk, std::uint32_t device, const input::Event& event);
    void serve_key(Desk& desk, input::Key key);
    std::optional<input::Event> place(const Desk& desk, const input::Event& event) const;
    void give(const Desk& desk, const input::Event& event);

    Host host_;
    std::vector<input::HostChord> chords_;
    std::map<std::uint32_t, input::DeviceInfo> devices_;
    std::map<std::string, Desk> desks_;
    std::set<GuestHands*> touched_;  ///< To be flushed.
};

}  // namespace scanthru
