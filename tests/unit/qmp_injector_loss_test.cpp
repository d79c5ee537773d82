// SPDX-License-Identifier: MIT
// What the injector owes a guest that could not listen.
#include "unit/qmp_injector_fixture.h"

#include <linux/input-event-codes.h>
#include <random>
#include <set>

namespace scanthru::input {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Phase = Touch::Phase;

constexpr Key down(int code) {
    return {static_cast<std::uint16_t>(code), true};
}

constexpr Key up(int code) {
    return {static_cast<std::uint16_t>(code), false};
}

using QmpInjectorLossTest = testing::InjectorTest;

TEST_F(QmpInjectorLossTest, ARefusedListIsAskedAboutAndItsKeysSentOnceMore) {
    hands({AbsoluteMotion{0, 0}, Button{BTN_LEFT, true}, down(KEY_A)});
    mice = {{{"absolute", false}}};
    refuse();
    turn();
    EXPECT_EQ(std::count(names.begin(), names.end(), "query-mice"), 2);
    EXPECT_THAT(heard(), ElementsAre("abs 0,0 +left +a", "+left +a"));
    answer();
    turn();
    EXPECT_THAT(heard(), IsEmpty());
    EXPECT_EQ(injector.statistics().rejected, 1U);
    EXPECT_THAT(injector.down(), ElementsAre(KEY_A, BTN_LEFT));
}

TEST_F(QmpInjectorLossTest, AListRefusedTwiceIsGivenUpAndWhatFollowsGoes) {
    hands({down(KEY_A)});
    hands({down(KEY_B)});
    refuse();
    turn();
    refuse();
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a", "+a", "+b"));
    answer();
    hands({up(KEY_A), up(KEY_B)});
    turn();
    EXPECT_THAT(heard(), ElementsAre("-b")) << "the guest has never seen a go down";
    EXPECT_EQ(injector.statistics().rejected, 2U);
}

TEST_F(QmpInjectorLossTest, OfMotionAloneNothingIsSentAgain) {
    hands({AbsoluteMotion{0, 0}});
    refuse();
    turn();
    EXPECT_THAT(heard(), ElementsAre("abs 0,0"));
    hands({down(KEY_A)});
    EXPECT_THAT(heard(), ElementsAre("+a"));
}

TEST_F(QmpInjectorLossTest, AReleaseRefusedTwiceIsOwed) {
    hands({down(KEY_A)});
    answer();
    turn();
    hands({up(KEY_A)});
    refuse("VM not running");
    turn();
    refuse("VM not running");
    turn();
    EXPECT_EQ(injector.statistics().owed, 1U);
    heard();
    injector.set_running(false);
    injector.set_running(true);
    EXPECT_THAT(heard(), ElementsAre("-a"));
}

TEST_F(QmpInjectorLossTest, AGuestWithoutATouchScreenGetsTheFingerAsPointer) {
    schema = json::array({enumeration({"key", "rel", "abs", "mtt"})});
    hands({Touch{Phase::down, 0, 0, 1}});
    turn();
    refuse("Input handler not found for event type mtt");
    turn();
    EXPECT_THAT(heard(), ElementsAre("begin0 data0 data0", "abs 0,32767 +left"));
}

TEST_F(QmpInjectorLossTest, WhileTheGuestIsStoppedPressesAreDroppedAndReleasesOwed) {
    at_once = true;
    hands({down(KEY_A), down(KEY_LEFTSHIFT)});
    turn();
    injector.set_running(false);
    hands({up(KEY_A), down(KEY_B), up(KEY_B), RelativeMotion{1, 1}, Wheel{0, 120}});
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a +shift"));
    EXPECT_EQ(injector.statistics().owed, 1U);
    EXPECT_EQ(injector.statistics().dropped, 1U);
    injector.set_running(true);
    turn();
    EXPECT_THAT(heard(), ElementsAre("-a")) << "shift is still held";
    EXPECT_EQ(injector.statistics().owed, 0U);
    hands({down(KEY_C)});
    EXPECT_THAT(heard(), ElementsAre("+c"));
}

TEST_F(QmpInjectorLossTest, WhatWaitedWhenTheGuestStoppedIsDroppedOrOwed) {
    hands({down(KEY_A)});
    hands({up(KEY_A), down(KEY_B)});
    injector.set_running(false);
    answer();
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a"));
    hands({up(KEY_B)});
    injector.set_running(true);
    EXPECT_THAT(heard(), ElementsAre("-a"));
}

TEST_F(QmpInjectorLossTest, ACommandUnderWayAtTheEndMayHaveArrived) {
    hands({down(KEY_A)});
    hang_up();
    hands({up(KEY_A)});
    EXPECT_EQ(injector.statistics().owed, 1U);
    connect();
    EXPECT_THAT(heard(), ElementsAre("-a"));
}

TEST_F(QmpInjectorLossTest, AReleaseIsOwedUntilQemuHasDoneIt) {
    hands({down(KEY_A)});
    answer();
    turn();
    hands({up(KEY_A)});
    EXPECT_THAT(heard(), ElementsAre("+a", "-a"));
    EXPECT_EQ(injector.statistics().owed, 1U);
    answer();
    turn();
    EXPECT_EQ(injector.statistics().owed, 0U);
}

TEST_F(QmpInjectorLossTest, AReleaseUnderWayAtTheEndIsSentAgain) {
    hands({down(KEY_A)});
    answer();
    turn();
    hands({up(KEY_A)});
    hang_up();
    connect();
    EXPECT_THAT(heard(), ElementsAre("-a"));
}

TEST_F(QmpInjectorLossTest, ARefusalAtTheEndLeavesWhatWasBefore) {
    hands({down(KEY_A)});
    answer();
    turn();
    hold_mice = true;
    hands({up(KEY_A), down(KEY_B)});
    refuse();
    turn();
    hang_up();
    hands({up(KEY_B)});
    hold_mice = false;
    connect();
    EXPECT_THAT(heard(), ElementsAre("-a"));
}

TEST_F(QmpInjectorLossTest, OwedReleasesGoFirstAtANewConnection) {
    at_once = true;
    hands({down(KEY_A), Button{BTN_LEFT, true}, down(KEY_LEFTSHIFT)});
    turn();
    hang_up();
    injector.release_all();
    EXPECT_EQ(injector.statistics().owed, 3U);
    names.clear();
    connect();
    hands({down(KEY_B)});
    turn();
    EXPECT_THAT(heard(), ElementsAre("-a -shift", "-left", "+b"));
    EXPECT_EQ(names[1], "input-send-event") << "right behind qmp_capabilities";
}

TEST_F(QmpInjectorLossTest, AnotherQemuIsOwedNothing) {
    at_once = true;
    hands({down(KEY_A)});
    turn();
    heard();
    hang_up();
    injector.forget();
    connect();
    hands({up(KEY_A)});
    EXPECT_THAT(heard(), IsEmpty());
    EXPECT_EQ(injector.statistics().owed, 0U);
}

TEST_F(QmpInjectorLossTest, AfterARebootNothingIsReleasedButWhatCameTooLate) {
    at_once = true;
    hands({down(KEY_A)});
    turn();
    at_once = false;
    hands({down(KEY_B)});
    injector.forget();
    at_once = true;
    answer();
    turn();
    EXPECT_THAT(heard(), ElementsAre("+a", "+b", "-b"));
    EXPECT_THAT(injector.down(), IsEmpty());
}

TEST_F(QmpInjectorLossTest, AFingerThatWasDownIsLiftedLater) {
    at_once = true;
    hands({Touch{Phase::down, 2, 0, 0}});
    turn();
    hang_up();
    injector.release_all();
    heard();
    connect();
    turn();
    EXPECT_THAT(heard(), ElementsAre("-left"));
    EXPECT_THAT(injector.down(), IsEmpty());
}

TEST_F(QmpInjectorLossTest, RepliesAfterItsEndHarmNobody) {
    auto other = std::make_unique<QmpInjector>(*loop);
    other->connected(*client);
    other->send(down(KEY_A));
    other->flush();
    turn();
    other.reset();
    answer();
    turn();
}

TEST_F(QmpInjectorLossTest, WithoutAConnectionNothingHappens) {
    QmpInjector alone{*loop};
    alone.send(down(KEY_A));
    alone.flush();
    alone.release_all();
    alone.disconnected();
    alone.set_running(false);
    alone.set_running(true);
    alone.forget();
    EXPECT_EQ(alone.statistics().dropped, 1U);
    EXPECT_EQ(alone.statistics().owed, 0U);
}

/// Plays a QEMU that may refuse, stop, and hang up at any moment. What it has carried out tells
/// what is down in the guest: at the end, nothing.
TEST_F(QmpInjectorLossTest, AtRandomMomentsOfLossNothingStaysPressed) {
    std::mt19937 random{11};
    std::set<std::string> guest;
    const auto carry_out = [&](const json& events) {
        for (const json& event : events) {
            if (event["type"] != "key" && event["type"] != "btn") continue;
            const bool is_key = event["type"] == "key";
            const std::string name =
                is_key ? event["data"]["key"]["data"] : event["data"]["button"];
            if (event["data"]["down"]) {
                guest.insert(name);
            } else {
                guest.erase(name);
            }
        }
    };
    const auto settle_one = [&] {
        listen();
        if (waiting.empty()) return;
        if (random() % 8 == 0) {
            refuse();
        } else {
            carry_out(inputs.front());
            answer();
        }
        inputs.erase(inputs.begin());
        turn();
    };
    for (int i = 0; i < 3000; ++i) {
        const auto code = static_cast<std::uint16_t>(KEY_Q + random() % 6);
        switch (random() % 12) {
        case 0:
            // Read, but nobody will know.
            listen();
            if (!inputs.empty() && random() % 2 == 0) carry_out(inputs.front());
            hang_up();
            break;
        case 1: injector.set_running(random() % 2 == 0); break;
        case 2: injector.release_all(); break;
        case 3: hands({Button{BTN_LEFT, random() % 2 == 0}}); break;
        case 4: hands({AbsoluteMotion{0.5, 0.5}, RelativeMotion{1, 1}}); break;
        case 5:
        case 6:
        case 7: settle_one(); break;
        default: hands({Key{code, random() % 2 == 0}}); break;
        }
        if (!client) connect();
    }
    injector.release_all();
    injector.set_running(false);
    injector.set_running(true);
    for (int i = 0; i < 2000 && (injector.statistics().owed > 0 || !waiting.empty()); ++i) {
        turn();
        if (waiting.empty()) continue;
        carry_out(inputs.front());
        inputs.erase(inputs.begin());
        answer();
    }
    EXPECT_THAT(guest, IsEmpty());
    EXPECT_THAT(injector.down(), IsEmpty());
}

}  // namespace
}  // namespace scanthru::input
