// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "presenter/layout.h"
#include "vfio/plane_info.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace scanthru {

/// A picture in ordinary memory: rows without padding, 3 bytes a pixel, red first.
struct Pixels {
    Size size;
    std::vector<std::uint8_t> rgb;

    bool operator==(const Pixels&) const = default;
};

/// All black.
Pixels black_pixels(Size size);

/// Bytes from the first pixel of such a picture to the end of its last one. Pure.
///
/// The error is the end of a sentence about the picture: what about it a CPU cannot read ("is
/// tiled: …", "has a format …"). Formats are those of one word a pixel that inspect() lets pass.
Result<std::uint64_t, std::string> measure_picture(const vfio::Geometry& geometry);

/// How a pixel meets what is below it, as in the DRM property "pixel blend mode".
enum class Blend {
    none,           ///< Alpha does not matter: a primary plane.
    premultiplied,  ///< Colours hold their alpha already: a cursor plane.
};

/// Draws the part `placement.source` of a picture (within it) onto `placement.target`, scaled to
/// the nearest pixel where the sizes differ; what lies outside of `target` is cut off. Pure.
///
/// `memory` must hold what measure_picture() said, and the geometry must be one that it takes.
void draw_picture(Pixels& target,
                  std::span<const std::byte> memory,
                  const vfio::Geometry& geometry,
                  const Placement& placement,
                  Blend blend);

}  // namespace scanthru
