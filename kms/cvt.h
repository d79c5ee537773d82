// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "kms/mode.h"

#include <cstdint>
#include <optional>

namespace scanthru::kms {

/// VESA's coordinated video timings with reduced blanking for this size and rate, as cvt(1) has
/// them, but with the clock that comes nearest to the rate in steps of 10 kHz, which is all that an
/// EDID holds, where CVT rounds to 250 kHz. Pure.
///
/// Empty where there is none: a side of 0 or above 4095 pixels, a clock above 655.35 MHz.
std::optional<Mode> calculate_mode(Size size, std::uint32_t refresh_mhz);

}  // namespace scanthru::kms
