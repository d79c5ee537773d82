// SPDX-License-Identifier: MIT
#include "kms/formats.h"
#include "kms/types.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <drm_fourcc.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scanthru::kms {
namespace {

using ::testing::ElementsAre;

/// An IN_FORMATS blob of two formats, LINEAR for both and X_TILED for the second.
struct Blob {
    drm_format_modifier_blob header{.version = FORMAT_BLOB_CURRENT,
                                    .flags = 0,
                                    .count_formats = 2,
                                    .formats_offset = sizeof(drm_format_modifier_blob),
                                    .count_modifiers = 2,
                                    .modifiers_offset = sizeof(drm_format_modifier_blob) + 8};
    std::array<std::uint32_t, 2> formats{DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888};
    std::array<drm_format_modifier, 2> modifiers{{
        {.formats = 0b11, .offset = 0, .pad = 0, .modifier = DRM_FORMAT_MOD_LINEAR},
        {.formats = 0b1, .offset = 1, .pad = 0, .modifier = I915_FORMAT_MOD_X_TILED},
    }};

    std::span<const std::byte> bytes() const { return std::as_bytes(std::span{this, 1}); }
};

TEST(InFormats, AreReadFromMasksWithOffsets) {
    const Blob blob;
    const auto set = FormatSet::parse_in_formats(blob.bytes());
    ASSERT_TRUE(set);
    EXPECT_THAT(set->all(),
                ElementsAre(FormatModifier{DRM_FORMAT_ARGB8888, DRM_FORMAT_MOD_LINEAR},
                            FormatModifier{DRM_FORMAT_ARGB8888, I915_FORMAT_MOD_X_TILED},
                            FormatModifier{DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR}));
}

TEST(InFormats, AnswerForTheFormatTogetherWithTheModifier) {
    const Blob blob;
    const auto set = FormatSet::parse_in_formats(blob.bytes());
    ASSERT_TRUE(set);
    EXPECT_TRUE(set->contains(DRM_FORMAT_ARGB8888, I915_FORMAT_MOD_X_TILED));
    EXPECT_FALSE(set->contains(DRM_FORMAT_XRGB8888, I915_FORMAT_MOD_X_TILED));
    EXPECT_FALSE(set->contains(DRM_FORMAT_RGB565, DRM_FORMAT_MOD_LINEAR));
}

TEST(InFormats, MayBeEmpty) {
    Blob blob;
    blob.header.count_formats = 0;
    blob.header.count_modifiers = 0;
    const auto set = FormatSet::parse_in_formats(blob.bytes());
    ASSERT_TRUE(set);
    EXPECT_TRUE(set->all().empty());
}

TEST(InFormats, ThatNameAPairTwiceHoldItOnce) {
    Blob blob;
    blob.modifiers[1] = blob.modifiers[0];
    const auto set = FormatSet::parse_in_formats(blob.bytes());
    ASSERT_TRUE(set);
    EXPECT_EQ(set->all().size(), 2U);
}

TEST(InFormats, MayReachTheVeryEndOfTheBlob) {
    const Blob blob;
    EXPECT_TRUE(FormatSet::parse_in_formats(blob.bytes()));
    EXPECT_FALSE(FormatSet::parse_in_formats(blob.bytes().first(sizeof(Blob) - 1)));
}

struct Fault {
    const char* name;
    void (*plant)(Blob&);
};

class MalformedInFormats : public ::testing::TestWithParam<Fault> {};

TEST_P(MalformedInFormats, AreRefused) {
    Blob blob;
    GetParam().plant(blob);
    const auto set = FormatSet::parse_in_formats(blob.bytes());
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, EINVAL);
}

INSTANTIATE_TEST_SUITE_P(Faults,
                         MalformedInFormats,
                         ::testing::Values(Fault{"UnknownVersion",
                                                 [](Blob& blob) {
                                                     blob.header.version = 2;
                                                 }},
                                           Fault{"OneFormatTooMany",
                                                 [](Blob& blob) {
                                                     blob.header.count_formats = 100;
                                                 }},
                                           Fault{"FormatsThatWrap32Bits",
                                                 [](Blob& blob) {
                                                     blob.header.count_formats = 0x4000'0000;
                                                 }},
                                           Fault{"FormatsBeyondTheEnd",
                                                 [](Blob& blob) {
                                                     blob.header.formats_offset = 0xFFFF'FFFC;
                                                 }},
                                           Fault{"OneModifierTooMany",
                                                 [](Blob& blob) {
                                                     blob.header.count_modifiers = 3;
                                                 }},
                                           Fault{"ModifiersThatWrap32Bits",
                                                 [](Blob& blob) {
                                                     blob.header.count_modifiers = 0x1555'5556;
                                                 }},
                                           Fault{"ModifiersBeyondTheEnd",
                                                 [](Blob& blob) {
                                                     blob.header.modifiers_offset =
                                                         sizeof(Blob) - 4;
                                                 }},
                                           Fault{"BitWithoutAFormat",
                                                 [](Blob& blob) {
                                                     blob.modifiers[0].formats = 0b111;
                                                 }},
                                           Fault{"OffsetWithoutAFormat",
                                                 [](Blob& blob) {
                                                     blob.modifiers[1].offset = 2;
                                                 }},
                                           Fault{"OffsetThatWraps",
                                                 [](Blob& blob) {
                                                     blob.modifiers[1].formats = 0b10;
                                                     blob.modifiers[1].offset = 0xFFFF'FFFF;
                                                 }}),
                         [](const auto& row) { return row.param.name; });

TEST(InFormats, AreRefusedWhenTheHeaderIsCutShort) {
    const Blob blob;
    EXPECT_FALSE(FormatSet::parse_in_formats({}));
    EXPECT_FALSE(
        FormatSet::parse_in_formats(blob.bytes().first(sizeof(drm_format_modifier_blob) - 1)));
}

TEST(FormatSet, OfAPlainListIsLinear) {
    const std::array<std::uint32_t, 3> formats{DRM_FORMAT_XRGB8888, DRM_FORMAT_RGB565,
                                               DRM_FORMAT_XRGB8888};
    const FormatSet set = FormatSet::linear(formats);
    EXPECT_TRUE(set.contains(DRM_FORMAT_RGB565, DRM_FORMAT_MOD_LINEAR));
    EXPECT_FALSE(set.contains(DRM_FORMAT_RGB565, I915_FORMAT_MOD_X_TILED));
    EXPECT_EQ(set.all().size(), 2U);
}

TEST(FormatName, SpellsTheFourLetters) {
    EXPECT_EQ(format_name(DRM_FORMAT_XRGB8888), "XR24");
    EXPECT_EQ(format_name(DRM_FORMAT_C8), "C8  ");
}

TEST(FormatName, KeepsTerminalsSafeFromGuests) {
    EXPECT_EQ(format_name(0), "????");
    EXPECT_EQ(format_name(0x1B7F'80FF), "????");
    EXPECT_EQ(format_name(0x7E20'411B), "?A ~");
}

TEST(ModifierName, NamesVendorAndLayout) {
    EXPECT_EQ(modifier_name(DRM_FORMAT_MOD_LINEAR), "LINEAR");
    EXPECT_EQ(modifier_name(I915_FORMAT_MOD_X_TILED), "INTEL_X_TILED");
}

TEST(ModifierName, GivesTheNumberOfTheUnknown) {
    EXPECT_EQ(modifier_name(0x7F00'0000'0000'0001), "0x7f00000000000001");
}

}  // namespace
}  // namespace scanthru::kms
