// SPDX-License-Identifier: MIT
#include "input/uinput_sink.h"

#include "input/device_rule.h"
#include "input/key_table.h"

#include <algorithm>
#include <cmath>
#include <fcntl.h>
#include <linux/uinput.h>
#include <optional>
#include <span>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace scanthru::input {
namespace {

constexpr int absolute_max = 0x7fff;
constexpr int max_tracking = 0xffff;
constexpr int notch = 120;
constexpr auto kind_names =
    std::to_array<std::string_view>({"keyboard", "mouse", "tablet", "touch screen"});

constexpr auto buttons = std::to_array<unsigned>(
    {BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA, BTN_FORWARD, BTN_BACK, BTN_TASK});
constexpr auto wheels = std::to_array<unsigned>(
    {REL_X, REL_Y, REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES});
constexpr auto leds = std::to_array<unsigned>({LED_NUML, LED_CAPSL, LED_SCROLLL});

/// Sticky: after a failure nothing more is asked, and the failure stays.
class Setup {
public:
    explicit Setup(int fd) : fd_(fd) {}

    template <class Argument>
    Setup& set(unsigned long request, Argument argument, const char* name) {
        if (!error_ && ::ioctl(fd_, request, argument) < 0) error_ = Error{errno, name};
        return *this;
    }

    Setup& type(unsigned code) { return set(UI_SET_EVBIT, code, "UI_SET_EVBIT"); }

    Setup& keys(std::span<const unsigned> codes) {
        type(EV_KEY);
        for (const unsigned code : codes)
            set(UI_SET_KEYBIT, code, "UI_SET_KEYBIT");
        return *this;
    }

    Setup& axis(unsigned code, int maximum) {
        uinput_abs_setup setup{};
        setup.code = static_cast<std::uint16_t>(code);
        setup.absinfo.maximum = maximum;
        return set(UI_ABS_SETUP, &setup, "UI_ABS_SETUP");
    }

    const std::optional<Error>& error() const { return error_; }

private:
    int fd_;
    std::optional<Error> error_;
};

void set_up_keyboard(Setup& setup) {
    setup.type(EV_KEY);
    for (const KeyEntry& entry : key_table())
        setup.set(UI_SET_KEYBIT, unsigned{entry.code}, "UI_SET_KEYBIT");
    setup.type(EV_LED);
    for (const unsigned led : leds)
        setup.set(UI_SET_LEDBIT, led, "UI_SET_LEDBIT");
}

void set_up_mouse(Setup& setup) {
    setup.keys(buttons).type(EV_REL);
    for (const unsigned axis : wheels)
        setup.set(UI_SET_RELBIT, axis, "UI_SET_RELBIT");
}

void set_up_tablet(Setup& setup) {
    setup.keys(buttons).type(EV_ABS);
    setup.axis(ABS_X, absolute_max).axis(ABS_Y, absolute_max);
}

void set_up_touch_screen(Setup& setup, int slots) {
    constexpr auto touch = std::to_array<unsigned>({BTN_TOUCH});
    setup.keys(touch).type(EV_ABS);
    setup.axis(ABS_X, absolute_max).axis(ABS_Y, absolute_max);
    setup.axis(ABS_MT_SLOT, slots - 1).axis(ABS_MT_TRACKING_ID, max_tracking);
    setup.axis(ABS_MT_POSITION_X, absolute_max).axis(ABS_MT_POSITION_Y, absolute_max);
    setup.set(UI_SET_PROPBIT, unsigned{INPUT_PROP_DIRECT}, "UI_SET_PROPBIT");
}

int on_axis(double fraction) {
    return static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * absolute_max));
}

/// The whole pixels of `sum`, which keeps the rest.
int take_whole(double& sum) {
    sum = std::clamp<double>(sum, -absolute_max, absolute_max);
    const double whole = std::trunc(sum);
    sum -= whole;
    return static_cast<int>(whole);
}

bool has(const std::vector<std::uint16_t>& codes, std::uint16_t code) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

Result<UniqueFd>
UinputSink::create_device(Kind kind, const std::string& name, const std::string& path) {
    uinput_setup description{};
    const std::string_view suffix = kind_names[static_cast<std::size_t>(kind)];
    const std::string full = fmt::format("scanthru {} {}", name, suffix);
    if (full.size() >= sizeof description.name) return fail(ENAMETOOLONG, "UI_DEV_SETUP");
    std::copy(full.begin(), full.end(), description.name);
    description.id.bustype = BUS_VIRTUAL;
    description.id.product = static_cast<std::uint16_t>(1 + static_cast<int>(kind));

    // Readable for the LEDs.
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
    if (!fd) return fail(errno, "open(uinput)");
    Setup setup{fd.get()};
    switch (kind) {
    case Kind::keyboard: set_up_keyboard(setup); break;
    case Kind::mouse: set_up_mouse(setup); break;
    case Kind::tablet: set_up_tablet(setup); break;
    case Kind::touch_screen:
        set_up_touch_screen(setup, static_cast<int>(std::tuple_size_v<decltype(fingers_)>));
        break;
    }
    const std::string phys = std::string{own_phys_prefix} + name;
    setup.set(UI_SET_PHYS, phys.c_str(), "UI_SET_PHYS");
    setup.set(UI_DEV_SETUP, &description, "UI_DEV_SETUP");
    setup.set(UI_DEV_CREATE, 0, "UI_DEV_CREATE");
    if (setup.error()) return fail(*setup.error());
    return fd;
}

Result<UinputSink> UinputSink::create(const std::string& name, const std::string& path) {
    UinputSink sink;
    for (std::size_t i = 0; i < kinds; ++i) {
        auto fd = create_device(static_cast<Kind>(i), name, path);
        if (!fd) return fail(fd.error());
        sink.devices_[i].fd = std::move(*fd);
    }
    return sink;
}

Result<std::string> UinputSink::sysname(Kind kind) const {
    std::array<char, 64> name{};
    if (::ioctl(at(kind).fd.get(), UI_GET_SYSNAME(name.size()), name.data()) < 0)
        return fail(errno, "UI_GET_SYSNAME");
    return std::string{name.data()};
}

void UinputSink::put(Device& device, unsigned type, unsigned code, int value) {
    input_event event{};
    event.type = static_cast<std::uint16_t>(type);
    event.code = static_cast<std::uint16_t>(code);
    event.value = value;
    device.pending.push_back(event);
}

void UinputSink::sync(Device& device) {
    put(device, EV_SYN, SYN_REPORT, 0);
    device.changed.clear();
}

void UinputSink::put_switch(Device& device, std::uint16_t code, bool down) {
    if (has(device.down, code) == down) return;
    // Readers look at a button's state at the sync: of a press and a release they would see
    // neither.
    if (has(device.changed, code)) sync(device);
    device.changed.push_back(code);
    if (down) {
        device.down.push_back(code);
    } else {
        std::erase(device.down, code);
    }
    put(device, EV_KEY, code, down ? 1 : 0);
}

void UinputSink::send(const Event& event) {
    if (const auto* key = std::get_if<Key>(&event)) {
        put_switch(at(Kind::keyboard), key->code, key->down);
    } else if (const auto* button = std::get_if<Button>(&event)) {
        send_button(*button);
    } else if (const auto* relative = std::get_if<RelativeMotion>(&event)) {
        send_relative(*relative);
    } else if (const auto* absolute = std::get_if<AbsoluteMotion>(&event)) {
        send_absolute(*absolute);
    } else if (const auto* wheel = std::get_if<Wheel>(&event)) {
        send_wheel(*wheel);
    } else {
        send_touch(std::get<Touch>(event));
    }
}

void UinputSink::send_button(const Button& button) {
    if (button.down) {
        const Kind other = pointer_ == Kind::mouse ? Kind::tablet : Kind::mouse;
        if (!has(at(other).down, button.code)) put_switch(at(pointer_), button.code, true);
        return;
    }
    for (const Kind kind : {Kind::mouse, Kind::tablet})
        put_switch(at(kind), button.code, false);
}

void UinputSink::send_relative(const RelativeMotion& motion) {
    if (!std::isfinite(motion.dx) || !std::isfinite(motion.dy)) return;
    Device& mouse = at(Kind::mouse);
    pointer_ = Kind::mouse;
    dx_ += motion.dx;
    dy_ += motion.dy;
    const int x = take_whole(dx_);
    const int y = take_whole(dy_);
    // A click comes before the motion behind it.
    if ((x != 0 || y != 0) && !mouse.changed.empty()) sync(mouse);
    if (x != 0) put(mouse, EV_REL, REL_X, x);
    if (y != 0) put(mouse, EV_REL, REL_Y, y);
}

void UinputSink::send_absolute(const AbsoluteMotion& motion) {
    if (!std::isfinite(motion.x) || !std::isfinite(motion.y)) return;
    Device& tablet = at(Kind::tablet);
    pointer_ = Kind::tablet;
    if (!tablet.changed.empty()) sync(tablet);
    put(tablet, EV_ABS, ABS_X, on_axis(motion.x));
    put(tablet, EV_ABS, ABS_Y, on_axis(motion.y));
}

void UinputSink::send_wheel(const Wheel& wheel) {
    Device& mouse = at(Kind::mouse);
    const auto turn = [&](int v120, int& rest, unsigned fine, unsigned coarse) {
        if (v120 == 0) return;
        put(mouse, EV_REL, fine, v120);
        rest += v120 % notch;
        const int notches = v120 / notch + rest / notch;
        rest %= notch;
        if (notches != 0) put(mouse, EV_REL, coarse, notches);
    };
    turn(wheel.x120, wheel_.x120, REL_HWHEEL_HI_RES, REL_HWHEEL);
    // The kernel's vertical wheel counts upwards.
    turn(wheel.y120 == INT32_MIN ? 0 : -wheel.y120, wheel_.y120, REL_WHEEL_HI_RES, REL_WHEEL);
}

void UinputSink::send_touch(const Touch& touch) {
    if (touch.slot >= fingers_.size() || !std::isfinite(touch.x) || !std::isfinite(touch.y)) return;
    Device& screen = at(Kind::touch_screen);
    if (fingers_[touch.slot].down == (touch.phase == Touch::Phase::down)) return;
    // As with buttons; of moves alone the newest counts.
    if (fingers_[touch.slot].changed) {
        sync(screen);
        for (Finger& finger : fingers_)
            finger.changed = false;
    }
    put(screen, EV_ABS, ABS_MT_SLOT, touch.slot);
    switch (touch.phase) {
    case Touch::Phase::down: begin_finger(touch.slot); [[fallthrough]];
    case Touch::Phase::move: place_finger(touch); break;
    case Touch::Phase::up:
    case Touch::Phase::cancel: end_finger(touch.slot); break;
    }
}

bool UinputSink::any_finger() const {
    return std::any_of(fingers_.begin(), fingers_.end(),
                       [](const Finger& finger) { return finger.down; });
}

void UinputSink::begin_finger(std::uint8_t slot) {
    Device& screen = at(Kind::touch_screen);
    const bool is_first = !any_finger();
    fingers_[slot] = {true, true};
    last_tracking_ = (last_tracking_ + 1) % (max_tracking + 1);
    put(screen, EV_ABS, ABS_MT_TRACKING_ID, last_tracking_);
    if (!is_first) return;
    first_finger_ = slot;
    put_switch(screen, BTN_TOUCH, true);
}

void UinputSink::place_finger(const Touch& touch) {
    Device& screen = at(Kind::touch_screen);
    const int x = on_axis(touch.x);
    const int y = on_axis(touch.y);
    put(screen, EV_ABS, ABS_MT_POSITION_X, x);
    put(screen, EV_ABS, ABS_MT_POSITION_Y, y);
    if (touch.slot != first_finger_) return;
    put(screen, EV_ABS, ABS_X, x);
    put(screen, EV_ABS, ABS_Y, y);
}

void UinputSink::end_finger(std::uint8_t slot) {
    Device& screen = at(Kind::touch_screen);
    fingers_[slot] = {false, true};
    put(screen, EV_ABS, ABS_MT_TRACKING_ID, -1);
    if (!any_finger()) put_switch(screen, BTN_TOUCH, false);
}

Result<void> UinputSink::flush() {
    Result<void> outcome;
    for (Finger& finger : fingers_)
        finger.changed = false;
    for (Device& device : devices_) {
        if (device.pending.empty()) continue;
        sync(device);
        auto rest = std::as_bytes(std::span{device.pending});
        while (!rest.empty()) {
            const ssize_t written = ::write(device.fd.get(), rest.data(), rest.size());
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) {
                outcome = fail(written < 0 ? errno : EIO, "write(uinput)");
                break;
            }
            rest = rest.subspan(static_cast<std::size_t>(written));
        }
        device.pending.clear();
    }
    return outcome;
}

Result<void> UinputSink::release_all() {
    for (std::size_t slot = 0; slot < fingers_.size(); ++slot)
        send_touch({Touch::Phase::cancel, static_cast<std::uint8_t>(slot), 0, 0});
    for (Device& device : devices_)
        for (const std::uint16_t code : std::vector<std::uint16_t>{device.down})
            put_switch(device, code, false);
    return flush();
}

UinputSink::Leds UinputSink::read_leds() {
    std::array<input_event, 16> events{};
    for (;;) {
        const ssize_t bytes = ::read(leds_fd(), events.data(), sizeof events);
        if (bytes <= 0) return leds_;
        for (const input_event& event :
             std::span{events}.first(static_cast<std::size_t>(bytes) / sizeof(input_event))) {
            if (event.type != EV_LED) continue;
            if (event.code == LED_NUML) leds_.num = event.value != 0;
            if (event.code == LED_CAPSL) leds_.caps = event.value != 0;
            if (event.code == LED_SCROLLL) leds_.scroll = event.value != 0;
        }
    }
}

}  // namespace scanthru::input
