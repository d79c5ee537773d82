// SPDX-License-Identifier: MIT
#pragma once

#include <cassert>
#include <cstdint>

namespace scanthru {

/// Pixels.
struct Size {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    bool operator==(const Size&) const = default;
};

/// Pixels; the origin may lie off screen.
struct Point {
    std::int32_t x = 0;
    std::int32_t y = 0;
    bool operator==(const Point&) const = default;
};

/// Pixels in CRTC space; the origin may lie off screen.
struct Rect {
    std::int32_t x = 0;
    std::int32_t y = 0;
    Size size;
    bool operator==(const Rect&) const = default;
};

/// Whether any pixel of `rect` lies within a screen of this size.
constexpr bool touches(const Rect& rect, Size screen) {
    // 64 bits, so that neither x + width nor the conversion of a width can wrap.
    const std::int64_t right = std::int64_t{rect.x} + rect.size.width;
    const std::int64_t bottom = std::int64_t{rect.y} + rect.size.height;
    return right > 0 && bottom > 0 && rect.x < std::int64_t{screen.width} &&
           rect.y < std::int64_t{screen.height};
}

/// Unsigned 16.16 fixed point: the unit of the SRC_X, SRC_Y, SRC_W and SRC_H properties.
class Fixed16 {
public:
    static constexpr std::uint32_t max_pixels = 0xFFFF;

    static constexpr Fixed16 from_pixels(std::uint32_t pixels) {
        assert(pixels <= max_pixels);
        return Fixed16{pixels << 16};
    }

    constexpr std::uint32_t raw() const { return raw_; }

private:
    explicit constexpr Fixed16(std::uint32_t raw) : raw_(raw) {}

    std::uint32_t raw_;
};

}  // namespace scanthru
