// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"

namespace scanthru {

/// Which part of a guest's picture goes where on the screen.
struct Placement {
    Rect source;  ///< Part of the picture.
    Rect target;  ///< On the screen; the same size, for nothing is scaled here.
    bool operator==(const Placement&) const = default;
};

/// One to one and centred: a picture smaller than the screen stands in its middle, of a larger one
/// the middle is shown. Pure.
constexpr Placement place_centred(Size picture, Size screen) {
    const auto along = [](std::uint32_t inner, std::uint32_t outer) {
        return static_cast<std::int32_t>((outer - inner) / 2);
    };
    const Size shown{.width = picture.width < screen.width ? picture.width : screen.width,
                     .height = picture.height < screen.height ? picture.height : screen.height};
    return {.source = {.x = along(shown.width, picture.width),
                       .y = along(shown.height, picture.height),
                       .size = shown},
            .target = {.x = along(shown.width, screen.width),
                       .y = along(shown.height, screen.height),
                       .size = shown}};
}

/// Where a cursor at `position` on the guest's screen lies on ours, under the same placement. Pure.
/// Positions so far out that the sum does not fit stay at the edge of what 32 bits hold.
constexpr Rect place_cursor(Point position, Size cursor, const Placement& primary) {
    const auto shift = [](std::int32_t at, std::int32_t source, std::int32_t target) {
        const std::int64_t moved = std::int64_t{at} - source + target;
        constexpr std::int64_t low = INT32_MIN;
        constexpr std::int64_t high = INT32_MAX;
        return static_cast<std::int32_t>(moved < low ? low : moved > high ? high : moved);
    };
    return {.x = shift(position.x, primary.source.x, primary.target.x),
            .y = shift(position.y, primary.source.y, primary.target.y),
            .size = cursor};
}

}  // namespace scanthru
