// SPDX-License-Identifier: MIT
#include "presenter/pointer_map.h"

#include <gtest/gtest.h>

namespace scanthru {
namespace {

using input::AbsoluteMotion;

void expect_at(const AbsoluteMotion& place, double x, double y) {
    EXPECT_NEAR(place.x, x, 1e-9);
    EXPECT_NEAR(place.y, y, 1e-9);
}

constexpr Size screen{1024, 768};

PictureOnScreen centred(Size picture) {
    return {.screen = screen, .placement = place_centred(picture, screen), .picture = picture};
}

TEST(PointerMap, APictureOfTheScreensSizeIsTheScreen) {
    const auto shown = centred(screen);
    expect_at(to_guest({0, 0}, shown), 0, 0);
    expect_at(to_guest({1, 1}, shown), 1, 1);
    expect_at(to_guest({0.25, 0.75}, shown), 0.25, 0.75);
}

TEST(PointerMap, BesideACentredPictureThereIsNoPlaceOnIt) {
    const auto shown = centred({512, 384});
    expect_at(to_guest({0.25, 0.25}, shown), 0, 0);
    expect_at(to_guest({0.75, 0.75}, shown), 1, 1);
    EXPECT_TRUE(is_on_picture(to_guest({0.5, 0.25}, shown)));
    EXPECT_FALSE(is_on_picture(to_guest({0.2, 0.5}, shown)));
    EXPECT_FALSE(is_on_picture(to_guest({0.5, 0.8}, shown)));
    expect_at(clamped(to_guest({0, 1}, shown)), 0, 1);
}

TEST(PointerMap, OfACroppedPictureTheScreenIsAPart) {
    const auto shown = centred({2048, 768});
    expect_at(to_guest({0, 0}, shown), 0.25, 0);
    expect_at(to_guest({1, 1}, shown), 0.75, 1);
}

TEST(PointerMap, ScalesWithThePicture) {
    const Size picture{640, 360};
    const PictureOnScreen shown{
        .screen = screen, .placement = place_scaled(picture, screen), .picture = picture};
    expect_at(to_guest({0.5, 0.5}, shown), 0.5, 0.5);
    expect_at(to_guest({0, 0.125}, shown), 0, 0);
    expect_at(to_guest({1, 0.875}, shown), 1, 1);
}

TEST(PointerMap, TurnsWithThePlane) {
    // Where the kernel puts the picture's upper left corner is where a finger finds it.
    const Rect corner{.size = {1, 1}};
    for (const auto rotation : {kms::Rotation::by_0, kms::Rotation::by_90, kms::Rotation::by_180,
                                kms::Rotation::by_270}) {
        const Rect turned = kms::rotated(corner, screen, rotation);
        const Size monitor = kms::rotated(screen, rotation);
        const AbsoluteMotion touched{(turned.x + 0.5) / monitor.width,
                                     (turned.y + 0.5) / monitor.height};
        auto shown = centred(screen);
        shown.rotation = rotation;
        expect_at(to_guest(touched, shown), 0.5 / screen.width, 0.5 / screen.height);
    }
}

}  // namespace
}  // namespace scanthru
