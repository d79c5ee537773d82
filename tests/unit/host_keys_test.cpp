// SPDX-License-Identifier: MIT
#include "input/host_keys.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input-event-codes.h>
#include <random>
#include <set>

namespace scanthru::input {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = HostAction::Kind;

constexpr HostAction next_guest{Kind::next_guest, 0};
constexpr HostAction second_guest{Kind::switch_to, 2};

Key down(std::uint16_t code) {
    return {code, true};
}

Key up(std::uint16_t code) {
    return {code, false};
}

std::vector<HostChord> chords(const std::vector<std::pair<std::string, HostAction>>& texts) {
    std::vector<HostChord> all;
    for (const auto& [text, action] : texts)
        all.push_back(*parse_host_chord(text, action));
    return all;
}

/// Feeds all; the guest's keys together, actions in `fired`.
struct Desk {
    HostKeys keys;
    std::vector<Key> guest{};
    std::vector<HostAction> fired{};

    explicit Desk(const std::vector<std::pair<std::string, HostAction>>& texts)
        : keys(chords(texts)) {}

    void feed(std::initializer_list<Key> events) {
        for (const Key key : events) {
            const auto answer = keys.feed(key);
            guest.insert(guest.end(), answer.to_guest.begin(), answer.to_guest.end());
            if (answer.action) fired.push_back(*answer.action);
        }
    }
};

TEST(HostKeys, WithoutChordsEverythingIsTheGuests) {
    Desk desk{{}};
    desk.feed({down(KEY_LEFTCTRL), down(KEY_A), up(KEY_A), up(KEY_LEFTCTRL)});
    EXPECT_THAT(desk.guest,
                ElementsAre(down(KEY_LEFTCTRL), down(KEY_A), up(KEY_A), up(KEY_LEFTCTRL)));
}

TEST(HostKeys, AChordFiresAndTheGuestHasNothingDownThen) {
    Desk desk{{{"Ctrl+Alt+N", next_guest}}};
    desk.feed({down(KEY_LEFTCTRL), down(KEY_LEFTALT)});
    const auto answer = desk.keys.feed(down(KEY_N));
    EXPECT_THAT(answer.to_guest, ElementsAre(up(KEY_LEFTALT), up(KEY_LEFTCTRL)));
    EXPECT_EQ(answer.action, next_guest);
    for (const std::uint16_t key :
         std::initializer_list<std::uint16_t>{KEY_N, KEY_LEFTALT, KEY_LEFTCTRL})
        EXPECT_EQ(desk.keys.feed(up(key)), HostKeys::Answer{}) << key;
}

TEST(HostKeys, EitherSideWillDoUnlessTheChordSaysWhich) {
    for (const std::uint16_t ctrl :
         std::initializer_list<std::uint16_t>{KEY_LEFTCTRL, KEY_RIGHTCTRL}) {
        Desk plain{{{"Ctrl+F1", next_guest}}};
        plain.feed({down(ctrl), down(KEY_F1)});
        EXPECT_THAT(plain.fired, ElementsAre(next_guest));
        Desk right{{{"RightCtrl+F1", next_guest}}};
        right.feed({down(ctrl), down(KEY_F1)});
        EXPECT_EQ(right.fired.size(), ctrl == KEY_RIGHTCTRL ? 1U : 0U);
    }
}

TEST(HostKeys, OneModifierMoreIsAnotherChord) {
    Desk desk{{{"Ctrl+Alt+F1", next_guest}, {"Ctrl+Alt+Shift+F1", second_guest}}};
    desk.feed({down(KEY_LEFTCTRL), down(KEY_F1), up(KEY_F1), down(KEY_LEFTMETA), down(KEY_LEFTALT),
               down(KEY_F1), up(KEY_F1)});
    EXPECT_THAT(desk.fired, IsEmpty());
    desk.feed({up(KEY_LEFTMETA), down(KEY_RIGHTSHIFT), down(KEY_F1)});
    EXPECT_THAT(desk.fired, ElementsAre(second_guest));
}

TEST(HostKeys, TheOrderOfTheModifiersDoesNotMatter) {
    Desk desk{{{"Ctrl+Alt+F1", next_guest}}};
    desk.feed({down(KEY_RIGHTALT), down(KEY_RIGHTCTRL), down(KEY_F1)});
    EXPECT_THAT(desk.fired, ElementsAre(next_guest));
    EXPECT_EQ(desk.guest.back(), up(KEY_RIGHTALT));
}

TEST(HostKeys, AKeyThatWasDownBeforeTheModifiersFiresNothing) {
    Desk desk{{{"Ctrl+F1", next_guest}}};
    desk.feed({down(KEY_F1), down(KEY_LEFTCTRL), down(KEY_F1), up(KEY_F1)});
    EXPECT_THAT(desk.fired, IsEmpty());
    EXPECT_THAT(desk.guest, ElementsAre(down(KEY_F1), down(KEY_LEFTCTRL), up(KEY_F1)));
}

TEST(HostKeys, OtherKeysStayDownInTheGuestAndAreReleasedThere) {
    Desk desk{{{"Super+N", next_guest}}};
    desk.feed(
        {down(KEY_W), down(KEY_LEFTMETA), down(KEY_N), up(KEY_N), up(KEY_LEFTMETA), up(KEY_W)});
    EXPECT_THAT(desk.guest,
                ElementsAre(down(KEY_W), down(KEY_LEFTMETA), up(KEY_LEFTMETA), up(KEY_W)));
}

TEST(HostKeys, WithTheModifiersStillHeldTheNextKeyIsAChordAgain) {
    Desk desk{{{"Ctrl+Alt+N", next_guest}, {"Ctrl+Alt+2", second_guest}}};
    desk.feed({down(KEY_LEFTCTRL), down(KEY_LEFTALT), down(KEY_N), up(KEY_N)});
    desk.guest.clear();
    desk.feed({down(KEY_N), up(KEY_N), down(KEY_2), up(KEY_2)});
    EXPECT_THAT(desk.fired, ElementsAre(next_guest, next_guest, second_guest));
    EXPECT_THAT(desk.guest, IsEmpty());
}

TEST(HostKeys, AnOrdinaryKeyAfterAChordBringsTheHeldModifiersBack) {
    Desk desk{{{"Ctrl+Alt+N", next_guest}}};
    desk.feed({down(KEY_LEFTALT), down(KEY_LEFTCTRL), down(KEY_N), up(KEY_N)});
    desk.guest.clear();
    desk.feed({down(KEY_DELETE), up(KEY_DELETE), up(KEY_LEFTALT), up(KEY_LEFTCTRL)});
    EXPECT_THAT(desk.guest, ElementsAre(down(KEY_LEFTALT), down(KEY_LEFTCTRL), down(KEY_DELETE),
                                        up(KEY_DELETE), up(KEY_LEFTALT), up(KEY_LEFTCTRL)));
}

TEST(HostKeys, AModifierPressedAfterAChordWaitsWithTheOthers) {
    Desk desk{{{"Ctrl+N", next_guest}}};
    desk.feed({down(KEY_LEFTCTRL), down(KEY_N), up(KEY_N)});
    desk.guest.clear();
    desk.feed({down(KEY_LEFTSHIFT)});
    EXPECT_THAT(desk.guest, IsEmpty());
    desk.feed({down(KEY_A)});
    EXPECT_THAT(desk.guest, ElementsAre(down(KEY_LEFTCTRL), down(KEY_LEFTSHIFT), down(KEY_A)));
}

TEST(HostKeys, AModifierOfItsOwnCanBeAChord) {
    Desk desk{{{"RightCtrl", next_guest}}};
    desk.feed({down(KEY_RIGHTCTRL), up(KEY_RIGHTCTRL), down(KEY_LEFTCTRL), up(KEY_LEFTCTRL)});
    EXPECT_THAT(desk.fired, ElementsAre(next_guest));
    EXPECT_THAT(desk.guest, ElementsAre(down(KEY_LEFTCTRL), up(KEY_LEFTCTRL)));
}

TEST(HostKeys, TheFirstOfTwoEqualChordsCounts) {
    Desk desk{{{"F1", next_guest}, {"F1", second_guest}}};
    desk.feed({down(KEY_F1)});
    EXPECT_THAT(desk.fired, ElementsAre(next_guest));
}

TEST(HostKeys, RepeatedPressesAndStrayReleasesSayNothing) {
    Desk desk{{{"F1", next_guest}}};
    desk.feed({down(KEY_F1), down(KEY_F1), up(KEY_A), down(KEY_B), down(KEY_B)});
    EXPECT_THAT(desk.fired, ElementsAre(next_guest));
    EXPECT_THAT(desk.guest, ElementsAre(down(KEY_B)));
}

TEST(HostKeys, AnotherGuestGetsHeldModifiersWithTheNextKeyAndNoStrayRelease) {
    Desk desk{{}};
    desk.feed({down(KEY_LEFTSHIFT), down(KEY_W)});
    desk.keys.guest_changed();
    desk.guest.clear();
    desk.feed({up(KEY_W), down(KEY_A), up(KEY_LEFTSHIFT)});
    EXPECT_THAT(desk.guest, ElementsAre(down(KEY_LEFTSHIFT), down(KEY_A), up(KEY_LEFTSHIFT)));
}

TEST(HostKeys, SwitchTheVtByCtrlAltF1ToF12) {
    const auto vts = vt_chords();
    ASSERT_EQ(vts.size(), 12U);
    for (unsigned number = 1; number <= 12; ++number)
        EXPECT_EQ(vts[number - 1],
                  *parse_host_chord("Ctrl+Alt+F" + std::to_string(number), {Kind::vt, number}));
}

TEST(HostChord, MistakesAreNamed) {
    EXPECT_EQ(parse_host_chord("Ctrl+Foo", {}).error(), "no key is called \"Foo\"");
    EXPECT_EQ(parse_host_chord("A+B", {}).error(),
              "\"A\" is no modifier; of a chord only the last key may be another");
    EXPECT_EQ(parse_host_chord("Ctrl+LeftCtrl", {}).error(),
              "\"Ctrl\" is twice in \"Ctrl+LeftCtrl\"");
}

/// What the guest has down is always a part of what hands hold, and no chord's key.
TEST(HostKeys, AtRandomTheGuestNeverHasMoreDownThanHandsHold) {
    std::mt19937 random{7};
    HostKeys keys{chords({{"Ctrl+Alt+N", next_guest}, {"Shift+Super+2", second_guest}})};
    const std::vector<std::uint16_t> pool{KEY_LEFTCTRL, KEY_RIGHTCTRL, KEY_LEFTALT, KEY_LEFTSHIFT,
                                          KEY_LEFTMETA, KEY_N,         KEY_2,       KEY_A};
    std::set<std::uint16_t> held;
    std::set<std::uint16_t> guest;
    for (int i = 0; i < 20000; ++i) {
        const Key key{pool[random() % pool.size()], random() % 2 == 0};
        if (key.down) {
            held.insert(key.code);
        } else {
            held.erase(key.code);
        }
        const auto answer = keys.feed(key);
        for (const Key& sent : answer.to_guest)
            ASSERT_TRUE(sent.down ? guest.insert(sent.code).second : guest.erase(sent.code) == 1);
        ASSERT_TRUE(std::includes(held.begin(), held.end(), guest.begin(), guest.end()));
        ASSERT_FALSE(answer.action && guest.contains(KEY_LEFTCTRL));
    }
}

}  // namespace
}  // namespace scanthru::input
