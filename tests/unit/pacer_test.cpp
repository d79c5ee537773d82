// SPDX-License-Identifier: MIT
#include "presenter/pacer.h"

#include <gtest/gtest.h>

namespace scanthru {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr nanoseconds period = 16'666'667ns;
constexpr kms::Timestamp start{1000s};

/// A pacer and its clock, one frame a period.
struct Paced {
    /// Settled.
    explicit Paced(nanoseconds length = period) : pacer(length), step(length) {
        frames(16, {.late = 3ms, .missed = true});
    }

    void frame(const FrameCost& cost) { pacer.learn(cost, now += step); }

    void frames(unsigned count, const FrameCost& cost) {
        for (unsigned i = 0; i < count; ++i)
            frame(cost);
    }

    Pacer pacer;
    nanoseconds step;
    kms::Timestamp now = start;
};

constexpr FrameCost ordinary{.late = 60us, .prepared = 40us, .commit = 80us};
constexpr FrameCost miss{.late = 60us, .prepared = 40us, .missed = true};

TEST(DurationClass, TellsDurationsToASixteenth) {
    std::size_t last = 0;
    for (nanoseconds duration{}; duration < 40ms; duration += duration / 50 + 7ns) {
        const std::size_t which = DurationClass::of(duration);
        ASSERT_LT(which, DurationClass::count);
        ASSERT_GE(which, last);
        last = which;
        if (which + 1 == DurationClass::count) continue;
        ASSERT_GT(DurationClass::end(which), duration);
        ASSERT_LE(DurationClass::end(which), std::max(duration + duration / 16 + 1ns, 1024ns));
    }
    EXPECT_EQ(last, DurationClass::count - 1);
    EXPECT_EQ(DurationClass::of(-5ns), 0U);
}

TEST(Pacer, BeginsWithAMillisecondAndAtMostAQuarterOfThePeriod) {
    EXPECT_EQ(Pacer{period}.margin(), 1ms);
    EXPECT_EQ(Pacer{1ms}.margin(), 250us);
}

TEST(Pacer, ComesDownToWhatFramesCostAndAGuard) {
    Paced paced;
    paced.frames(1000, ordinary);
    // 100 µs and a class, the commit's 80 µs, a quarter of it all but at least 50 µs.
    EXPECT_GE(paced.pacer.margin(), 230us);
    EXPECT_LE(paced.pacer.margin(), 240us);
}

TEST(Pacer, ComesDownBy100MicrosecondsASecond) {
    Paced paced;
    paced.frames(64, ordinary);
    const nanoseconds before = paced.pacer.margin();
    paced.frames(60, ordinary);
    EXPECT_NEAR(static_cast<double>((before - paced.pacer.margin()).count()), 100e3, 1e3);
}

TEST(Pacer, DoesNotComeDownBeforeItHasSeenEnough) {
    Paced paced;
    paced.frames(63, ordinary);
    EXPECT_EQ(paced.pacer.margin(), 1ms);
}

TEST(Pacer, APauseIsNoReasonToComeDown) {
    Paced paced;
    paced.frames(64, ordinary);
    const nanoseconds before = paced.pacer.margin();
    paced.now += 1h;
    paced.frame(ordinary);
    EXPECT_GE(paced.pacer.margin(), before - 10us);
}

TEST(Pacer, GoesUpAtOnceWhenFramesCostMore) {
    Paced paced;
    paced.frames(900, ordinary);
    paced.frames(3, {.late = 900us, .prepared = 100us});
    EXPECT_GE(paced.pacer.margin(), (1ms + 80us) * 5 / 4);
    EXPECT_LE(paced.pacer.margin(), 1500us);
}

TEST(Pacer, TwoSlowFramesAreAccidents) {
    Paced paced;
    paced.frames(100, ordinary);
    const nanoseconds before = paced.pacer.margin();
    paced.frames(2, {.late = 3ms});
    EXPECT_LE(paced.pacer.margin(), before);
    paced.frame({.late = 3ms});
    EXPECT_GT(paced.pacer.margin(), 3ms);
}

TEST(Pacer, OneInAThousandMayBeSlower) {
    Paced paced;
    paced.frames(3000, ordinary);
    const nanoseconds before = paced.pacer.margin();
    paced.frame({.late = 3ms});
    EXPECT_EQ(paced.pacer.margin(), before);
    paced.frame({.late = 3ms});
    paced.frame({.late = 3ms});
    paced.frame({.late = 3ms});
    EXPECT_GT(paced.pacer.margin(), 3ms);
}

TEST(Pacer, ForgetsWhatIsLongPast) {
    Paced paced;
    paced.frames(500, ordinary);
    paced.frames(20, {.late = 3ms});
    EXPECT_GT(paced.pacer.margin(), 3ms);
    paced.frames(6500, ordinary);
    EXPECT_GT(paced.pacer.margin(), 3ms);
    paced.frames(2 * 1024 + 2400, ordinary);
    EXPECT_LT(paced.pacer.margin(), 300us);
}

TEST(Pacer, IsNeverMoreThanAQuarterOfThePeriod) {
    for (const nanoseconds length : {1000us, 6944us, 16667us, 41667us}) {
        Paced paced{length};
        paced.frames(2000, {.late = 20ms, .prepared = 9ms, .commit = 9ms, .missed = true});
        EXPECT_EQ(paced.pacer.margin(), length / 4);
    }
}

TEST(Pacer, AMissRaisesItByAQuarter) {
    Paced paced;
    paced.frames(1000, ordinary);
    const nanoseconds before = paced.pacer.margin();
    paced.frame(miss);
    EXPECT_EQ(paced.pacer.margin(), before + before / 4);
}

TEST(Pacer, WhatHasMissedIsNotTriedAgainForAMinuteThenTwo) {
    Paced paced;
    paced.frames(1000, ordinary);
    const nanoseconds learnt = paced.pacer.margin();
    for (const unsigned seconds : {60U, 120U, 240U}) {
        paced.frame(miss);
        const nanoseconds raised = paced.pacer.margin();
        EXPECT_GT(raised, learnt);
        paced.frames(seconds * 60 - 60, ordinary);
        EXPECT_EQ(paced.pacer.margin(), raised);
        paced.frames(600, ordinary);
        EXPECT_EQ(paced.pacer.margin(), learnt);
    }
}

TEST(Pacer, ABurstOfMissesIsOneTrial) {
    Paced paced;
    paced.frames(1000, ordinary);
    const nanoseconds learnt = paced.pacer.margin();
    paced.frames(600, miss);
    EXPECT_EQ(paced.pacer.margin(), period / 4);
    paced.frames(60 * 60 - 1, ordinary);
    EXPECT_EQ(paced.pacer.margin(), period / 4);
    paced.frames(60 * 60, ordinary);
    EXPECT_EQ(paced.pacer.margin(), learnt) << "a minute after the last, and not an hour";
}

TEST(Pacer, AMissThatNoMarginCouldHaveSavedRaisesNothing) {
    Paced paced;
    paced.frames(5000, ordinary);
    const nanoseconds before = paced.pacer.margin();
    paced.frame({.late = 8ms, .missed = true});
    EXPECT_EQ(paced.pacer.margin(), before);
}

TEST(Pacer, NewFramebuffersDoNotCountUnlessTheyAreTheRule) {
    Paced paced;
    paced.frames(1000, ordinary);
    const nanoseconds before = paced.pacer.margin();
    paced.frames(8, {.late = 60us, .prepared = 2ms, .missed = true, .novel = true});
    EXPECT_EQ(paced.pacer.margin(), before);
    paced.frames(26, {.late = 60us, .prepared = 2ms, .novel = true});
    EXPECT_GT(paced.pacer.margin(), 2ms);
}

TEST(Pacer, FramesThatSettleDoNotCount) {
    Paced paced;
    paced.frames(1000, ordinary);
    const nanoseconds before = paced.pacer.margin();
    paced.pacer.settle();
    paced.frames(16, {.late = 3ms, .commit = 3ms, .missed = true});
    EXPECT_EQ(paced.pacer.margin(), before);
    paced.frame(miss);
    EXPECT_GT(paced.pacer.margin(), before);
}

TEST(Pacer, TwoSlowCommitsAreAccidentsThreeAreNot) {
    Paced paced;
    const FrameCost slow{.late = 60us, .prepared = 40us, .commit = 1ms};
    paced.frames(2, slow);
    paced.frames(500, ordinary);
    EXPECT_LT(paced.pacer.margin(), 500us);
    paced.frame(miss);
    paced.frame(slow);
    EXPECT_GT(paced.pacer.margin(), 1ms);
}

TEST(Pacer, WantsTheFirstCommitsCostsAndAFewAfterAMiss) {
    Paced paced;
    for (int i = 0; i < 64; ++i) {
        ASSERT_TRUE(paced.pacer.wants_commit_cost());
        paced.frame(ordinary);
    }
    EXPECT_FALSE(paced.pacer.wants_commit_cost());
    paced.frame(miss);
    EXPECT_TRUE(paced.pacer.wants_commit_cost());
    paced.frames(8, ordinary);
    EXPECT_FALSE(paced.pacer.wants_commit_cost());
}

TEST(Pacer, BeginsAnewWithAnotherMode) {
    Paced paced;
    paced.frames(1000, {.late = 2ms});
    paced.pacer.restart(10ms);
    EXPECT_EQ(paced.pacer.margin(), 1ms);
    paced.frames(16, {.late = 2ms, .missed = true});
    EXPECT_EQ(paced.pacer.margin(), 1ms);
    EXPECT_TRUE(paced.pacer.wants_commit_cost());
    paced.frames(1000, ordinary);
    EXPECT_LT(paced.pacer.margin(), 300us);
}

TEST(Pacer, SurvivesAClockThatStandsStillOrGoesBack) {
    Paced paced;
    paced.frames(100, ordinary);
    paced.now -= 10s;
    const nanoseconds before = paced.pacer.margin();
    paced.frame(ordinary);
    EXPECT_EQ(paced.pacer.margin(), before);
}

TEST(IdlePolicy, AsksAtEveryVblankForASecondAfterAChangeOrInput) {
    IdlePolicy idle{100ms};
    idle.active(start);
    EXPECT_EQ(idle.earliest(start + 900ms, start + 999ms), start + 900ms);
    EXPECT_EQ(idle.earliest(start + 1000ms, start + 1000ms), start + 1100ms);
    idle.active(start + 1040ms);
    EXPECT_EQ(idle.earliest(start + 1000ms, start + 1040ms), start + 1000ms);
}

TEST(IdlePolicy, OffIsEveryVblank) {
    const IdlePolicy off{std::nullopt};
    EXPECT_FALSE(off.idle(start));
    EXPECT_EQ(off.earliest(start, start), start);
    EXPECT_EQ(off.earliest(start, start, 100ms), start);
}

TEST(IdlePolicy, CopiedPicturesAreLookedAtAsOftenAsTheyNeed) {
    const IdlePolicy slow{500ms};
    EXPECT_EQ(slow.earliest(start, start), start + 500ms);
    EXPECT_EQ(slow.earliest(start, start, 100ms), start + 100ms);
    const IdlePolicy quick{50ms};
    EXPECT_EQ(quick.earliest(start, start, 100ms), start + 50ms);
}

/// With the main thread's own timer of two seconds.
TEST(IdlePolicy, At2HzTheProcessWakesAtMostFiveTimesInTwoSeconds) {
    const IdlePolicy idle{500ms};
    kms::VblankClock clock{period};
    clock.sync({.sequence = 1, .when = start});
    kms::Timestamp target = start;
    unsigned wakeups = 0;
    for (kms::Timestamp now = start; now < start + 3600s; ++wakeups) {
        target = clock.next_after(std::max(now + 1ms, idle.earliest(target, now) - 1ns)).when;
        now = target - 1ms;
    }
    // The first one came at the beginning.
    EXPECT_LE(wakeups - 1 + 3600 / 2, 3600U * 5 / 2);
}

}  // namespace
}  // namespace scanthru
