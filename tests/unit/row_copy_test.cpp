// SPDX-License-Identifier: MIT
#include "presenter/copier.h"
#include "presenter/pixel_layout.h"
#include "presenter/row_copy.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace scanthru {
namespace {

TEST(StreamCopy, CopiesEveryByteAndNoOtherAtEveryAlignment) {
    std::vector<std::byte> from(2048);
    for (std::size_t i = 0; i < from.size(); ++i)
        from[i] = static_cast<std::byte>(i * 7 + 1);
    for (const std::size_t length : {0, 1, 15, 16, 31, 64, 127, 128, 129, 255, 1280})
        for (const std::size_t source : {0, 1, 4, 17, 31})
            for (const std::size_t target : {0, 1, 4, 31}) {
                std::vector<std::byte> to(2048, std::byte{0xEE});
                stream_copy(to.data() + 64 + target, from.data() + source, length);
                const auto first = to.begin() + 64 + static_cast<std::ptrdiff_t>(target);
                const auto last = first + static_cast<std::ptrdiff_t>(length);
                EXPECT_TRUE(
                    std::equal(first, last, from.begin() + static_cast<std::ptrdiff_t>(source)))
                    << length << " bytes from " << source << " to " << target;
                EXPECT_EQ(std::count(to.begin(), first, std::byte{0xEE}), first - to.begin());
                EXPECT_EQ(std::count(last, to.end(), std::byte{0xEE}), to.end() - last);
            }
}

struct Conversion {
    std::uint32_t format;
    std::uint32_t word;
    std::uint32_t argb;
};

TEST(RowConverter, GivesTheNearestColoursOf8BitsAndKeepsAlpha) {
    for (const Conversion& one : {
             Conversion{DRM_FORMAT_XBGR8888, 0x99112233, 0xFF332211},
             Conversion{DRM_FORMAT_ABGR8888, 0x80112233, 0x80332211},
             Conversion{DRM_FORMAT_RGBX8888, 0x11223399, 0xFF112233},
             Conversion{DRM_FORMAT_RGBA8888, 0x11223380, 0x80112233},
             Conversion{DRM_FORMAT_BGRX8888, 0x33221199, 0xFF112233},
             Conversion{DRM_FORMAT_BGRA8888, 0x33221180, 0x80112233},
             Conversion{DRM_FORMAT_RGB565, 0xF81F, 0xFFFF00FF},
             Conversion{DRM_FORMAT_RGB565, 0x07E0, 0xFF00FF00},
             Conversion{DRM_FORMAT_RGB565, 0x8410, 0xFF848284},
             Conversion{DRM_FORMAT_XRGB2101010, 0x3FF00000, 0xFFFF0000},
             Conversion{DRM_FORMAT_XRGB2101010, 512U << 10, 0xFF008000},
             Conversion{DRM_FORMAT_ARGB2101010, 0x400003FF, 0x550000FF},
             Conversion{DRM_FORMAT_XBGR2101010, 0x3FF, 0xFFFF0000},
             Conversion{DRM_FORMAT_ABGR2101010, 0xC00003FF, 0xFFFF0000},
         }) {
        const RowConverter convert = find_converter(one.format);
        ASSERT_NE(convert, nullptr) << std::hex << one.format;
        std::vector<std::byte> row(12);
        const std::uint32_t bytes = lookup_layout(one.format)->bytes;
        for (std::size_t i = 0; i < 3; ++i)
            std::memcpy(row.data() + i * bytes, &one.word, bytes);
        std::vector<std::uint32_t> out(3);
        convert(reinterpret_cast<std::byte*>(out.data()), row.data(), 3);
        EXPECT_EQ(out, std::vector<std::uint32_t>(3, one.argb)) << std::hex << one.format;
    }
}

TEST(RowConverter, IsNotNeededForWordsThatAreRightAlready) {
    EXPECT_EQ(find_converter(DRM_FORMAT_XRGB8888), nullptr);
    EXPECT_EQ(find_converter(DRM_FORMAT_ARGB8888), nullptr);
}

kms::FormatSet shows(std::initializer_list<std::uint32_t> formats) {
    return kms::FormatSet::linear(std::span{formats.begin(), formats.size()});
}

TEST(HostFormat, IsTheGuestsOwnWhereThePlaneShowsIt) {
    const auto chosen = choose_host_format(DRM_FORMAT_RGB565,
                                           shows({DRM_FORMAT_RGB565, DRM_FORMAT_XRGB8888}), false);
    EXPECT_EQ(chosen, (HostFormat{DRM_FORMAT_RGB565, nullptr}));
}

TEST(HostFormat, HasNoAlphaOnAPrimaryPlane) {
    const auto formats = shows({DRM_FORMAT_ARGB8888, DRM_FORMAT_XRGB8888});
    EXPECT_EQ(choose_host_format(DRM_FORMAT_ARGB8888, formats, false),
              (HostFormat{DRM_FORMAT_XRGB8888, nullptr}));
}

TEST(HostFormat, IsConvertedWhereThePlaneLacksTheGuests) {
    const auto formats = shows({DRM_FORMAT_XRGB8888});
    for (const std::uint32_t guest :
         {DRM_FORMAT_RGB565, DRM_FORMAT_XBGR8888, DRM_FORMAT_XRGB2101010, DRM_FORMAT_BGRA8888})
        EXPECT_EQ(choose_host_format(guest, formats, false),
                  (HostFormat{DRM_FORMAT_XRGB8888, find_converter(guest)}));
}

TEST(HostFormat, OfACursorHasAlpha) {
    const auto formats = shows({DRM_FORMAT_ARGB8888, DRM_FORMAT_XRGB8888});
    EXPECT_EQ(choose_host_format(DRM_FORMAT_ARGB8888, formats, true),
              (HostFormat{DRM_FORMAT_ARGB8888, nullptr}));
    EXPECT_EQ(choose_host_format(DRM_FORMAT_ABGR8888, formats, true),
              (HostFormat{DRM_FORMAT_ARGB8888, find_converter(DRM_FORMAT_ABGR8888)}));
    EXPECT_FALSE(choose_host_format(DRM_FORMAT_XRGB8888, formats, true))
        << "its fourth byte is anything";
}

TEST(HostFormat, IsNoneWhereThePlaneShowsNothingWeCanMake) {
    EXPECT_FALSE(choose_host_format(DRM_FORMAT_XRGB8888, shows({DRM_FORMAT_RGB565}), false));
}

}  // namespace
}  // namespace scanthru
