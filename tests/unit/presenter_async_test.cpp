// SPDX-License-Identifier: MIT
// Pictures that are shown at once and not at the next vblank.
#include "presenter_fixture.h"

namespace scanthru {
namespace {

using testing::guest_cursor;
using vfio::PlaneType;

class PresenterAsync : public PresenterFixture {
protected:
    void SetUp() override {
        set_up({.async_flips = true}, {.mappable = false});
        vgpu->show(picture(1));
        attach();
        frame();
        vgpu->show(picture(2));
        frame();
    }

    bool was_async() const {
        return (display->last_commit().flags & DRM_MODE_PAGE_FLIP_ASYNC) != 0;
    }

    bool async() const { return presenter->scanout().async(); }
};

TEST_F(PresenterAsync, ANewPictureIsShownAtOnceAndNothingElseIsNamed) {
    vgpu->show(picture(3));
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(was_async());
    EXPECT_TRUE(presenter->scanout().flipped_async());
    const auto commit = display->last_commit();
    ASSERT_EQ(commit.changes.size(), 1U);
    EXPECT_EQ(commit.changes.at(raw(FakeDrm::primary())).size(), 1U);
    EXPECT_TRUE(shows_primary());
    EXPECT_TRUE(presenter->view().async);
}

TEST_F(PresenterAsync, ACursorThatChangesComesWithAnOrdinaryFlip) {
    vgpu->show(picture(3));
    vgpu->show(PlaneType::cursor, guest_cursor(9, {1, 1}));
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_FALSE(was_async());
    EXPECT_FALSE(presenter->scanout().flipped_async());
    EXPECT_TRUE(shows_primary());
    EXPECT_TRUE(cursor());
    vgpu->show(picture(4));
    frame();
    EXPECT_TRUE(was_async()) << "with the cursor as it is";
    EXPECT_EQ(told(), std::vector<Note::Kind>{});
}

TEST_F(PresenterAsync, WhatTheDriverRefusesIsAnOrdinaryFlipUntilTheNextModeset) {
    told();
    display->refuse_async_flips(true);
    vgpu->show(picture(3));
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_FALSE(was_async());
    EXPECT_TRUE(shows_primary());
    EXPECT_FALSE(async());
    EXPECT_FALSE(presenter->view().async);
    EXPECT_EQ(told(), std::vector{Note::Kind::async_refused});
    display->refuse_async_flips(false);
    const int before = commits();
    vgpu->show(picture(4));
    frame();
    EXPECT_EQ(commits(), before + 1) << "not asked again";
    EXPECT_FALSE(was_async());

    vgpu->show(picture(5, {800, 600}));
    EXPECT_EQ(frame(), Frame::mode_changed);
    EXPECT_TRUE(async());
    vgpu->show(picture(6, {800, 600}));
    frame();
    EXPECT_TRUE(was_async());
}

TEST_F(PresenterAsync, AFaultThatPassesRefusesNothing) {
    vgpu->show(picture(3));
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EBUSY);
    EXPECT_EQ(frame(), Frame::kept);
    EXPECT_TRUE(async());
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(was_async());
}

TEST_F(PresenterAsync, APictureThatCannotBeShownAtAllIsRefusedAsEver) {
    vgpu->show(picture(3));
    ASSERT_TRUE(guest->device().query(PlaneType::primary));
    display->refuse_to_show(vgpu->memory(*vgpu->id_of(PlaneType::primary)));
    EXPECT_NE(frame(), Frame::shown);
    EXPECT_EQ(memory_on(FakeDrm::primary()), memory_of(2));
}

TEST_F(PresenterAsync, WithoutTheCapabilityEveryFlipIsOrdinary) {
    set_up({}, {.mappable = false});
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->show(picture(2));
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_FALSE(was_async());
}

}  // namespace
}  // namespace scanthru
