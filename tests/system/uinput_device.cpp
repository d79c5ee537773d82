// SPDX-License-Identifier: MIT
#include "uinput_device.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/uinput.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

[[noreturn]] void refuse(const char* what) {
    throw std::runtime_error{std::string{"uinput: "} + what + ": " + std::strerror(errno)};
}

void enable(int fd, unsigned type, unsigned long request, const std::vector<std::uint16_t>& codes) {
    if (codes.empty()) return;
    if (::ioctl(fd, UI_SET_EVBIT, type) != 0) refuse("UI_SET_EVBIT");
    for (const std::uint16_t code : codes)
        if (::ioctl(fd, request, code) != 0) refuse("UI_SET_…BIT");
}

std::vector<std::uint16_t> up_to(std::uint16_t last) {
    std::vector<std::uint16_t> codes;
    for (std::uint16_t code = 0; code <= last; ++code)
        codes.push_back(code);
    return codes;
}

UinputDevice::Features with_everything(UinputDevice::Features features) {
    features.keys = up_to(KEY_MAX);
    features.keys.erase(features.keys.begin());  // KEY_RESERVED
    features.relative = up_to(REL_MAX);
    features.leds = up_to(LED_MAX);
    for (const std::uint16_t code : up_to(ABS_MAX))
        if (code != ABS_MT_SLOT) features.absolute.push_back({code, 1000});
    features.absolute.push_back({ABS_MT_SLOT, 4});
    return features;
}

}  // namespace

UinputDevice::UinputDevice(const Features& asked)
    : fd_(::open("/dev/uinput", O_RDWR | O_NONBLOCK | O_CLOEXEC)) {
    if (!fd_) refuse("open");
    const int fd = fd_.get();
    const Features features = asked.everything ? with_everything(asked) : asked;
    enable(fd, EV_KEY, UI_SET_KEYBIT, features.keys);
    enable(fd, EV_REL, UI_SET_RELBIT, features.relative);
    enable(fd, EV_LED, UI_SET_LEDBIT, features.leds);
    if (asked.everything) {
        enable(fd, EV_SW, UI_SET_SWBIT, up_to(SW_MAX));
        enable(fd, EV_MSC, UI_SET_MSCBIT, up_to(MSC_MAX));
        enable(fd, EV_SND, UI_SET_SNDBIT, up_to(SND_MAX));
    }
    for (const std::uint16_t property : features.properties)
        if (::ioctl(fd, UI_SET_PROPBIT, property) != 0) refuse("UI_SET_PROPBIT");
    if (!features.absolute.empty() && ::ioctl(fd, UI_SET_EVBIT, EV_ABS) != 0)
        refuse("UI_SET_EVBIT");
    for (const Axis& axis : features.absolute) {
        uinput_abs_setup setup{};
        setup.code = axis.code;
        setup.absinfo.maximum = axis.maximum;
        if (axis.code == ABS_X || axis.code == ABS_Y) setup.absinfo.resolution = 40;
        if (::ioctl(fd, UI_ABS_SETUP, &setup) != 0) refuse("UI_ABS_SETUP");
    }
    if (!features.phys.empty() && ::ioctl(fd, UI_SET_PHYS, features.phys.c_str()) != 0)
        refuse("UI_SET_PHYS");
    uinput_setup setup{};
    setup.id = {.bustype = BUS_USB, .vendor = 0x1234, .product = 0x5678, .version = 1};
    features.name.copy(setup.name, sizeof(setup.name) - 1);
    if (::ioctl(fd, UI_DEV_SETUP, &setup) != 0) refuse("UI_DEV_SETUP");
    if (::ioctl(fd, UI_DEV_CREATE) != 0) refuse("UI_DEV_CREATE");
}

void UinputDevice::send(std::uint16_t type, std::uint16_t code, int value) const {
    input_event event{};
    event.type = type;
    event.code = code;
    event.value = value;
    if (::write(fd_.get(), &event, sizeof(event)) != sizeof(event)) refuse("write");
}

void UinputDevice::report() const {
    send(EV_SYN, SYN_REPORT, 0);
}

void UinputDevice::key(std::uint16_t code, bool down) const {
    send(EV_KEY, code, down ? 1 : 0);
    report();
}

void UinputDevice::put_finger(int slot, int x, int y) const {
    send(EV_ABS, ABS_MT_SLOT, slot);
    send(EV_ABS, ABS_MT_TRACKING_ID, 100 + slot);
    send(EV_ABS, ABS_MT_POSITION_X, x);
    send(EV_ABS, ABS_MT_POSITION_Y, y);
    if (slot == 0) send(EV_KEY, BTN_TOUCH, 1);
}

void UinputDevice::lift_finger(int slot) const {
    send(EV_ABS, ABS_MT_SLOT, slot);
    send(EV_ABS, ABS_MT_TRACKING_ID, -1);
    if (slot == 0) send(EV_KEY, BTN_TOUCH, 0);
}

void UinputDevice::point(int x, int y) const {
    send(EV_ABS, ABS_X, x);
    send(EV_ABS, ABS_Y, y);
    report();
}

void UinputDevice::move(int dx, int dy) const {
    std::array<input_event, 3> events{};
    events[0].type = events[1].type = EV_REL;
    events[0].code = REL_X;
    events[0].value = dx;
    events[1].code = REL_Y;
    events[1].value = dy;
    events[2].type = EV_SYN;
    if (::write(fd_.get(), events.data(), sizeof(events)) != sizeof(events)) refuse("write");
}

bool UinputDevice::led(std::uint16_t code) {
    input_event event{};
    while (::read(fd_.get(), &event, sizeof(event)) == sizeof(event)) {
        if (event.type != EV_LED || event.code >= 64) continue;
        const std::uint64_t bit = std::uint64_t{1} << event.code;
        leds_ = event.value != 0 ? leds_ | bit : leds_ & ~bit;
    }
    return (leds_ >> code & 1) != 0;
}

UinputDevice::Features keyboard(const std::string& name) {
    UinputDevice::Features features;
    features.name = name;
    features.keys = up_to(KEY_MICMUTE);
    features.keys.erase(features.keys.begin());  // KEY_RESERVED
    features.leds = {LED_NUML, LED_CAPSL, LED_SCROLLL};
    return features;
}

UinputDevice::Features mouse(const std::string& name) {
    UinputDevice::Features features;
    features.name = name;
    features.keys = {BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA};
    features.relative = {REL_X, REL_Y, REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL, REL_HWHEEL_HI_RES};
    return features;
}

UinputDevice::Features tablet(const std::string& name) {
    UinputDevice::Features features;
    features.name = name;
    features.keys = {BTN_LEFT, BTN_RIGHT, BTN_MIDDLE};
    features.absolute = {{ABS_X, 65535}, {ABS_Y, 32767}};
    return features;
}

UinputDevice::Features touch_screen(const std::string& name) {
    UinputDevice::Features features;
    features.name = name;
    features.keys = {BTN_TOUCH};
    features.absolute = {{ABS_X, 4095},
                         {ABS_Y, 4095},
                         {ABS_MT_SLOT, 4},
                         {ABS_MT_TRACKING_ID, 65535},
                         {ABS_MT_POSITION_X, 4095},
                         {ABS_MT_POSITION_Y, 4095}};
    features.properties = {INPUT_PROP_DIRECT};
    return features;
}

UinputDevice::Features pen(const std::string& name) {
    UinputDevice::Features features;
    features.name = name;
    features.keys = {BTN_TOOL_PEN, BTN_TOUCH, BTN_STYLUS, BTN_STYLUS2};
    features.absolute = {{ABS_X, 10000}, {ABS_Y, 10000}, {ABS_PRESSURE, 1000}};
    features.properties = {INPUT_PROP_DIRECT};
    return features;
}

}  // namespace scanthru::system_test
