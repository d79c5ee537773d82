// SPDX-License-Identifier: MIT
#include "evdev_node.h"

#include <array>
#include <chrono>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

const std::filesystem::path all_inputs = "/sys/class/input";

std::string first_line(const std::filesystem::path& path) {
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
}

std::string text_of(const input_event& event) {
    if (event.type == EV_SYN)
        return event.code == SYN_REPORT ? "SYN" : fmt::format("SYN {}", event.code);
    const std::map<unsigned, const char*> types{
        {EV_KEY, "KEY"}, {EV_REL, "REL"}, {EV_ABS, "ABS"}, {EV_LED, "LED"}};
    return fmt::format("{} {}={}", types.at(event.type), event.code, event.value);
}

}  // namespace

EvdevNode::EvdevNode(const std::string& sysname, bool grab) : system_(all_inputs / sysname) {
    for (const auto& entry : std::filesystem::directory_iterator{system_}) {
        const std::string name = entry.path().filename();
        if (!name.starts_with("event")) continue;
        // devtmpfs makes the node, udev may still be changing its mode.
        for (int i = 0; i < 100 && !fd_; ++i) {
            fd_.reset(::open(("/dev/input/" + name).c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
            if (!fd_) std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
    }
    EXPECT_TRUE(fd_) << system_;
    if (!grab) return;
    EXPECT_EQ(::ioctl(fd_.get(), EVIOCGRAB, 1), 0);
}

std::optional<std::string> EvdevNode::find(const std::string& name) {
    for (const auto& entry : std::filesystem::directory_iterator{all_inputs})
        if (first_line(entry.path() / "name") == name) return entry.path().filename();
    return std::nullopt;
}

std::vector<std::string> EvdevNode::read() const {
    std::vector<std::string> events;
    for (input_event event{}; ::read(fd_.get(), &event, sizeof event) == sizeof event;)
        events.push_back(text_of(event));
    return events;
}

std::string EvdevNode::attribute(const std::string& name) const {
    return first_line(system_ / name);
}

input_absinfo EvdevNode::axis(unsigned code) const {
    input_absinfo info{};
    EXPECT_GE(::ioctl(fd_.get(), EVIOCGABS(code), &info), 0);
    return info;
}

void EvdevNode::set_led(std::uint16_t code, bool on) const {
    std::array<input_event, 2> events{};
    events[0].type = EV_LED;
    events[0].code = code;
    events[0].value = on ? 1 : 0;
    EXPECT_EQ(::write(fd_.get(), events.data(), sizeof events), ssize_t{sizeof events});
}

}  // namespace scanthru::system_test
