// SPDX-License-Identifier: MIT
// Devices that lose events, vanish, or claim to be everything: nothing stays pressed in the guest,
// and the others go on.
#include "hands_fixture.h"

#include <algorithm>
#include <csignal>
#include <linux/input.h>
#include <random>
#include <stdexcept>

namespace scanthru::system_test {
namespace {

class HandsFaults : public HandsOnGuest {
protected:
    /// Keyboard, mouse and tablet are as good as before.
    void expect_others_work() const {
        std::remove(input_path);
        presenter->wait_frames(4);  // libinput takes a faster button for a bouncing one.
        keys.key(KEY_B, true);
        keys.key(KEY_B, false);
        pointer.key(BTN_RIGHT, true);
        pointer.key(BTN_RIGHT, false);
        pad.point(++last_place_, 0);
        const auto got = [](const std::string& what) {
            const auto lines = received();
            return std::ranges::any_of(
                lines, [&](const std::string& line) { return line.starts_with(what); });
        };
        EXPECT_TRUE(wait([&] {
            return got("key b 1") && got("key b 0") && got("btn right 1") && got("btn right 0") &&
                   got("abs x");
        })) << ::testing::PrintToString(received())
            << presenter->log();
        EXPECT_TRUE(wait([] { return left_down().empty(); }))
            << ::testing::PrintToString(left_down());
    }

    /// For the first tablet libinput reads libwacom's tables, which takes an emulated machine
    /// longer than an answer may.
    bool knows(const std::string& device) const {
        try {
            return devices().contains(device);
        } catch (const std::runtime_error&) {
            return false;
        }
    }

    mutable int last_place_ = 1000;
};

TEST_F(HandsFaults, AFloodThatTheKernelDropsLeavesDownWhatIsHeld) {
    begin();
    std::mt19937 random{3};
    for (unsigned round = 0; round < count_of(50); ++round) {
        // It does not read, so the kernel's buffer overflows (SYN_DROPPED).
        ASSERT_EQ(::kill(presenter->pid(), SIGSTOP), 0);
        for (int i = 0; i < 500; ++i) {
            const auto code = static_cast<std::uint16_t>(KEY_1 + random() % 10);
            keys.key(code, true);
            pointer.move(1, 1);
            if (random() % 4 != 0) keys.key(code, false);
        }
        for (std::uint16_t code = KEY_1; code <= KEY_0; ++code)
            keys.key(code, false);
        keys.key(KEY_Z, true);
        ASSERT_EQ(::kill(presenter->pid(), SIGCONT), 0);
        ASSERT_TRUE(wait([] { return left_down() == std::set<std::string>{"key z"}; }))
            << round << ::testing::PrintToString(left_down()) << presenter->log();
        keys.key(KEY_Z, false);
        ASSERT_TRUE(wait([] { return left_down().empty(); })) << round;
    }
    expect_others_work();
}

TEST_F(HandsFaults, ADeviceThatIsEverythingVanishesWithAllItHolds) {
    begin();
    UinputDevice::Features all;
    all.name = "everything";
    all.everything = true;
    for (unsigned round = 0; round < count_of(30); ++round) {
        {
            const UinputDevice device{all};
            ASSERT_TRUE(PresenterProcess::wait([this] { return knows("everything"); },
                                               std::chrono::seconds{90}))
                << presenter->log();
            // Presses and releases of everything; together they would be Ctrl+Alt+Del and the like.
            for (std::uint16_t code = 1; code < KEY_MAX; ++code) {
                if (code == KEY_SYSRQ) continue;
                device.send(EV_ABS, static_cast<std::uint16_t>(code % ABS_MAX), code);
                device.send(EV_REL, static_cast<std::uint16_t>(code % REL_MAX), code);
                device.key(code, true);
                device.key(code, false);
            }
            for (const std::uint16_t code :
                 std::initializer_list<std::uint16_t>{KEY_Q, KEY_W, BTN_LEFT, BTN_MIDDLE})
                device.key(code, true);
            // libinput takes it for a tablet, of whose keys it hears none.
            presenter->wait_frames(round % 3);
        }
        ASSERT_TRUE(wait([this] { return !devices().contains("everything"); }));
        ASSERT_TRUE(wait([] { return left_down().empty(); }))
            << round << ::testing::PrintToString(left_down()) << presenter->log();
    }
    expect_others_work();
}

TEST_F(HandsFaults, ASlowQemuGetsEveryKeyInOrder) {
    // From the beginning: what it is to let go of first is as slow.
    qemu.dawdle(std::chrono::milliseconds{200});
    begin();
    std::vector<std::string> expected;
    for (int i = 0; i < 30; ++i) {
        const auto code = static_cast<std::uint16_t>(KEY_Q + i % 10);
        for (const bool down : {true, false}) {
            keys.key(code, down);
            expected.push_back(fmt::format("key {} {}", input::qcode_of(code), down ? 1 : 0));
        }
        presenter->wait_frames(1);
    }
    expect_received(expected);
}

}  // namespace
}  // namespace scanthru::system_test
