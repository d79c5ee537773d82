// SPDX-License-Identifier: MIT
#include "presenter/pixels.h"

#include <array>
#include <cstring>
#include <drm_fourcc.h>
#include <gmock/gmock.h>

namespace scanthru {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

vfio::Geometry geometry_of(std::uint32_t format, Size size, std::uint32_t stride) {
    return {.format = format, .modifier = DRM_FORMAT_MOD_LINEAR, .size = size, .stride = stride};
}

std::vector<std::byte> bytes_of(const std::vector<std::uint32_t>& words) {
    std::vector<std::byte> bytes(words.size() * sizeof(std::uint32_t));
    std::memcpy(bytes.data(), words.data(), bytes.size());
    return bytes;
}

/// `source` in its own size, from `at` on.
Placement drawn(const Rect& source, Point at) {
    return {source, {at.x, at.y, source.size}};
}

Rect whole(Size size) {
    return {.x = 0, .y = 0, .size = size};
}

std::vector<std::uint8_t> read_pixel(std::uint32_t format, std::uint32_t word) {
    Pixels target = black_pixels({1, 1});
    draw_picture(target, bytes_of({word}), geometry_of(format, {1, 1}, 4), drawn(whole({1, 1}), {}),
                 Blend::none);
    return target.rgb;
}

TEST(Pixels, EveryFormatIsReadByTheBitsOfDrmFourcc) {
    struct Case {
        std::uint32_t format;
        std::uint32_t word;
    };
    // Red 0x33, green 0x66, blue 0xcc in each.
    const std::vector<Case> cases{
        {DRM_FORMAT_XRGB8888, 0x003366CC}, {DRM_FORMAT_ARGB8888, 0x003366CC},
        {DRM_FORMAT_XBGR8888, 0x00CC6633}, {DRM_FORMAT_ABGR8888, 0x00CC6633},
        {DRM_FORMAT_RGBX8888, 0x3366CC00}, {DRM_FORMAT_RGBA8888, 0x3366CC00},
        {DRM_FORMAT_BGRX8888, 0xCC663300}, {DRM_FORMAT_BGRA8888, 0xCC663300},
    };
    for (const Case& c : cases)
        EXPECT_THAT(read_pixel(c.format, c.word), ElementsAre(0x33, 0x66, 0xCC)) << c.format;
}

TEST(Pixels, ChannelsOfTenBitsAreScaledToTheNearest) {
    const std::uint32_t red = 1023U << 20;
    const std::uint32_t green = 512U << 10;  // 127.62 of 255
    const std::uint32_t blue = 1;            // 0.25 of 255
    EXPECT_THAT(read_pixel(DRM_FORMAT_XRGB2101010, red | green | blue), ElementsAre(255, 128, 0));
    EXPECT_THAT(read_pixel(DRM_FORMAT_ARGB2101010, red | green | blue), ElementsAre(255, 128, 0));
    EXPECT_THAT(read_pixel(DRM_FORMAT_XBGR2101010, red | green | blue), ElementsAre(0, 128, 255));
    EXPECT_THAT(read_pixel(DRM_FORMAT_ABGR2101010, red | green | blue), ElementsAre(0, 128, 255));
}

TEST(Pixels, Rgb565ReachesBothEndsOfTheScale) {
    EXPECT_THAT(read_pixel(DRM_FORMAT_RGB565, 0xFFFF), ElementsAre(255, 255, 255));
    EXPECT_THAT(read_pixel(DRM_FORMAT_RGB565, 0xF800), ElementsAre(255, 0, 0));
    EXPECT_THAT(read_pixel(DRM_FORMAT_RGB565, 0x07E0), ElementsAre(0, 255, 0));
    EXPECT_THAT(read_pixel(DRM_FORMAT_RGB565, 0x0010), ElementsAre(0, 0, 132));
}

TEST(Pixels, RowsBeginAtMultiplesOfTheStride) {
    const Size size{1, 2};
    Pixels target = black_pixels(size);
    // The last row has no padding behind it.
    draw_picture(target, bytes_of({0x010203, 0xFFFFFF, 0xFFFFFF, 0x040506}),
                 geometry_of(DRM_FORMAT_XRGB8888, size, 12), drawn(whole(size), {}), Blend::none);
    EXPECT_THAT(target.rgb, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Pixels, OnlyTheSourceIsDrawn) {
    Pixels target = black_pixels({1, 1});
    draw_picture(target, bytes_of({1, 2, 3, 4}), geometry_of(DRM_FORMAT_XRGB8888, {2, 2}, 8),
                 drawn({.x = 1, .y = 1, .size = {1, 1}}, {}), Blend::none);
    EXPECT_THAT(target.rgb, ElementsAre(0, 0, 4));
}

TEST(Pixels, WhatLiesOutsideIsCutOffAtEveryEdge) {
    const Size image{2, 2};
    const auto memory = bytes_of({1, 2, 3, 4});
    const auto geometry = geometry_of(DRM_FORMAT_XRGB8888, image, 8);
    const auto blue_at = [&](Point at) {
        Pixels target = black_pixels({2, 2});
        draw_picture(target, memory, geometry, drawn(whole(image), at), Blend::none);
        return std::array{target.rgb[2], target.rgb[5], target.rgb[8], target.rgb[11]};
    };
    EXPECT_THAT(blue_at({0, 0}), ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(blue_at({-1, 0}), ElementsAre(2, 0, 4, 0));
    EXPECT_THAT(blue_at({1, 0}), ElementsAre(0, 1, 0, 3));
    EXPECT_THAT(blue_at({0, -1}), ElementsAre(3, 4, 0, 0));
    EXPECT_THAT(blue_at({0, 1}), ElementsAre(0, 0, 1, 2));
    for (const Point far : {Point{2, 0}, Point{-2, 0}, Point{0, 2}, Point{0, -2},
                            Point{INT32_MIN, INT32_MIN}, Point{INT32_MAX, INT32_MAX}})
        EXPECT_THAT(blue_at(far), ElementsAre(0, 0, 0, 0)) << far.x;
}

TEST(Pixels, ACursorCoversByItsAlpha) {
    const auto blend = [](std::uint32_t below, std::uint32_t above) {
        Pixels target = black_pixels({1, 1});
        const auto geometry = geometry_of(DRM_FORMAT_ARGB8888, {1, 1}, 4);
        draw_picture(target, bytes_of({below}), geometry, drawn(whole({1, 1}), {}), Blend::none);
        draw_picture(target, bytes_of({above}), geometry, drawn(whole({1, 1}), {}),
                     Blend::premultiplied);
        return target.rgb;
    };
    EXPECT_THAT(blend(0x646464, 0x00000000), ElementsAre(100, 100, 100));
    EXPECT_THAT(blend(0x646464, 0xFF0A141E), ElementsAre(10, 20, 30));
    // 100 * (255 - 128) / 255 = 49.8, and the colour holds its alpha already.
    EXPECT_THAT(blend(0x646464, 0x80400000), ElementsAre(64 + 50, 50, 50));
    // More colour than alpha: the hardware saturates.
    EXPECT_THAT(blend(0xFFFFFF, 0x00FF0000), ElementsAre(255, 255, 255));
}

TEST(Pixels, TheAlphaOfAPrimaryDoesNotMatter) {
    EXPECT_THAT(read_pixel(DRM_FORMAT_ARGB8888, 0x00112233), ElementsAre(0x11, 0x22, 0x33));
}

TEST(Pixels, ATiledPictureIsNamedAsSuch) {
    auto geometry = geometry_of(DRM_FORMAT_XRGB8888, {64, 64}, 256);
    geometry.modifier = I915_FORMAT_MOD_X_TILED;
    const auto measured = measure_picture(geometry);
    ASSERT_FALSE(measured);
    EXPECT_THAT(measured.error(), HasSubstr("is tiled"));
    EXPECT_THAT(measured.error(), HasSubstr("X_TILED"));
}

TEST(Pixels, AFormatThatIsNotReadIsNamed) {
    const auto measured = measure_picture(geometry_of(DRM_FORMAT_YUYV, {64, 64}, 128));
    ASSERT_FALSE(measured);
    EXPECT_THAT(measured.error(), HasSubstr("YUYV"));
}

TEST(Pixels, ThePaddingOfTheLastRowNeedNotBeThere) {
    EXPECT_EQ(*measure_picture(geometry_of(DRM_FORMAT_XRGB8888, {10, 3}, 64)), 64 * 2 + 40);
    EXPECT_EQ(*measure_picture(geometry_of(DRM_FORMAT_RGB565, {10, 1}, 64)), 20);
}

TEST(Pixels, MeasuringDoesNotWrap) {
    const std::uint32_t most = 0xFFFFFFFC;
    EXPECT_EQ(*measure_picture(geometry_of(DRM_FORMAT_XRGB8888, {0x3FFFFFFF, 0xFFFFFFFF}, most)),
              std::uint64_t{most} * 0xFFFFFFFE + most);
    EXPECT_FALSE(measure_picture(geometry_of(DRM_FORMAT_XRGB8888, {0x40000000, 1}, 0)));
    EXPECT_FALSE(measure_picture(geometry_of(DRM_FORMAT_XRGB8888, {1, 0}, 4)));
}

}  // namespace
}  // namespace scanthru
