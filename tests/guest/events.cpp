// SPDX-License-Identifier: MIT
// In the nested guest: says what its input devices bring, on standard output, the serial console.
//   guest: device 3 QEMU Virtio Keyboard    when one is there
//   3 k30=1 k30=0                           what was read of it at once: keys and buttons,
//   4 a0=0 a1=32767 r8=-1                   absolute and relative axes, without the syncs
// Of a desktop it does one thing: Caps Lock switches the light of its keyboard.
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <set>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr unsigned most_devices = 32;
constexpr int look_again_ms = 500;

struct Device {
    unsigned number = 0;
    int fd = -1;
    bool caps = false;
};

/// Opens what has been plugged in meanwhile, and no console gets what it says from then on.
void open_new(std::vector<Device>& devices) {
    std::set<unsigned> known;
    for (const Device& device : devices)
        known.insert(device.number);
    for (unsigned number = 0; number < most_devices; ++number) {
        if (known.contains(number)) continue;
        const std::string path = "/dev/input/event" + std::to_string(number);
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0) continue;
        std::array<char, 128> name{};
        const std::array<unsigned, 2> no_repeat{};
        if (::ioctl(fd, EVIOCGNAME(name.size() - 1), name.data()) < 0 ||
            ::ioctl(fd, EVIOCGRAB, 1) != 0)
            std::printf("guest: cannot have device %u: %s\n", number, std::strerror(errno));
        ::ioctl(fd, EVIOCSREP, no_repeat.data());  // A mouse has none.
        devices.push_back({.number = number, .fd = fd});
        std::printf("guest: device %u %s\n", number, name.data());
    }
}

void switch_caps(Device& device) {
    device.caps = !device.caps;
    std::array<input_event, 2> events{};
    events[0].type = EV_LED;
    events[0].code = LED_CAPSL;
    events[0].value = device.caps ? 1 : 0;
    if (::write(device.fd, events.data(), sizeof(events)) != sizeof(events))
        std::printf("guest: no light on device %u\n", device.number);
}

std::string words_of(const input_event& event) {
    const char* kind = nullptr;
    switch (event.type) {
    case EV_KEY: kind = " k"; break;
    case EV_REL: kind = " r"; break;
    case EV_ABS: kind = " a"; break;
    case EV_SYN:
        if (event.code == SYN_DROPPED) std::printf("guest: the kernel's queue was full\n");
        return {};
    default: return {};
    }
    return kind + std::to_string(event.code) + '=' + std::to_string(event.value);
}

/// False when it has gone.
bool read_some(Device& device) {
    std::array<input_event, 64> events{};
    const ssize_t bytes = ::read(device.fd, events.data(), sizeof(events));
    if (bytes < 0) return errno != ENODEV;
    std::string words;
    for (std::size_t i = 0; i < static_cast<std::size_t>(bytes) / sizeof(input_event); ++i) {
        const input_event& event = events.at(i);
        words += words_of(event);
        if (event.type == EV_KEY && event.code == KEY_CAPSLOCK && event.value == 1)
            switch_caps(device);
    }
    if (!words.empty()) std::printf("%u%s\n", device.number, words.c_str());
    return true;
}

}  // namespace

int main() {
    std::vector<Device> devices;
    while (true) {
        open_new(devices);
        std::fflush(stdout);
        std::vector<pollfd> inputs;
        inputs.reserve(devices.size());
        for (const Device& device : devices)
            inputs.push_back({.fd = device.fd, .events = POLLIN, .revents = 0});
        if (::poll(inputs.data(), inputs.size(), look_again_ms) < 0) return 1;
        std::vector<Device> left;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (inputs[i].revents == 0 || read_some(devices[i]))
                left.push_back(devices[i]);
            else
                ::close(devices[i].fd);
        }
        devices = left;
    }
}
