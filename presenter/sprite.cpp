// SPDX-License-Identifier: MIT
#include "presenter/sprite.h"

#include "base/bus_error.h"
#include "presenter/layout.h"
#include "presenter/row_copy.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <span>

namespace scanthru {
namespace {

std::uint32_t with_channel(std::uint32_t word, Channel channel, std::uint32_t value) {
    const std::uint32_t most = (1U << channel.bits) - 1;
    const std::uint32_t scaled = (value * most + 127) / 255;
    return (word & ~(most << channel.shift)) | scaled << channel.shift;
}

std::uint32_t over(std::uint32_t below, const PixelLayout& layout, std::uint32_t argb) {
    const PixelLayout ours = *lookup_layout(DRM_FORMAT_ARGB8888);
    const std::uint32_t clear = 255 - read_channel(argb, ours.alpha);
    const auto mixed = [&](Channel from, Channel to) {
        return mix(read_channel(argb, from), read_channel(below, to), clear);
    };
    std::uint32_t word = with_channel(below, layout.red, mixed(ours.red, layout.red));
    word = with_channel(word, layout.green, mixed(ours.green, layout.green));
    return with_channel(word, layout.blue, mixed(ours.blue, layout.blue));
}

std::uint32_t as_argb(std::uint32_t word, const PixelLayout& layout) {
    const auto channel = [word](Channel from) {
        return read_channel(word, from);
    };
    return channel(layout.alpha) << 24 | channel(layout.red) << 16 | channel(layout.green) << 8 |
           channel(layout.blue);
}

std::size_t row_bytes_of(Size size) {
    return std::size_t{size.width} * 4;
}

Result<void> check_readable(const vfio::Geometry& geometry, const GuestMemory& memory) {
    if (geometry.modifier != DRM_FORMAT_MOD_LINEAR)
        return fail(EOPNOTSUPP, "reading a tiled cursor by the CPU");
    const auto layout = lookup_layout(geometry.format);
    if (!layout || layout->bytes != 4) return fail(EOPNOTSUPP, "reading a cursor of this format");
    const Size size = geometry.size;
    if (std::max(size.width, size.height) > max_sprite_side)
        return fail(EFBIG, "a cursor to draw into copies");
    const std::size_t above = std::size_t{geometry.stride} * (size.height - 1);
    if (above + row_bytes_of(size) > memory.bytes().size())
        return fail(EFBIG, "guest memory shorter than its cursor");
    return {};
}

}  // namespace

Result<void>
read_sprite(Sprite& sprite, const vfio::Geometry& geometry, const GuestMemory& memory) {
    sprite.size = {};
    if (auto readable = check_readable(geometry, memory); !readable) return readable;
    const Size size = geometry.size;
    const std::size_t row_bytes = row_bytes_of(size);
    sprite.pixels.resize(std::size_t{size.width} * size.height);
    const auto rows = std::as_writable_bytes(std::span{sprite.pixels});
    if (const auto begun = memory.begin(); !begun) return fail(begun.error());
    const bool whole = survives_bus_error([&] {
        for (std::uint32_t y = 0; y < size.height; ++y)
            stream_copy(rows.data() + row_bytes * y,
                        memory.bytes().data() + std::size_t{geometry.stride} * y, row_bytes);
    });
    if (const auto ended = memory.end(); !ended) return fail(ended.error());
    if (!whole) return fail(EFAULT, "reading the guest's memory");
    const PixelLayout layout = *lookup_layout(geometry.format);
    for (std::uint32_t& word : sprite.pixels)
        word = as_argb(word, layout);
    sprite.size = size;
    return {};
}

void blend_row(std::byte* row,
               std::int32_t y,
               const PixelLayout& layout,
               const Sprite& sprite,
               const Rect& clip) {
    const Rect part = intersect(sprite.rect(), clip);
    assert(y >= part.y && y < part.y + static_cast<std::int32_t>(part.size.height));
    const auto across = static_cast<std::size_t>(part.x - sprite.at.x);
    const auto down = static_cast<std::size_t>(y - sprite.at.y);
    const std::uint32_t* image = &sprite.pixels[down * sprite.size.width + across];
    std::byte* pixel = row + std::size_t{layout.bytes} * static_cast<std::size_t>(part.x);
    for (std::uint32_t x = 0; x < part.size.width; ++x, ++image, pixel += layout.bytes) {
        if (*image == 0) continue;
        const std::uint32_t word = over(load_word(pixel, layout.bytes), layout, *image);
        std::memcpy(pixel, &word, layout.bytes);
    }
}

}  // namespace scanthru
