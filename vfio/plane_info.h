// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace scanthru::vfio {

/// The planes one may ask a vGPU for. The values are DRM_PLANE_TYPE_* of drm_mode.h.
enum class PlaneType : std::uint32_t { primary = 1, cursor = 2 };

/// What VFIO_DEVICE_QUERY_GFX_PLANE answered, in either dialect, word for word and unchecked.
///
/// Only inspect() may read it: the guest's driver chooses every field.
struct RawPlane {
    std::uint32_t argsz = 0;
    std::uint32_t flags = 0;
    std::uint32_t drm_plane_type = 0;
    std::uint32_t drm_format = 0;
    std::uint64_t drm_format_mod = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t stride = 0;
    std::uint32_t size = 0;
    std::uint32_t x_pos = 0;
    std::uint32_t y_pos = 0;
    std::uint32_t x_hot = 0xFFFFFFFF;  ///< The draft dialect has none: unknown.
    std::uint32_t y_hot = 0xFFFFFFFF;
    std::uint32_t dmabuf_id = 0;  ///< Or region_index.
    /// Not part of the answer: the way that was asked for, VFIO_GFX_PLANE_TYPE_DMABUF or _REGION.
    std::uint32_t asked_flags = 1U << 1;
    /// Not part of the answer: the bytes that the dialect's struct has, the least for argsz.
    std::uint32_t min_argsz = 52;
};

/// No answer is longer: a page, where the longest struct known has 64 bytes.
inline constexpr std::uint32_t max_argsz = 4096;

/// How the bytes of a buffer make a picture.
struct Geometry {
    std::uint32_t format = 0;    ///< DRM_FORMAT_*.
    std::uint64_t modifier = 0;  ///< DRM_FORMAT_MOD_*, never DRM_FORMAT_MOD_INVALID.
    Size size{};
    std::uint32_t stride = 0;  ///< Bytes from one row to the next.

    bool operator==(const Geometry&) const = default;
};

/// Names one picture of the guest. Two planes with equal keys show the same memory the same way.
///
/// The id alone is not enough: a device may describe one buffer in several ways.
struct BufferKey {
    std::uint32_t dmabuf_id = 0;  ///< Of a device without dma-bufs: the region's index.
    Geometry geometry{};

    bool operator==(const BufferKey&) const = default;
};

/// A plane the guest shows, after inspection: every member is within the bounds of Limits.
struct GuestPlane {
    BufferKey buffer{};
    std::uint64_t bytes = 0;         ///< Claimed size of the buffer; covers every pixel.
    Point position{};                ///< Upper left corner of the image on the guest's screen.
    std::optional<Point> hotspot{};  ///< Within the image; absent when unknown.

    bool operator==(const GuestPlane&) const = default;
};

/// What the host is prepared to show.
struct Limits {
    Size max_size{8192, 8192};                         ///< Of a primary plane; at most 0xFFFF each.
    Size max_cursor{512, 512};                         ///< Of a cursor plane.
    std::uint64_t max_bytes = std::uint64_t{1} << 28;  ///< Of one buffer: 256 MiB.
};

/// Why a plane was turned down. The guest chooses every input, so none of these is a host fault.
enum class Rejected {
    answer,    ///< argsz, flags or plane type are not what was asked for.
    format,    ///< Not a format whose pixel size we know, or one this plane type cannot have.
    modifier,  ///< DRM_FORMAT_MOD_INVALID, or a vendor that does not exist.
    size,      ///< Zero, or larger than Limits.
    stride,    ///< Shorter than one row, or no whole number of pixels.
    extent,    ///< The rows do not fit in the buffer, or it is larger than Limits::max_bytes.
};
inline constexpr std::size_t rejected_count = 6;

std::string_view to_string(Rejected reason);

/// Turns a raw answer into a plane that can be imported safely.
///
/// Returns an empty optional when the guest switched the plane off, which the kernel reports as
/// zero drm_format, size, width and height (linux/vfio.h, note 1). Pure: no calls, no logging.
/// A hotspot outside the image counts as unknown; positions are signed and may be anything.
/// The padding behind the last row need not be there: a device may count up to the last pixel.
/// ARGB on a primary plane is allowed (GVT-g reports it); a cursor must have alpha.
Result<std::optional<GuestPlane>, Rejected>
inspect(const RawPlane& raw, PlaneType asked, const Limits& limits);

}  // namespace scanthru::vfio
