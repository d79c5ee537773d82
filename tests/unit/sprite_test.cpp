// SPDX-License-Identifier: MIT
// Cursors that no plane takes: drawn into copies, else told of.
#include "presenter/sprite.h"
#include "presenter_fixture.h"

#include <array>
#include <cstring>

namespace scanthru {
namespace {

using testing::guest_cursor;
using testing::GuestPicture;
using vfio::PlaneType;

constexpr std::uint32_t half_red = 0x80800000;  // Premultiplied.

TEST(BlendRow, LetsWhatIsBelowShineThrough) {
    const Sprite sprite{.size = {3, 1}, .at = {1, 0}, .pixels = {0xFF010203, half_red, 0}};
    std::array<std::uint32_t, 5> row{9, 0xFF0000FF, 0xFF0000FF, 0xFF0000FF, 9};
    blend_row(reinterpret_cast<std::byte*>(row.data()), 0, *lookup_layout(DRM_FORMAT_XRGB8888),
              sprite, {.size = {5, 1}});
    EXPECT_EQ(row, (std::array<std::uint32_t, 5>{9, 0xFF010203, 0xFF80007F, 0xFF0000FF, 9}));
}

TEST(BlendRow, KeepsToTheClip) {
    const Sprite sprite{.size = {4, 1}, .at = {-1, 0}, .pixels = {1, 2, 3, 4}};
    std::array<std::uint32_t, 4> row{};
    blend_row(reinterpret_cast<std::byte*>(row.data()), 0, *lookup_layout(DRM_FORMAT_XRGB8888),
              sprite, {.size = {2, 1}});
    EXPECT_EQ(row, (std::array<std::uint32_t, 4>{2, 3, 0, 0}));
}

TEST(BlendRow, KnowsOtherLayouts) {
    const Sprite sprite{.size = {1, 1}, .at = {}, .pixels = {0xFFFF8000}};
    std::uint16_t pixel = 0;
    blend_row(reinterpret_cast<std::byte*>(&pixel), 0, *lookup_layout(DRM_FORMAT_RGB565), sprite,
              {.size = {1, 1}});
    EXPECT_EQ(pixel, 31U << 11 | 32U << 5);
    std::uint32_t deep = 0;
    blend_row(reinterpret_cast<std::byte*>(&deep), 0, *lookup_layout(DRM_FORMAT_XBGR2101010),
              sprite, {.size = {1, 1}});
    EXPECT_EQ(deep, 1023U | (128U * 1023 + 127) / 255 << 10);
}

class CursorWithoutPlane : public PresenterFixture {
protected:
    void SetUp() override { set_up({.cursor = false, .overlay = false}, {}); }

    void copy_everything() const {
        display->fail_next(DRM_IOCTL_PRIME_FD_TO_HANDLE, ENODEV, 1000000);
    }

    void show_cursor(Point position, std::uint32_t pixel = 0xFF0000CC, Size size = {64, 64}) const {
        auto pointer = guest_cursor(9, position);
        pointer.pixel = pixel;
        pointer.size = size;
        vgpu->show(PlaneType::cursor, pointer);
    }

    void show_picture(std::uint32_t pixel, Size size = screen) const {
        vgpu->show({.address = 1, .size = size, .pixel = pixel});
    }

    std::uint32_t pixel_at(std::uint32_t x, std::uint32_t y) const {
        const Scene scene = presenter->scene();
        const auto& host = std::get<kms::HostPicture>(scene.primary->shown);
        std::uint32_t word = 0;
        std::memcpy(&word, host.memory().data() + std::size_t{host.stride()} * y + x * 4, 4);
        return word;
    }
};

TEST_F(CursorWithoutPlane, IsDrawnIntoACopyAndMovesOverIt) {
    copy_everything();
    show_picture(0xFF00AA00);
    show_cursor({100, 50});
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(100, 50), 0xFF0000CC);
    EXPECT_EQ(pixel_at(163, 113), 0xFF0000CC);
    EXPECT_EQ(pixel_at(164, 113), 0xFF00AA00);
    frame();  // The first look at a picture that was there before.
    EXPECT_EQ(frame(), Frame::unchanged);
    for (const std::int32_t x : {110, 500, 90, 1000}) {
        show_cursor({x, 60});
        EXPECT_EQ(frame(), Frame::shown);
        for (std::uint32_t at = 0; at < screen.width; ++at) {
            const bool covered = std::int64_t{at} >= x && std::int64_t{at} < x + 64;
            ASSERT_EQ(pixel_at(at, 60), covered ? 0xFF0000CC : 0xFF00AA00) << at << " of " << x;
            ASSERT_EQ(pixel_at(at, 55), 0xFF00AA00) << at << ": where it was before";
        }
    }
    EXPECT_EQ(told(), std::vector{Note::Kind::copying});
}

TEST_F(CursorWithoutPlane, GoesWithItsPixelsWhenItIsHidden) {
    copy_everything();
    show_picture(0xFF00AA00);
    show_cursor({-20, -20}, half_red);
    attach();
    frame();
    EXPECT_EQ(pixel_at(0, 0), 0xFF805500);
    vgpu->hide(PlaneType::cursor);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(0, 0), 0xFF00AA00);
    EXPECT_EQ(frame(), Frame::unchanged);
}

TEST_F(CursorWithoutPlane, IsCutAtTheEdgesOfACentredPicture) {
    settings.fit = Fit::center;
    SetUp();
    show_picture(0xFF00AA00, {320, 240});
    show_cursor({300, -10});
    attach();
    frame();
    const Placement at = place_centred({320, 240}, screen);
    const auto left = static_cast<std::uint32_t>(at.target.x);
    const auto top = static_cast<std::uint32_t>(at.target.y);
    EXPECT_EQ(pixel_at(left + 319, top + 53), 0xFF0000CC);
    EXPECT_EQ(pixel_at(left + 320, top), 0U) << "the guest's screen ends there";
    EXPECT_EQ(pixel_at(left + 300, top - 1), 0U);
    EXPECT_EQ(pixel_at(left + 300, top + 54), 0xFF00AA00);
}

TEST_F(CursorWithoutPlane, IsToldOfOverThePictureThatIsScannedOut) {
    show_picture(1);
    show_cursor({1, 1});
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
    EXPECT_EQ(told(), std::vector{Note::Kind::unshowable_cursor});
    frame();
    EXPECT_TRUE(told().empty()) << "once";
}

TEST_F(CursorWithoutPlane, OfALargerSizeThanThePlaneHasIsDrawnIntoACopyToo) {
    set_up({}, {});
    copy_everything();
    const Size hardware = card->capabilities().cursor;
    show_picture(0xFF00AA00);
    show_cursor({0, 0}, 0xFF0000CC, {hardware.width + 1, 8});
    attach();
    frame();
    frame();
    EXPECT_FALSE(cursor());
    EXPECT_EQ(pixel_at(hardware.width, 7), 0xFF0000CC);
}

TEST_F(CursorWithoutPlane, ThatIsTooLargeToDrawIsToldOf) {
    copy_everything();
    show_picture(0xFF00AA00);
    show_cursor({0, 0}, 1, {max_sprite_side + 1, 8});
    attach();
    frame();
    EXPECT_EQ(pixel_at(0, 0), 0xFF00AA00);
    EXPECT_EQ(told(), (std::vector{Note::Kind::copying, Note::Kind::unshowable_cursor}));
}

}  // namespace
}  // namespace scanthru
