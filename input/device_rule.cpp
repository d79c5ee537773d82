// SPDX-License-Identifier: MIT
#include "input/device_rule.h"

#include <algorithm>
#include <fnmatch.h>

namespace scanthru::input {
namespace {

template <class T>
void overlay(std::optional<T>& under, const std::optional<T>& over) {
    if (over) under = over;
}

void overlay(DeviceSettings& under, const DeviceSettings& over) {
    overlay(under.ignore, over.ignore);
    overlay(under.acceleration, over.acceleration);
    overlay(under.speed, over.speed);
    overlay(under.natural_scroll, over.natural_scroll);
    overlay(under.tap, over.tap);
    overlay(under.left_handed, over.left_handed);
    overlay(under.calibration, over.calibration);
    overlay(under.output, over.output);
    overlay(under.guest, over.guest);
}

DeviceSettings settings_of_udev(const DeviceInfo& device) {
    DeviceSettings settings;
    if (device.scanthru_ignore == "1") settings.ignore = true;
    if (!device.wl_output.empty()) settings.output = device.wl_output;
    if (!device.scanthru_output.empty()) settings.output = device.scanthru_output;
    if (!device.scanthru_guest.empty()) settings.guest = device.scanthru_guest;
    return settings;
}

bool is_at(const DeviceInfo& device, const std::string& path) {
    return path == device.node || path == device.sysname || path == device.syspath ||
           std::ranges::find(device.links, path) != device.links.end();
}

}  // namespace

bool matches(const DeviceRule& rule, const DeviceInfo& device) {
    if (!rule.name.empty() && ::fnmatch(rule.name.c_str(), device.name.c_str(), 0) != 0)
        return false;
    if (!rule.path.empty() && !is_at(device, rule.path)) return false;
    return !rule.identity || *rule.identity == DeviceIdentity{device.vendor, device.product};
}

DeviceSettings settings_for(const DeviceInfo& device, const std::vector<DeviceRule>& rules) {
    DeviceSettings settings = settings_of_udev(device);
    for (const DeviceRule& rule : rules)
        if (matches(rule, device)) overlay(settings, rule.settings);
    if (device.phys.starts_with(own_phys_prefix)) settings.ignore = true;
    return settings;
}

}  // namespace scanthru::input
