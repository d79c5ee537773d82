// SPDX-License-Identifier: MIT
// Real-time priority, and where it is dropped: RLIMIT_RTTIME ends whoever holds it for too long.
#include "base/real_time.h"
#include "presenter_fixture.h"

#include <sched.h>
#include <set>
#include <thread>

namespace scanthru {
namespace {

int policy() {
    return ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
}

/// The frame thread's part is played by this one.
class RealTime : public PresenterFixture {
protected:
    void SetUp() override {
        PresenterFixture::SetUp();
        if (!make_real_time(::pthread_self())) GTEST_SKIP() << "not allowed here";
        display->when_called(DRM_IOCTL_MODE_ATOMIC, [this] { commits_at.insert(policy()); });
    }

    void TearDown() override {
        const sched_param parameters{};
        ::sched_setscheduler(0, SCHED_OTHER, &parameters);
        PresenterFixture::TearDown();
    }

    /// The policies of the commits since this was last asked.
    std::set<int> policies() {
        EXPECT_EQ(policy(), SCHED_RR) << "taken again";
        return std::exchange(commits_at, {});
    }

    std::set<int> commits_at;
};

TEST_F(RealTime, IsKeptForFramesAndDroppedForModesets) {
    vgpu->show(picture(1));
    attach();
    frame();
    vgpu->show(picture(2));
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(policies(), std::set{SCHED_RR});
    vgpu->show(picture(3, {800, 600}));
    EXPECT_EQ(frame(), Frame::mode_changed);
    EXPECT_EQ(policies(), std::set{SCHED_OTHER});
}

TEST_F(RealTime, IsDroppedWhileTheScreenGoesOffAndOn) {
    presenter->set_blank(true, now);
    presenter->set_blank(false, now);
    EXPECT_EQ(policies(), std::set{SCHED_OTHER});
}

TEST_F(RealTime, IsDroppedWhereTheCardComesBack) {
    vgpu->show(picture(1));
    attach();
    frame();
    display->allow_removal_on_screen();
    presenter->come_back();
    policies();
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_EQ(policies(), std::set{SCHED_OTHER});
}

TEST_F(RealTime, IsNotTakenByWhoDidNotHaveItAndNotHandedOn) {
    std::thread{[] {
        EXPECT_EQ(policy(), SCHED_OTHER) << "a thread that it starts";
        { const OrdinaryPriority while_it_takes; }
        EXPECT_EQ(policy(), SCHED_OTHER);
    }}.join();
    {
        const OrdinaryPriority outer;
        const OrdinaryPriority inner;
        EXPECT_EQ(policy(), SCHED_OTHER);
    }
    EXPECT_EQ(policies(), std::set<int>{});
}

}  // namespace
}  // namespace scanthru
