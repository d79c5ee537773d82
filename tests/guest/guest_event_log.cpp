// SPDX-License-Identifier: MIT
#include "guest_event_log.h"

#include "presenter_process.h"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <sstream>
#include <string_view>

namespace scanthru::system_test {

std::ostream& operator<<(std::ostream& stream, const GuestEvent& event) {
    return stream << event.device << ' ' << event.kind << event.code << '=' << event.value;
}

bool GuestEventLog::wait_for_device(const std::string& name, std::chrono::milliseconds limit) {
    return PresenterProcess::wait(
        [&] {
            take();
            return std::ranges::any_of(devices_,
                                       [&](const auto& device) { return device.second == name; });
        },
        limit);
}

std::vector<GuestEvent> GuestEventLog::take() {
    std::vector<GuestEvent> events;
    const std::string said = guest_.serial();
    for (auto end = said.find('\n', read_); end != std::string::npos;
         end = said.find('\n', read_)) {
        read_line(said.substr(read_, end - read_), events);
        read_ = end + 1;
    }
    return events;
}

std::vector<GuestEvent> GuestEventLog::take(std::size_t count, std::chrono::milliseconds limit) {
    std::vector<GuestEvent> events;
    PresenterProcess::wait(
        [&] {
            const auto more = take();
            events.insert(events.end(), more.begin(), more.end());
            return events.size() >= count;
        },
        limit);
    return events;
}

void GuestEventLog::read_line(const std::string& line, std::vector<GuestEvent>& events) {
    constexpr std::string_view introduction = "guest: device ";
    std::istringstream words{line};
    unsigned number = 0;
    if (line.starts_with(introduction)) {
        words.ignore(introduction.size());
        std::string name;
        if (words >> number && std::getline(words >> std::ws, name))
            devices_[number] = name.substr(0, name.find('\r'));
        return;
    }
    if (!(words >> number)) return;
    for (std::string word; words >> word;) {
        GuestEvent event{.device = devices_[number]};
        if (std::sscanf(word.c_str(), "%c%d=%d", &event.kind, &event.code, &event.value) == 3)
            events.push_back(event);
    }
}

}  // namespace scanthru::system_test
