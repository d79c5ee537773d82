// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "presenter/guest_memory.h"
#include "presenter/pixel_layout.h"
#include "vfio/plane_info.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace scanthru {

/// A cursor's image in ordinary memory, to be drawn into a copied picture where no plane is to be
/// had for it.
struct Sprite {
    Size size;                          ///< Of no size: there is none.
    Point at;                           ///< Its upper left corner, in the picture it is drawn into.
    std::vector<std::uint32_t> pixels;  ///< ARGB8888, premultiplied, rows without padding.

    /// All that are of no size are equal.
    bool operator==(const Sprite& other) const noexcept {
        if (size != other.size) return false;
        return size == Size{} || (at == other.at && pixels == other.pixels);
    }

    Rect rect() const noexcept { return {.x = at.x, .y = at.y, .size = size}; }
};

/// Larger cursors are not drawn: they are read at every vblank.
inline constexpr std::uint32_t max_sprite_side = 256;

/// Reads the image of a cursor into `sprite`, whose place stays. No allocation when it has been as
/// large before.
///
/// Errors: EOPNOTSUPP for a tiled modifier or a format that is not read here; EFBIG for one larger
/// than max_sprite_side, and when `memory` is shorter than the picture; EFAULT when the memory went
/// while it was read; those of GuestMemory. The sprite is then of no size.
Result<void> read_sprite(Sprite& sprite, const vfio::Geometry& geometry, const GuestMemory& memory);

/// Draws what of the sprite lies within `clip` over `count` pixels of one row of a picture: its
/// colours, and what is below as far as its alpha lets it through. Pure.
///
/// `row`: the row's first pixel; `y`: the row's number, within the sprite's rect and the clip.
void blend_row(std::byte* row,
               std::int32_t y,
               const PixelLayout& layout,
               const Sprite& sprite,
               const Rect& clip);

}  // namespace scanthru
