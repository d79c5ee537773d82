// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "input/device_access.h"
#include "input/device_rule.h"
#include "input/event.h"
#include "input/translator.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

struct libinput;
struct libinput_device;
struct libinput_event;

namespace scanthru::input {

/// Which locks the lights of a keyboard show.
struct Leds {
    bool caps = false;
    bool num = false;
    bool scroll = false;
    bool operator==(const Leds&) const = default;
};

/// The input devices of a seat, by libinput and udev, as they come and go. Main thread.
///
/// A device that goes, or is suspended, with something held lets go of it first: its releases
/// arrive before device_removed.
class Devices {
public:
    /// All are called from the event loop, or from suspend(), resume() and configure(). They must
    /// not destroy the Devices.
    struct Listener {
        std::function<void(const DeviceInfo& device)> device_added;
        std::function<void(std::uint32_t device)> device_removed;
        std::function<void(std::uint32_t device, const Event& event)> event;
        /// After every run of the above: what belongs together has been said.
        std::function<void()> batch_end;
    };

    /// Opens the devices of `seat` ("seat0"). Those that are there are told in the loop's first
    /// turn.
    ///
    /// Devices that cannot be opened are left out, and logged. A missing udevd means no devices.
    /// Errors: ENOMEM "libinput_udev_create_context", ENODEV "libinput_udev_assign_seat", and those
    /// of EventLoop::watch().
    static Result<std::unique_ptr<Devices>> open(EventLoop& loop,
                                                 const std::string& seat,
                                                 DeviceAccess access,
                                                 InputConfig config,
                                                 Listener listener);

    Devices(const Devices&) = delete;
    Devices& operator=(const Devices&) = delete;
    /// Closes all devices and tells nobody.
    ~Devices();

    /// Closes all devices: on return the listener has heard their releases and removals. (Called by
    /// the listener itself: after the event it was called for.)
    void suspend();

    /// Opens what there is now. Devices come under new ids. Error: ENODEV "libinput_resume".
    Result<void> resume();

    /// Other rules, for all devices: they go and come again if this changes something.
    Result<void> configure(InputConfig config);

    /// Lights on all keyboards, and on those that come later.
    void set_leds(Leds leds);

    /// The same on one keyboard, as long as it is there; anything else is ignored.
    void set_leds(std::uint32_t device, Leds leds);

private:
    struct Device {
        DeviceInfo info;
        libinput_device* handle = nullptr;  ///< Lives as long as this entry.
        Translator translator;
        Leds leds = {};  ///< As they are to be.
    };
    struct Release {
        void operator()(libinput* context) const noexcept;
    };

    Devices(DeviceAccess access, InputConfig config, Listener listener) noexcept;
    Result<void> start(EventLoop& loop, const std::string& seat);
    static int open_restricted(const char* path, int flags, void* self);
    static void close_restricted(int fd, void* self);
    void dispatch();
    void drain();
    void serve(libinput_event* event);
    void add(libinput_device* handle);
    void remove(libinput_device* handle);
    void show_leds();
    Device* find(libinput_device* handle);

    DeviceAccess access_;
    InputConfig config_;
    Listener listener_;
    std::map<std::uint32_t, Device> devices_;
    std::map<std::string, AreaStretch> stretches_;  ///< By device file, from its latest opening.
    std::set<std::string> told_;                    ///< What was said of settings, to say it once.
    Leds leds_;
    std::uint32_t last_id_ = 0;
    bool draining_ = false;
    bool suspended_ = false;
    std::unique_ptr<libinput, Release> context_;  ///< Its end calls access_.close.
    EventLoop::Watch watch_;
    EventLoop::Timer first_turn_;
};

}  // namespace scanthru::input
