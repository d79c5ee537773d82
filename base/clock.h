// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

namespace scanthru {

using Clock = std::chrono::steady_clock;  ///< CLOCK_MONOTONIC, as DRM's vblank timestamps.

}  // namespace scanthru
