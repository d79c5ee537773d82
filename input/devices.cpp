// SPDX-License-Identifier: MIT
#include "input/devices.h"

#include "base/log.h"
#include "input/device_setup.h"

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <libinput.h>
#include <libudev.h>
#include <linux/input.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/ioctl.h>

namespace scanthru::input {
namespace {

struct UnrefUdev {
    void operator()(udev* context) const noexcept { udev_unref(context); }
};

void pass_log(libinput*, libinput_log_priority priority, const char* format, va_list arguments) {
    std::array<char, 512> line{};
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it comes from libinput.
    const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
    if (size < 0) return;
    std::string_view text{line.data()};
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    log(priority == LIBINPUT_LOG_PRIORITY_ERROR ? LogLevel::warning : LogLevel::debug,
        "libinput: {}", text);
}

/// (n + 1) / n for a device with places 0 … n, which libinput divides by n + 1.
double stretch_of(int fd, unsigned touch_axis, unsigned axis) {
    input_absinfo range{};
    if (::ioctl(fd, EVIOCGABS(touch_axis), &range) != 0 || range.maximum == range.minimum)
        if (::ioctl(fd, EVIOCGABS(axis), &range) != 0) return 1;
    const double steps = static_cast<double>(range.maximum) - range.minimum;
    return steps > 0 ? (steps + 1) / steps : 1;
}

libinput_led to_libinput(Leds leds) {
    unsigned bits = 0;
    if (leds.caps) bits |= LIBINPUT_LED_CAPS_LOCK;
    if (leds.num) bits |= LIBINPUT_LED_NUM_LOCK;
    if (leds.scroll) bits |= LIBINPUT_LED_SCROLL_LOCK;
    return static_cast<libinput_led>(bits);
}

}  // namespace

void Devices::Release::operator()(libinput* context) const noexcept {
    libinput_unref(context);
}

Devices::Devices(DeviceAccess access, InputConfig config, Listener listener) noexcept
    : access_(std::move(access)), config_(std::move(config)), listener_(std::move(listener)) {}

Devices::~Devices() {
    for (auto& [id, device] : devices_)
        libinput_device_unref(device.handle);
}

Result<std::unique_ptr<Devices>> Devices::open(EventLoop& loop,
                                               const std::string& seat,
                                               DeviceAccess access,
                                               InputConfig config,
                                               Listener listener) {
    std::unique_ptr<Devices> devices{
        new Devices{std::move(access), std::move(config), std::move(listener)}};
    if (auto started = devices->start(loop, seat); !started) return fail(started.error());
    return devices;
}

Result<void> Devices::start(EventLoop& loop, const std::string& seat) {
    static constexpr libinput_interface interface {
        .open_restricted = open_restricted, .close_restricted = close_restricted
    };
    const std::unique_ptr<udev, UnrefUdev> hotplug{udev_new()};
    if (!hotplug) return fail(ENOMEM, "udev_new");
    context_.reset(libinput_udev_create_context(&interface, this, hotplug.get()));
    if (!context_) return fail(ENOMEM, "libinput_udev_create_context");
    libinput_log_set_handler(context_.get(), pass_log);
    libinput_log_set_priority(context_.get(), log_level() == LogLevel::debug
                                                  ? LIBINPUT_LOG_PRIORITY_DEBUG
                                                  : LIBINPUT_LOG_PRIORITY_ERROR);
    if (libinput_udev_assign_seat(context_.get(), seat.c_str()) != 0)
        return fail(ENODEV, "libinput_udev_assign_seat");
    auto watch = loop.watch(libinput_get_fd(context_.get()), EPOLLIN, [this](auto) { dispatch(); });
    if (!watch) return fail(watch.error());
    watch_ = *std::move(watch);
    // What is there already waits in libinput's queue, which its descriptor says nothing of.
    first_turn_ = loop.after(Clock::duration::zero(), [this] { drain(); });
    return {};
}

int Devices::open_restricted(const char* path, int flags, void* self) {
    auto& devices = *static_cast<Devices*>(self);
    const auto fd = devices.access_.open(path, flags);
    if (!fd) {
        log(LogLevel::warning, "input device {}: {}", path, fd.error());
        return -fd.error().code;
    }
    devices.stretches_[path] = {stretch_of(*fd, ABS_MT_POSITION_X, ABS_X),
                                stretch_of(*fd, ABS_MT_POSITION_Y, ABS_Y)};
    return *fd;
}

void Devices::close_restricted(int fd, void* self) {
    static_cast<Devices*>(self)->access_.close(fd);
}

void Devices::dispatch() {
    if (const int result = libinput_dispatch(context_.get()); result < 0)
        log(LogLevel::warning, "{}", Error{-result, "libinput_dispatch"});
    drain();
}

void Devices::drain() {
    if (draining_) return;  // The listener called; whoever called it goes on with the rest.
    draining_ = true;
    bool any = false;
    while (libinput_event* const event = libinput_get_event(context_.get())) {
        serve(event);
        libinput_event_destroy(event);
        any = true;
    }
    draining_ = false;
    if (any) listener_.batch_end();
}

void Devices::serve(libinput_event* event) {
    libinput_device* const handle = libinput_event_get_device(event);
    const auto type = libinput_event_get_type(event);
    if (type == LIBINPUT_EVENT_DEVICE_ADDED) return add(handle);
    if (type == LIBINPUT_EVENT_DEVICE_REMOVED) return remove(handle);
    if (Device* const device = find(handle))
        device->translator.translate(
            event, [&](const Event& meaning) { listener_.event(device->info.id, meaning); });
}

Devices::Device* Devices::find(libinput_device* handle) {
    for (auto& [id, device] : devices_)
        if (device.handle == handle) return &device;
    return nullptr;
}

void Devices::add(libinput_device* handle) {
    DeviceInfo info = describe(handle);
    const DeviceSettings settings = settings_for(info, config_.rules);
    for (const std::string& refused : apply(settings, handle)) {
        std::string line = fmt::format("{} cannot do {}", info.name, refused);
        if (told_.insert(line).second) log(LogLevel::info, "input device {}", line);
    }
    if (settings.ignore.value_or(false))
        return log(LogLevel::debug, "input device {} ({}) is ignored", info.name, info.sysname);
    info.id = ++last_id_;
    info.output = settings.output.value_or("");
    info.guest = settings.guest.value_or("");
    log(LogLevel::debug, "input device {} ({})", info.name, info.sysname);
    // With a calibration the fractions are no longer those of the device's own area.
    const auto stretch = stretches_.find(info.node);
    const bool plain = stretch != stretches_.end() && !settings.calibration;
    const Device& device =
        devices_
            .emplace(info.id,
                     Device{.info = info,
                            .handle = libinput_device_ref(handle),
                            .translator = Translator{plain ? stretch->second : AreaStretch{}},
                            .leds = leds_})
            .first->second;
    if (info.kinds.keyboard) show_leds();
    listener_.device_added(device.info);
}

void Devices::remove(libinput_device* handle) {
    const Device* const device = find(handle);
    if (device == nullptr) return;
    const std::uint32_t id = device->info.id;
    log(LogLevel::debug, "input device {} ({}) has gone", device->info.name, device->info.sysname);
    devices_.erase(id);
    libinput_device_unref(handle);
    listener_.device_removed(id);
}

void Devices::suspend() {
    if (std::exchange(suspended_, true)) return;
    libinput_suspend(context_.get());
    drain();
}

Result<void> Devices::resume() {
    if (!suspended_) return {};
    if (libinput_resume(context_.get()) != 0) return fail(ENODEV, "libinput_resume");
    suspended_ = false;
    drain();
    return {};
}

Result<void> Devices::configure(InputConfig config) {
    if (config == config_) return {};
    config_ = std::move(config);
    if (suspended_) return {};
    suspend();
    return resume();
}

void Devices::set_leds(Leds leds) {
    leds_ = leds;
    for (auto& [id, device] : devices_)
        device.leds = leds;
    show_leds();
}

void Devices::set_leds(std::uint32_t device, Leds leds) {
    const auto found = devices_.find(device);
    if (found == devices_.end()) return;
    found->second.leds = leds;
    show_leds();
}

/// On all: when a keyboard comes, the kernel shows the console's locks on every one.
void Devices::show_leds() {
    for (const auto& [id, device] : devices_)
        if (device.info.kinds.keyboard)
            libinput_device_led_update(device.handle, to_libinput(device.leds));
}

}  // namespace scanthru::input
