// SPDX-License-Identifier: MIT
#include "unit/plane_samples.h"
#include "vfio/plane_info.h"

#include <climits>
#include <drm_fourcc.h>
#include <gtest/gtest.h>
#include <linux/vfio.h>
#include <string>
#include <vector>

namespace scanthru::vfio {
namespace {

using testing::cursor;
using testing::full_hd;

/// What must have passed.
GuestPlane accepted(const RawPlane& raw) {
    const auto plane = inspect(raw, static_cast<PlaneType>(raw.drm_plane_type), {});
    if (!plane || !*plane) {
        ADD_FAILURE() << (plane ? "off" : to_string(plane.error()));
        return {};
    }
    return **plane;
}

/// One field of an otherwise good answer, and what is to come of it.
struct Row {
    std::string name;
    RawPlane raw;
    std::optional<Rejected> expected{};  ///< Absent: accepted.
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
    return out << row.name;
}

template <class T, class V>
Row primary_with(std::string name, T RawPlane::*field, V value, std::optional<Rejected> expected) {
    Row row{.name = std::move(name), .raw = full_hd(), .expected = expected};
    row.raw.*field = static_cast<T>(value);
    return row;
}

template <class T, class V>
Row cursor_with(std::string name, T RawPlane::*field, V value, std::optional<Rejected> expected) {
    Row row{.name = std::move(name), .raw = cursor(), .expected = expected};
    row.raw.*field = static_cast<T>(value);
    return row;
}

/// A primary plane whose buffer fits exactly, whatever the size.
Row sized(std::string name, Size size, std::optional<Rejected> expected) {
    Row row{.name = std::move(name), .raw = full_hd(), .expected = expected};
    row.raw.width = size.width;
    row.raw.height = size.height;
    row.raw.stride = size.width * 4;
    row.raw.size = size.width * 4 * size.height;
    return row;
}

Row cursor_sized(std::string name, Size size, std::optional<Rejected> expected) {
    Row row = sized(std::move(name), size, expected);
    row.raw.drm_plane_type = 2;
    row.raw.drm_format = DRM_FORMAT_ARGB8888;
    return row;
}

constexpr std::optional<Rejected> fine = std::nullopt;

std::vector<Row> answers() {
    return {
        primary_with("argsz_zero", &RawPlane::argsz, 0, Rejected::answer),
        primary_with("argsz_short", &RawPlane::argsz, 51, Rejected::answer),
        primary_with("argsz_of_the_draft", &RawPlane::argsz, 52, fine),
        primary_with("argsz_without_padding", &RawPlane::argsz, 60, fine),
        primary_with("argsz_below_the_dialects", &RawPlane::min_argsz, 65, Rejected::answer),
        primary_with("argsz_longest", &RawPlane::argsz, max_argsz, fine),
        primary_with("argsz_huge", &RawPlane::argsz, UINT32_MAX, Rejected::answer),
        primary_with("flags_zero", &RawPlane::flags, 0, Rejected::answer),
        primary_with("flags_of_a_probe", &RawPlane::flags, 3, Rejected::answer),
        primary_with("flags_region", &RawPlane::flags, 4, Rejected::answer),
        primary_with("flags_unknown", &RawPlane::flags, 10, Rejected::answer),
        primary_with("type_overlay", &RawPlane::drm_plane_type, 0, Rejected::answer),
        primary_with("type_unknown", &RawPlane::drm_plane_type, 3, Rejected::answer),
    };
}

std::vector<Row> formats() {
    constexpr auto field = &RawPlane::drm_format;
    return {
        primary_with("format_zero_with_size", field, 0, Rejected::format),
        primary_with("format_unknown", field, 0x12345678, Rejected::format),
        primary_with("format_ones", field, UINT32_MAX, Rejected::format),
        primary_with("format_yuv_packed", field, DRM_FORMAT_YUYV, Rejected::format),
        primary_with("format_uyvy", field, DRM_FORMAT_UYVY, Rejected::format),
        primary_with("format_ayuv", field, DRM_FORMAT_AYUV, Rejected::format),
        primary_with("format_yuv_planar", field, DRM_FORMAT_NV12, Rejected::format),
        primary_with("format_paletted", field, DRM_FORMAT_C8, Rejected::format),
        primary_with("format_three_bytes", field, DRM_FORMAT_RGB888, Rejected::format),
        primary_with("format_half_float", field, DRM_FORMAT_XRGB16161616F, Rejected::format),
        primary_with("format_big_endian", field, DRM_FORMAT_XRGB8888 | DRM_FORMAT_BIG_ENDIAN,
                     Rejected::format),
        primary_with("format_rgb565", field, DRM_FORMAT_RGB565, fine),
        primary_with("format_argb_on_primary", field, DRM_FORMAT_ARGB8888, fine),
        primary_with("format_xbgr", field, DRM_FORMAT_XBGR8888, fine),
        primary_with("format_abgr", field, DRM_FORMAT_ABGR8888, fine),
        primary_with("format_rgbx", field, DRM_FORMAT_RGBX8888, fine),
        primary_with("format_bgrx", field, DRM_FORMAT_BGRX8888, fine),
        primary_with("format_rgba", field, DRM_FORMAT_RGBA8888, fine),
        primary_with("format_bgra", field, DRM_FORMAT_BGRA8888, fine),
        primary_with("format_xrgb_deep", field, DRM_FORMAT_XRGB2101010, fine),
        primary_with("format_xbgr_deep", field, DRM_FORMAT_XBGR2101010, fine),
        primary_with("format_argb_deep", field, DRM_FORMAT_ARGB2101010, fine),
        primary_with("format_abgr_deep", field, DRM_FORMAT_ABGR2101010, fine),
        cursor_with("cursor_abgr", field, DRM_FORMAT_ABGR8888, fine),
        cursor_with("cursor_argb_deep", field, DRM_FORMAT_ARGB2101010, fine),
        cursor_with("cursor_without_alpha", field, DRM_FORMAT_XRGB8888, Rejected::format),
        cursor_with("cursor_rgb565", field, DRM_FORMAT_RGB565, Rejected::format),
    };
}

std::vector<Row> modifiers() {
    constexpr auto field = &RawPlane::drm_format_mod;
    return {
        primary_with("modifier_invalid", field, DRM_FORMAT_MOD_INVALID, Rejected::modifier),
        primary_with("modifier_without_vendor", field, 1, Rejected::modifier),
        primary_with("modifier_x_tiled", field, I915_FORMAT_MOD_X_TILED, fine),
        primary_with("modifier_y_tiled", field, I915_FORMAT_MOD_Y_TILED, fine),
        primary_with("modifier_of_the_last_vendor", field, fourcc_mod_code(AMLOGIC, 1), fine),
        primary_with("modifier_unknown_vendor", field, std::uint64_t{0x0B} << 56 | 1,
                     Rejected::modifier),
        primary_with("modifier_ones", field, UINT64_MAX, Rejected::modifier),
    };
}

std::vector<Row> sizes() {
    constexpr auto width = &RawPlane::width;
    constexpr auto height = &RawPlane::height;
    return {
        primary_with("width_0", width, 0, Rejected::size),
        primary_with("height_0", height, 0, Rejected::size),
        primary_with("width_1", width, 1, fine),
        primary_with("height_1", height, 1, fine),
        primary_with("width_19", width, 19, fine),
        primary_with("height_19", height, 19, fine),
        sized("width_8192", {8192, 16}, fine),
        sized("height_8192", {16, 8192}, fine),
        sized("width_8193", {8193, 16}, Rejected::size),
        sized("height_8193", {16, 8193}, Rejected::size),
        primary_with("width_2_31", width, 0x80000000, Rejected::size),
        primary_with("height_2_31", height, 0x80000000, Rejected::size),
        primary_with("width_2_32", width, UINT32_MAX, Rejected::size),
        primary_with("height_2_32", height, UINT32_MAX, Rejected::size),
        cursor_sized("cursor_1", {1, 1}, fine),
        cursor_sized("cursor_16", {16, 16}, fine),
        cursor_sized("cursor_512", {512, 512}, fine),
        cursor_sized("cursor_above_the_cap", {513, 16}, Rejected::size),
        cursor_sized("cursor_higher_than_the_cap", {16, 513}, Rejected::size),
        cursor_sized("cursor_0", {0, 0}, Rejected::size),
    };
}

std::vector<Row> extents() {
    constexpr auto stride = &RawPlane::stride;
    constexpr auto size = &RawPlane::size;
    return {
        primary_with("stride_0", stride, 0, Rejected::stride),
        primary_with("stride_short", stride, 1920 * 4 - 1, Rejected::stride),
        primary_with("stride_short_by_a_pixel", stride, 1920 * 4 - 4, Rejected::stride),
        primary_with("stride_odd", stride, 1920 * 4 + 1, Rejected::stride),
        primary_with("stride_wraps", stride, UINT32_MAX - 3, Rejected::extent),
        primary_with("stride_too_long_for_the_buffer", stride, 1920 * 4 + 4, Rejected::extent),
        primary_with("size_0", size, 0, Rejected::extent),
        primary_with("size_short_by_a_byte", size, 1920 * 4 * 1080 - 1, Rejected::extent),
        primary_with("size_larger_than_needed", size, 1920 * 4 * 1080 + 4096, fine),
        primary_with("size_at_the_limit", size, 1U << 28, fine),
        primary_with("size_above_the_limit", size, (1U << 28) + 1, Rejected::extent),
        primary_with("size_2_32", size, UINT32_MAX, Rejected::extent),
    };
}

std::vector<Row> harmless() {
    std::vector<Row> rows;
    for (const std::int64_t at : {-1, -64, -1920, 32767, -32767, INT_MIN, INT_MAX}) {
        const auto name = (at < 0 ? "minus_" : "") + std::to_string(std::abs(at));
        rows.push_back(primary_with("x_" + name, &RawPlane::x_pos, at, fine));
        rows.push_back(cursor_with("cursor_y_" + name, &RawPlane::y_pos, at, fine));
    }
    rows.push_back(cursor_with("x_hot_unknown", &RawPlane::x_hot, UINT32_MAX, fine));
    rows.push_back(cursor_with("y_hot_beyond", &RawPlane::y_hot, 64, fine));
    rows.push_back(primary_with("id_0", &RawPlane::dmabuf_id, 0, fine));
    rows.push_back(primary_with("id_2_32", &RawPlane::dmabuf_id, UINT32_MAX, fine));
    return rows;
}

class InspectField : public ::testing::TestWithParam<Row> {};

TEST_P(InspectField, DecidesAsTheTableSays) {
    const Row& row = GetParam();
    const auto asked = row.raw.drm_plane_type == 2 ? PlaneType::cursor : PlaneType::primary;
    const auto plane = inspect(row.raw, asked, {});
    if (row.expected) {
        ASSERT_FALSE(plane);
        EXPECT_EQ(to_string(plane.error()), to_string(*row.expected));
    } else {
        ASSERT_TRUE(plane) << to_string(plane.error());
        EXPECT_TRUE(*plane);
    }
}

const auto name_of = [](const auto& test) {
    return test.param.name;
};
INSTANTIATE_TEST_SUITE_P(Answer, InspectField, ::testing::ValuesIn(answers()), name_of);
INSTANTIATE_TEST_SUITE_P(Format, InspectField, ::testing::ValuesIn(formats()), name_of);
INSTANTIATE_TEST_SUITE_P(Modifier, InspectField, ::testing::ValuesIn(modifiers()), name_of);
INSTANTIATE_TEST_SUITE_P(Size, InspectField, ::testing::ValuesIn(sizes()), name_of);
INSTANTIATE_TEST_SUITE_P(Extent, InspectField, ::testing::ValuesIn(extents()), name_of);
INSTANTIATE_TEST_SUITE_P(Harmless, InspectField, ::testing::ValuesIn(harmless()), name_of);

TEST(Inspect, AnOrdinaryScreenComesThroughWordForWord) {
    EXPECT_EQ(accepted(full_hd()), (GuestPlane{
                                       .buffer = {.dmabuf_id = 7,
                                                  .geometry = {.format = DRM_FORMAT_XRGB8888,
                                                               .modifier = DRM_FORMAT_MOD_LINEAR,
                                                               .size = {1920, 1080},
                                                               .stride = 7680}},
                                       .bytes = std::uint64_t{7680} * 1080,
                                       .position = {0, 0},
                                   }));
}

TEST(Inspect, PositionsAreSigned) {
    RawPlane raw = cursor();
    raw.x_pos = UINT32_MAX;
    raw.y_pos = 0x80000000;
    EXPECT_EQ(accepted(raw).position, (Point{-1, INT_MIN}));
}

TEST(Inspect, AHotspotWithinTheImageIsKnown) {
    RawPlane raw = cursor();
    raw.x_hot = 0;
    raw.y_hot = 63;
    EXPECT_EQ(accepted(raw).hotspot, (Point{0, 63}));
}

TEST(Inspect, AHotspotBeyondTheImageIsUnknown) {
    RawPlane raw = cursor();
    raw.x_hot = 64;
    raw.y_hot = 0;
    EXPECT_FALSE(accepted(raw).hotspot);
    raw.x_hot = 0;
    raw.y_hot = 64;
    EXPECT_FALSE(accepted(raw).hotspot);
}

TEST(Inspect, HalfAHotspotIsUnknown) {
    RawPlane raw = cursor();
    raw.x_hot = 1;
    EXPECT_FALSE(accepted(raw).hotspot);
}

TEST(Inspect, AnAnswerOfZerosIsAPlaneThatIsOff) {
    RawPlane raw;
    raw.argsz = 64;
    raw.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
    raw.drm_plane_type = 2;
    const auto plane = inspect(raw, PlaneType::cursor, {});
    ASSERT_TRUE(plane);
    EXPECT_FALSE(*plane);
}

TEST(Inspect, APlaneIsOffWhateverItsOtherFieldsSay) {
    RawPlane raw = full_hd();
    raw.drm_format = 0;
    raw.width = 0;
    raw.height = 0;
    raw.size = 0;
    raw.drm_format_mod = DRM_FORMAT_MOD_INVALID;
    const auto plane = inspect(raw, PlaneType::primary, {});
    ASSERT_TRUE(plane);
    EXPECT_FALSE(*plane);
}

TEST(Inspect, APlaneThatIsHalfOffIsNonsense) {
    for (const auto field : {&RawPlane::width, &RawPlane::height, &RawPlane::size}) {
        RawPlane raw = full_hd();
        raw.drm_format = 0;
        raw.width = raw.height = raw.size = 0;
        raw.*field = 1;
        const auto plane = inspect(raw, PlaneType::primary, {});
        ASSERT_FALSE(plane);
        EXPECT_EQ(plane.error(), Rejected::format);
    }
}

TEST(Inspect, EvenAPlaneThatIsOffMustBeTheOneThatWasAskedFor) {
    RawPlane raw;
    raw.argsz = 64;
    raw.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
    raw.drm_plane_type = 1;
    const auto plane = inspect(raw, PlaneType::cursor, {});
    ASSERT_FALSE(plane);
    EXPECT_EQ(plane.error(), Rejected::answer);
}

TEST(Inspect, TheLastRowNeedsNoPadding) {
    RawPlane raw = full_hd();
    raw.stride = 8192;
    raw.size = 8192 * 1079 + 7680;
    EXPECT_EQ(accepted(raw).bytes, raw.size);
    --raw.size;
    EXPECT_EQ(inspect(raw, PlaneType::primary, {}).error(), Rejected::extent);
}

TEST(Inspect, ATiledRowMayEndWithinAPixel) {
    RawPlane raw = full_hd();
    raw.drm_format_mod = I915_FORMAT_MOD_X_TILED;
    raw.stride = 7681;
    raw.size = 7681 * 1080;
    EXPECT_EQ(accepted(raw).buffer.geometry.stride, 7681U);
}

TEST(Inspect, TheHostsLimitsDecideAndNotTheDefaults) {
    const Limits limits{.max_size = {800, 600}, .max_cursor = {32, 32}, .max_bytes = 4096};
    EXPECT_EQ(inspect(full_hd(), PlaneType::primary, limits).error(), Rejected::size);
    EXPECT_EQ(inspect(cursor(), PlaneType::cursor, limits).error(), Rejected::size);
    RawPlane raw = cursor();
    raw.width = raw.height = 32;
    EXPECT_EQ(inspect(raw, PlaneType::cursor, limits).error(), Rejected::extent);
}

TEST(Inspect, EveryReasonHasAName) {
    for (std::size_t reason = 0; reason < rejected_count; ++reason)
        EXPECT_NE(to_string(static_cast<Rejected>(reason)), "?");
    EXPECT_EQ(to_string(static_cast<Rejected>(rejected_count)), "?");
}

}  // namespace
}  // namespace scanthru::vfio
