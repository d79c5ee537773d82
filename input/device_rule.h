// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scanthru::input {

/// What a device is able to do; often several at once.
struct DeviceKinds {
    bool keyboard = false;
    bool pointer = false;  ///< Relative or absolute.
    bool touch = false;
    bool tablet = false;  ///< A pen's.
    bool operator==(const DeviceKinds&) const = default;
};

/// An input device as the kernel and udev describe it.
struct DeviceInfo {
    std::uint32_t id = 0;            ///< Of one appearance; a device that comes again gets another.
    std::string name;                ///< "Logitech USB Receiver"
    std::string sysname;             ///< "event3"
    std::string syspath;             ///< "/sys/devices/…/input/input7/event3"
    std::string node;                ///< "/dev/input/event3"
    std::vector<std::string> links;  ///< "/dev/input/by-path/…", "/dev/input/by-id/…"
    std::string phys;                ///< "usb-0000:00:14.0-2/input0", or empty.
    std::uint16_t vendor = 0;
    std::uint16_t product = 0;
    DeviceKinds kinds;

    // Properties of udev; empty where not set.
    std::string id_path;          ///< ID_PATH
    std::string wl_output;        ///< WL_OUTPUT, as for Wayland compositors.
    std::string scanthru_output;  ///< SCANTHRU_OUTPUT
    std::string scanthru_guest;   ///< SCANTHRU_GUEST
    std::string scanthru_ignore;  ///< SCANTHRU_IGNORE; "1" is yes.

    // What they and the rules come to; empty for "not assigned".
    std::string output;
    std::string guest;

    bool operator==(const DeviceInfo&) const = default;
};

/// How a pointer's speed changes with the hand's.
enum class Acceleration : std::uint8_t { flat, adaptive };

/// What is to hold for a device; what is not said stays as it is.
struct DeviceSettings {
    std::optional<bool> ignore = {};
    std::optional<Acceleration> acceleration = {};
    std::optional<double> speed = {};  ///< -1 (slowest) … 1
    std::optional<bool> natural_scroll = {};
    std::optional<bool> tap = {};
    std::optional<bool> left_handed = {};
    /// The upper two rows of a 3×3 matrix on fractions of the device's area, row by row.
    std::optional<std::array<float, 6>> calibration = {};
    std::optional<std::string> output = {};  ///< Its touches and places belong to this output.
    std::optional<std::string> guest = {};   ///< All of it goes to this guest.

    bool operator==(const DeviceSettings&) const = default;
};

/// Vendor and product of a device.
struct DeviceIdentity {
    std::uint16_t vendor = 0;
    std::uint16_t product = 0;
    bool operator==(const DeviceIdentity&) const = default;
};

/// Settings, and whom they are for. What the match does not say fits every device.
struct DeviceRule {
    std::string name = {};  ///< Shell pattern of the whole name (fnmatch(3)).
    /// Device file, one of its links in /dev/input/by-…, name in sysfs ("event3") or path there.
    std::string path = {};
    std::optional<DeviceIdentity> identity = {};
    DeviceSettings settings = {};

    bool operator==(const DeviceRule&) const = default;
};

/// `[input]`: what is configured for the hands.
struct InputConfig {
    std::vector<DeviceRule> rules = {};  ///< All that match apply, in this order; later ones win.
    bool operator==(const InputConfig&) const = default;
};

/// The beginning of `phys` of the uinput devices that we make ourselves: never to be read again.
inline constexpr std::string_view own_phys_prefix = "scanthru/";

bool matches(const DeviceRule& rule, const DeviceInfo& device);

/// What holds for `device`: first what udev says (SCANTHRU_OUTPUT before WL_OUTPUT), then the
/// rules. A device of our own is ignored whatever they say.
DeviceSettings settings_for(const DeviceInfo& device, const std::vector<DeviceRule>& rules);

}  // namespace scanthru::input
