// SPDX-License-Identifier: MIT
// Faults of the device, the driver and the guest: the picture stays.
#include "presenter_fixture.h"

namespace scanthru {
namespace {

using testing::guest_cursor;
using vfio::PlaneType;

class PresenterFaults : public PresenterFixture {};

TEST_F(PresenterFaults, KeepsTheLastPictureWhileTheDeviceGivesNoNews) {
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

TEST_F(PresenterFaults, AsksOnceMoreAtOnceWhenMemoryIsShort) {
    vgpu->show(picture(1));
    attach();
    vgpu->fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, ENOMEM);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(counters.no_news.get(), 0U);
}

TEST_F(PresenterFaults, SaysThatTheDeviceHasGoneAndAsksNoMore) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->unplug();
    EXPECT_EQ(frame(), Frame::device_gone);
    const int asked = vgpu->calls(VFIO_DEVICE_QUERY_GFX_PLANE);
    frame();
    EXPECT_EQ(vgpu->calls(VFIO_DEVICE_QUERY_GFX_PLANE), asked);
}

TEST_F(PresenterFaults, KeepsThePictureThroughNonsenseAndCountsIt) {
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

TEST_F(PresenterFaults, RefusesABufferShorterThanItsPicture) {
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

TEST_F(PresenterFaults, TriesAFailedGetAgainAfterASecondAndNotBefore) {
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

TEST_F(PresenterFaults, AsksTheDriverOnceAboutABufferItCannotImport) {
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

TEST_F(PresenterFaults, KeepsTheLastGoodPictureWhenACommitIsRefusedAfterItsTestPassed) {
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

TEST_F(PresenterFaults, TheCursorMovesOnOverAPictureThatWasRefused) {
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

TEST_F(PresenterFaults, ShowsThePictureWithoutACursorThatTheHardwareRefuses) {
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

TEST_F(PresenterFaults, AFaultThatPassesLosesNothing) {
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

TEST_F(PresenterFaults, WaitsWhileAnotherProgramDrivesTheCard) {
    vgpu->show(picture(1));
    attach();
    display->set_master(false);
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(told(), std::vector{Note::Kind::not_master});
    display->set_master(true);
    EXPECT_EQ(frame(), Frame::shown);
}

TEST_F(PresenterFaults, SaysThatTheCardHasGone) {
    vgpu->show(picture(1));
    attach();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, ENODEV);
    EXPECT_EQ(frame(), Frame::card_gone);
}

TEST_F(PresenterFaults, AnImportThatFailsForWantOfMemoryIsTriedAgainAfterASecond) {
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

TEST_F(PresenterFaults, AFaultOfTheDriverIsNotHeldAgainstABuffer) {
    vgpu->show(picture(1));
    attach();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EIO, 2);
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
}

TEST_F(PresenterFaults, LettingGoOutlastsAPassingFault) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EBUSY, 3);
    presenter->attach(nullptr, now);
    EXPECT_EQ(primary()->framebuffer, black_id);
}

TEST_F(PresenterFaults, AfterAnEndWithoutACommitTheNextPictureComesByAModeset) {
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

TEST_F(PresenterFaults, ABufferThatWasClaimedTooLargeIsShownWhenTheClaimFits) {
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

TEST_F(PresenterFaults, ABusyDriverIsNoReasonToBlameAPicture) {
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

TEST_F(PresenterFaults, LettingGoWorksAlsoWhenTheCardTakesNoCommits) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->allow_removal_on_screen();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EACCES);
    presenter->attach(nullptr, now);
    EXPECT_EQ(vgpu->descriptors(1), 0);
    EXPECT_EQ(guest.use_count(), 1);
}

}  // namespace
}  // namespace scanthru
