// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <drm_fourcc.h>
#include <optional>

namespace scanthru {

static_assert(std::endian::native == std::endian::little, "DRM formats are little-endian words");

/// Where a colour is in a pixel's word; no bits: it is not there.
struct Channel {
    std::uint32_t shift = 0;
    std::uint32_t bits = 0;
    bool operator==(const Channel&) const = default;
};

/// A pixel of one word of 2 or 4 bytes.
struct PixelLayout {
    std::uint32_t bytes = 4;
    Channel red;
    Channel green;
    Channel blue;
    Channel alpha;
    bool operator==(const PixelLayout&) const = default;
};

/// The formats of one word a pixel that inspect() lets pass; drm_fourcc.h writes the channels from
/// the highest bit of the word to the lowest. Pure.
constexpr std::optional<PixelLayout> lookup_layout(std::uint32_t format) {
    switch (format) {
    case DRM_FORMAT_RGB565: return PixelLayout{2, {11, 5}, {5, 6}, {0, 5}, {}};
    case DRM_FORMAT_XRGB8888: return PixelLayout{4, {16, 8}, {8, 8}, {0, 8}, {}};
    case DRM_FORMAT_ARGB8888: return PixelLayout{4, {16, 8}, {8, 8}, {0, 8}, {24, 8}};
    case DRM_FORMAT_XBGR8888: return PixelLayout{4, {0, 8}, {8, 8}, {16, 8}, {}};
    case DRM_FORMAT_ABGR8888: return PixelLayout{4, {0, 8}, {8, 8}, {16, 8}, {24, 8}};
    case DRM_FORMAT_RGBX8888: return PixelLayout{4, {24, 8}, {16, 8}, {8, 8}, {}};
    case DRM_FORMAT_RGBA8888: return PixelLayout{4, {24, 8}, {16, 8}, {8, 8}, {0, 8}};
    case DRM_FORMAT_BGRX8888: return PixelLayout{4, {8, 8}, {16, 8}, {24, 8}, {}};
    case DRM_FORMAT_BGRA8888: return PixelLayout{4, {8, 8}, {16, 8}, {24, 8}, {0, 8}};
    case DRM_FORMAT_XRGB2101010: return PixelLayout{4, {20, 10}, {10, 10}, {0, 10}, {}};
    case DRM_FORMAT_ARGB2101010: return PixelLayout{4, {20, 10}, {10, 10}, {0, 10}, {30, 2}};
    case DRM_FORMAT_XBGR2101010: return PixelLayout{4, {0, 10}, {10, 10}, {20, 10}, {}};
    case DRM_FORMAT_ABGR2101010: return PixelLayout{4, {0, 10}, {10, 10}, {20, 10}, {30, 2}};
    default: return std::nullopt;
    }
}

/// A channel of `word` on the scale of 8 bits, to the nearest; one that is not there is full. Pure.
constexpr std::uint32_t read_channel(std::uint32_t word, Channel channel) {
    if (channel.bits == 0) return 255;
    const std::uint32_t most = (1U << channel.bits) - 1;
    const std::uint32_t value = word >> channel.shift & most;
    return most == 255 ? value : (value * 255 + most / 2) / most;
}

/// A premultiplied colour over another, of which `clear` (0 … 255) shines through. A guest's
/// colours may exceed their alpha; the hardware saturates, and so does this. Pure.
constexpr std::uint32_t mix(std::uint32_t colour, std::uint32_t below, std::uint32_t clear) {
    const std::uint32_t sum = colour + (below * clear + 127) / 255;
    return sum < 255 ? sum : 255;
}

inline std::uint32_t load_word(const std::byte* at, std::uint32_t bytes) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, bytes);
    return word;
}

/// The same colours with or without alpha (ARGB/XRGB, ABGR/XBGR, …); 0: there is no such format.
constexpr std::uint32_t twin_of(std::uint32_t format) {
    switch (format) {
    case DRM_FORMAT_XRGB8888: return DRM_FORMAT_ARGB8888;
    case DRM_FORMAT_ARGB8888: return DRM_FORMAT_XRGB8888;
    case DRM_FORMAT_XBGR8888: return DRM_FORMAT_ABGR8888;
    case DRM_FORMAT_ABGR8888: return DRM_FORMAT_XBGR8888;
    case DRM_FORMAT_RGBX8888: return DRM_FORMAT_RGBA8888;
    case DRM_FORMAT_RGBA8888: return DRM_FORMAT_RGBX8888;
    case DRM_FORMAT_BGRX8888: return DRM_FORMAT_BGRA8888;
    case DRM_FORMAT_BGRA8888: return DRM_FORMAT_BGRX8888;
    case DRM_FORMAT_XRGB2101010: return DRM_FORMAT_ARGB2101010;
    case DRM_FORMAT_ARGB2101010: return DRM_FORMAT_XRGB2101010;
    case DRM_FORMAT_XBGR2101010: return DRM_FORMAT_ABGR2101010;
    case DRM_FORMAT_ABGR2101010: return DRM_FORMAT_XBGR2101010;
    default: return 0;
    }
}

}  // namespace scanthru
