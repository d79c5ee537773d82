// SPDX-License-Identifier: MIT
// Guest sizes: the mode that equals one, and what is done without.
#include "presenter_fixture.h"

namespace scanthru {
namespace {

using testing::guest_cursor;
using vfio::PlaneType;

class PresenterModes : public PresenterFixture {};

TEST_F(PresenterModes, FollowsTheGuestsSizeWithAModeThatEqualsIt) {
    vgpu->show(picture(1, {800, 600}));
    attach();
    EXPECT_EQ(frame(), Frame::mode_changed);
    EXPECT_EQ(kms::size_of(*display->mode()), (Size{800, 600}));
    EXPECT_EQ(primary()->target.size, (Size{800, 600}));
    EXPECT_EQ(told(), std::vector{Note::Kind::mode_changed});
}

TEST_F(PresenterModes, ChangesTheModeOnceASecondAndKeepsTheLastPictureUntilThen) {
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

TEST_F(PresenterModes, AModeThatTheHardwareRefusesIsAskedForOnce) {
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

TEST_F(PresenterModes, ACursorThatTheHardwareRefusesIsNotHeldAgainstTheMode) {
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

TEST_F(PresenterModes, APictureThatTheHardwareRefusesIsNotHeldAgainstTheMode) {
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

TEST_F(PresenterModes, AttemptsAtAModeComeOnceASecondToo) {
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

TEST_F(PresenterModes, FollowsBackToTheConfiguredRate) {
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

TEST_F(PresenterModes, WithoutAMatchingModeASmallPictureStandsInTheMiddle) {
    set_up({.primary_must_cover = false}, {});
    vgpu->show(picture(1, {640, 480}));
    vgpu->show(PlaneType::cursor, guest_cursor(2, {5, 6}));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(primary()->target, (Rect{192, 144, {640, 480}}));
    EXPECT_EQ(cursor()->target, (Rect{197, 150, {64, 64}}));
}

TEST_F(PresenterModes, OfALargerPictureTheMiddleIsShown) {
    vgpu->show(picture(1, {1224, 968}));
    attach();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(primary()->source, (Rect{100, 100, screen}));
}

TEST_F(PresenterModes, ABlankScreenKeepsItsPictureAndNoticesAChange) {
    vgpu->show(picture(1));
    attach();
    frame();
    presenter->set_blank(true, now);
    EXPECT_TRUE(presenter->blank());
    EXPECT_EQ(display->value(FakeDrm::crtc(), "ACTIVE"), 0U);
    EXPECT_TRUE(presenter->view().blank);
    EXPECT_EQ(presenter->peek(now), Frame::unchanged);
    vgpu->show(picture(2));
    EXPECT_EQ(presenter->peek(now), Frame::shown);
    EXPECT_EQ(presenter->peek(now), Frame::unchanged);
    presenter->set_blank(false, now);
    EXPECT_EQ(display->value(FakeDrm::crtc(), "ACTIVE"), 1U);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
}

TEST_F(PresenterModes, AScreenThatCannotBeSwitchedOffStaysOn) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EINVAL);
    presenter->set_blank(true, now);
    EXPECT_FALSE(presenter->blank());
    EXPECT_TRUE(shows_primary());
}

}  // namespace
}  // namespace scanthru
