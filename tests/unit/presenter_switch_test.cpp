// SPDX-License-Identifier: MIT
// From one guest to another: no vblank shows a mix of the two.
#include "presenter_fixture.h"

namespace scanthru {
namespace {

using testing::guest_cursor;
using vfio::PlaneType;

class PresenterSwitch : public PresenterFixture {
protected:
    /// The first guest is on screen; the second is there.
    void SetUp() override {
        PresenterFixture::SetUp();
        vgpu->show(picture(1));
        vgpu->show(PlaneType::cursor, guest_cursor(9, {10, 20}));
        attach();
        frame();
        ASSERT_TRUE(shows_primary());
        first = guest;
    }

    void switch_to_second() {
        auto device = vfio::GfxDevice::probe(second->open(), std::nullopt);
        ASSERT_TRUE(device);
        guest = GuestBuffers::create(*std::move(device));
        commits_before = commits();
        presenter->switch_to(guest);
        EXPECT_EQ(commits(), commits_before) << "nothing changes before the next frame";
    }

    void TearDown() override {
        presenter->show_instead(nullptr, now);
        presenter->attach(nullptr, now);
        guest.reset();
        first.reset();
        second.reset();
        PresenterFixture::TearDown();
    }

    std::unique_ptr<FakeVfio> second =
        std::make_unique<FakeVfio>(FakeVfio::Behaviour{.mappable = false});
    std::shared_ptr<GuestBuffers> first;
    int commits_before = 0;
};

TEST_F(PresenterSwitch, TheNewPictureComesInOneCommitWithTheOldCursorsEnd) {
    second->show(picture(7));
    switch_to_second();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(commits(), commits_before + 1);
    EXPECT_NE(primary()->framebuffer, black_id);
    EXPECT_FALSE(cursor()) << "the old guest's";
    // Of the old guest nobody holds anything any more but this test.
    EXPECT_EQ(first.use_count(), 1);
}

TEST_F(PresenterSwitch, WithoutAPictureTheScreenIsBlack) {
    switch_to_second();
    frame();
    EXPECT_EQ(primary()->framebuffer, black_id);
    EXPECT_FALSE(cursor());
    EXPECT_EQ(first.use_count(), 1);
}

TEST_F(PresenterSwitch, APictureThatCannotBeHadDoesNotLeaveTheOldOne) {
    second->show(picture(7));
    second->fail_next(VFIO_DEVICE_GET_GFX_DMABUF, EINVAL);
    switch_to_second();
    frame();
    EXPECT_EQ(primary()->framebuffer, black_id);
    later_frame();
    EXPECT_NE(primary()->framebuffer, black_id);
}

TEST_F(PresenterSwitch, APictureThatTheHardwareRefusesDoesNotLeaveTheOldOne) {
    second->show(picture(7));
    switch_to_second();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EINVAL);
    frame();
    EXPECT_EQ(primary()->framebuffer, black_id);
}

TEST_F(PresenterSwitch, ADeviceThatHasGoneMeanwhileLeavesBlack) {
    second->show(picture(7));
    switch_to_second();
    second->fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, ENODEV);
    EXPECT_EQ(frame(), Frame::device_gone);
    EXPECT_EQ(primary()->framebuffer, black_id);
}

TEST_F(PresenterSwitch, AFaultThatPassesIsTriedAgain) {
    second->show(picture(7));
    switch_to_second();
    for (int i = 0; i < 2; ++i)
        display->fail_next(DRM_IOCTL_MODE_ATOMIC, EBUSY);
    frame();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_NE(primary()->framebuffer, black_id);
    EXPECT_EQ(first.use_count(), 1);
}

}  // namespace
}  // namespace scanthru
