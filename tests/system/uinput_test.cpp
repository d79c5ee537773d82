// SPDX-License-Identifier: MIT
// What our uinput devices say, read back as a guest's QEMU reads it.
#include "input/key_table.h"
#include "input/uinput_sink.h"

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input.h>
#include <map>
#include <poll.h>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

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

/// "KEY 30=1" and so on, "SYN" for the sync.
std::string text_of(const input_event& event) {
    if (event.type == EV_SYN)
        return event.code == SYN_REPORT ? "SYN" : fmt::format("SYN {}", event.code);
    const std::map<unsigned, const char*> types{
        {EV_KEY, "KEY"}, {EV_REL, "REL"}, {EV_ABS, "ABS"}, {EV_LED, "LED"}};
    return fmt::format("{} {}={}", types.at(event.type), event.code, event.value);
}

/// The evdev node of one of our devices.
class Node {
public:
    Node(const UinputSink& sink, Kind kind) : system_("/sys/class/input/" + *sink.sysname(kind)) {
        for (const auto& entry : std::filesystem::directory_iterator{system_}) {
            const std::string name = entry.path().filename();
            if (!name.starts_with("event")) continue;
            // devtmpfs makes the node, udev may still be changing its mode.
            for (int i = 0; i < 100 && !fd_; ++i) {
                fd_.reset(::open(("/dev/input/" + name).c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
                if (!fd_) std::this_thread::sleep_for(milliseconds{20});
            }
        }
        EXPECT_TRUE(fd_) << system_;
        // As QEMU does: else the console reads it too, and sets its LEDs.
        if (kind != Kind::keyboard) return;
        EXPECT_EQ(::ioctl(fd_.get(), EVIOCGRAB, 1), 0);
    }

    /// What came since the last call.
    std::vector<std::string> read() const {
        std::vector<std::string> events;
        for (input_event event{}; ::read(fd_.get(), &event, sizeof event) == sizeof event;)
            events.push_back(text_of(event));
        return events;
    }

    std::string attribute(const std::string& name) const {
        std::ifstream file{system_ / name};
        std::string line;
        std::getline(file, line);
        return line;
    }

    input_absinfo axis(unsigned code) const {
        input_absinfo info{};
        EXPECT_GE(::ioctl(fd_.get(), EVIOCGABS(code), &info), 0);
        return info;
    }

    void set_led(std::uint16_t code, bool on) const {
        std::array<input_event, 2> events{};
        events[0].type = EV_LED;
        events[0].code = code;
        events[0].value = on ? 1 : 0;
        EXPECT_EQ(::write(fd_.get(), events.data(), sizeof events), ssize_t{sizeof events});
    }

private:
    std::filesystem::path system_;
    UniqueFd fd_;
};

class Uinput : public ::testing::Test {
protected:
    /// What the console did before the nodes were grabbed is none of the tests' business.
    void SetUp() override { keyboard.read(); }

    static UinputSink create() {
        auto created = UinputSink::create("test");
        if (!created) throw std::runtime_error(fmt::format("{}", created.error()));
        return std::move(*created);
    }

    /// Sends all as one batch.
    void send(const std::vector<input::Event>& events) {
        for (const input::Event& event : events)
            sink.send(event);
        ASSERT_TRUE(sink.flush());
    }

    UinputSink sink = create();
    Node keyboard{sink, Kind::keyboard};
    Node mouse{sink, Kind::mouse};
    Node tablet{sink, Kind::tablet};
    Node screen{sink, Kind::touch_screen};
};

TEST_F(Uinput, DevicesCarryTheNameOfTheirGuest) {
    EXPECT_EQ(keyboard.attribute("name"), "scanthru test keyboard");
    EXPECT_EQ(mouse.attribute("name"), "scanthru test mouse");
    EXPECT_EQ(tablet.attribute("name"), "scanthru test tablet");
    EXPECT_EQ(screen.attribute("name"), "scanthru test touch screen");
    for (const Node* node : {&keyboard, &mouse, &tablet, &screen})
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
    for (const Node* node : {&keyboard, &mouse, &screen})
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
