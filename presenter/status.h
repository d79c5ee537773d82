// SPDX-License-Identifier: MIT
#pragma once

#include "input/device_rule.h"
#include "presenter/guest_link.h"
#include "presenter/screen.h"

#include <nlohmann/json.hpp>
#include <string>

namespace scanthru {

/// One output for `scanthru status`: what it shows and has done. Keys are stable ("version": 1).
/// While it is dark ("lit": false) there are only its name, its guest and the reason.
nlohmann::json describe(const Screen& screen);

/// One guest for `scanthru status`: where it comes from and how it stands.
nlohmann::json describe(const GuestLink& guest);

/// One input device.
nlohmann::json describe(const input::DeviceInfo& device);

/// One flip of `scanthru status --flips`. Times in ns of CLOCK_MONOTONIC.
nlohmann::json describe(const FlipRecord& flip);

/// The answer to "status" as text for a person. Pure.
std::string status_text(const nlohmann::json& status);

}  // namespace scanthru
