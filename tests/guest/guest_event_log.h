// SPDX-License-Identifier: MIT
#pragma once

#include "nested_guest.h"

#include <chrono>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace scanthru::system_test {

/// An event as the guest's own kernel gave it to a program there.
struct GuestEvent {
    std::string device;  ///< Its name in the guest.
    char kind = 0;       ///< 'k': a key or button, 'r': a relative axis, 'a': an absolute one.
    int code = 0;
    int value = 0;
    bool operator==(const GuestEvent&) const = default;
};

std::ostream& operator<<(std::ostream& stream, const GuestEvent& event);

/// What events.cpp says in a guest, read as it is said.
class GuestEventLog {
public:
    explicit GuestEventLog(const NestedGuest& guest) : guest_(guest) {}

    /// Waits until a device of this name is listened to, which nobody else hears then; false after
    /// `limit`. What comes meanwhile is dropped.
    bool wait_for_device(const std::string& name, std::chrono::milliseconds limit);

    /// What came since the last call.
    std::vector<GuestEvent> take();

    /// As take(), but waits for so many, `limit` at most.
    std::vector<GuestEvent> take(std::size_t count, std::chrono::milliseconds limit);

private:
    void read_line(const std::string& line, std::vector<GuestEvent>& events);

    const NestedGuest& guest_;
    std::size_t read_ = 0;                     ///< Of the serial console.
    std::map<unsigned, std::string> devices_;  ///< Names by number.
};

}  // namespace scanthru::system_test
