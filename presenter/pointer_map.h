// SPDX-License-Identifier: MIT
#pragma once

#include "input/event.h"
#include "kms/rotation.h"
#include "presenter/layout.h"

namespace scanthru {

/// How a guest's picture lies on a monitor.
struct PictureOnScreen {
    Size screen;  ///< Upright, as Placement has it.
    kms::Rotation rotation{};
    Placement placement;
    Size picture;
    bool operator==(const PictureOnScreen&) const = default;
};

/// A place on the upright screen from one on the monitor, both in fractions. Pure.
constexpr input::AbsoluteMotion upright(input::AbsoluteMotion place, kms::Rotation rotation) {
    switch (rotation) {
    case kms::Rotation::by_0: return place;
    case kms::Rotation::by_90: return {1 - place.y, place.x};
    case kms::Rotation::by_180: return {1 - place.x, 1 - place.y};
    case kms::Rotation::by_270: return {place.y, 1 - place.x};
    }
    return place;
}

/// A place on the guest's picture from one on the monitor, both in fractions; outside of 0 … 1
/// where the picture is not. Pure.
constexpr input::AbsoluteMotion to_guest(input::AbsoluteMotion on_monitor,
                                         const PictureOnScreen& shown) {
    const input::AbsoluteMotion place = upright(on_monitor, shown.rotation);
    const auto along = [](double at, std::uint32_t screen, std::int32_t target,
                          std::uint32_t target_length, std::int32_t source,
                          std::uint32_t source_length, std::uint32_t picture) {
        const double within = (at * screen - target) / target_length;
        return (source + within * source_length) / picture;
    };
    const auto& [source, target] = shown.placement;
    return {along(place.x, shown.screen.width, target.x, target.size.width, source.x,
                  source.size.width, shown.picture.width),
            along(place.y, shown.screen.height, target.y, target.size.height, source.y,
                  source.size.height, shown.picture.height)};
}

/// Whether that is a place on the picture. Pure.
constexpr bool is_on_picture(const input::AbsoluteMotion& place) {
    return place.x >= 0 && place.x <= 1 && place.y >= 0 && place.y <= 1;
}

/// The nearest place on the picture. Pure.
constexpr input::AbsoluteMotion clamped(const input::AbsoluteMotion& place) {
    const auto clamp = [](double at) {
        return at < 0 ? 0 : at > 1 ? 1 : at;
    };
    return {clamp(place.x), clamp(place.y)};
}

}  // namespace scanthru
