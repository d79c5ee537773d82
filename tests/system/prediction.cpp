// SPDX-License-Identifier: MIT
#include "prediction.h"

#include "vgpu/picture.h"

#include <array>
#include <zlib.h>

namespace scanthru::system_test {
namespace {

/// What a plane pixel is to vkms's composer.
struct Deep {
    std::array<std::uint16_t, 4> argb;
};
static_assert(sizeof(Deep) == 8);

std::uint32_t channel(std::uint32_t pixel, unsigned shift) {
    return (pixel >> shift & 0xFF) * 257;
}

std::uint16_t blend(std::uint32_t source, std::uint32_t below, std::uint32_t alpha) {
    const std::uint64_t sum =
        (std::uint64_t{source} << 16) - source + std::uint64_t{below} * (0xFFFF - alpha);
    return static_cast<std::uint16_t>((sum + 0x7FFF) / 0xFFFF);
}

}  // namespace

Picture Picture::filled(Size size, std::uint32_t pixel) {
    return {size, std::vector<std::uint32_t>(std::size_t{size.width} * size.height, pixel)};
}

Picture guest_picture(std::uint32_t number, Size size) {
    Picture picture = Picture::filled(size, 0);
    auto* pixel = picture.pixels.data();
    for (std::uint32_t y = 0; y < size.height; ++y)
        for (std::uint32_t x = 0; x < size.width; ++x)
            *pixel++ = 0xFF000000 | vgpu_picture(x, y, number, size.width, size.height);
    return picture;
}

Picture guest_cursor(std::uint32_t size) {
    Picture picture = Picture::filled({size, size}, 0);
    auto* pixel = picture.pixels.data();
    for (std::uint32_t y = 0; y < size; ++y)
        for (std::uint32_t x = 0; x < size; ++x)
            *pixel++ = vgpu_cursor_pixel(x, y, size);
    return picture;
}

std::uint32_t predict_crc(const Picture& screen, const Picture* cursor, Point position) {
    std::vector<Deep> composed;
    composed.reserve(screen.pixels.size());
    for (const std::uint32_t pixel : screen.pixels)
        composed.push_back({{0xFFFF, static_cast<std::uint16_t>(channel(pixel, 16)),
                             static_cast<std::uint16_t>(channel(pixel, 8)),
                             static_cast<std::uint16_t>(channel(pixel, 0))}});
    for (std::uint32_t y = 0; cursor != nullptr && y < cursor->size.height; ++y) {
        for (std::uint32_t x = 0; x < cursor->size.width; ++x) {
            const std::int64_t at_x = std::int64_t{position.x} + x;
            const std::int64_t at_y = std::int64_t{position.y} + y;
            if (at_x < 0 || at_y < 0 || at_x >= screen.size.width || at_y >= screen.size.height)
                continue;
            const std::uint32_t pixel = cursor->pixels[std::size_t{y} * cursor->size.width + x];
            auto& below = composed[static_cast<std::size_t>(at_y) * screen.size.width +
                                   static_cast<std::size_t>(at_x)]
                              .argb;
            for (const unsigned i : {1U, 2U, 3U})
                below.at(i) = blend(channel(pixel, 24 - 8 * i), below.at(i), channel(pixel, 24));
        }
    }
    const auto* bytes = reinterpret_cast<const Bytef*>(composed.data());
    // zlib inverts before and after; the kernel does neither.
    return static_cast<std::uint32_t>(
               ::crc32_z(0xFFFFFFFF, bytes, composed.size() * sizeof(Deep))) ^
           0xFFFFFFFF;
}

}  // namespace scanthru::system_test
