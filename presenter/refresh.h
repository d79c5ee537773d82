// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/config.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace scanthru {

/// Drivers that copy a framebuffer when it is committed and not while it is scanned out (kms.md): a
/// picture that changes in place must be committed again. vkms is none of them: it composes from
/// the living memory at every vblank.
inline constexpr std::array<std::string_view, 10> drivers_that_copy{
    "ast",     "bochs-drm", "cirrus", "gud",       "hyperv_drm",
    "mgag200", "qxl",       "udl",    "vboxvideo", "virtio_gpu",
};

/// Whether a picture that did not change its id is committed again at every vblank. Pure.
constexpr bool needs_refresh(Refresh setting, std::string_view driver) {
    switch (setting) {
    case Refresh::always: return true;
    case Refresh::never: return false;
    case Refresh::automatic: break;
    }
    return std::ranges::find(drivers_that_copy, driver) != drivers_that_copy.end();
}

}  // namespace scanthru
