// SPDX-License-Identifier: MIT
// The third rung: pictures that are copied, through the presenter.
#include "presenter_fixture.h"

#include <array>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace scanthru {
namespace {

using testing::guest_cursor;
using testing::GuestPicture;
using vfio::PlaneType;

constexpr Size small{64, 48};

GuestPicture filled(std::uint64_t address, std::uint32_t pixel, Size size = {1024, 768}) {
    return {.address = address, .size = size, .pixel = pixel};
}

class CopierTest : public PresenterFixture {
protected:
    void SetUp() override {
        set_up({}, {});
        refuse_imports();
    }

    /// A driver that takes no dma-bufs of other devices: virtio-gpu.
    void refuse_imports() { display->fail_next(DRM_IOCTL_PRIME_FD_TO_HANDLE, ENODEV, 1000000); }

    /// The pixels of the host picture on a plane, through the screenshot's eyes.
    std::uint32_t pixel_at(std::uint32_t x, std::uint32_t y) const {
        const Scene scene = presenter->scene();
        const auto& host = std::get<kms::HostPicture>(scene.primary->shown);
        std::uint32_t word = 0;
        std::memcpy(&word, host.memory().data() + std::size_t{host.stride()} * y + x * 4, 4);
        return word;
    }

    void draw(std::uint32_t id, std::uint32_t row, std::uint32_t pixel) const {
        const std::vector<std::uint32_t> words(1024, pixel);
        ASSERT_EQ(::pwrite(vgpu->memory(id), words.data(), 4096, off_t{row} * 4096), 4096);
    }
};

TEST_F(CopierTest, ShowsACopyWhereTheCardTakesNoDmabufs) {
    vgpu->show(filled(1, 0xFF123456));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(0, 0), 0xFF123456);
    EXPECT_EQ(pixel_at(1023, 767), 0xFF123456);
    EXPECT_EQ(presenter->view().rung, Rung::copy);
    EXPECT_EQ(presenter->view().obstacle, (Error{ENODEV, "drmPrimeFDToHandle"}));
    EXPECT_EQ(told(), std::vector{Note::Kind::copying});
}

TEST_F(CopierTest, ShowsACopyOfWhatTheHardwareRefusesAtTheCommit) {
    set_up({}, {});
    vgpu->show(filled(1, 0xFF000001));
    attach();
    frame();
    vgpu->show(filled(2, 0xFF000002));
    ASSERT_TRUE(guest->device().query(PlaneType::primary));
    display->refuse_to_show(vgpu->memory(2));
    frame();  // Directly,
    frame();  // as its twin,
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(presenter->view().rung, Rung::copy);
    EXPECT_EQ(pixel_at(5, 5), 0xFF000002);
    EXPECT_EQ(gets(), 2);
}

TEST_F(CopierTest, EveryFlipIsOneCopyAndTwoHostPicturesAreEnough) {
    vgpu->show(filled(1, 1));
    attach();
    frame();
    for (std::uint32_t i = 0; i < 10; ++i) {
        vgpu->show(filled(1 + i % 3, 1 + i % 3));
        frame();
        EXPECT_EQ(pixel_at(3, 3), 1 + i % 3);
    }
    EXPECT_LE(display->framebuffers(), 3U) << "black and two";
    EXPECT_EQ(gets(), 3);
}

TEST_F(CopierTest, WhatIsOnScreenIsNeverWritten) {
    vgpu->show(filled(1, 1));
    attach();
    frame();
    const Scene held = presenter->scene();  // As a screenshot holds it.
    for (std::uint32_t i = 2; i < 6; ++i) {
        vgpu->show(filled(i, i));
        frame();
        const auto& host = std::get<kms::HostPicture>(held.primary->shown);
        std::uint32_t word = 0;
        std::memcpy(&word, host.memory().data(), sizeof(word));
        EXPECT_EQ(word, 1U);
    }
    EXPECT_EQ(display->framebuffers(), 4U) << "black and three";
}

TEST_F(CopierTest, AGuestThatDrawsInPlaceIsSeenAndOnlyItsChangedRowsAreWritten) {
    vgpu->show(filled(1, 7));
    attach();
    frame();
    const std::uint32_t id = *vgpu->id_of(PlaneType::primary);
    frame();
    frame();
    EXPECT_EQ(frame(), Frame::unchanged);
    draw(id, 100, 0xFF00FF00);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(0, 100), 0xFF00FF00);
    EXPECT_EQ(pixel_at(0, 99), 7U);
    draw(id, 200, 0xFF0000FF);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(0, 100), 0xFF00FF00) << "the other host picture has caught up";
    EXPECT_EQ(pixel_at(0, 200), 0xFF0000FF);
    EXPECT_EQ(frame(), Frame::unchanged);
}

TEST_F(CopierTest, AGuestThatStandsStillIsReadLessOften) {
    vgpu->show(filled(1, 7));
    attach();
    for (int i = 0; i < 100; ++i)
        frame();  // 1.6 s
    const int before = vgpu->calls(DMA_BUF_IOCTL_SYNC);
    for (int i = 0; i < 100; ++i)
        frame();
    const int reads = (vgpu->calls(DMA_BUF_IOCTL_SYNC) - before) / 2;
    EXPECT_GE(reads, 10);
    EXPECT_LE(reads, 17) << "at refresh_idle, 10 Hz";
    draw(*vgpu->id_of(PlaneType::primary), 0, 9);
    for (int i = 0; i < 7; ++i)
        frame();
    EXPECT_EQ(pixel_at(0, 0), 9U) << "within 100 ms";
    EXPECT_EQ(vgpu->calls(DMA_BUF_IOCTL_SYNC) % 2, 0);
}

TEST_F(CopierTest, ABufferThatTheGuestLeftMeanwhileIsCopiedAgainAndTheNewOneIsShown) {
    vgpu->show(filled(1, 1));
    attach();
    frame();
    vgpu->show(filled(2, 2));
    bool left = false;
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, [&] {
        if (std::exchange(left, true)) return;
        vgpu->show(filled(3, 3));
    });
    frame();
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, {});
    EXPECT_EQ(pixel_at(0, 0), 3U);
    EXPECT_EQ(counters.torn.get(), 0U);
}

TEST_F(CopierTest, OneThatIsLeftTwiceIsCountedAsTorn) {
    vgpu->show(filled(1, 1));
    attach();
    frame();
    std::uint64_t next = 2;
    vgpu->show(filled(next, 2));
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, [&] { vgpu->show(filled(++next, 3)); });
    frame();
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, {});
    EXPECT_EQ(counters.torn.get(), 1U);
}

TEST_F(CopierTest, MemoryThatGoesWhileItIsReadKeepsTheLastPicture) {
    vgpu->show(filled(1, 1));
    attach();
    frame();
    vgpu->show(filled(2, 2));
    ASSERT_TRUE(guest->device().query(PlaneType::primary));
    const int memory = vgpu->memory(2);
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, [&] { EXPECT_EQ(::ftruncate(memory, 0), 0); });
    frame();
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, {});
    EXPECT_EQ(pixel_at(0, 0), 1U);
    EXPECT_EQ(counters.unshowable.get(), 1U);
}

TEST_F(CopierTest, AGuestWithoutDmabufsIsCopiedFromItsRegion) {
    set_up({}, {.exports = vfio::Export::region});
    vgpu->show(filled(1, 0));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(10, 10), 0U);
    const std::vector<std::uint32_t> words(1024, 0xFFABCDEF);
    ASSERT_EQ(::pwrite(vgpu->region(), words.data(), 4096, off_t{10} * 4096), 4096);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(10, 10), 0xFFABCDEF);
    EXPECT_EQ(gets(), 0);
    EXPECT_EQ(presenter->view().obstacle->code, EOPNOTSUPP);
}

TEST_F(CopierTest, ATiledBufferIsNotCopiedAndTheReasonIsSaid) {
    vgpu->show(filled(1, 1));
    attach();
    frame();
    auto tiled = filled(2, 2);
    tiled.modifier = I915_FORMAT_MOD_X_TILED;
    tiled.bytes = 1024 * 768 * 4;
    vgpu->show(tiled);
    told();
    frame();
    EXPECT_EQ(pixel_at(0, 0), 1U);
    EXPECT_EQ(told(), std::vector{Note::Kind::unshowable_primary});
}

TEST_F(CopierTest, APictureOfAnotherSizeStandsInTheMiddleOfAHostPictureOfTheScreensSize) {
    settings.fit = Fit::center;
    set_up({}, {});
    refuse_imports();
    vgpu->show(filled(1, 5, small));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(479, 360), 0U);
    EXPECT_EQ(pixel_at(480, 360), 5U);
    EXPECT_EQ(pixel_at(480 + 63, 360 + 47), 5U);
    EXPECT_EQ(pixel_at(480 + 64, 360), 0U);
    EXPECT_EQ(primary()->target.size, screen);
    EXPECT_EQ(presenter->view().placement, place_centred(small, screen));
}

TEST_F(CopierTest, OfALargerPictureTheMiddleIsCopied) {
    settings.fit = Fit::crop;
    set_up({}, {});
    refuse_imports();
    vgpu->show(filled(1, 5, {2048, 1536}));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(pixel_at(0, 0), 5U);
    EXPECT_EQ(primary()->target.size, screen);
}

TEST_F(CopierTest, ACursorThatTheDriverDoesNotTakeIsCopied) {
    vgpu->show(filled(1, 1));
    auto pointer = guest_cursor(9, {100, 50});
    pointer.size = {16, 16};
    pointer.pixel = 0x80112233;
    vgpu->show(PlaneType::cursor, pointer);
    attach();
    frame();
    ASSERT_TRUE(cursor());
    EXPECT_EQ(cursor()->target, (Rect{100, 50, card->capabilities().cursor}));
    const Scene scene = presenter->scene();
    const auto& host = std::get<kms::HostPicture>(scene.cursor->shown);
    std::uint32_t inside = 0;
    std::uint32_t beside = 1;
    std::memcpy(&inside, host.memory().data() + std::size_t{host.stride()} * 15 + 15 * 4, 4);
    std::memcpy(&beside, host.memory().data() + std::size_t{host.stride()} * 15 + 16 * 4, 4);
    EXPECT_EQ(inside, 0x80112233);
    EXPECT_EQ(beside, 0U);
}

TEST_F(CopierTest, ACursorIsCutAtTheEdgesOfACentredPicture) {
    settings.fit = Fit::center;
    set_up({}, {});
    vgpu->show(filled(1, 5, {320, 240}));
    auto pointer = guest_cursor(9, {300, -10});
    pointer.pixel = 0xFF000001;
    vgpu->show(PlaneType::cursor, pointer);
    attach();
    frame();
    ASSERT_TRUE(cursor());
    const Placement at = place_centred({320, 240}, screen);
    EXPECT_EQ(cursor()->target.x, at.target.x + 300);
    EXPECT_EQ(cursor()->target.y, at.target.y);
    const Scene scene = presenter->scene();
    const auto& host = std::get<kms::HostPicture>(scene.cursor->shown);
    const auto pixel = [&host](std::size_t x, std::size_t y) {
        std::uint32_t word = 0;
        std::memcpy(&word, host.memory().data() + host.stride() * y + x * 4, 4);
        return word;
    };
    EXPECT_EQ(pixel(0, 0), 0xFF000001);
    EXPECT_EQ(pixel(19, 53), 0xFF000001);
    EXPECT_EQ(pixel(20, 53), 0U) << "the guest's screen ends there";
    EXPECT_EQ(pixel(19, 54), 0U);
}

TEST_F(CopierTest, ACopiedCursorMayBeAnywhereAroundACentredPicture) {
    settings.fit = Fit::center;
    set_up({.primary_must_cover = false}, {});
    vgpu->show(filled(1, 5, {320, 240}));
    auto pointer = guest_cursor(9);
    pointer.size = {16, 16};  // Less than the driver takes.
    attach();
    for (const std::int32_t x :
         {-2147483647 - 1, -32767, -100, -17, -16, -1, 0, 319, 320, 321, 32767, 2147483647})
        for (const std::int32_t y : {-2147483647 - 1, -100, -16, 0, 239, 240, 2147483647}) {
            pointer.position = {x, y};
            vgpu->show(PlaneType::cursor, pointer);
            frame();
            const bool seen = x > -16 && x < 320 && y > -16 && y < 240;
            EXPECT_EQ(cursor().has_value(), seen) << x << "," << y;
        }
}

TEST_F(CopierTest, AGuestThatChangesItsSizeWhileItIsCopiedIsShownInTheEnd) {
    settings.fit = Fit::scale;
    set_up({}, {});
    refuse_imports();
    attach();
    // The fake's plane does not scale: every size is searched for, and the guest is quick.
    std::uint64_t next = 1;
    const std::array<Size, 3> sizes{Size{640, 480}, Size{2048, 1536}, Size{800, 600}};
    vgpu->show(filled(next, 1, sizes[0]));
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, [&] {
        ++next;
        vgpu->show(filled(next, 1, sizes.at(next % 3)));
    });
    for (int i = 0; i < 20; ++i)
        frame();
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, {});
    vgpu->show(filled(100, 0xFF00AA00, {2048, 1536}));
    later_frame();
    later_frame();
    EXPECT_EQ(pixel_at(0, 0), 0xFF00AA00);
}

TEST_F(CopierTest, AFaultThatPassesIsNotHeldAgainstAWayToFit) {
    settings.fit = Fit::center;
    set_up({.primary_must_cover = false}, {.mappable = false});
    vgpu->show(filled(1, 5, {640, 480}));
    attach();
    display->set_master(false);
    for (int i = 0; i < 5; ++i)
        frame();
    display->set_master(true);
    EXPECT_EQ(later_frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
}

TEST_F(CopierTest, WhatWasAskedAfterACopyIsClosedToo) {
    set_up({}, {.dialect = vfio::Dialect::draft_v14, .ids = FakeVfio::Ids::growing});
    refuse_imports();
    std::uint64_t next = 1;
    vgpu->show(filled(next, 1));
    attach();
    frame();
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, [&] { vgpu->show(filled(++next, 2)); });
    for (int i = 0; i < 10; ++i)
        frame();
    vgpu->when_called(DMA_BUF_IOCTL_SYNC, {});
    // The fake fails the test on every id that was left open.
}

TEST_F(CopierTest, AClaimThatDoesNotFitIsForgottenWhenItDoes) {
    vgpu->show(filled(1, 1));
    attach();
    frame();
    vgpu->forge_answers([](PlaneType type, vfio_device_gfx_plane_info& info) {
        if (type == PlaneType::primary) info.size = 1U << 27;
    });
    frame();
    vgpu->forge_answers({});
    draw(*vgpu->id_of(PlaneType::primary), 0, 9);
    later_frame();
    later_frame();
    EXPECT_EQ(pixel_at(0, 0), 9U);
}

TEST_F(CopierTest, LettingGoLeavesNothing) {
    vgpu->show(filled(1, 1));
    vgpu->show(PlaneType::cursor, guest_cursor(9));
    attach();
    frame();
    presenter->attach(nullptr, now);
    EXPECT_EQ(display->framebuffers(), 1U) << "black";
    EXPECT_EQ(primary()->framebuffer, black_id);
}

}  // namespace
}  // namespace scanthru
