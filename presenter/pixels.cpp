// SPDX-License-Identifier: MIT
#include "presenter/pixels.h"

#include "kms/formats.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <drm_fourcc.h>
#include <fmt/format.h>
#include <optional>

namespace scanthru {
namespace {

static_assert(std::endian::native == std::endian::little, "DRM formats are little-endian words");

/// Where a colour is in a pixel's word; no bits: it is not there.
struct Channel {
    std::uint32_t shift = 0;
    std::uint32_t bits = 0;
};

/// A pixel of one word of 2 or 4 bytes.
struct PixelLayout {
    std::uint32_t bytes = 4;
    Channel red;
    Channel green;
    Channel blue;
    Channel alpha;
};

/// drm_fourcc.h writes the channels from the highest bit of the word to the lowest.
std::optional<PixelLayout> lookup_layout(std::uint32_t format) {
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

/// A channel of `word` on the scale of 8 bits, to the nearest.
std::uint32_t read_channel(std::uint32_t word, Channel channel) {
    if (channel.bits == 0) return 255;
    const std::uint32_t most = (1U << channel.bits) - 1;
    const std::uint32_t value = word >> channel.shift & most;
    return most == 255 ? value : (value * 255 + most / 2) / most;
}

std::uint32_t load_word(const std::byte* at, std::uint32_t bytes) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, bytes);
    return word;
}

/// The part of a picture that is drawn, after clipping: pixels of the picture and of the target.
struct Span {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::uint32_t length = 0;
};

/// Along one axis: `length` pixels from `from` on go to `at`, within `room`.
Span clip(std::int64_t from, std::int64_t length, std::int64_t at, std::int64_t room) {
    const std::int64_t first = std::clamp<std::int64_t>(-at, 0, length);
    const std::int64_t last = std::clamp<std::int64_t>(room - at, first, length);
    if (first == last) return {};
    return {.from = static_cast<std::uint32_t>(from + first),
            .to = static_cast<std::uint32_t>(at + first),
            .length = static_cast<std::uint32_t>(last - first)};
}

void store(std::uint8_t* rgb, std::uint32_t word, const PixelLayout& layout, Blend blend) {
    const std::uint32_t clear = blend == Blend::none ? 0 : 255 - read_channel(word, layout.alpha);
    const auto mix = [&](std::uint8_t& below, Channel channel) {
        // A guest's colours may exceed their alpha; the hardware saturates.
        const std::uint32_t sum = read_channel(word, channel) + (below * clear + 127) / 255;
        below = static_cast<std::uint8_t>(std::min(sum, 255U));
    };
    mix(rgb[0], layout.red);
    mix(rgb[1], layout.green);
    mix(rgb[2], layout.blue);
}

}  // namespace

Pixels black_pixels(Size size) {
    return {.size = size,
            .rgb = std::vector<std::uint8_t>(std::size_t{size.width} * size.height * 3)};
}

Result<std::uint64_t, std::string> measure_picture(const vfio::Geometry& geometry) {
    const auto complain = [](std::string what) {
        return tl::unexpected<std::string>{std::move(what)};
    };
    if (geometry.modifier != DRM_FORMAT_MOD_LINEAR)
        return complain(fmt::format("is tiled: a CPU reads rows of pixels (LINEAR) and this is {}",
                                    kms::modifier_name(geometry.modifier)));
    const auto layout = lookup_layout(geometry.format);
    if (!layout)
        return complain(fmt::format("has a format that is not read here, {}",
                                    kms::format_name(geometry.format)));
    const std::uint64_t row = std::uint64_t{geometry.size.width} * layout->bytes;
    if (geometry.size.width == 0 || geometry.size.height == 0 || geometry.stride < row)
        return complain(fmt::format("has no sensible size: {}x{}, {} bytes a row",
                                    geometry.size.width, geometry.size.height, geometry.stride));
    return std::uint64_t{geometry.stride} * (geometry.size.height - 1) + row;
}

void draw_picture(Pixels& target,
                  std::span<const std::byte> memory,
                  const vfio::Geometry& geometry,
                  const Rect& source,
                  Point at,
                  Blend blend) {
    const auto layout = lookup_layout(geometry.format);
    const auto needed = measure_picture(geometry);
    assert(layout && needed && *needed <= memory.size());
    assert(source.x >= 0 && source.x + std::int64_t{source.size.width} <= geometry.size.width);
    assert(source.y >= 0 && source.y + std::int64_t{source.size.height} <= geometry.size.height);
    assert(target.rgb.size() == std::size_t{target.size.width} * target.size.height * 3);

    const Span columns = clip(source.x, source.size.width, at.x, target.size.width);
    const Span rows = clip(source.y, source.size.height, at.y, target.size.height);
    if (columns.length == 0) return;
    for (std::uint32_t y = 0; y < rows.length; ++y) {
        const std::byte* from = memory.data() + std::size_t{geometry.stride} * (rows.from + y) +
                                std::size_t{layout->bytes} * columns.from;
        std::uint8_t* to =
            target.rgb.data() +
            (std::size_t{target.size.width} * (rows.to + y) + columns.to) * std::size_t{3};
        for (std::uint32_t x = 0; x < columns.length; ++x, from += layout->bytes, to += 3)
            store(to, load_word(from, layout->bytes), *layout, blend);
    }
}

}  // namespace scanthru
