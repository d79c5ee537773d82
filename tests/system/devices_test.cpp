// SPDX-License-Identifier: MIT
// The hands as libinput sees them, on a real kernel; the devices are uinput's.
#include "input/devices.h"
#include "uinput_device.h"

#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <linux/input-event-codes.h>
#include <optional>

namespace scanthru::system_test {
namespace {

using input::AbsoluteMotion;
using input::Button;
using input::DeviceInfo;
using input::Event;
using input::Key;
using input::RelativeMotion;
using input::Touch;
using input::Wheel;
using testing::ElementsAre;

/// A room full of devices, of which the test looks at its own.
class DevicesTest : public testing::Test {
protected:
    DevicesTest() : loop_(*EventLoop::create()) {}

    void open(input::InputConfig config = {}) {
        auto opened = input::Devices::open(
            *loop_, "seat0", input::direct_access(), std::move(config),
            {.device_added = [this](const DeviceInfo& info) { present_.push_back(info); },
             .device_removed =
                 [this](std::uint32_t id) {
                     std::erase_if(present_, [id](const auto& info) { return info.id == id; });
                     removed_.push_back({id, events_.size()});
                 },
             .event =
                 [this](std::uint32_t id, const Event& event) {
                     events_.push_back({id, event});
                 },
             .batch_end =
                 [this] {
                     ++batches_;
                 }});
        ASSERT_TRUE(opened) << fmt::format("{}", opened.error());
        devices_ = *std::move(opened);
    }

    bool turn_until(const std::function<bool()>& done) {
        const auto limit = Clock::now() + std::chrono::seconds{20};
        while (!done()) {
            if (Clock::now() > limit) return false;
            EXPECT_TRUE(loop_->turn(std::chrono::milliseconds{20}));
        }
        return true;
    }

    /// An empty one, whose id is 0, when it is not there.
    DeviceInfo find(const std::string& name) const {
        for (const DeviceInfo& info : present_)
            if (info.name == name) return info;
        return {};
    }

    /// The id of this test's device once it is there; 0 when it does not come.
    std::uint32_t come(const std::string& name) {
        turn_until([&] { return find(name).id != 0; });
        return find(name).id;
    }

    std::vector<Event> events_of(std::uint32_t id) const {
        std::vector<Event> of;
        for (const auto& [device, event] : events_)
            if (device == id) of.push_back(event);
        return of;
    }

    /// What `id` has sent, as soon as there are so many.
    std::vector<Event> wait_events(std::uint32_t id, std::size_t count) {
        turn_until([&] { return events_of(id).size() >= count; });
        return events_of(id);
    }

    struct Removed {
        std::uint32_t id;
        std::size_t after;  ///< So many events.
    };

    std::unique_ptr<EventLoop> loop_;
    std::vector<DeviceInfo> present_;
    std::vector<std::pair<std::uint32_t, Event>> events_;
    std::vector<Removed> removed_;
    int batches_ = 0;
    std::unique_ptr<input::Devices> devices_;
};

TEST_F(DevicesTest, TellsOfThoseThatAreThereAndOfThoseThatCome) {
    const UinputDevice early{keyboard("early keyboard")};
    open();
    EXPECT_TRUE(present_.empty()) << "told before the caller has the object";
    ASSERT_NE(come("early keyboard"), 0u);
    const UinputDevice late{mouse("late mouse")};
    ASSERT_NE(come("late mouse"), 0u);
    const DeviceInfo info = find("late mouse");
    EXPECT_EQ(info.vendor, 0x1234);
    EXPECT_EQ(info.product, 0x5678);
    EXPECT_EQ(info.node, "/dev/input/" + info.sysname);
    EXPECT_TRUE(info.syspath.ends_with(info.sysname)) << info.syspath;
    EXPECT_TRUE(info.kinds.pointer);
    EXPECT_FALSE(info.kinds.touch || info.kinds.tablet);
    EXPECT_TRUE(find("early keyboard").kinds.keyboard);
    EXPECT_GT(batches_, 0);
}

TEST_F(DevicesTest, KeysArrive) {
    const UinputDevice device{keyboard()};
    open();
    const auto id = come("test keyboard");
    for (const std::uint16_t code : std::vector<std::uint16_t>{KEY_A, KEY_LEFTSHIFT, KEY_MICMUTE}) {
        device.key(code, true);
        device.key(code, false);
    }
    EXPECT_THAT(wait_events(id, 6), ElementsAre(Key{KEY_A, true}, Key{KEY_A, false},
                                                Key{KEY_LEFTSHIFT, true}, Key{KEY_LEFTSHIFT, false},
                                                Key{KEY_MICMUTE, true}, Key{KEY_MICMUTE, false}));
}

TEST_F(DevicesTest, TheSameKeyOfTwoKeyboardsIsTwoKeys) {
    const UinputDevice left{keyboard("left keyboard")};
    const UinputDevice right{keyboard("right keyboard")};
    open();
    const auto left_id = come("left keyboard");
    const auto right_id = come("right keyboard");
    for (const bool down : {true, false})
        for (const UinputDevice* device : {&left, &right})
            device->key(KEY_A, down);
    EXPECT_THAT(wait_events(left_id, 2), ElementsAre(Key{KEY_A, true}, Key{KEY_A, false}));
    EXPECT_THAT(wait_events(right_id, 2), ElementsAre(Key{KEY_A, true}, Key{KEY_A, false}));
}

TEST_F(DevicesTest, AFlatPointerMovesAsItsHand) {
    const UinputDevice device{mouse()};
    open({.rules = {{.name = "test mouse",
                     .settings = {.acceleration = input::Acceleration::flat, .speed = 0}}}});
    const auto id = come("test mouse");
    double x = 0;
    double y = 0;
    for (int i = 0; i < 100; ++i) {
        device.send(EV_REL, REL_X, 3);
        device.send(EV_REL, REL_Y, -2);
        device.report();
        // The kernel keeps some forty reports for a mouse, and libinput cannot make good what it
        // drops.
        if (i % 10 == 0) {
            EXPECT_TRUE(loop_->turn(std::chrono::milliseconds{0}));
        }
    }
    turn_until([&] {
        x = y = 0;
        for (const Event& event : events_of(id)) {
            x += std::get<RelativeMotion>(event).dx;
            y += std::get<RelativeMotion>(event).dy;
        }
        return x >= 300;
    });
    EXPECT_DOUBLE_EQ(x, 300);
    EXPECT_DOUBLE_EQ(y, -200);
}

TEST_F(DevicesTest, ButtonsAndWheelsArrive) {
    const UinputDevice device{mouse()};
    open();
    const auto id = come("test mouse");
    // The first turn is held back by libinput until it knows how fine the wheel is.
    device.send(EV_REL, REL_WHEEL, 1);
    device.send(EV_REL, REL_WHEEL_HI_RES, 120);
    device.report();
    wait_events(id, 1);
    events_.clear();
    device.send(EV_REL, REL_WHEEL_HI_RES, -30);
    device.report();
    device.send(EV_REL, REL_HWHEEL, 2);
    device.send(EV_REL, REL_HWHEEL_HI_RES, 240);
    device.report();
    turn_until([&] { return events_of(id).size() >= 2; });
    Wheel sum;
    for (const Event& event : events_of(id)) {
        sum.x120 += std::get<Wheel>(event).x120;
        sum.y120 += std::get<Wheel>(event).y120;
    }
    EXPECT_EQ(sum, (Wheel{240, 30}));
    events_.clear();
    device.key(BTN_RIGHT, true);
    device.key(BTN_RIGHT, false);
    EXPECT_THAT(wait_events(id, 2), ElementsAre(Button{BTN_RIGHT, true}, Button{BTN_RIGHT, false}));
}

TEST_F(DevicesTest, AnAbsolutePointerReachesEveryCorner) {
    const UinputDevice device{tablet()};
    open();
    const auto id = come("test tablet");
    const std::vector<std::pair<int, int>> places{{65535, 32767}, {0, 0}, {65535, 0}, {0, 32767}};
    for (const auto& [x, y] : places)
        device.point(x, y);
    const auto events = wait_events(id, places.size());
    ASSERT_EQ(events.size(), places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto at = std::get<AbsoluteMotion>(events[i]);
        EXPECT_NEAR(at.x, places[i].first / 65535.0, 1e-9);
        EXPECT_NEAR(at.y, places[i].second / 32767.0, 1e-9);
    }
}

TEST_F(DevicesTest, FiveFingersArrive) {
    const UinputDevice device{touch_screen()};
    open();
    const auto id = come("test touch screen");
    for (int slot = 0; slot < 5; ++slot)
        device.put_finger(slot, slot * 1000, 4095 - slot);
    device.report();
    device.send(EV_ABS, ABS_MT_SLOT, 3);
    device.send(EV_ABS, ABS_MT_POSITION_X, 4095);
    device.report();
    for (int slot = 0; slot < 5; ++slot)
        device.lift_finger(slot);
    device.report();

    const auto events = wait_events(id, 11);
    ASSERT_EQ(events.size(), 11u);
    for (std::uint8_t slot = 0; slot < 5; ++slot) {
        const auto down = std::get<Touch>(events[slot]);
        EXPECT_EQ(down.phase, Touch::Phase::down);
        EXPECT_EQ(down.slot, slot);
        EXPECT_NEAR(down.x, slot * 1000 / 4095.0, 1e-9);
        EXPECT_NEAR(down.y, (4095 - slot) / 4095.0, 1e-9);
        EXPECT_EQ(std::get<Touch>(events[6u + slot]), (Touch{Touch::Phase::up, slot}));
    }
    const auto moved = std::get<Touch>(events[5]);
    EXPECT_EQ(moved.phase, Touch::Phase::move);
    EXPECT_EQ(moved.slot, 3);
    EXPECT_DOUBLE_EQ(moved.x, 1);
}

TEST_F(DevicesTest, APenIsAPointerThatLetsGoWhenItLeaves) {
    const UinputDevice device{pen()};
    open();
    const auto id = come("test pen");
    ASSERT_TRUE(find("test pen").kinds.tablet);
    const auto at = [&](int x, int y, int pressure) {
        device.send(EV_ABS, ABS_X, x);
        device.send(EV_ABS, ABS_Y, y);
        device.send(EV_ABS, ABS_PRESSURE, pressure);
    };
    at(5000, 5000, 0);
    device.send(EV_KEY, BTN_TOOL_PEN, 1);
    device.report();
    at(6000, 5000, 500);
    device.send(EV_KEY, BTN_TOUCH, 1);
    device.report();
    device.key(BTN_STYLUS, true);
    at(6000, 5000, 0);
    device.send(EV_KEY, BTN_TOUCH, 0);
    device.send(EV_KEY, BTN_STYLUS, 0);
    device.send(EV_KEY, BTN_TOOL_PEN, 0);
    device.report();
    turn_until([&] {
        return std::ranges::count(events_of(id), Event{Button{BTN_RIGHT, false}}) != 0 &&
               std::ranges::count(events_of(id), Event{Button{BTN_LEFT, false}}) != 0;
    });
    std::vector<Event> buttons;
    for (const Event& event : events_of(id))
        if (std::holds_alternative<Button>(event)) buttons.push_back(event);
    EXPECT_THAT(buttons,
                testing::UnorderedElementsAre(Button{BTN_LEFT, true}, Button{BTN_RIGHT, true},
                                              Button{BTN_LEFT, false}, Button{BTN_RIGHT, false}));
    const auto first = std::get<AbsoluteMotion>(events_of(id).front());
    EXPECT_NEAR(first.x, 0.5, 0.001);
}

TEST_F(DevicesTest, AKeyHeldWhenItsDeviceGoesIsReleasedFirst) {
    std::optional<UinputDevice> device{keyboard()};
    open();
    const auto id = come("test keyboard");
    device->key(KEY_A, true);
    wait_events(id, 1);
    device.reset();
    ASSERT_TRUE(turn_until([&] { return find("test keyboard").id == 0; }));
    EXPECT_THAT(events_of(id), ElementsAre(Key{KEY_A, true}, Key{KEY_A, false}));
    EXPECT_EQ(removed_.back().id, id);
    EXPECT_EQ(removed_.back().after, events_.size());
}

TEST_F(DevicesTest, WhatIsHeldWhenSuspendedIsReleasedBeforeItReturns) {
    const UinputDevice keys{keyboard()};
    const UinputDevice pointer{mouse()};
    const UinputDevice screen{touch_screen()};
    open();
    const auto keys_id = come("test keyboard");
    const auto pointer_id = come("test mouse");
    const auto screen_id = come("test touch screen");
    keys.key(KEY_LEFTCTRL, true);
    pointer.key(BTN_LEFT, true);
    screen.put_finger(0, 100, 100);
    screen.report();
    wait_events(keys_id, 1);
    wait_events(pointer_id, 1);
    wait_events(screen_id, 1);

    devices_->suspend();
    EXPECT_EQ(events_of(keys_id).back(), Event{(Key{KEY_LEFTCTRL, false})});
    EXPECT_EQ(events_of(pointer_id).back(), Event{(Button{BTN_LEFT, false})});
    const auto last = std::get<Touch>(events_of(screen_id).back());
    EXPECT_TRUE(last.phase == Touch::Phase::up || last.phase == Touch::Phase::cancel);
    EXPECT_TRUE(present_.empty());
    devices_->suspend();  // Twice is once.

    keys.key(KEY_LEFTCTRL, false);
    keys.key(KEY_B, true);
    keys.key(KEY_B, false);
    ASSERT_TRUE(devices_->resume());
    const auto again = come("test keyboard");
    EXPECT_NE(again, keys_id);
    keys.key(KEY_C, true);
    EXPECT_THAT(wait_events(again, 1), ElementsAre(Key{KEY_C, true}))
        << "what was typed meanwhile is not for us";
}

TEST_F(DevicesTest, DevicesOfOurOwnAndIgnoredOnesAreNotUsed) {
    auto ours = keyboard("our keyboard");
    ours.phys = "scanthru/keyboard";
    const UinputDevice own{ours};
    const UinputDevice ignored{keyboard("ignored keyboard")};
    const UinputDevice used{keyboard("used keyboard")};
    open({.rules = {{.name = "ignored*", .settings = {.ignore = true}},
                    {.name = "used*", .settings = {.output = "DP-1", .guest = "work"}}}});
    const auto id = come("used keyboard");
    for (const UinputDevice* device : {&own, &ignored, &used})
        device->key(KEY_A, true);
    wait_events(id, 1);
    EXPECT_EQ(find("our keyboard").id, 0u);
    EXPECT_EQ(find("ignored keyboard").id, 0u);
    EXPECT_EQ(events_.size(), 1u);
    EXPECT_EQ(find("used keyboard").output, "DP-1");
    EXPECT_EQ(find("used keyboard").guest, "work");

    ASSERT_TRUE(devices_->configure({}));
    EXPECT_NE(come("ignored keyboard"), 0u);
    EXPECT_EQ(find("used keyboard").guest, "");
    EXPECT_EQ(events_of(id).back(), Event{(Key{KEY_A, false})});
}

TEST_F(DevicesTest, SettingsAreApplied) {
    const UinputDevice device{mouse()};
    open({.rules = {{.name = "test mouse",
                     .settings = {.natural_scroll = true, .tap = true, .left_handed = true}}}});
    const auto id = come("test mouse");
    device.key(BTN_LEFT, true);
    EXPECT_THAT(wait_events(id, 1), ElementsAre(Button{BTN_RIGHT, true}));
    device.key(BTN_LEFT, false);
    wait_events(id, 2);
    events_.clear();
    device.send(EV_REL, REL_WHEEL, 1);
    device.send(EV_REL, REL_WHEEL_HI_RES, 120);
    device.report();
    EXPECT_THAT(wait_events(id, 1), ElementsAre(Wheel{0, 120}));
}

TEST_F(DevicesTest, ACalibrationTurnsATouchScreen) {
    const UinputDevice device{touch_screen()};
    open({.rules = {{.settings = {.calibration = std::array<float, 6>{-1, 0, 1, 0, -1, 1}}}}});
    const auto id = come("test touch screen");
    device.put_finger(0, 0, 1024);
    device.report();
    const auto events = wait_events(id, 1);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_NEAR(std::get<Touch>(events[0]).x, 1, 0.001);
    EXPECT_NEAR(std::get<Touch>(events[0]).y, 0.75, 0.001);
}

TEST_F(DevicesTest, LightsFollowAndKeyboardsThatComeLaterGetThem) {
    UinputDevice device{keyboard()};
    open();
    come("test keyboard");
    devices_->set_leds({.caps = true});
    EXPECT_TRUE(turn_until([&] { return device.led(LED_CAPSL); }));
    EXPECT_FALSE(device.led(LED_NUML));
    UinputDevice late{keyboard("late keyboard")};
    const auto id = come("late keyboard");
    EXPECT_TRUE(turn_until([&] { return late.led(LED_CAPSL); }));
    devices_->set_leds(id, {.num = true});
    EXPECT_TRUE(turn_until([&] { return late.led(LED_NUML) && !late.led(LED_CAPSL); }));
    EXPECT_TRUE(device.led(LED_CAPSL));
}

TEST_F(DevicesTest, ADeviceThatClaimsToBeEverythingHarmsNobody) {
    UinputDevice::Features all;
    all.name = "everything";
    all.everything = true;
    const UinputDevice keys{keyboard()};
    open();
    const auto keys_id = come("test keyboard");
    std::optional<UinputDevice> device{all};
    const auto id = come("everything");
    EXPECT_NE(id, 0u);
    // One after the other: together they would be Ctrl+Alt+Del and the like for the kernel.
    for (std::uint16_t code = 1; code < KEY_MAX; ++code) {
        if (code == KEY_SYSRQ) continue;
        device->send(EV_ABS, static_cast<std::uint16_t>(code % ABS_MAX), code);
        device->send(EV_REL, static_cast<std::uint16_t>(code % REL_MAX), code);
        device->key(code, true);
        device->key(code, false);
        if (code % 10 == 0) {
            EXPECT_TRUE(loop_->turn(std::chrono::milliseconds{1}));
        }
    }
    device->key(KEY_Z, true);
    keys.key(KEY_A, true);
    keys.key(KEY_A, false);
    EXPECT_THAT(wait_events(keys_id, 2), ElementsAre(Key{KEY_A, true}, Key{KEY_A, false}));
    device.reset();
    EXPECT_TRUE(turn_until([&] { return find("everything").id == 0; }));
    int held = 0;
    for (const Event& event : events_of(id))
        if (const auto* key = std::get_if<Key>(&event)) held += key->down ? 1 : -1;
    EXPECT_EQ(held, 0);
}

TEST_F(DevicesTest, AFloodThatTheKernelDropsLeavesNothingHeld) {
    const UinputDevice device{keyboard()};
    open();
    const auto id = come("test keyboard");
    // More than the kernel keeps for a reader that does not read.
    for (int i = 0; i < 1000; ++i) {
        const auto code = static_cast<std::uint16_t>(KEY_1 + i % 50);
        device.key(code, true);
        device.key(code, false);
    }
    device.key(KEY_Z, true);
    ASSERT_TRUE(turn_until([&] {
        return std::ranges::count(events_of(id), Event{(Key{KEY_Z, true})}) == 1;
    }));
    std::map<std::uint16_t, int> held;
    for (const Event& event : events_of(id)) {
        const Key key = std::get<Key>(event);
        held[key.code] += key.down ? 1 : -1;
        EXPECT_TRUE(held[key.code] == 0 || held[key.code] == 1);
    }
    for (const auto& [code, down] : held)
        EXPECT_EQ(down, code == KEY_Z ? 1 : 0) << "key " << code;
}

}  // namespace
}  // namespace scanthru::system_test
