// SPDX-License-Identifier: MIT
#include "input/pressed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input-event-codes.h>
#include <random>
#include <set>

namespace scanthru::input {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Phase = Touch::Phase;

constexpr DeviceId one = 1;
constexpr DeviceId two = 2;

TEST(Pressed, AKeyGoesOnOncePerPressAndRelease) {
    Pressed pressed;
    EXPECT_EQ(pressed.take(one, Key{KEY_A, true}), Event{(Key{KEY_A, true})});
    EXPECT_TRUE(pressed.is_down(KEY_A));
    EXPECT_EQ(pressed.take(one, Key{KEY_A, true}), std::nullopt);
    EXPECT_EQ(pressed.take(one, Key{KEY_A, false}), Event{(Key{KEY_A, false})});
    EXPECT_EQ(pressed.take(one, Key{KEY_A, false}), std::nullopt);
    EXPECT_FALSE(pressed.is_down(KEY_A));
    EXPECT_TRUE(pressed.empty());
}

TEST(Pressed, AKeyOnTwoKeyboardsIsDownUntilBothLetGo) {
    Pressed pressed;
    EXPECT_TRUE(pressed.take(one, Key{KEY_A, true}));
    EXPECT_FALSE(pressed.take(two, Key{KEY_A, true}));
    EXPECT_FALSE(pressed.take(one, Key{KEY_A, false}));
    EXPECT_TRUE(pressed.is_down(KEY_A));
    EXPECT_TRUE(pressed.take(two, Key{KEY_A, false}));
}

TEST(Pressed, AReleaseOfWhatAnotherDeviceHoldsIsDropped) {
    Pressed pressed;
    EXPECT_TRUE(pressed.take(one, Button{BTN_LEFT, true}));
    EXPECT_FALSE(pressed.take(two, Button{BTN_LEFT, false}));
    EXPECT_TRUE(pressed.is_down(BTN_LEFT));
}

TEST(Pressed, MotionAndWheelGoOn) {
    Pressed pressed;
    EXPECT_EQ(pressed.take(one, RelativeMotion{1, 2}), Event{(RelativeMotion{1, 2})});
    EXPECT_EQ(pressed.take(one, AbsoluteMotion{0.5, 1}), Event{(AbsoluteMotion{0.5, 1})});
    EXPECT_EQ(pressed.take(one, Wheel{0, 120}), Event{(Wheel{0, 120})});
    EXPECT_TRUE(pressed.empty());
}

TEST(Pressed, ADeviceThatGoesReleasesWhatOnlyItHeldNewestFirst) {
    Pressed pressed;
    for (const Event& event :
         {Event{Key{KEY_LEFTCTRL, true}}, Event{Key{KEY_A, true}}, Event{Button{BTN_LEFT, true}}})
        EXPECT_TRUE(pressed.take(one, event));
    EXPECT_FALSE(pressed.take(two, Key{KEY_A, true}));
    EXPECT_THAT(pressed.releases_of(one),
                ElementsAre(Button{BTN_LEFT, false}, Key{KEY_LEFTCTRL, false}));
    EXPECT_THAT(pressed.releases_of(one), IsEmpty());
    EXPECT_FALSE(pressed.take(one, Key{KEY_LEFTCTRL, false})) << "its release comes late";
    EXPECT_THAT(pressed.releases_of(two), ElementsAre(Key{KEY_A, false}));
    EXPECT_TRUE(pressed.empty());
}

TEST(Pressed, EverythingIsReleasedOnce) {
    Pressed pressed;
    EXPECT_TRUE(pressed.take(one, Key{KEY_A, true}));
    EXPECT_FALSE(pressed.take(two, Key{KEY_A, true}));
    EXPECT_TRUE(pressed.take(two, Touch{Phase::down, 3, 0.1, 0.2}));
    EXPECT_THAT(pressed.releases(), ElementsAre(Touch{Phase::cancel, 0, 0, 0}, Key{KEY_A, false}));
    EXPECT_THAT(pressed.releases(), IsEmpty());
}

TEST(Pressed, FingersOfTwoScreensGetSlotsOfTheirOwn) {
    Pressed pressed;
    EXPECT_EQ(pressed.take(one, Touch{Phase::down, 0, 0.1, 0.2}),
              Event{(Touch{Phase::down, 0, 0.1, 0.2})});
    EXPECT_EQ(pressed.take(two, Touch{Phase::down, 0, 0.3, 0.4}),
              Event{(Touch{Phase::down, 1, 0.3, 0.4})});
    EXPECT_EQ(pressed.take(two, Touch{Phase::move, 0, 0.5, 0.6}),
              Event{(Touch{Phase::move, 1, 0.5, 0.6})});
    EXPECT_EQ(pressed.take(one, Touch{Phase::up, 0, 0, 0}), Event{(Touch{Phase::up, 0, 0, 0})});
    EXPECT_EQ(pressed.take(two, Touch{Phase::down, 4, 0, 0}), Event{(Touch{Phase::down, 0, 0, 0})})
        << "the lowest free slot";
    EXPECT_THAT(pressed.releases_of(two),
                ElementsAre(Touch{Phase::cancel, 0, 0, 0}, Touch{Phase::cancel, 1, 0, 0}));
}

TEST(Pressed, MovesAndEndsOfNoFingerAreDropped) {
    Pressed pressed;
    EXPECT_FALSE(pressed.take(one, Touch{Phase::move, 0, 0, 0}));
    EXPECT_FALSE(pressed.take(one, Touch{Phase::up, 0, 0, 0}));
    EXPECT_FALSE(pressed.take(one, Touch{Phase::cancel, 0, 0, 0}));
    EXPECT_TRUE(pressed.take(one, Touch{Phase::down, 0, 0, 0}));
    EXPECT_FALSE(pressed.take(one, Touch{Phase::down, 0, 0, 0}));
    EXPECT_TRUE(pressed.take(one, Touch{Phase::cancel, 0, 0, 0}));
    EXPECT_TRUE(pressed.empty());
}

TEST(Pressed, TheEleventhFingerIsNotShown) {
    Pressed pressed;
    for (std::uint8_t slot = 0; slot < max_touches; ++slot)
        EXPECT_TRUE(pressed.take(one, Touch{Phase::down, slot, 0, 0}));
    EXPECT_FALSE(pressed.take(one, Touch{Phase::down, 10, 0, 0}));
    EXPECT_FALSE(pressed.take(one, Touch{Phase::up, 10, 0, 0}));
}

/// Whoever applies what goes on has at the end exactly what somebody holds.
TEST(Pressed, NothingStaysDownHoweverDevicesComeAndGo) {
    std::mt19937 random{4};
    Pressed pressed;
    std::multiset<std::uint16_t> guest;
    const auto apply = [&](const Event& event) {
        const Key key = std::get<Key>(event);
        if (key.down) {
            EXPECT_EQ(guest.count(key.code), 0U);
            guest.insert(key.code);
        } else {
            EXPECT_EQ(guest.erase(key.code), 1U);
        }
    };
    for (int i = 0; i < 10000; ++i) {
        const DeviceId device = random() % 4;
        if (random() % 50 == 0) {
            for (const Event& event : pressed.releases_of(device))
                apply(event);
            continue;
        }
        const Key key{static_cast<std::uint16_t>(1 + random() % 8), random() % 2 == 0};
        if (const auto event = pressed.take(device, key)) apply(*event);
        for (std::uint16_t code = 1; code <= 8; ++code)
            ASSERT_EQ(guest.contains(code), pressed.is_down(code));
    }
    for (const Event& event : pressed.releases())
        apply(event);
    EXPECT_THAT(guest, IsEmpty());
}

}  // namespace
}  // namespace scanthru::input
