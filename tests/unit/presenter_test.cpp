// SPDX-License-Identifier: MIT
#include "presenter_fixture.h"

namespace scanthru {
namespace {

using testing::guest_cursor;
using vfio::PlaneType;

class PresenterTest : public PresenterFixture {};

TEST_F(PresenterTest, ShowsTheGuestsMemoryItself) {
    vgpu->show(picture(1));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
    EXPECT_EQ(primary()->target, (Rect{0, 0, screen}));
}

TEST_F(PresenterTest, CommitsNothingWhileTheGuestShowsTheSame) {
    vgpu->show(picture(1));
    attach();
    frame();
    const int before = commits();
    EXPECT_EQ(frame(), Frame::unchanged);
    EXPECT_EQ(commits(), before);
}

TEST_F(PresenterTest, CommitsAnUnchangedPictureAgainForDriversThatCopy) {
    settings.refresh = true;
    set_up({}, {});
    vgpu->show(picture(1));
    attach();
    frame();
    const int before = commits();
    EXPECT_EQ(frame(), Frame::refreshed);
    EXPECT_EQ(commits(), before + 1);
    EXPECT_EQ(counters.refreshes.get(), 1U);
}

TEST_F(PresenterTest, BringsPrimaryAndCursorInOneCommit) {
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(2, {10, 20}));
    attach();
    const int before = commits();
    frame();
    EXPECT_EQ(commits(), before + 1);
    EXPECT_EQ(cursor()->target, (Rect{10, 20, {64, 64}}));
    vgpu->show(picture(3));
    vgpu->show(PlaneType::cursor, guest_cursor(2, {11, 21}));
    frame();
    EXPECT_EQ(commits(), before + 2);
}

TEST_F(PresenterTest, NamesOnlyWhatChangedInACommit) {
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(2, {10, 20}));
    attach();
    frame();
    vgpu->show(PlaneType::cursor, guest_cursor(2, {11, 20}));
    frame();
    EXPECT_FALSE(display->last_commit().set(FakeDrm::primary(), "FB_ID"));
    EXPECT_EQ(display->last_commit().set(FakeDrm::cursor(), "CRTC_X"), 11U);
}

TEST_F(PresenterTest, ImportsEveryBufferOnceHoweverOftenItIsShown) {
    attach();
    for (int i = 0; i < 30; ++i) {
        vgpu->show(picture(1 + static_cast<std::uint64_t>(i % 3)));
        frame();
        ASSERT_TRUE(shows_primary());
    }
    EXPECT_EQ(gets(), 3);
    EXPECT_EQ(display->calls(DRM_IOCTL_PRIME_FD_TO_HANDLE), 3);
    EXPECT_EQ(counters.framebuffers.get(), 3U);
    EXPECT_EQ(counters.cache_hits.get(), 27U);
}

TEST_F(PresenterTest, SeesANewShapeOfALivingIdWithoutASecondGet) {
    set_up({.primary_must_cover = false}, {.one_id_per_address = true});
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->show(picture(1, {800, 600}));
    later_frame();
    EXPECT_EQ(gets(), 1);
    EXPECT_EQ(counters.framebuffers.get(), 2U);
    EXPECT_EQ(primary()->source.size, (Size{800, 600}));
}

TEST_F(PresenterTest, SeesANewStrideOfALivingId) {
    set_up({}, {.one_id_per_address = true});
    vgpu->show({.address = 1, .size = screen, .bytes = 8192 * 768});
    attach();
    frame();
    vgpu->show({.address = 1, .size = screen, .stride = 8192, .bytes = 8192 * 768});
    frame();
    EXPECT_EQ(display->framebuffer(primary()->framebuffer)->stride, 8192U);
    EXPECT_EQ(gets(), 1);
}

TEST_F(PresenterTest, ACursorMayStandLeftOfAndAboveTheScreen) {
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(2, {-13, -1}));
    attach();
    frame();
    EXPECT_EQ(cursor()->target, (Rect{-13, -1, {64, 64}}));
}

TEST_F(PresenterTest, ACursorThatIsNowhereOnScreenIsSwitchedOff) {
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(2, {5, 5}));
    attach();
    frame();
    for (const Point far : {Point{-64, 0}, Point{1024, 0}, Point{0, -64}, Point{0, 768},
                            Point{INT32_MIN, INT32_MAX}, Point{INT32_MAX, INT32_MIN}}) {
        vgpu->show(PlaneType::cursor, guest_cursor(2, far));
        frame();
        EXPECT_FALSE(cursor()) << far.x << "," << far.y;
    }
    vgpu->show(PlaneType::cursor, guest_cursor(2, {-63, 767}));
    frame();
    EXPECT_TRUE(cursor());
    EXPECT_EQ(counters.refused_commits.get(), 0U);
}

TEST_F(PresenterTest, IsBlackWhenTheGuestSwitchesItsScreenOff) {
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(2));
    attach();
    frame();
    vgpu->hide(PlaneType::primary);
    frame();
    EXPECT_EQ(primary()->framebuffer, black_id);
    EXPECT_FALSE(cursor());
    vgpu->show(picture(1));
    frame();
    EXPECT_TRUE(shows_primary());
    EXPECT_EQ(gets(), 2) << "the picture that was shown before is still there";
}

TEST_F(PresenterTest, ACursorThatIsTheDesktopIsNone) {
    vgpu->show({.address = 1, .size = {64, 64}, .format = DRM_FORMAT_ARGB8888});
    vgpu->show(PlaneType::cursor, guest_cursor(1));
    attach();
    frame();
    EXPECT_FALSE(cursor());
}

TEST_F(PresenterTest, AnOverlayPlaneStandsInForACursorPlane) {
    set_up({.cursor = false}, {.mappable = true});
    EXPECT_EQ(display->value(FakeDrm::overlay(), "zpos"), 7U) << "above the picture";
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(2, {10, 20}));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    const auto shown = display->shown(FakeDrm::overlay());
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->target, (Rect{10, 20, {64, 64}}));
    EXPECT_EQ(memory_on(FakeDrm::overlay()), memory_of(*vgpu->id_of(PlaneType::cursor)));
    // Of a size that no cursor plane has, and cut by nothing.
    testing::GuestPicture large = guest_cursor(3, {-20, 20});
    large.size = {200, 100};
    vgpu->show(PlaneType::cursor, large);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(display->shown(FakeDrm::overlay())->target, (Rect{-20, 20, {200, 100}}));
}

TEST_F(PresenterTest, AnIdThatIsUsedAnewIsNotTheOldBuffer) {
    settings.bounds.entries = 2;
    set_up({}, {.ids = FakeVfio::Ids::lowest});
    attach();
    for (std::uint64_t address = 1; address <= 6; ++address) {
        vgpu->show(picture(address));
        frame();
        ASSERT_TRUE(shows_primary()) << address;
    }
    EXPECT_LE(*vgpu->id_of(PlaneType::primary), 3U) << "the device did not reuse its ids";
}

TEST_F(PresenterTest, LettingGoLeavesBlackAndNothingOfTheGuest) {
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(2));
    attach();
    frame();
    presenter->attach(nullptr, now);
    EXPECT_EQ(primary()->framebuffer, black_id);
    EXPECT_FALSE(cursor());
    EXPECT_EQ(display->framebuffers(), 1U);
    EXPECT_EQ(vgpu->descriptors(1) + vgpu->descriptors(2), 0);
    EXPECT_EQ(guest.use_count(), 1) << "somebody still holds the device";
}

class DraftTest : public PresenterFixture {
protected:
    void SetUp() override { set_up({}, {.dialect = vfio::Dialect::draft_v14}); }
};

TEST_F(DraftTest, ClosesEveryIdOnceWhenItsImportGoes) {
    settings.bounds.entries = 3;
    set_up({}, {.dialect = vfio::Dialect::draft_v14});
    attach();
    for (std::uint64_t address = 1; address <= 10; ++address) {
        vgpu->show(picture(address));
        frame();
        ASSERT_TRUE(shows_primary());
    }
    EXPECT_EQ(vgpu->closed(), 7);
    presenter->attach(nullptr, now);
    EXPECT_EQ(vgpu->closed(), 10);
}

TEST_F(DraftTest, ClosesAnIdThatWasRejectedAndNeverFetched) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->show(picture(2));
    vgpu->forge_answers([](PlaneType type, vfio_device_gfx_plane_info& info) {
        if (type == PlaneType::primary) info.stride = 3;
    });
    frame();
    frame();
    EXPECT_EQ(vgpu->closed(), 0) << "closed at every frame, it would come back with a new id";
    vgpu->forge_answers({});
    vgpu->show(picture(3));
    frame();
    EXPECT_EQ(vgpu->closed(), 1);
}

TEST_F(DraftTest, ClosesIdsThatWereOnlyLookedAtWhileTheScreenWasOff) {
    vgpu->show(picture(1));
    attach();
    frame();
    presenter->set_blank(true, now);
    for (std::uint64_t address = 2; address <= 5; ++address) {
        vgpu->show(picture(address));
        EXPECT_EQ(presenter->peek(now), Frame::shown);
    }
    EXPECT_EQ(vgpu->closed(), 3) << "those of 2 to 4; 5 is shown still";
    presenter->set_blank(false, now);
    frame();
    EXPECT_TRUE(shows_primary());
}

TEST_F(DraftTest, ClosesAnIdWhoseGetFailed) {
    vgpu->show(picture(1));
    attach();
    vgpu->fail_next(VFIO_DEVICE_GET_GFX_DMABUF, EINVAL);
    frame();
    vgpu->show(picture(2));
    frame();
    EXPECT_EQ(vgpu->closed(), 1);
    EXPECT_TRUE(shows_primary());
}

}  // namespace
}  // namespace scanthru
