// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "input/event.h"

#include <array>
#include <cstdint>
#include <linux/input.h>
#include <string>
#include <vector>

namespace scanthru::input {

/// Brings events to a guest by input devices of our own (Linux uinput), for a QEMU that reads
/// evdev: `-device virtio-input-host-pci,evdev=…`, `-object input-linux`.
///
/// There are four, all from the start, for a guest's QEMU opens them when it starts: a keyboard
/// with every key of key_table() and three LEDs, a mouse with wheels in 1/120, a tablet and a touch
/// screen whose axes go from 0 to 0x7fff. They go when this goes. Nothing repeats keys: the guest
/// does.
///
/// QEMU grabs what it opens (EVIOCGRAB). Until then the host's own console reads our keyboard like
/// any other: whoever sends keys must have switched the VT's keyboard off, and even then the kernel
/// serves SysRq.
class UinputSink {
public:
    enum class Kind : std::uint8_t { keyboard, mouse, tablet, touch_screen };
    static constexpr std::size_t kinds = 4;

    /// Locks that the guest shows: the keyboard's LEDs.
    struct Leds {
        bool num = false;
        bool caps = false;
        bool scroll = false;
        bool operator==(const Leds&) const = default;
    };

    /// Creates the devices "scanthru NAME keyboard", "… mouse", "… tablet" and "… touch screen"
    /// with the phys "scanthru/NAME"
    /// (own_phys_prefix). Errors: ENAMETOOLONG (78 bytes in all); those of open(2) on
    /// `path`; those of the ioctls of linux/uinput.h.
    static Result<UinputSink> create(const std::string& name,
                                     const std::string& path = "/dev/uinput");

    /// Collects. Buttons go to the device that moved last, releases to the one with the press.
    void send(const Event& event);

    /// Writes what was collected. Errors: those of write(2); what was collected is lost then.
    Result<void> flush();

    /// Releases everything that is down, and flushes.
    Result<void> release_all();

    /// The device in /sys/devices/virtual/input ("input7"). Errors: those of the ioctl.
    Result<std::string> sysname(Kind kind) const;

    /// The keyboard's descriptor (borrowed): readable when the guest has set LEDs.
    int leds_fd() const { return at(Kind::keyboard).fd.get(); }

    /// Reads what the guest has set, and returns the LEDs as they are now.
    Leds read_leds();

private:
    struct Device {
        UniqueFd fd;
        std::vector<input_event> pending;
        std::vector<std::uint16_t> changed;  ///< Keys and buttons in pending since its last sync.
        std::vector<std::uint16_t> down;
    };
    struct Finger {
        bool down = false;
        bool changed = false;  ///< Since the last sync.
    };

    UinputSink() = default;

    static Result<UniqueFd>
    create_device(Kind kind, const std::string& name, const std::string& path);
    Device& at(Kind kind) { return devices_[static_cast<std::size_t>(kind)]; }
    const Device& at(Kind kind) const { return devices_[static_cast<std::size_t>(kind)]; }

    static void put(Device& device, unsigned type, unsigned code, int value);
    static void sync(Device& device);
    static void put_switch(Device& device, std::uint16_t code, bool down);
    void send_button(const Button& button);
    void send_relative(const RelativeMotion& motion);
    void send_absolute(const AbsoluteMotion& motion);
    void send_wheel(const Wheel& wheel);
    void send_touch(const Touch& touch);
    bool any_finger() const;
    void begin_finger(std::uint8_t slot);
    void place_finger(const Touch& touch);
    void end_finger(std::uint8_t slot);

    std::array<Device, kinds> devices_;
    Kind pointer_ = Kind::mouse;  ///< Of mouse and tablet, what moved last.
    double dx_ = 0;               ///< Less than a pixel that was not written yet.
    double dy_ = 0;
    Wheel wheel_;  ///< Less than a notch that the low resolution was not told yet.
    std::array<Finger, 10> fingers_;
    std::uint8_t first_finger_ = 0;  ///< The slot that the axes for single touch follow.
    int last_tracking_ = 0;
    Leds leds_;
};

}  // namespace scanthru::input
