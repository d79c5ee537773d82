// SPDX-License-Identifier: MIT
#include "presenter_fixture.h"

namespace scanthru {
namespace {

using testing::guest_cursor;
using testing::GuestPicture;
using vfio::PlaneType;

GuestPicture picture(std::uint64_t address, Size size = {1024, 768}) {
    return {.address = address, .size = size};
}

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

TEST_F(PresenterTest, KeepsTheLastPictureWhileTheDeviceGivesNoNews) {
    vgpu->show(picture(1));
    attach();
    frame();
    for (const int error : {EINVAL, EFAULT, EINTR, EIO}) {
        vgpu->fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, error, 2);
        frame();
        EXPECT_TRUE(shows_primary()) << error;
    }
    EXPECT_EQ(counters.no_news.get(), 8U);
}

TEST_F(PresenterTest, AsksOnceMoreAtOnceWhenMemoryIsShort) {
    vgpu->show(picture(1));
    attach();
    vgpu->fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, ENOMEM);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(counters.no_news.get(), 0U);
}

TEST_F(PresenterTest, SaysThatTheDeviceHasGoneAndAsksNoMore) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->unplug();
    EXPECT_EQ(frame(), Frame::device_gone);
    const int asked = vgpu->calls(VFIO_DEVICE_QUERY_GFX_PLANE);
    frame();
    EXPECT_EQ(vgpu->calls(VFIO_DEVICE_QUERY_GFX_PLANE), asked);
}

TEST_F(PresenterTest, KeepsThePictureThroughNonsenseAndCountsIt) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->forge_answers([](PlaneType, vfio_device_gfx_plane_info& info) { info.stride = 3; });
    for (int i = 0; i < 5; ++i)
        EXPECT_NE(frame(), Frame::shown);
    EXPECT_EQ(counters.rejected_primary.at(static_cast<std::size_t>(vfio::Rejected::stride)).get(),
              5U);
    EXPECT_TRUE(primary() && primary()->framebuffer != black_id);
    EXPECT_EQ(told(), std::vector{Note::Kind::rejected_primary}) << "said once";
    vgpu->forge_answers({});
    vgpu->show(picture(2));
    EXPECT_EQ(frame(), Frame::shown);
}

TEST_F(PresenterTest, RefusesABufferShorterThanItsPicture) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->shorten_memory(4096);
    vgpu->show(picture(2));
    EXPECT_NE(frame(), Frame::shown);
    EXPECT_EQ(memory_on(FakeDrm::primary()), memory_of(1));
    EXPECT_EQ(told(), std::vector{Note::Kind::unshowable_primary});
    EXPECT_EQ(display->calls(DRM_IOCTL_PRIME_FD_TO_HANDLE), 1);
}

TEST_F(PresenterTest, TriesAFailedGetAgainAfterASecondAndNotBefore) {
    vgpu->show(picture(1));
    attach();
    vgpu->fail_next(VFIO_DEVICE_GET_GFX_DMABUF, EMFILE);
    for (int i = 0; i < 5; ++i)
        frame();
    EXPECT_EQ(gets(), 1);
    later_frame();
    EXPECT_EQ(gets(), 2);
    EXPECT_TRUE(shows_primary());
}

TEST_F(PresenterTest, AsksTheDriverOnceAboutABufferItCannotImport) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->fail_next(DRM_IOCTL_MODE_ADDFB2, EINVAL);
    vgpu->show(picture(2));
    for (int i = 0; i < 5; ++i)
        frame();
    EXPECT_EQ(display->calls(DRM_IOCTL_MODE_ADDFB2), 3) << "black, the first, the refused one";
    EXPECT_EQ(memory_on(FakeDrm::primary()), memory_of(1));
    EXPECT_EQ(counters.unshowable.get(), 5U);
}

TEST_F(PresenterTest, KeepsTheLastGoodPictureWhenACommitIsRefusedAfterItsTestPassed) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->show(picture(2));
    ASSERT_TRUE(guest->device().query(PlaneType::primary));
    display->refuse_to_show(vgpu->memory(2));
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(memory_on(FakeDrm::primary()), memory_of(1));
    const int before = commits();
    frame();
    frame();
    EXPECT_EQ(commits(), before) << "a refused buffer is not tried at every vblank";
    EXPECT_EQ(counters.refused_commits.get(), 1U);
    EXPECT_EQ(told(), (std::vector{Note::Kind::refused_primary, Note::Kind::unshowable_primary}))
        << "no CPU can read it either";
    vgpu->show(picture(3));
    EXPECT_EQ(frame(), Frame::shown);
}

TEST_F(PresenterTest, TheCursorMovesOnOverAPictureThatWasRefused) {
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(9, {1, 1}));
    attach();
    frame();
    vgpu->show(picture(2));
    vgpu->show(PlaneType::cursor, guest_cursor(9, {2, 2}));
    ASSERT_TRUE(guest->device().query(PlaneType::primary));
    display->refuse_to_show(vgpu->memory(*vgpu->id_of(PlaneType::primary)));
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(memory_on(FakeDrm::primary()), memory_of(1));
    EXPECT_EQ(cursor()->target.x, 2);
}

TEST_F(PresenterTest, ShowsThePictureWithoutACursorThatTheHardwareRefuses) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->show(picture(2));
    vgpu->show(PlaneType::cursor, guest_cursor(9, {1, 1}));
    ASSERT_TRUE(guest->device().query(PlaneType::primary));
    ASSERT_TRUE(guest->device().query(PlaneType::cursor));
    display->refuse_to_show(vgpu->memory(*vgpu->id_of(PlaneType::cursor)));
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
    EXPECT_FALSE(cursor());
    const int before = commits();
    vgpu->show(PlaneType::cursor, guest_cursor(9, {2, 2}));
    frame();
    EXPECT_EQ(commits(), before) << "its image was never good: it is not tried again";
    EXPECT_EQ(told(), (std::vector{Note::Kind::refused_cursor, Note::Kind::unshowable_cursor}));
}

TEST_F(PresenterTest, AFaultThatPassesLosesNothing) {
    vgpu->show(picture(1));
    attach();
    for (const int error : {EBUSY, ENOMEM}) {
        display->fail_next(DRM_IOCTL_MODE_ATOMIC, error, 3);
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(frame(), Frame::kept);
        EXPECT_EQ(frame(), Frame::shown) << error;
        vgpu->show(picture(2));
    }
    EXPECT_EQ(counters.put_off.get(), 6U);
    EXPECT_EQ(counters.refused_commits.get(), 0U);
}

TEST_F(PresenterTest, WaitsWhileAnotherProgramDrivesTheCard) {
    vgpu->show(picture(1));
    attach();
    display->set_master(false);
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(told(), std::vector{Note::Kind::not_master});
    display->set_master(true);
    EXPECT_EQ(frame(), Frame::shown);
}

TEST_F(PresenterTest, SaysThatTheCardHasGone) {
    vgpu->show(picture(1));
    attach();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, ENODEV);
    EXPECT_EQ(frame(), Frame::card_gone);
}

TEST_F(PresenterTest, FollowsTheGuestsSizeWithAModeThatEqualsIt) {
    vgpu->show(picture(1, {800, 600}));
    attach();
    EXPECT_EQ(frame(), Frame::mode_changed);
    EXPECT_EQ(kms::size_of(*display->mode()), (Size{800, 600}));
    EXPECT_EQ(primary()->target.size, (Size{800, 600}));
    EXPECT_EQ(told(), std::vector{Note::Kind::mode_changed});
}

TEST_F(PresenterTest, ChangesTheModeOnceASecondAndKeepsTheLastPictureUntilThen) {
    vgpu->show(picture(1, {800, 600}));
    attach();
    frame();
    vgpu->show(picture(2, {1920, 1080}));
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(memory_on(FakeDrm::primary()), memory_of(1));
    EXPECT_EQ(later_frame(), Frame::mode_changed);
    EXPECT_TRUE(shows_primary());
    EXPECT_EQ(counters.modesets.get(), 2U);
}

TEST_F(PresenterTest, AModeThatTheHardwareRefusesIsAskedForOnce) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EINVAL, 2);  // With the picture, and black.
    vgpu->show(picture(2, {1920, 1080}));
    EXPECT_EQ(frame(), Frame::kept);
    later_frame();
    EXPECT_EQ(kms::size_of(*display->mode()), screen);
    EXPECT_EQ(counters.modesets.get(), 0U);
    EXPECT_EQ(told().front(), Note::Kind::refused_mode);
}

TEST_F(PresenterTest, ACursorThatTheHardwareRefusesIsNotHeldAgainstTheMode) {
    vgpu->show(picture(1, {1920, 1080}));
    vgpu->show(PlaneType::cursor, guest_cursor(9, {1, 1}));
    attach();
    ASSERT_TRUE(guest->device().query(PlaneType::cursor));
    display->refuse_to_show(vgpu->memory(*vgpu->id_of(PlaneType::cursor)));
    EXPECT_EQ(frame(), Frame::mode_changed);
    EXPECT_EQ(kms::size_of(*display->mode()), (Size{1920, 1080}));
    EXPECT_TRUE(shows_primary());
    EXPECT_FALSE(cursor());
}

TEST_F(PresenterTest, APictureThatTheHardwareRefusesIsNotHeldAgainstTheMode) {
    vgpu->show(picture(1, {1920, 1080}));
    attach();
    ASSERT_TRUE(guest->device().query(PlaneType::primary));
    display->refuse_to_show(vgpu->memory(1));
    EXPECT_EQ(frame(), Frame::mode_changed);
    EXPECT_EQ(kms::size_of(*display->mode()), (Size{1920, 1080}));
    EXPECT_EQ(memory_on(FakeDrm::primary()), 0U) << "black";
    vgpu->show(picture(2, {1920, 1080}));
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
}

TEST_F(PresenterTest, AttemptsAtAModeComeOnceASecondToo) {
    vgpu->show(picture(1));
    attach();
    frame();
    const int before = commits();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EIO);
    vgpu->show(picture(2, {1920, 1080}));
    for (int i = 0; i < 50; ++i)
        frame();
    EXPECT_EQ(commits() - before, 1);
}

TEST_F(PresenterTest, FollowsBackToTheConfiguredRate) {
    kms::Mode fast = kms::parse_modeline("100 1024 1050 1100 1300 768 771 777 806").value();
    settings.mode = {.size = screen, .refresh_mhz = kms::refresh_mhz(fast)};
    testing::FakeDrmOptions options;
    options.modes.push_back(fast);
    set_up(options, {.mappable = false});
    vgpu->show(picture(1, {1920, 1080}));
    attach();
    EXPECT_EQ(frame(), Frame::mode_changed);
    vgpu->show(picture(2));
    EXPECT_EQ(later_frame(), Frame::mode_changed);
    EXPECT_EQ(display->mode()->clock, fast.clock);
}

TEST_F(PresenterTest, AnImportThatFailsForWantOfMemoryIsTriedAgainAfterASecond) {
    vgpu->show(picture(1));
    attach();
    display->fail_next(DRM_IOCTL_PRIME_FD_TO_HANDLE, ENOMEM);
    for (int i = 0; i < 5; ++i)
        frame();
    EXPECT_EQ(display->calls(DRM_IOCTL_PRIME_FD_TO_HANDLE), 1);
    EXPECT_FALSE(shows_primary());
    later_frame();
    EXPECT_TRUE(shows_primary());
    EXPECT_EQ(gets(), 1);
}

TEST_F(PresenterTest, AFaultOfTheDriverIsNotHeldAgainstABuffer) {
    vgpu->show(picture(1));
    attach();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EIO, 2);
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
}

TEST_F(PresenterTest, LettingGoOutlastsAPassingFault) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EBUSY, 3);
    presenter->attach(nullptr, now);
    EXPECT_EQ(primary()->framebuffer, black_id);
}

TEST_F(PresenterTest, AfterAnEndWithoutACommitTheNextPictureComesByAModeset) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->allow_removal_on_screen();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EIO, 11);
    presenter->attach(nullptr, now);
    EXPECT_EQ(told().back(), Note::Kind::abandoned);
    presenter->attach(guest, now);
    EXPECT_NE(display->last_commit().flags & DRM_MODE_ATOMIC_ALLOW_MODESET, 0U);
    frame();
    EXPECT_TRUE(shows_primary());
}

TEST_F(PresenterTest, ABufferBeyondTheBoundsIsNotFetchedAtEveryVblank) {
    settings.bounds.bytes = std::uint64_t{1024} * 768 * 4;
    set_up({}, {.mappable = false});
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->show(picture(2));
    for (int i = 0; i < 20; ++i)
        frame();
    EXPECT_EQ(gets(), 2);
}

TEST_F(PresenterTest, WithoutAMatchingModeASmallPictureStandsInTheMiddle) {
    set_up({.primary_must_cover = false}, {});
    vgpu->show(picture(1, {640, 480}));
    vgpu->show(PlaneType::cursor, guest_cursor(2, {5, 6}));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(primary()->target, (Rect{192, 144, {640, 480}}));
    EXPECT_EQ(cursor()->target, (Rect{197, 150, {64, 64}}));
}

TEST_F(PresenterTest, OfALargerPictureTheMiddleIsShown) {
    vgpu->show(picture(1, {1224, 968}));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(primary()->source, (Rect{100, 100, screen}));
}

TEST_F(PresenterTest, ACursorThatIsTheDesktopIsNone) {
    vgpu->show({.address = 1, .size = {64, 64}, .format = DRM_FORMAT_ARGB8888});
    vgpu->show(PlaneType::cursor, guest_cursor(1));
    attach();
    frame();
    EXPECT_FALSE(cursor());
}

TEST_F(PresenterTest, AGuestThatNeverReusesABufferCannotExhaustTheHost) {
    attach();
    for (std::uint64_t address = 1; address <= 100; ++address) {
        vgpu->show(picture(address));
        frame();
        ASSERT_TRUE(shows_primary());
    }
    EXPECT_LE(display->framebuffers(), settings.bounds.entries + 1);
    EXPECT_EQ(counters.evictions.get(), 100 - settings.bounds.entries);
}

TEST_F(PresenterTest, WorksWithRoomForOnlyThePicturesOnScreenAndTheNext) {
    settings.bounds.entries = 4;
    set_up({}, {});
    attach();
    for (std::uint64_t i = 0; i < 12; ++i) {
        vgpu->show(picture(1 + i % 4));
        vgpu->show(PlaneType::cursor, guest_cursor(50 + i % 2, {3, 4}));
        frame();
        ASSERT_TRUE(shows_primary()) << i;
        ASSERT_TRUE(cursor()) << i;
    }
}

TEST_F(PresenterTest, NewBuffersASecondAreBounded) {
    settings.bounds.imports_per_second = 10;
    set_up({}, {});
    attach();
    for (std::uint64_t address = 1; address <= 30; ++address) {
        vgpu->show(picture(address));
        frame();
    }
    EXPECT_EQ(gets(), 10);
    later_frame();
    EXPECT_EQ(gets(), 11);
    EXPECT_TRUE(shows_primary());
}

TEST_F(PresenterTest, MemoryIsBounded) {
    settings.bounds.bytes = std::uint64_t{2} * 1024 * 768 * 4;
    set_up({}, {});
    attach();
    for (std::uint64_t address = 1; address <= 5; ++address) {
        vgpu->show(picture(address));
        frame();
        ASSERT_TRUE(shows_primary());
    }
    EXPECT_LE(display->framebuffers(), 3U);
}

TEST_F(PresenterTest, WhatIsOnTheScreenCannotMakeRoomAsItsMemoryStaysInUse) {
    settings.bounds.bytes = std::uint64_t{1024} * 768 * 4;
    set_up({}, {});
    attach();
    vgpu->show(picture(1));
    frame();
    const auto shown = primary()->framebuffer;
    vgpu->show(picture(2));
    frame();
    EXPECT_EQ(primary()->framebuffer, shown);
    EXPECT_EQ(counters.unshowable.get(), 1U);
}

TEST_F(PresenterTest, ANewPictureDoesNotEvictTheCursorThatWasJustNamed) {
    settings.bounds.entries = 4;
    set_up({}, {});
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(50, {3, 4}));
    attach();
    frame();
    vgpu->show(PlaneType::cursor, guest_cursor(51, {3, 4}));
    for (std::uint64_t address = 2; address <= 3; ++address) {
        vgpu->show(picture(address));
        frame();
    }
    // The first cursor is now the buffer that was used longest ago.
    vgpu->show(PlaneType::cursor, guest_cursor(50, {3, 4}));
    vgpu->show(picture(9));
    frame();
    EXPECT_TRUE(shows_primary());
    EXPECT_TRUE(cursor());
    EXPECT_EQ(counters.unshowable.get(), 0U);
}

TEST_F(PresenterTest, ABufferThatWasClaimedTooLargeIsShownWhenTheClaimFits) {
    attach();
    vgpu->show(picture(1));
    vgpu->forge_answers([](PlaneType type, vfio_device_gfx_plane_info& info) {
        if (type == PlaneType::primary) info.size = 1U << 27;
    });
    frame();
    EXPECT_EQ(primary()->framebuffer, black_id);
    vgpu->forge_answers({});
    frame();
    EXPECT_TRUE(shows_primary());
    EXPECT_EQ(gets(), 1);
}

TEST_F(PresenterTest, ABusyDriverIsNoReasonToBlameAPicture) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->show(picture(2));
    vgpu->show(PlaneType::cursor, guest_cursor(9, {1, 1}));
    // The first answer blames something, the second says nothing about what.
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EINVAL);
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EBUSY);
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
    EXPECT_TRUE(cursor());
}

TEST_F(PresenterTest, WithoutACursorPlaneTheCursorIsNotEvenImported) {
    set_up({.cursor = false}, {});
    vgpu->show(picture(1));
    vgpu->show(PlaneType::cursor, guest_cursor(2));
    attach();
    const int queries = vgpu->calls(VFIO_DEVICE_QUERY_GFX_PLANE);
    frame();
    EXPECT_EQ(gets(), 1);
    EXPECT_FALSE(presenter->view().cursor);
    EXPECT_EQ(vgpu->calls(VFIO_DEVICE_QUERY_GFX_PLANE), queries + 1) << "nor asked for";
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

TEST_F(PresenterTest, LettingGoWorksAlsoWhenTheCardTakesNoCommits) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->allow_removal_on_screen();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EACCES);
    presenter->attach(nullptr, now);
    EXPECT_EQ(vgpu->descriptors(1), 0);
    EXPECT_EQ(guest.use_count(), 1);
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
