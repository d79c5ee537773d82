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
inline constexpr std::array<std::string_view, 20> drivers_that_copy{
    "ast",
    "bochs-drm",
    "cirrus",
    "evdi",
    "gm12u320",
    "gud",
    "hx8357d",
    "hyperv_drm",
    "ili9225",
    "ili9341",
    "mgag200",
    "ofdrm",
    "panel-mipi-dbi",
    "qxl",
    "simpledrm",
    "ssd130x",
    "st7735r",
    "udl",
    "vboxvideo",
    "virtio_gpu",
};

/// Panels refresh themselves from a copy while nothing is committed (PSR): a picture that changes
/// in place would stand still.
constexpr bool may_self_refresh(std::string_view driver, std::string_view connector) {
    const bool panel = connector.starts_with("eDP") || connector.starts_with("DSI");
    return panel && (driver == "i915" || driver == "xe" || driver == "amdgpu");
}

/// Whether a picture that did not change its id is committed again at every vblank. Pure.
///
/// The commit names the same framebuffer without FB_DAMAGE_CLIPS, which means all of it: nobody
/// says what a guest has drawn in its own memory. Of copies we do know the rows, but every change
/// goes to another host picture than the one on screen, and drivers take the clips for what has
/// changed in a framebuffer since they uploaded it last: up to Linux 6.7 virtio_gpu and vmwgfx
/// would leave stale rows, since 6.8 they ignore clips when the framebuffer is another one.
constexpr bool
needs_refresh(Refresh setting, std::string_view driver, std::string_view connector = {}) {
    switch (setting) {
    case Refresh::always: return true;
    case Refresh::never: return false;
    case Refresh::automatic: break;
    }
    return std::ranges::find(drivers_that_copy, driver) != drivers_that_copy.end() ||
           may_self_refresh(driver, connector);
}

}  // namespace scanthru
