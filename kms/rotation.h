// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"

#include <cstdint>

namespace scanthru::kms {

/// How far a plane turns its picture, counter-clockwise as KMS counts (DRM_MODE_ROTATE_*).
enum class Rotation : std::uint8_t { by_0, by_90, by_180, by_270 };

/// The value of the plane property "rotation", and this rotation's bit in a set of them.
constexpr std::uint64_t rotation_bit(Rotation rotation) {
    return std::uint64_t{1} << static_cast<unsigned>(rotation);
}

/// Whether width and height change places.
constexpr bool is_sideways(Rotation rotation) {
    return rotation == Rotation::by_90 || rotation == Rotation::by_270;
}

/// The size of a picture after, or before, it is turned. Pure.
constexpr Size rotated(Size size, Rotation rotation) {
    return is_sideways(rotation) ? Size{size.height, size.width} : size;
}

/// Where a part of a picture of size `whole` lies when all of it is turned. Pure.
constexpr Rect rotated(const Rect& part, Size whole, Rotation rotation) {
    const auto from_end = [](std::uint32_t end, std::int32_t begin, std::uint32_t length) {
        return static_cast<std::int32_t>(std::int64_t{end} - begin - length);
    };
    const Size size = rotated(part.size, rotation);
    switch (rotation) {
    case Rotation::by_0: return part;
    case Rotation::by_90:
        return {.x = part.y, .y = from_end(whole.width, part.x, part.size.width), .size = size};
    case Rotation::by_180:
        return {.x = from_end(whole.width, part.x, part.size.width),
                .y = from_end(whole.height, part.y, part.size.height),
                .size = size};
    case Rotation::by_270:
        return {.x = from_end(whole.height, part.y, part.size.height), .y = part.x, .size = size};
    }
    return part;
}

}  // namespace scanthru::kms
