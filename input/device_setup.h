// SPDX-License-Identifier: MIT
#pragma once

#include "input/device_rule.h"

#include <string>
#include <vector>

struct libinput_device;

namespace scanthru::input {

/// What libinput and udev know of `device`; `id`, `output` and `guest` are left empty.
DeviceInfo describe(libinput_device* device);

/// Sets what `settings` says; a device to be ignored is silenced, and nothing else.
///
/// Returns the names of the settings that the device cannot do, in the words of DeviceSettings.
std::vector<std::string> apply(const DeviceSettings& settings, libinput_device* device);

}  // namespace scanthru::input
