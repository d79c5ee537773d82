// SPDX-License-Identifier: MIT
#include "presenter/pixels.h"

#include "kms/formats.h"
#include "presenter/pixel_layout.h"

#include <algorithm>
#include <cassert>
#include <drm_fourcc.h>
#include <fmt/format.h>

namespace scanthru {
namespace {

/// One axis of a drawing: `source_length` pixels from `source` on become `length` from `at` on.
struct Axis {
    std::int64_t source = 0;
    std::int64_t source_length = 0;
    std::int64_t at = 0;
    std::int64_t length = 0;

    /// The first and the last plus one of the target's pixels that lie within `room`.
    std::int64_t first() const { return std::max<std::int64_t>(at, 0); }
    std::int64_t last(std::int64_t room) const { return std::min(at + length, room); }

    /// The picture's pixel that is seen there: the nearest where it is scaled.
    std::size_t seen_at(std::int64_t target) const {
        return static_cast<std::size_t>(source + (target - at) * source_length / length);
    }
};

void store(std::uint8_t* rgb, std::uint32_t word, const PixelLayout& layout, Blend blend) {
    const std::uint32_t clear = blend == Blend::none ? 0 : 255 - read_channel(word, layout.alpha);
    const auto draw = [&](std::uint8_t& below, Channel channel) {
        below = static_cast<std::uint8_t>(mix(read_channel(word, channel), below, clear));
    };
    draw(rgb[0], layout.red);
    draw(rgb[1], layout.green);
    draw(rgb[2], layout.blue);
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
                  const Placement& placement,
                  Blend blend) {
    const auto& [from, to] = placement;
    const auto layout = lookup_layout(geometry.format);
    const auto needed = measure_picture(geometry);
    assert(layout && needed && *needed <= memory.size());
    assert(from.x >= 0 && from.x + std::int64_t{from.size.width} <= geometry.size.width);
    assert(from.y >= 0 && from.y + std::int64_t{from.size.height} <= geometry.size.height);
    assert(target.rgb.size() == std::size_t{target.size.width} * target.size.height * 3);

    const Axis columns{from.x, from.size.width, to.x, to.size.width};
    const Axis rows{from.y, from.size.height, to.y, to.size.height};
    for (std::int64_t y = rows.first(); y < rows.last(target.size.height); ++y) {
        const std::byte* const row = memory.data() + std::size_t{geometry.stride} * rows.seen_at(y);
        std::uint8_t* const line =
            target.rgb.data() + std::size_t{target.size.width} * static_cast<std::size_t>(y) * 3;
        for (std::int64_t x = columns.first(); x < columns.last(target.size.width); ++x)
            store(line + x * 3, load_word(row + layout->bytes * columns.seen_at(x), layout->bytes),
                  *layout, blend);
    }
}

}  // namespace scanthru
