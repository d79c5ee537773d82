// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace scanthru {

/// What becomes of a guest whose size is not the monitor's mode. One that is impossible gives way
/// to the next.
enum class Fit {
    follow,  ///< The monitor takes the mode that equals the guest's size.
    scale,   ///< The plane scales, the aspect is kept, black bars.
    center,  ///< One to one, black around.
    crop,    ///< One to one, what does not fit is cut off on both sides.
};

std::string_view to_string(Fit fit);

/// Which part of a picture goes where on the screen.
struct Placement {
    Rect source;  ///< Part of the picture.
    Rect target;  ///< On the screen.
    bool operator==(const Placement&) const = default;

    bool scales() const noexcept { return source.size != target.size; }
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

/// All of the picture as large as it gets with its aspect kept, centred. Pure.
constexpr Placement place_scaled(Size picture, Size screen) {
    const std::uint64_t wide = std::uint64_t{screen.width} * picture.height;
    const std::uint64_t tall = std::uint64_t{screen.height} * picture.width;
    const auto at_least_one = [](std::uint64_t length) {
        return static_cast<std::uint32_t>(length == 0 ? 1 : length);
    };
    Size size = screen;
    if (wide <= tall)
        size.height = at_least_one((wide + picture.width / 2) / picture.width);
    else
        size.width = at_least_one((tall + picture.height / 2) / picture.height);
    return {.source = {.x = 0, .y = 0, .size = picture},
            .target = {.x = static_cast<std::int32_t>((screen.width - size.width) / 2),
                       .y = static_cast<std::int32_t>((screen.height - size.height) / 2),
                       .size = size}};
}

/// Where a picture goes under one policy; empty: impossible. Pure.
constexpr std::optional<Placement> place(Fit fit, Size picture, Size screen) {
    switch (fit) {
    case Fit::follow:
        return picture == screen ? std::optional{place_centred(picture, screen)} : std::nullopt;
    case Fit::scale: return place_scaled(picture, screen);
    case Fit::center:
        if (picture.width > screen.width || picture.height > screen.height) return std::nullopt;
        return place_centred(picture, screen);
    case Fit::crop: return place_centred(picture, screen);
    }
    return std::nullopt;
}

/// A policy and those that take its place, in this order.
std::span<const Fit> fits_from(Fit first);

/// Where a cursor at `position` on the guest's screen lies on ours, under the same placement. Pure.
///
/// Its image is not scaled: `hotspot` (within the image) is the point that goes where the guest has
/// it. Positions so far out that the sum does not fit stay at the edge of what 32 bits hold.
constexpr Rect
place_cursor(Point position, Size cursor, const Placement& primary, Point hotspot = {}) {
    struct Axis {
        std::int32_t from;
        std::uint32_t from_length;
        std::int32_t to;
        std::uint32_t to_length;
    };
    const auto shift = [](std::int32_t at, std::int32_t hot, const Axis& axis) {
        std::int64_t moved = std::int64_t{at} + hot - axis.from;
        if (axis.from_length != axis.to_length && axis.from_length != 0)
            moved = moved * axis.to_length / axis.from_length;
        moved += std::int64_t{axis.to} - hot;
        constexpr std::int64_t low = INT32_MIN;
        constexpr std::int64_t high = INT32_MAX;
        return static_cast<std::int32_t>(moved < low ? low : moved > high ? high : moved);
    };
    const auto& [source, target] = primary;
    return {.x = shift(position.x, hotspot.x,
                       {source.x, source.size.width, target.x, target.size.width}),
            .y = shift(position.y, hotspot.y,
                       {source.y, source.size.height, target.y, target.size.height}),
            .size = cursor};
}

/// The part of `rect` within `bounds`; of no size where they do not meet. Pure.
constexpr Rect intersect(const Rect& rect, const Rect& bounds) {
    struct Along {
        std::int32_t from;
        std::uint32_t length;
    };
    const auto along = [](std::int32_t a, std::uint32_t a_length, std::int32_t b,
                          std::uint32_t b_length) -> Along {
        const std::int32_t from = a > b ? a : b;
        const std::int64_t a_end = std::int64_t{a} + a_length;
        const std::int64_t b_end = std::int64_t{b} + b_length;
        const std::int64_t to = a_end < b_end ? a_end : b_end;
        return {from, to > from ? static_cast<std::uint32_t>(to - from) : 0};
    };
    const Along x = along(rect.x, rect.size.width, bounds.x, bounds.size.width);
    const Along y = along(rect.y, rect.size.height, bounds.y, bounds.size.height);
    return {.x = x.from, .y = y.from, .size = {x.length, y.length}};
}

}  // namespace scanthru
