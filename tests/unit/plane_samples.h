// SPDX-License-Identifier: MIT
#pragma once

#include "vfio/plane_info.h"

#include <drm_fourcc.h>
#include <linux/vfio.h>

namespace scanthru::testing {

/// An ordinary answer for the primary plane.
inline vfio::RawPlane full_hd() {
    vfio::RawPlane raw;
    raw.argsz = sizeof(vfio_device_gfx_plane_info);
    raw.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
    raw.drm_plane_type = 1;
    raw.drm_format = DRM_FORMAT_XRGB8888;
    raw.drm_format_mod = DRM_FORMAT_MOD_LINEAR;
    raw.width = 1920;
    raw.height = 1080;
    raw.stride = 1920 * 4;
    raw.size = 1920 * 4 * 1080;
    raw.dmabuf_id = 7;
    return raw;
}

/// An ordinary answer for the cursor plane, without a hotspot.
inline vfio::RawPlane cursor() {
    vfio::RawPlane raw = full_hd();
    raw.drm_plane_type = 2;
    raw.drm_format = DRM_FORMAT_ARGB8888;
    raw.width = 64;
    raw.height = 64;
    raw.stride = 64 * 4;
    raw.size = 64 * 4 * 64;
    return raw;
}

}  // namespace scanthru::testing
