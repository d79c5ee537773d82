// SPDX-License-Identifier: MIT
#include "unit/plane_samples.h"

#include <array>
#include <gtest/gtest.h>
#include <random>

namespace scanthru::vfio {
namespace {

using testing::cursor;
using testing::full_hd;

/// Numbers as a hostile guest would pick them.
class OddNumbers {
public:
    std::uint32_t next() {
        constexpr std::array<std::uint32_t, 12> edges{
            0, 1, 4, 64, 1080, 1920, 7680, 8192, 8193, 0x7FFFFFFF, 0x80000000, UINT32_MAX};
        const std::uint32_t edge = edges.at(any() % edges.size());
        switch (any() % 4) {
        case 0: return edge;
        case 1: return edge + 1 - any() % 3;
        default: return any() >> any() % 32;
        }
    }

private:
    std::uint32_t any() { return static_cast<std::uint32_t>(random_()); }

    // The same numbers every time: a failure must come again.
    std::mt19937 random_{1};  // NOLINT(cert-msc51-cpp)
};

__extension__ using Wide = unsigned __int128;  // Cannot wrap here.

void expect_fits(const GuestPlane& plane, std::uint32_t cpp) {
    const Geometry& geometry = plane.buffer.geometry;
    const Wide row = Wide{geometry.size.width} * cpp;
    EXPECT_LE(row, Wide{geometry.stride});
    EXPECT_LE(Wide{geometry.stride} * (geometry.size.height - 1) + row, Wide{plane.bytes});
    EXPECT_LE(plane.bytes, Limits{}.max_bytes);
}

bool contains(Size size, Point point) {
    return point.x >= 0 && std::int64_t{point.x} < size.width && point.y >= 0 &&
           std::int64_t{point.y} < size.height;
}

/// Every promise of a GuestPlane.
void expect_within(const GuestPlane& plane, const Size& max_size, std::uint32_t cpp) {
    const Size size = plane.buffer.geometry.size;
    EXPECT_TRUE(size.width >= 1 && size.width <= max_size.width) << size.width;
    EXPECT_TRUE(size.height >= 1 && size.height <= max_size.height) << size.height;
    EXPECT_TRUE(!plane.hotspot || contains(size, *plane.hotspot));
    expect_fits(plane, cpp);
}

TEST(InspectRandom, WhateverTheGuestSaysOnlyWhatFitsIsAccepted) {
    OddNumbers odd;
    int passed = 0;
    for (int i = 0; i < 300'000; ++i) {
        RawPlane raw = full_hd();
        raw.drm_format = odd.next() % 2 == 0 ? DRM_FORMAT_RGB565 : DRM_FORMAT_XRGB8888;
        raw.width = odd.next() % 10'000;
        raw.height = odd.next() % 10'000;
        raw.stride = odd.next();
        raw.size = odd.next();
        raw.x_hot = odd.next();
        raw.y_hot = odd.next();
        const auto plane = inspect(raw, PlaneType::primary, {});
        if (!plane || !*plane) continue;
        ++passed;
        expect_within(**plane, Limits{}.max_size, raw.drm_format == DRM_FORMAT_RGB565 ? 2 : 4);
    }
    EXPECT_GT(passed, 1000);
}

TEST(InspectRandom, ARandomCursorIsAcceptedOnlyWithinTheCursorsLimits) {
    OddNumbers odd;
    int passed = 0;
    for (int i = 0; i < 100'000; ++i) {
        RawPlane raw = cursor();
        raw.width = odd.next() % 600;
        raw.height = odd.next() % 600;
        raw.stride = odd.next() & ~3U;
        raw.size = odd.next();
        const auto plane = inspect(raw, PlaneType::cursor, {});
        if (!plane || !*plane) continue;
        ++passed;
        expect_within(**plane, Limits{}.max_cursor, 4);
    }
    EXPECT_GT(passed, 1000);
}

}  // namespace
}  // namespace scanthru::vfio
