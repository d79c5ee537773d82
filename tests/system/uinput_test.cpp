// SPDX-License-Identifier: MIT
// What our uinput devices say, read back as a guest's QEMU reads it.
#include "evdev_node.h"
#include "input/key_table.h"
#include "input/uinput_sink.h"

#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input.h>
#include <poll.h>
#include <thread>

namespace scanthru::system_test {
namespace {

using input::Button;
using input::Key;
using input::Touch;
using input::UinputSink;
using Kind = UinputSink::Kind;
using Phase = Touch::Phase;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Uinput : public ::testing::Test {
protected:
    /// What the console did before the nodes were grabbed is none of the tests' business.
    void SetUp() override { keyboard.read(); }

    static UinputSink create() {
        auto created = UinputSink::create("test");
        if (!created) throw std::runtime_error(fmt::format("{}", created.error()));
        return std::move(*created);
    }

    EvdevNode node(Kind kind) const {
        // Grabbed as QEMU does: else the console reads the keyboard too, and sets its LEDs.
        return EvdevNode{*sink.sysname(kind), kind == Kind::keyboard};
    }

    /// Sends all as one batch.
    void send(const std::vector<input::Event>& events) {
        for (const input::Event& event : events)
            sink.send(event);
        ASSERT_TRUE(sink.flush());
    }

    UinputSink sink = create();
    EvdevNode keyboard = node(Kind::keyboard);
    EvdevNode mouse = node(Kind::mouse);
    EvdevNode tablet = node(Kind::tablet);
    EvdevNode screen = node(Kind::touch_screen);
};

TEST_F(Uinput, DevicesCarryTheNameOfTheirGuest) {
    EXPECT_EQ(keyboard.attribute("name"), "scanthru test keyboard");
    EXPECT_EQ(mouse.attribute("name"), "scanthru test mouse");
    EXPECT_EQ(tablet.attribute("name"), "scanthru test tablet");
    EXPECT_EQ(screen.attribute("name"), "scanthru test touch screen");
    for (const EvdevNode* node : {&keyboard, &mouse, &tablet, &screen})
        EXPECT_EQ(node->attribute("phys"), "scanthru/test");
}

TEST_F(Uinput, EveryKeyOfTheTableArrives) {
    for (const input::KeyEntry& entry : input::key_table()) {
        send({Key{entry.code, true}});
        EXPECT_THAT(keyboard.read(), ElementsAre(fmt::format("KEY {}=1", entry.code), "SYN"));
        send({Key{entry.code, false}});
        EXPECT_THAT(keyboard.read(), ElementsAre(fmt::format("KEY {}=0", entry.code), "SYN"));
    }
}

TEST_F(Uinput, KeysDoNotRepeatByThemselves) {
    send({Key{KEY_A, true}});
    std::this_thread::sleep_for(milliseconds{700});
    EXPECT_THAT(keyboard.read(), ElementsAre("KEY 30=1", "SYN"));
}

TEST_F(Uinput, APressAndAReleaseOfOneBatchHaveASyncBetweenThem) {
    send({Key{KEY_A, true}, Key{KEY_B, true}, Key{KEY_A, false}});
    EXPECT_THAT(keyboard.read(), ElementsAre("KEY 30=1", "KEY 48=1", "SYN", "KEY 30=0", "SYN"));
}

TEST_F(Uinput, TheMouseMovesByWholePixelsAndKeepsTheRest) {
    send({input::RelativeMotion{1.6, -0.4}});
    send({input::RelativeMotion{0.5, -0.7}});
    EXPECT_THAT(mouse.read(), ElementsAre("REL 0=1", "SYN", "REL 0=1", "REL 1=-1", "SYN"));
}

TEST_F(Uinput, WheelsTurnInFinePartsAndInNotches) {
    send({input::Wheel{0, 90}});
    EXPECT_THAT(mouse.read(), ElementsAre("REL 11=-90", "SYN"));
    send({input::Wheel{0, 30}});
    EXPECT_THAT(mouse.read(), ElementsAre("REL 11=-30", "REL 8=-1", "SYN"));
    send({input::Wheel{-240, -120}});
    EXPECT_THAT(mouse.read(),
                ElementsAre("REL 12=-240", "REL 6=-2", "REL 11=120", "REL 8=1", "SYN"));
}

TEST_F(Uinput, TheTabletReachesTheCornersAndTheMiddle) {
    EXPECT_EQ(tablet.axis(ABS_X).maximum, 0x7fff);
    EXPECT_EQ(tablet.axis(ABS_Y).maximum, 0x7fff);
    send({input::AbsoluteMotion{1, 1}});
    EXPECT_THAT(tablet.read(), ElementsAre("ABS 0=32767", "ABS 1=32767", "SYN"));
    send({input::AbsoluteMotion{0, 0.5}});
    EXPECT_THAT(tablet.read(), ElementsAre("ABS 0=0", "ABS 1=16384", "SYN"));
}

TEST_F(Uinput, ButtonsBelongToThePointerThatMovedLast) {
    send({input::AbsoluteMotion{1, 1}, Button{BTN_LEFT, true}});
    EXPECT_THAT(tablet.read(), ElementsAre("ABS 0=32767", "ABS 1=32767", "KEY 272=1", "SYN"));
    send({input::RelativeMotion{1, 0}, Button{BTN_LEFT, false}, Button{BTN_EXTRA, true}});
    EXPECT_THAT(tablet.read(), ElementsAre("KEY 272=0", "SYN"));
    EXPECT_THAT(mouse.read(), ElementsAre("REL 0=1", "KEY 276=1", "SYN"));
}

TEST_F(Uinput, FiveFingersGoDownMoveAndGo) {
    EXPECT_EQ(screen.axis(ABS_MT_SLOT).maximum, 9);
    std::vector<input::Event> batch;
    for (std::uint8_t slot = 0; slot < 5; ++slot)
        batch.emplace_back(Touch{Phase::down, slot, slot / 4.0, 1});
    send(batch);
    EXPECT_THAT(screen.read(),
                ElementsAre("ABS 57=1", "KEY 330=1", "ABS 54=32767", "ABS 1=32767",  //
                            "ABS 47=1", "ABS 57=2", "ABS 53=8192", "ABS 54=32767",   //
                            "ABS 47=2", "ABS 57=3", "ABS 53=16384", "ABS 54=32767",  //
                            "ABS 47=3", "ABS 57=4", "ABS 53=24575", "ABS 54=32767",  //
                            "ABS 47=4", "ABS 57=5", "ABS 53=32767", "ABS 54=32767", "SYN"))
        << "the kernel leaves out what does not change";
    send({Touch{Phase::move, 0, 1, 1}, Touch{Phase::move, 3, 0, 0}});
    EXPECT_THAT(screen.read(), ElementsAre("ABS 47=0", "ABS 53=32767", "ABS 0=32767", "ABS 47=3",
                                           "ABS 53=0", "ABS 54=0", "SYN"));
    batch.clear();
    for (std::uint8_t slot = 0; slot < 5; ++slot)
        batch.emplace_back(Touch{Phase::up, slot, 0, 0});
    send(batch);
    EXPECT_THAT(screen.read(), ElementsAre("ABS 47=0", "ABS 57=-1", "ABS 47=1", "ABS 57=-1",
                                           "ABS 47=2", "ABS 57=-1", "ABS 47=3", "ABS 57=-1",
                                           "ABS 47=4", "ABS 57=-1", "KEY 330=0", "SYN"));
}

TEST_F(Uinput, ReleasesEverythingOnce) {
    send({Key{KEY_A, true}, Button{BTN_LEFT, true}, Touch{Phase::down, 2, 0.5, 0.5}});
    for (const EvdevNode* node : {&keyboard, &mouse, &screen})
        node->read();
    ASSERT_TRUE(sink.release_all());
    EXPECT_THAT(keyboard.read(), ElementsAre("KEY 30=0", "SYN"));
    EXPECT_THAT(mouse.read(), ElementsAre("KEY 272=0", "SYN"));
    EXPECT_THAT(screen.read(), ElementsAre("ABS 57=-1", "KEY 330=0", "SYN"));
    ASSERT_TRUE(sink.release_all());
    send({Key{KEY_A, false}});
    EXPECT_THAT(keyboard.read(), IsEmpty());
}

TEST_F(Uinput, TellsTheLedsThatTheGuestSets) {
    for (const std::uint16_t led : std::initializer_list<std::uint16_t>{LED_NUML, LED_CAPSL})
        keyboard.set_led(led, false);
    EXPECT_EQ(sink.read_leds(), UinputSink::Leds{}) << "what the console had set is gone";
    keyboard.set_led(LED_CAPSL, true);
    pollfd ready{sink.leds_fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&ready, 1, 5000), 1);
    EXPECT_EQ(sink.read_leds(), (UinputSink::Leds{false, true, false}));
    keyboard.set_led(LED_NUML, true);
    keyboard.set_led(LED_CAPSL, false);
    EXPECT_EQ(sink.read_leds(), (UinputSink::Leds{true, false, false}));
}

TEST_F(Uinput, DevicesGoWithTheirOwner) {
    const std::string name = *sink.sysname(Kind::mouse);
    EXPECT_TRUE(std::filesystem::exists("/sys/class/input/" + name));
    { const UinputSink gone = std::move(sink); }
    EXPECT_FALSE(std::filesystem::exists("/sys/class/input/" + name));
}

}  // namespace
}  // namespace scanthru::system_test
