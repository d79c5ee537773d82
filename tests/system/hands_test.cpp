// SPDX-License-Identifier: MIT
// From a device of the host through the whole program to the monitor of a guest's QEMU.
#include "hands_fixture.h"
#include "input/key_table.h"
#include "presenter_process.h"
#include "synthetic_guest.h"

#include <fmt/format.h>
#include <linux/input.h>
#include <optional>
#include <random>
#include <set>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds limit{20000};

TEST_F(HandsOnGuest, EveryKeyOfTheTableGetsThereInOrder) {
    begin();
    std::vector<std::string> expected;
    for (const input::KeyEntry& key : input::key_table()) {
        if (key.qcode.empty() || input::is_newer_than_qemu_7_2(key.code)) continue;
        for (const bool down : {true, false}) {
            keys.key(key.code, down);
            expected.push_back(fmt::format("key {} {}", key.qcode, down ? 1 : 0));
        }
        // More at once than the kernel keeps for us would be lost there (SYN_DROPPED).
        if (expected.size() % 8 == 0) {
            ASSERT_TRUE(wait([&] { return received().size() == expected.size(); }))
                << key.name << presenter->log();
        }
    }
    expect_received(expected);
}

TEST_F(HandsOnGuest, ThousandsOfRandomPressesGetThereInOrder) {
    begin();
    std::mt19937 random{4711};
    // No modifiers: of those, the host's own keys are made.
    std::vector<std::uint16_t> codes;
    for (std::uint16_t code = KEY_1; code <= KEY_SLASH; ++code)
        if (code != KEY_LEFTCTRL && code != KEY_LEFTSHIFT) codes.push_back(code);
    std::set<std::uint16_t> held;
    std::vector<std::string> expected;
    const unsigned count = count_of(10000);
    for (unsigned i = 0; i < count; ++i) {
        const std::uint16_t code = codes[random() % codes.size()];
        const bool down = held.insert(code).second;
        if (!down) held.erase(code);
        keys.key(code, down);
        expected.push_back(fmt::format("key {} {}", input::qcode_of(code), down ? 1 : 0));
        // More at once than the kernel keeps for us would be lost there (SYN_DROPPED).
        if (i % 8 == 7) {
            ASSERT_TRUE(wait([&] { return received().size() == expected.size(); }))
                << i << ": " << received().size() << presenter->log();
        }
    }
    expect_received(expected);
}

TEST_F(HandsOnGuest, AHostKeyNeverReachesTheGuestNorItsModifiersHalfPressed) {
    begin();
    for (const auto code :
         std::initializer_list<std::uint16_t>{KEY_LEFTCTRL, KEY_LEFTALT, KEY_LEFTSHIFT, KEY_B})
        keys.key(code, true);
    EXPECT_TRUE(wait([this] { return presenter->output()["blank"] == true; })) << presenter->log();
    for (const auto code :
         std::initializer_list<std::uint16_t>{KEY_B, KEY_LEFTSHIFT, KEY_LEFTALT, KEY_LEFTCTRL})
        keys.key(code, false);
    EXPECT_TRUE(wait([] { return left_down().empty(); })) << ::testing::PrintToString(left_down());
    // Any other key wakes the screen, and gets there.
    keys.key(KEY_A, true);
    keys.key(KEY_A, false);
    EXPECT_TRUE(wait([this] { return presenter->output()["blank"] == false; }));
    EXPECT_TRUE(wait([] { return received_last() == "key a 0"; }));
    for (const std::string& line : received())
        EXPECT_FALSE(line.starts_with("key b ")) << line;
}

TEST_F(HandsOnGuest, SendkeyPressesAChordInTheGuest) {
    begin();
    presenter->ask({{"command", "sendkey"}, {"keys", "Ctrl+Alt+Del"}});
    expect_received(
        {"key ctrl 1", "key alt 1", "key delete 1", "key delete 0", "key alt 0", "key ctrl 0"});
}

}  // namespace
}  // namespace scanthru::system_test
