// SPDX-License-Identifier: MIT
#include "unit/qmp_injector_fixture.h"

#include <linux/input-event-codes.h>

namespace scanthru::input {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Phase = Touch::Phase;

constexpr Key down(int code) {
    return {static_cast<std::uint16_t>(code), true};
}

constexpr Key up(int code) {
    return {static_cast<std::uint16_t>(code), false};
}

using QmpInjectorTest = testing::InjectorTest;

TEST_F(QmpInjectorTest, WritesAtOnceWhenNothingIsUnderWay) {
    injector.send(down(KEY_A));
    EXPECT_THAT(heard(), IsEmpty()) << "not before flush()";
    injector.flush();
    EXPECT_THAT(heard(), ElementsAre("+a"));
}

TEST_F(QmpInjectorTest, PutsPlaceAndButtonOfOneBatchIntoOneList) {
    hands({AbsoluteMotion{0, 1}, Button{BTN_LEFT, true}});
    EXPECT_THAT(heard(), ElementsAre("abs 0,32767 +left"));
}

TEST_F(QmpInjectorTest, HasOneCommandUnderWayAndSendsWhatWaitedWithTheReply) {
    hands({down(KEY_A)});
    hands({up(KEY_A)});
    hands({down(KEY_B)});
    EXPECT_THAT(heard(), ElementsAre("+a"));
    answer();
    turn();
    EXPECT_THAT(heard(), ElementsAre("-a +b"));
}

TEST_F(QmpInjectorTest, MotionThatWaitsBecomesOneStepButStaysInItsPlace) {
    hands({down(KEY_A)});
    for (int i = 0; i < 5; ++i)
        hands({RelativeMotion{1, 2}});
    hands({Button{BTN_LEFT, true}});
    for (int i = 0; i < 5; ++i)
        hands({RelativeMotion{3, 0}});
    EXPECT_EQ(injector.statistics().coalesced, 8U);
    at_once = true;
    answer();
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a", "rel 5,10 +left", "rel 15,0"));
}

TEST_F(QmpInjectorTest, NeverPutsTwoChangesOfOneKeyIntoOneList) {
    at_once = true;
    hands({down(KEY_A), up(KEY_A), down(KEY_A), down(KEY_B), up(KEY_A), up(KEY_B)});
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a", "-a", "+a +b", "-a -b"));
}

TEST_F(QmpInjectorTest, NeverPutsAMotionBehindAClickIntoItsList) {
    at_once = true;
    hands({Button{BTN_LEFT, true}, AbsoluteMotion{1, 1}, Button{BTN_LEFT, false}, Wheel{0, 120},
           RelativeMotion{1, 1}});
    turn();
    EXPECT_THAT(heard(), ElementsAre("+left", "abs 32767,32767 -left", "+wheel-down -wheel-down",
                                     "rel 1,1"));
}

TEST_F(QmpInjectorTest, WheelsTurnByWholeNotchesAndKeepTheRest) {
    at_once = true;
    hands({Wheel{0, 60}});
    hands({Wheel{0, 30}});
    turn();
    EXPECT_THAT(heard(), IsEmpty());
    hands({Wheel{0, 30}});
    hands({Wheel{-240, 0}});
    turn();
    EXPECT_THAT(heard(), ElementsAre("+wheel-down -wheel-down",
                                     "+wheel-left -wheel-left +wheel-left -wheel-left"));
}

TEST_F(QmpInjectorTest, WheelThatWaitsIsNotLost) {
    hands({down(KEY_A)});
    for (int i = 0; i < 20; ++i)
        hands({Wheel{0, -120}});
    at_once = true;
    answer();
    turn();
    std::size_t notches = 0;
    for (const std::string& list : heard())
        for (std::size_t at = 0; (at = list.find("+wheel-up", at)) != std::string::npos; ++at)
            ++notches;
    EXPECT_EQ(notches, 20U);
}

TEST_F(QmpInjectorTest, RepeatedPressesAndStrayReleasesAreNotSent) {
    hands({down(KEY_A), down(KEY_A), up(KEY_B)});
    EXPECT_THAT(heard(), ElementsAre("+a"));
    EXPECT_EQ(injector.statistics().dropped, 0U);
}

TEST_F(QmpInjectorTest, KeysWithoutAQcodeAreDroppedAndCounted) {
    hands({down(KEY_WLAN), up(KEY_WLAN), Button{BTN_TASK, true}});
    EXPECT_THAT(heard(), IsEmpty());
    EXPECT_EQ(injector.statistics().dropped, 2U);
}

TEST_F(QmpInjectorTest, NonsenseOfAMotionIsIgnored) {
    hands({RelativeMotion{std::nan(""), 1}, AbsoluteMotion{INFINITY, 0}});
    EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(QmpInjectorTest, SixteenPressesGoAtOnceAndThenOnePerMillisecond) {
    at_once = true;
    std::vector<Event> presses;
    for (int key = KEY_Q; key < KEY_Q + 10; ++key)
        presses.emplace_back(down(key));
    for (int key = KEY_1; key < KEY_1 + 10; ++key)
        presses.emplace_back(down(key));
    const auto begin = Clock::now();
    hands(presses);
    const auto first = heard();
    ASSERT_THAT(first, SizeIs(1));
    EXPECT_EQ(std::count(first[0].begin(), first[0].end(), '+'), 16);
    while (injector.down().size() < 20 && Clock::now() - begin < std::chrono::seconds{5})
        turn();
    EXPECT_GE(Clock::now() - begin, milliseconds{3});
    EXPECT_EQ(injector.down().size(), 20U);
}

TEST_F(QmpInjectorTest, MotionIsNotPaced) {
    at_once = true;
    for (int i = 0; i < 100; ++i) {
        hands({RelativeMotion{1, 0}});
        turn();
    }
    EXPECT_THAT(heard(), SizeIs(100));
}

TEST_F(QmpInjectorTest, BeyondItsLimitPressesAreDroppedWithTheirReleases) {
    hands({down(KEY_Z)});
    for (std::size_t i = 0; i < InjectionQueue::limit / 2 + 10; ++i)
        hands({down(KEY_A), up(KEY_A)});
    hands({down(KEY_B), up(KEY_B), up(KEY_Z)});
    EXPECT_EQ(injector.statistics().dropped, 11U);
    at_once = true;
    answer();
    const auto begin = Clock::now();
    while (!injector.down().empty() && Clock::now() - begin < std::chrono::seconds{20})
        turn();
    const auto lists = heard();
    EXPECT_THAT(lists, Not(Contains("+b")));
    EXPECT_EQ(std::count(lists.begin(), lists.end(), "+a"),
              static_cast<std::ptrdiff_t>(InjectionQueue::limit / 2));
    EXPECT_THAT(injector.down(), IsEmpty());
}

TEST_F(QmpInjectorTest, ReleasesAllThatTheGuestHasDownBehindWhatWaits) {
    hands({down(KEY_LEFTCTRL), Button{BTN_LEFT, true}});
    hands({down(KEY_A)});
    injector.release_all();
    at_once = true;
    answer();
    turn();
    EXPECT_THAT(heard(), ElementsAre("+ctrl +left", "+a -ctrl", "-a -left"));
    EXPECT_THAT(injector.down(), IsEmpty());
}

TEST_F(QmpInjectorTest, AReleaseThatComesAfterReleaseAllIsNotSent) {
    at_once = true;
    hands({down(KEY_A)});
    turn();
    injector.release_all();
    turn();
    hands({up(KEY_A)});
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a", "-a"));
    EXPECT_EQ(injector.statistics().commands, 2U);
}

TEST_F(QmpInjectorTest, AsksForTheMiceAtTheConnectionAndNotWithEveryMotion) {
    at_once = true;
    for (int i = 0; i < 10; ++i) {
        hands({RelativeMotion{1, 0}});
        turn();
    }
    EXPECT_EQ(std::count(names.begin(), names.end(), "query-mice"), 1);
    EXPECT_EQ(std::count(names.begin(), names.end(), "query-qmp-schema"), 0);
}

TEST_F(QmpInjectorTest, AsksForTheMiceAgainAfterTwoSecondsOfPointerInput) {
    at_once = true;
    hands({down(KEY_A)});
    turn(milliseconds{2100});
    hands({up(KEY_A)});
    turn();
    EXPECT_EQ(std::count(names.begin(), names.end(), "query-mice"), 1) << "no pointer input";
    mice = {{{"absolute", true}}};
    injector.set_guest_size(1000, 1000);
    hands({RelativeMotion{1, 0}});
    turn();
    EXPECT_EQ(std::count(names.begin(), names.end(), "query-mice"), 2);
    EXPECT_THAT(heard(), ElementsAre("+a", "-a", "rel 1,0"));
    hands({RelativeMotion{1, 0}});
    EXPECT_THAT(heard(), ElementsAre("abs 16416,16384"));
}

TEST_F(QmpInjectorTest, KeysGoBeforeTheMiceAreKnownAndPointersWaitForThem) {
    hang_up();
    hold_mice = true;
    connect();
    at_once = true;
    hands({down(KEY_A), RelativeMotion{1, 0}, down(KEY_B)});
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a"));
    ASSERT_THAT(held_mice, SizeIs(1));
    say({{"return", mice}, {"id", held_mice[0]}});
    turn();
    EXPECT_THAT(heard(), ElementsAre("rel 1,0 +b"));
}

TEST_F(QmpInjectorTest, TheFirstFingerAsksForTheSchemaOnceAndWhatFollowsWaits) {
    at_once = true;
    schema = json::array({enumeration({"key", "rel", "abs", "mtt"})});
    hands({Touch{Phase::down, 0, 0, 0}, down(KEY_A)});
    EXPECT_THAT(heard(), IsEmpty());
    turn();
    EXPECT_THAT(heard(), ElementsAre("begin0 data0 data0 +a"));
    hands({Touch{Phase::up, 0, 0, 0}});
    turn();
    EXPECT_THAT(heard(), ElementsAre("end0"));
    EXPECT_EQ(std::count(names.begin(), names.end(), "query-qmp-schema"), 1);
}

TEST_F(QmpInjectorTest, WithoutMttTheFirstFingerIsThePointer) {
    at_once = true;
    hands({Touch{Phase::down, 0, 0, 1}, Touch{Phase::down, 1, 1, 1}});
    turn();
    hands({Touch{Phase::move, 0, 1, 1}, Touch{Phase::up, 0, 0, 0}, Touch{Phase::up, 1, 0, 0}});
    turn();
    EXPECT_THAT(heard(), ElementsAre("abs 0,32767 +left", "abs 32767,32767", "-left"));
}

TEST_F(QmpInjectorTest, FiveFingersOfOneBatchGoTogether) {
    at_once = true;
    schema = json::array({enumeration({"key", "rel", "abs", "mtt"})});
    std::vector<Event> fingers;
    for (std::uint8_t slot = 0; slot < 5; ++slot)
        fingers.emplace_back(Touch{Phase::down, slot, 0.1, 0.2});
    hands(fingers);
    turn();
    EXPECT_THAT(heard(), ElementsAre("begin0 data0 data0 begin1 data1 data1 begin2 data2 data2 "
                                     "begin3 data3 data3 begin4 data4 data4"));
}

TEST_F(QmpInjectorTest, KeysNewerThanTheOldestQemuAreAskedFor) {
    at_once = true;
    hands({down(KEY_F13), down(KEY_A)});
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a")) << "this one does not know F13";
    hang_up();
    schema = json::array({enumeration({"unmapped", "lang2", "f13"})});
    connect();
    hands({up(KEY_F13), down(KEY_F13)});
    turn();
    EXPECT_THAT(heard(), ElementsAre("+f13"));
}

}  // namespace
}  // namespace scanthru::input
