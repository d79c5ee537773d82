// SPDX-License-Identifier: MIT
// Every format with every layout, size, policy and cursor: which rung, where, and which cursor.
#include "presenter_fixture.h"

#include <array>
#include <cstdlib>
#include <cstring>

namespace scanthru {
namespace {

using testing::guest_cursor;
using testing::GuestPicture;
using vfio::PlaneType;

constexpr std::uint64_t tiled = 72057594037927937;  // I915_FORMAT_MOD_X_TILED
constexpr std::uint32_t white = 0xFFFFFFFF;         // In every format.

struct Cursor {
    Size size;
    Point position;
};

/// What the fake card makes of it: XRGB8888 only, nothing scaled, the mode covered.
struct Expected {
    Rung rung = Rung::none;
    Size screen;
    Placement placement;
};

Expected predict(const GuestPicture& picture, Fit fit, Size screen) {
    Expected expected;
    expected.screen = screen;
    const Size size = picture.size;
    const bool has_mode = size == Size{800, 600} || size == Size{1920, 1080};
    if (picture.modifier == tiled) return expected;
    if (fit == Fit::follow && has_mode) expected.screen = size;
    expected.placement = place_centred(size, expected.screen);
    const bool covers =
        size.width >= expected.screen.width && size.height >= expected.screen.height;
    if (picture.format == DRM_FORMAT_XRGB8888)
        expected.rung = Rung::direct;
    else if (picture.format == DRM_FORMAT_ARGB8888)
        expected.rung = Rung::twin;
    else
        expected.rung = Rung::copy;
    if (!covers) expected.rung = Rung::copy;
    return expected;
}

class PresenterTable : public PresenterFixture {
protected:
    void show(const GuestPicture& picture, Fit fit, const std::optional<Cursor>& cursor) {
        settings.fit = fit;
        set_up({}, {});
        vgpu->show(picture);
        if (cursor) {
            GuestPicture pointer = guest_cursor(99, cursor->position);
            pointer.size = cursor->size;
            vgpu->show(PlaneType::cursor, pointer);
        }
        attach();
        // What is refused takes the next rung with the next frame.
        for (int i = 0; i < 4; ++i)
            later_frame();
    }

    /// A pixel of a host picture on screen.
    std::uint32_t pixel_at(const Scene& scene, std::int32_t x, std::int32_t y) const {
        const auto& host = std::get<kms::HostPicture>(scene.primary->shown);
        std::uint32_t word = 0;
        std::memcpy(&word,
                    host.memory().data() + host.stride() * static_cast<std::size_t>(y) +
                        sizeof(word) * static_cast<std::size_t>(x),
                    sizeof(word));
        return word & 0xFFFFFF;
    }

    void expect_picture(const Expected& expected) {
        const OutputView view = presenter->view();
        EXPECT_EQ(view.screen, expected.screen);
        EXPECT_EQ(view.primary.has_value(), expected.rung != Rung::none);
        if (expected.rung == Rung::none) return;
        EXPECT_EQ(view.rung, expected.rung);
        EXPECT_EQ(view.placement, expected.placement);
        if (expected.rung != Rung::copy) return;
        const Scene scene = presenter->scene();
        if (scene.primary->framebuffer().size() != expected.screen) return;
        const Rect& target = expected.placement.target;
        EXPECT_EQ(pixel_at(scene, target.x, target.y), white & 0xFFFFFF);
        if (target.x > 0) {
            EXPECT_EQ(pixel_at(scene, target.x - 1, target.y), 0U);
        }
    }

    void expect_cursor(const Expected& expected, const std::optional<Cursor>& wished) {
        if (!wished || expected.rung == Rung::none) {
            EXPECT_FALSE(cursor());
            return;
        }
        const Rect& frame = expected.placement.target;
        const Rect target = place_cursor(wished->position, wished->size, expected.placement);
        const Rect visible = intersect(target, frame);
        const bool seen = visible.size.width != 0 && visible.size.height != 0;
        const bool cut = visible != target && frame.size != expected.screen;
        // vkms takes what is not under 20x20; what is copied must fit the hardware's size.
        const Size needed = cut ? visible.size : wished->size;
        const bool direct = !cut && needed.width >= 20 && needed.height >= 20;
        const bool fits = direct || (needed.width <= 64 && needed.height <= 64);
        ASSERT_EQ(cursor().has_value(), seen && fits);
        if (!cursor()) return;
        EXPECT_EQ(cursor()->target.x, cut ? visible.x : target.x);
        EXPECT_EQ(cursor()->target.y, cut ? visible.y : target.y);
    }
};

TEST_F(PresenterTable, EveryKindOfPictureTakesItsRungAndItsPlace) {
    constexpr std::array formats{DRM_FORMAT_XRGB8888,    DRM_FORMAT_ARGB8888,
                                 DRM_FORMAT_XBGR8888,    DRM_FORMAT_RGB565,
                                 DRM_FORMAT_XRGB2101010, DRM_FORMAT_ABGR2101010};
    constexpr std::array<Size, 6> sizes{
        {{1024, 768}, {800, 600}, {320, 240}, {1920, 1080}, {2048, 1536}, {1200, 400}}};
    const std::array<std::optional<Cursor>, 7> cursors{
        {std::nullopt, Cursor{{64, 64}, {10, 10}}, Cursor{{16, 16}, {100, 50}},
         Cursor{{32, 48}, {-5, -7}}, Cursor{{64, 64}, {310, 230}}, Cursor{{64, 64}, {-4000, 20}},
         Cursor{{128, 128}, {20, 20}}}};
    // Each eleventh has every pair of two columns' values; SCANTHRU_FULL takes every row.
    const unsigned step = std::getenv("SCANTHRU_FULL") != nullptr ? 1 : 11;
    unsigned row = 0;
    for (const std::uint32_t format : formats)
        for (const std::uint64_t modifier : {std::uint64_t{DRM_FORMAT_MOD_LINEAR}, tiled})
            for (const Size size : sizes)
                for (const Fit fit : {Fit::follow, Fit::scale, Fit::center, Fit::crop})
                    for (const auto& cursor : cursors) {
                        if (row++ % step != 0) continue;
                        SCOPED_TRACE(fmt::format(
                            "format {:#x}, modifier {:#x}, {}x{}, fit {}, cursor {}x{} at {},{}",
                            format, modifier, size.width, size.height, to_string(fit),
                            cursor ? cursor->size.width : 0, cursor ? cursor->size.height : 0,
                            cursor ? cursor->position.x : 0, cursor ? cursor->position.y : 0));
                        const GuestPicture picture{.address = 1,
                                                   .size = size,
                                                   .format = format,
                                                   .modifier = modifier,
                                                   .pixel = white};
                        show(picture, fit, cursor);
                        const Expected expected = predict(picture, fit, screen);
                        expect_picture(expected);
                        expect_cursor(expected, cursor);
                        if (HasFailure()) return;
                    }
}

}  // namespace
}  // namespace scanthru
