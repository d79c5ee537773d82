// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"

#include <cstdint>
#include <vector>

namespace scanthru::system_test {

/// Rows of pixels, 0xAARRGGBB each.
struct Picture {
    Size size;
    std::vector<std::uint32_t> pixels;

    static Picture filled(Size size, std::uint32_t pixel);
};

/// Picture `number` of the synthetic guest (tests/vgpu/picture.h).
Picture guest_picture(std::uint32_t number, Size size);

/// The synthetic guest's cursor image, a square of premultiplied ARGB.
Picture guest_cursor(std::uint32_t size);

/// Puts a premultiplied `cursor` over `screen` with its corner at `position`, in 16-bit channels as
/// vkms does, and returns the CRC that vkms computes of the result (vkms_composer.c): crc32_le with
/// seed 0 and without final inversion over {u16 0xffff, r, g, b} a pixel, 8-bit channels times 257.
std::uint32_t predict_crc(const Picture& screen, const Picture* cursor, Point position);

}  // namespace scanthru::system_test
