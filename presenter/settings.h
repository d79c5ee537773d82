// SPDX-License-Identifier: MIT
#pragma once

#include "kms/mode.h"
#include "presenter/framebuffer_cache.h"
#include "presenter/layout.h"
#include "vfio/plane_info.h"

#include <chrono>

namespace scanthru {

/// How one output treats its guest.
struct PresenterSettings {
    CacheBounds bounds;
    vfio::Limits limits;
    /// Commit an unchanged picture too, for drivers that copy at commit: a guest that draws into
    /// the buffer on screen never changes its id.
    bool refresh = false;
    Fit fit = Fit::follow;
    kms::ModeWish mode{};  ///< Configured: its rate is taken when the guest has its size.
    /// Modesets come no more often than this; until then the last picture stays.
    std::chrono::nanoseconds mode_interval = std::chrono::seconds{1};
    /// A copied picture whose id stays the same is looked at again at every vblank, and this often
    /// once it has not changed for a second.
    std::chrono::nanoseconds refresh_idle = std::chrono::milliseconds{100};
    bool copy = false;  ///< Copy what could be shown directly, for comparison.
    bool gbm = true;    ///< Host pictures come from gbm where it has them.
};

}  // namespace scanthru
