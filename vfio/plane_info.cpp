// SPDX-License-Identifier: MIT
#include "vfio/plane_info.h"

#include <drm_fourcc.h>

namespace scanthru::vfio {
namespace {

/// A format with all of its picture in one plane of whole pixels.
struct PixelFormat {
    std::uint32_t bytes_per_pixel;
    bool has_alpha;
};

/// YUV, paletted (C8) and big-endian formats are not among them.
std::optional<PixelFormat> lookup_format(std::uint32_t format) {
    switch (format) {
    case DRM_FORMAT_RGB565: return PixelFormat{2, false};
    case DRM_FORMAT_XRGB8888:
    case DRM_FORMAT_XBGR8888:
    case DRM_FORMAT_RGBX8888:
    case DRM_FORMAT_BGRX8888:
    case DRM_FORMAT_XRGB2101010:
    case DRM_FORMAT_XBGR2101010: return PixelFormat{4, false};
    case DRM_FORMAT_ARGB8888:
    case DRM_FORMAT_ABGR8888:
    case DRM_FORMAT_RGBA8888:
    case DRM_FORMAT_BGRA8888:
    case DRM_FORMAT_ARGB2101010:
    case DRM_FORMAT_ABGR2101010: return PixelFormat{4, true};
    default: return std::nullopt;
    }
}

/// Whether the answer belongs to the question that was asked.
bool answers(const RawPlane& raw, PlaneType asked) {
    return raw.argsz >= raw.min_argsz && raw.argsz <= max_argsz && raw.flags == raw.asked_flags &&
           raw.drm_plane_type == static_cast<std::uint32_t>(asked);
}

bool is_off(const RawPlane& raw) {
    return raw.drm_format == 0 && raw.size == 0 && raw.width == 0 && raw.height == 0;
}

bool is_known(std::uint64_t modifier) {
    const std::uint64_t vendor = fourcc_mod_get_vendor(modifier);
    // Without a vendor there are two values only, and INVALID is the other one.
    if (vendor == DRM_FORMAT_MOD_VENDOR_NONE) return modifier == DRM_FORMAT_MOD_LINEAR;
    return vendor <= DRM_FORMAT_MOD_VENDOR_AMLOGIC;
}

bool fits(Size size, Size limit) {
    return size.width != 0 && size.width <= limit.width && size.height != 0 &&
           size.height <= limit.height;
}

bool is_stride(std::uint32_t stride, std::uint64_t row, std::uint32_t cpp, std::uint64_t modifier) {
    return stride >= row && (modifier != DRM_FORMAT_MOD_LINEAR || stride % cpp == 0);
}

std::optional<Point> hotspot_of(const RawPlane& raw) {
    // Covers "unknown" too: 0xFFFFFFFF lies outside every image.
    if (raw.x_hot >= raw.width || raw.y_hot >= raw.height) return std::nullopt;
    return Point{static_cast<std::int32_t>(raw.x_hot), static_cast<std::int32_t>(raw.y_hot)};
}

}  // namespace

std::string_view to_string(Rejected reason) {
    switch (reason) {
    case Rejected::answer: return "answer";
    case Rejected::format: return "format";
    case Rejected::modifier: return "modifier";
    case Rejected::size: return "size";
    case Rejected::stride: return "stride";
    case Rejected::extent: return "extent";
    }
    return "?";
}

Result<std::optional<GuestPlane>, Rejected>
inspect(const RawPlane& raw, PlaneType asked, const Limits& limits) {
    const auto reject = [](Rejected reason) {
        return tl::unexpected<Rejected>{reason};
    };
    if (!answers(raw, asked)) return reject(Rejected::answer);
    if (is_off(raw)) return std::optional<GuestPlane>{};

    const bool cursor = asked == PlaneType::cursor;
    const auto format = lookup_format(raw.drm_format);
    if (!format || (cursor && !format->has_alpha)) return reject(Rejected::format);
    if (!is_known(raw.drm_format_mod)) return reject(Rejected::modifier);
    const Size size{raw.width, raw.height};
    if (!fits(size, cursor ? limits.max_cursor : limits.max_size)) return reject(Rejected::size);

    // 64 bits hold every product of two 32-bit factors, so nothing below can wrap.
    const std::uint64_t row = std::uint64_t{size.width} * format->bytes_per_pixel;
    if (!is_stride(raw.stride, row, format->bytes_per_pixel, raw.drm_format_mod))
        return reject(Rejected::stride);
    const std::uint64_t needed = std::uint64_t{raw.stride} * (size.height - 1) + row;
    if (needed > raw.size || raw.size > limits.max_bytes) return reject(Rejected::extent);

    return std::optional{GuestPlane{
        .buffer = {.dmabuf_id = raw.dmabuf_id,
                   .geometry = {.format = raw.drm_format,
                                .modifier = raw.drm_format_mod,
                                .size = size,
                                .stride = raw.stride}},
        .bytes = raw.size,
        .position = {static_cast<std::int32_t>(raw.x_pos), static_cast<std::int32_t>(raw.y_pos)},
        .hotspot = hotspot_of(raw),
    }};
}

}  // namespace scanthru::vfio
