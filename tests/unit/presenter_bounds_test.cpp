// SPDX-License-Identifier: MIT
// What one guest may take of the host.
#include "presenter_fixture.h"

namespace scanthru {
namespace {

using testing::guest_cursor;
using vfio::PlaneType;

class PresenterBounds : public PresenterFixture {};

TEST_F(PresenterBounds, ABufferBeyondTheBoundsIsNotFetchedAtEveryVblank) {
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

TEST_F(PresenterBounds, AGuestThatNeverReusesABufferCannotExhaustTheHost) {
    attach();
    for (std::uint64_t address = 1; address <= 100; ++address) {
        vgpu->show(picture(address));
        frame();
        ASSERT_TRUE(shows_primary());
    }
    EXPECT_LE(display->framebuffers(), settings.bounds.entries + 1);
    EXPECT_EQ(counters.evictions.get(), 100 - settings.bounds.entries);
}

TEST_F(PresenterBounds, WorksWithRoomForOnlyThePicturesOnScreenAndTheNext) {
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

TEST_F(PresenterBounds, NewBuffersASecondAreBounded) {
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

TEST_F(PresenterBounds, MemoryIsBounded) {
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

TEST_F(PresenterBounds, WhatIsOnTheScreenCannotMakeRoomAsItsMemoryStaysInUse) {
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

TEST_F(PresenterBounds, ANewPictureDoesNotEvictTheCursorThatWasJustNamed) {
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

}  // namespace
}  // namespace scanthru
