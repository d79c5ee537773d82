// SPDX-License-Identifier: MIT
#include "input/injection_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input-event-codes.h>

namespace scanthru::input {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using Added = InjectionQueue::Added;
using Phase = Touch::Phase;

std::vector<Step> drain(InjectionQueue& queue) {
    queue.commit();
    std::vector<Step> steps;
    for (const Step* step = queue.front(); step != nullptr; step = queue.front()) {
        steps.push_back(*step);
        queue.pop();
    }
    return steps;
}

TEST(InjectionQueue, MotionIsSummedOrReplacedButNeverAcrossAnythingElse) {
    InjectionQueue queue;
    for (const Step& step :
         {Step{RelativeMotion{1, 2}}, Step{RelativeMotion{0.5, -1}}, Step{Key{KEY_A, true}},
          Step{RelativeMotion{1, 1}}, Step{AbsoluteMotion{0.1, 0.2}},
          Step{AbsoluteMotion{0.3, 0.4}}, Step{Button{BTN_LEFT, true}},
          Step{AbsoluteMotion{0.5, 0.6}}, Step{Notches{0, 1}}, Step{Notches{1, 1}},
          Step{AbsoluteMotion{0.7, 0.8}}})
        queue.add(step);
    EXPECT_THAT(drain(queue),
                ElementsAre(RelativeMotion{1.5, 1}, Key{KEY_A, true}, RelativeMotion{1, 1},
                            AbsoluteMotion{0.3, 0.4}, Button{BTN_LEFT, true},
                            AbsoluteMotion{0.5, 0.6}, Notches{1, 2}, AbsoluteMotion{0.7, 0.8}));
}

TEST(InjectionQueue, KeysAreNeverMerged) {
    InjectionQueue queue;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(queue.add(Key{KEY_A, true}), Added::appended);
        EXPECT_EQ(queue.add(Key{KEY_A, false}), Added::appended);
    }
    EXPECT_EQ(drain(queue).size(), 6U);
}

TEST(InjectionQueue, OfAFingersMovesTheNewestCountsAmongMovesOfOthers) {
    InjectionQueue queue;
    for (const Touch& touch :
         {Touch{Phase::down, 0, 0, 0}, Touch{Phase::move, 0, 0.1, 0}, Touch{Phase::move, 1, 0.2, 0},
          Touch{Phase::move, 0, 0.3, 0}, Touch{Phase::up, 1, 0, 0}, Touch{Phase::move, 0, 0.4, 0}})
        queue.add(touch);
    EXPECT_THAT(drain(queue),
                ElementsAre(Touch{Phase::down, 0, 0, 0}, Touch{Phase::move, 0, 0.3, 0},
                            Touch{Phase::move, 1, 0.2, 0}, Touch{Phase::up, 1, 0, 0},
                            Touch{Phase::move, 0, 0.4, 0}));
}

TEST(InjectionQueue, OnlyWhatWasCommittedMayGo) {
    InjectionQueue queue;
    queue.add(Key{KEY_A, true});
    EXPECT_EQ(queue.front(), nullptr);
    queue.commit();
    queue.add(Key{KEY_B, true});
    ASSERT_NE(queue.front(), nullptr);
    queue.pop();
    EXPECT_EQ(queue.front(), nullptr);
    EXPECT_FALSE(queue.empty());
}

TEST(InjectionQueue, AFullOneTakesReleasesAndMotionThatMergesOnly) {
    InjectionQueue queue;
    while (!queue.is_full())
        EXPECT_EQ(queue.add(Key{KEY_A, true}), Added::appended);
    EXPECT_EQ(queue.add(Key{KEY_B, true}), Added::full);
    EXPECT_EQ(queue.add(RelativeMotion{1, 1}), Added::full);
    EXPECT_EQ(queue.add(Notches{0, 1}), Added::full);
    EXPECT_EQ(queue.add(Touch{Phase::down, 0, 0, 0}), Added::full);
    EXPECT_EQ(queue.add(Key{KEY_A, false}), Added::appended);
    EXPECT_EQ(queue.add(Button{BTN_LEFT, false}), Added::appended);
    EXPECT_EQ(queue.add(Touch{Phase::up, 0, 0, 0}), Added::appended);
    EXPECT_EQ(drain(queue).size(), InjectionQueue::limit + 3);
}

TEST(InjectionQueue, NotchesAreTakenInPortions) {
    InjectionQueue queue;
    queue.add(Notches{-3, 12});
    queue.commit();
    EXPECT_EQ(queue.take_notches(8), (Notches{-3, 8}));
    EXPECT_EQ(queue.take_notches(8), (Notches{0, 4}));
    EXPECT_EQ(queue.front(), nullptr);
}

TEST(InjectionQueue, ABrokenWheelDoesNotTurnForEver) {
    InjectionQueue queue;
    for (int i = 0; i < 1000; ++i)
        queue.add(Notches{100, -100});
    EXPECT_THAT(drain(queue), ElementsAre(Notches{1000, -1000}));
}

TEST(Switch, IsWhatCanBeReleased) {
    for (const Step& press : {Step{Key{KEY_A, true}}, Step{Button{BTN_EXTRA, true}},
                              Step{Touch{Phase::down, 9, 0.5, 0.5}}}) {
        const auto change = switch_of(press);
        ASSERT_TRUE(change);
        EXPECT_TRUE(change->down);
        const auto back = switch_of(release_of(change->id));
        ASSERT_TRUE(back);
        EXPECT_EQ(back->id, change->id);
        EXPECT_FALSE(back->down);
        EXPECT_EQ(release_of(change->id).index(), press.index());
    }
    EXPECT_FALSE(switch_of(Touch{Phase::move, 0, 0, 0}));
    EXPECT_FALSE(switch_of(RelativeMotion{1, 1}));
}

TEST(TokenBucket, GivesSoManyAtOnceAndThenOnePerInterval) {
    TokenBucket bucket{16, milliseconds{1}};
    auto now = Clock::now();
    for (int i = 0; i < 16; ++i)
        EXPECT_TRUE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now));
    EXPECT_EQ(bucket.wait(now), milliseconds{1});
    now += std::chrono::microseconds{2500};
    EXPECT_TRUE(bucket.take(now));
    EXPECT_TRUE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now));
    EXPECT_EQ(bucket.wait(now), std::chrono::microseconds{500});
    now += std::chrono::hours{1};
    for (int i = 0; i < 16; ++i)
        EXPECT_TRUE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now));
}

}  // namespace
}  // namespace scanthru::input
