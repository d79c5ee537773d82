// SPDX-License-Identifier: MIT
// Hands are lost at random moments, in every way there is: nothing stays pressed in the guest.
#include "hands_fixture.h"
#include "virtual_terminal.h"

#include <array>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <linux/input.h>
#include <random>
#include <thread>

namespace scanthru::system_test {
namespace {

constexpr const char* config_file = "/run/hands-losses.toml";
constexpr const char* second_socket = "/run/second.qmp";
constexpr const char* second_path = "/run/second.qmp.input";
constexpr int our_vt = 1;
constexpr int other_vt = 8;

constexpr std::array<std::uint16_t, 8> letters{KEY_Q, KEY_W, KEY_E, KEY_R,
                                               KEY_T, KEY_Y, KEY_U, KEY_I};

/// Two guests for one output on a VT of its own, by libseat's builtin backend.
class HandsLosses : public HandsOnGuest {
protected:
    HandsLosses() {
        std::ofstream{config_file}
            << fmt::format("[[guest]]\nname = \"first\"\nsource = \"qmp:{}\"\n"
                           "[[guest]]\nname = \"second\"\nsource = \"qmp:{}\"\n"
                           "[[output]]\ncard = \"{}\"\nmodeline = \"{}\"\nguest = \"first\"\n",
                           socket_path, second_socket, vkms_card(), small_modeline(60));
        arguments = {"--config", config_file, "--seat", "auto"};
        environment = {"LIBSEAT_BACKEND=builtin"};
    }

    void press_some() {
        // libinput takes a faster button for a bouncing one.
        presenter->wait_frames(4);
        keys.key(KEY_LEFTSHIFT, true);
        keys.key(letters[random() % letters.size()], true);
        pointer.key(BTN_LEFT, true);
        // Wherever they are by then.
        if (random() % 2 == 0) {
            std::this_thread::sleep_for(std::chrono::microseconds{random() % 20'000});
        } else {
            ASSERT_TRUE(wait([] { return left_down().size() == 3; })) << presenter->log();
        }
    }

    void let_go() const {
        for (const std::uint16_t code : letters)
            keys.key(code, false);
        keys.key(KEY_LEFTSHIFT, false);
        pointer.key(BTN_LEFT, false);
    }

    void unplug() {
        ++generation;
        keys = UinputDevice{full_keyboard(generation)};
        pointer = UinputDevice{mouse(fmt::format("test mouse {}", generation))};
    }

    /// What is let go of meanwhile is owed.
    void stop_the_guest() {
        qemu.event("STOP");
        let_go();
        ASSERT_TRUE(wait([this] { return guest_is_paused(); }));
        qemu.event("RESUME");
        ASSERT_TRUE(wait([this] { return !guest_is_paused(); }));
    }

    bool guest_is_paused() const { return presenter->status()["guests"][0]["paused"] == true; }

    /// The next one knows nothing of before.
    void kill_scanthru() {
        presenter->kill();
        presenter.reset();
        // libseat's server may be about to do it.
        const std::string restore = fmt::format("{} restore-console", SCANTHRU_BINARY);
        ASSERT_TRUE(wait([&] { return std::system(restore.c_str()) == 0; }));
        let_go();
        start_presenter();
    }

    void switch_guests() {
        switch_to("second");
        ASSERT_TRUE(wait([] { return left_down().empty(); }));
        let_go();
        switch_to("first");
        EXPECT_TRUE(left_down(second_path).empty());
    }

    void switch_to(const char* guest) {
        presenter->ask({{"command", "switch"}, {"guest", guest}});
        ASSERT_TRUE(wait([&] { return presenter->output()["guest"] == guest; }));
    }

    void leave_the_vt() {
        ASSERT_TRUE(go_to_vt(other_vt));
        ASSERT_TRUE(wait([] { return left_down().empty(); })) << "while it is away";
        let_go();
        ASSERT_TRUE(go_to_vt(our_vt));
    }

    /// The guest lives on with what it has down.
    void break_the_monitor() {
        qemu.hang_up();
        let_go();
    }

    void lose_hands(unsigned how) {
        switch (how) {
        case 0: return unplug();
        case 1: return stop_the_guest();
        case 2: return kill_scanthru();
        case 3: return switch_guests();
        case 4: return leave_the_vt();
        default: return break_the_monitor();
        }
    }

    std::mt19937 random{42};  // NOLINT(cert-msc51-cpp): the same in every run
    vgpu::TestVgpu second_vgpu;
    ScriptedQemu second_qemu{second_vgpu, second_socket};
};

TEST_F(HandsLosses, NothingStaysDown) {
    ASSERT_TRUE(go_to_vt(our_vt));
    begin();
    const unsigned rounds = count_of(1000);
    for (unsigned round = 0; round < rounds; ++round) {
        ASSERT_NO_FATAL_FAILURE(press_some()) << round;
        const auto how = static_cast<unsigned>(random() % 6);
        ASSERT_NO_FATAL_FAILURE(lose_hands(how))
            << round << ", loss " << how << ": " << ::testing::PrintToString(left_down())
            << presenter->log();
        ASSERT_TRUE(wait([] { return left_down().empty(); }))
            << "round " << round << ", loss " << how << ": "
            << ::testing::PrintToString(left_down()) << presenter->status().dump(1)
            << presenter->log();
        ASSERT_TRUE(wait([this] { return sees_devices() && status_of_input()["owed"] == 0; }))
            << round << ", loss " << how << presenter->status().dump(1);
        presenter->wait_attached();
    }
}

}  // namespace
}  // namespace scanthru::system_test
