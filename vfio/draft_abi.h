// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/ioctl.h>
#include <linux/vfio.h>

/// The display ABI as it was proposed on 27 September 2017 ("vfio: ABI for mdev display dma-buf
/// operation", v14, patch 5/7, with the CLOSE proposal). No header has it. QUERY and GET have
/// mainline's numbers; CLOSE_BUF has the one that is VFIO_DEVICE_IOEVENTFD in mainline.
namespace scanthru::vfio::draft {

/// Argument of QUERY_GFX_PLANE. The modifier is in two halves (low, high: the ABI is that of
/// little-endian machines) so that no 64-bit member rounds the size up to 56.
struct PlaneInfo {
    std::uint32_t argsz;
    std::uint32_t flags;
    std::uint32_t drm_plane_type;
    std::uint32_t drm_format;
    std::uint32_t drm_format_mod_low;
    std::uint32_t drm_format_mod_high;
    std::uint32_t width;
    std::uint32_t height;
    std::uint32_t stride;
    std::uint32_t size;
    std::uint32_t x_pos;
    std::uint32_t y_pos;
    std::uint32_t dmabuf_id;  ///< Or region_index.
};
static_assert(sizeof(PlaneInfo) == 52);
static_assert(offsetof(PlaneInfo, drm_format_mod_low) == 16);
static_assert(offsetof(PlaneInfo, dmabuf_id) == 48);

/// Argument of GET_GFX_DMABUF; the call returns 0, the descriptor is in the struct.
struct GetDmabuf {
    std::uint32_t argsz;
    std::uint32_t flags;
    std::uint32_t dmabuf_id;  ///< In.
    std::int32_t dmabuf_fd;   ///< Out.
};
static_assert(sizeof(GetDmabuf) == 16);

/// Argument of CLOSE_BUF.
struct CloseBuf {
    std::uint32_t argsz;
    std::uint32_t flags;
    std::uint32_t dmabuf_id;
};
static_assert(sizeof(CloseBuf) == 12);

inline constexpr unsigned long close_buf_request = _IO(VFIO_TYPE, VFIO_BASE + 16);
static_assert(close_buf_request == VFIO_DEVICE_IOEVENTFD);

}  // namespace scanthru::vfio::draft

namespace scanthru::vfio {

/// Bytes of mainline's struct vfio_device_gfx_plane_info that every kernel asks for; sizeof says
/// 64 because of the alignment, and later kernels gave the last four bytes a name.
inline constexpr std::uint32_t mainline_min_argsz =
    offsetof(vfio_device_gfx_plane_info, dmabuf_id) + sizeof(std::uint32_t);
static_assert(mainline_min_argsz == 60);
static_assert(sizeof(vfio_device_gfx_plane_info) == 64);

}  // namespace scanthru::vfio
