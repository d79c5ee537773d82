// SPDX-License-Identifier: MIT
// From the VM's own keyboard, tablet and mouse to a program in a real Linux guest: by the monitor
// of its QEMU, and by devices of ours that this reads.
#include "guest_life.h"
#include "input/key_table.h"
#include "input_path.h"
#include "uinput_device.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <linux/input.h>
#include <random>
#include <set>

namespace scanthru::system_test {
namespace {

using input::Key;
using std::chrono::milliseconds;

constexpr milliseconds limit{240'000};  ///< A busy machine's.
const InputPath::Devices of_qemu{.keyboard = "QEMU Virtio Keyboard",
                                 .tablet = "QEMU Virtio Tablet",
                                 .mouse = "QEMU Virtio Mouse"};
const InputPath::Devices of_scanthru{.keyboard = "scanthru hands keyboard",
                                     .tablet = "scanthru hands tablet",
                                     .mouse = "scanthru hands mouse",
                                     .touch_screen = "scanthru hands touch screen"};

/// Whether QEMU's own keyboards have this key, the VM's and the guest's.
bool has_qcode(std::uint16_t code) {
    return !input::qcode_of(code).empty() && !input::is_newer_than_qemu_7_2(code);
}

/// Each key of the table pressed and released.
std::vector<Key> every_key(bool with_qcode) {
    std::vector<Key> keys;
    for (const input::KeyEntry& entry : input::key_table())
        if (has_qcode(entry.code) == with_qcode)
            keys.insert(keys.end(), {{entry.code, true}, {entry.code, false}});
    return keys;
}

std::vector<Key> chord(std::string_view names) {
    const auto codes = *input::parse_chord(names);
    std::vector<Key> keys;
    for (const std::uint16_t code : codes)
        keys.push_back({code, true});
    for (auto code = codes.rbegin(); code != codes.rend(); ++code)
        keys.push_back({*code, false});
    return keys;
}

std::vector<Key> random_keys(unsigned seed) {
    std::vector<std::uint16_t> codes;
    // Without PrtSc: with Alt held the VM's own kernel takes it for SysRq.
    for (const input::KeyEntry& entry : input::key_table())
        if (has_qcode(entry.code) && entry.code != KEY_SYSRQ) codes.push_back(entry.code);
    std::mt19937 random{seed};
    std::set<std::uint16_t> held;
    std::vector<Key> keys;
    for (const unsigned count = count_of(10'000); keys.size() < count;) {
        const std::uint16_t code = codes[random() % codes.size()];
        const bool down = held.insert(code).second;
        if (!down) held.erase(code);
        keys.push_back({code, down});
    }
    for (const std::uint16_t code : held)
        keys.push_back({code, false});
    return keys;
}

/// /dev/input/event… of the VM's device with this name.
std::string node_of(const std::string& wanted) {
    for (const auto& entry : std::filesystem::directory_iterator{"/sys/class/input"}) {
        std::ifstream file{entry.path() / "device/name"};
        std::string name;
        if (std::getline(file, name) && name == wanted)
            return "/dev/input/" + entry.path().filename().string();
    }
    return {};
}

class HandsOnRealGuest : public GuestLife {
protected:
    static void SetUpTestSuite() {
        begin("hands");
        path = std::make_unique<InputPath>(*guest, of_qemu);
        start_presenter("auto");
    }

    static void TearDownTestSuite() {
        path.reset();
        GuestLife::TearDownTestSuite();
    }

    /// With the seat that libseat is by itself, so that the VM's console hears nothing of it, and a
    /// kiosk's host keys, so that all keys are the guest's.
    static void start_presenter(const std::string& way) {
        const std::string config = "/run/hands.toml";
        std::ofstream{config} << fmt::format(
            "[[guest]]\nname = \"hands\"\nsource = \"qmp:{}\"\ninput = \"{}\"\n"
            "[[output]]\ncard = \"{}\"\nmodeline = \"8.4 640 656 752 800 480 490 492 525\"\n"
            "[[input.device]]\nname = \"*\"\nacceleration = \"flat\"\n"
            "[keys]\ndefaults = \"kiosk\"\n",
            guest->socket(), way, vkms_card());
        presenter = std::make_unique<PresenterProcess>(
            std::vector<std::string>{"--config", config, "--seat", "auto"});
    }

    /// The host's devices are open, the guest is on screen, and what somebody may have left down in
    /// it has been released.
    static void wait_ready(std::set<std::string> devices) {
        const auto ready = [&devices] {
            const auto status = presenter->status();
            for (const auto& device : status["devices"])
                devices.erase(device["name"].get<std::string>());
            const auto& input = status["guests"][0]["input"];
            return devices.empty() && input["connected"] == true && input.value("owed", 0) == 0 &&
                   !status["outputs"][0]["primary"].is_null();
        };
        ASSERT_TRUE(PresenterProcess::wait(ready, limit));
        EXPECT_EQ(presenter->status()["seat"], "builtin");
    }

    static void wait_ready() { wait_ready({of_qemu.keyboard, of_qemu.tablet, of_qemu.mouse}); }

    static void plug_in(const std::string& driver, const std::string& more = "") {
        guest->ask("device_add", R"({"driver": ")" + driver + '"' + more + "}");
    }

    static bool is_open_in_qemu(const std::string& node) {
        const std::filesystem::path fds = fmt::format("/proc/{}/fd", guest->pid());
        const auto is_node = [&node](const auto& fd) {
            std::error_code gone;
            return std::filesystem::read_symlink(fd, gone) == node;
        };
        return std::ranges::any_of(std::filesystem::directory_iterator{fds}, is_node);
    }

    static void type_chords() {
        for (const char* const names :
             {"Ctrl+Alt+Delete", "Shift+A", "RightShift+1", "RightAlt+E", "Ctrl+Shift+Esc",
              "Super+L", "Ctrl+Alt+F2", "Alt+Tab", "LeftShift+RightShift", "LeftCtrl+RightCtrl",
              "Ctrl+Alt+Shift+N"})
            path->type(chord(names));
        // A fast hand presses the next key before it lets go of the last.
        path->type({{KEY_A, true}, {KEY_S, true}, {KEY_A, false}, {KEY_S, false}});
    }

    static void point_everywhere() {
        constexpr int far = InputPath::far;
        for (const int x : {far, far / 2, 0})
            for (const int y : {0, far, far / 3})
                path->point_at({x, y});
        std::mt19937 random{1};
        const auto anywhere = [&random] {
            return static_cast<int>(random() % (far + 1));
        };
        for (unsigned i = 0; i < count_of(200); ++i)
            path->point_at({anywhere(), anywhere()});
    }

    static void use_mouse() {
        std::mt19937 random{2};
        const auto step = [&random] {
            return static_cast<int>(random() % 201) - 100;
        };
        std::vector<InputPath::Place> steps(count_of(1000));
        std::ranges::generate(steps, [&] { return InputPath::Place{step(), step()}; });
        path->move(steps);
        path->click("left", BTN_LEFT);
        path->click("right", BTN_RIGHT);
        path->click("middle", BTN_MIDDLE);
        path->turn("wheel-up", 3);
        path->turn("wheel-down", -2);
    }

    static inline std::unique_ptr<InputPath> path;
};

TEST_F(HandsOnRealGuest, HasAKeyboardAndATabletThatAreListenedTo) {
    guest->start("--no-wait --do guest_events --add " GUEST_EVENTS " --uuid " + vgpu->uuid());
    ASSERT_TRUE(path->wait_for_device(of_qemu.keyboard, boot_limit));
    ASSERT_TRUE(path->wait_for_device(of_qemu.tablet, limit));
    wait_ready();
}

TEST_F(HandsOnRealGuest, GetsEveryKeyByQmp) {
    path->type(every_key(true));
}

TEST_F(HandsOnRealGuest, GetsChordsByQmp) {
    type_chords();
}

TEST_F(HandsOnRealGuest, GetsThousandsOfRandomKeysByQmp) {
    path->type(random_keys(4711));
}

TEST_F(HandsOnRealGuest, IsPointedAtByQmp) {
    point_everywhere();
}

TEST_F(HandsOnRealGuest, FollowsTheMouseByQmpOnceItHasOne) {
    plug_in("virtio-mouse-pci");
    ASSERT_TRUE(path->wait_for_device(of_qemu.mouse, limit));
    path->wait_for_mouse();
    use_mouse();
}

TEST_F(HandsOnRealGuest, GetsEveryKeyByInputLinux) {
    EXPECT_EQ(presenter->stop(), 0);
    start_presenter("uinput");
    wait_ready();
    EXPECT_EQ(presenter->status()["guests"][0]["input"]["by"], "uinput");
    const std::string node = node_of(of_scanthru.keyboard);
    guest->ask("object-add",
               R"({"qom-type": "input-linux", "id": "keys", "evdev": ")" + node + "\"}");
    ASSERT_TRUE(PresenterProcess::wait([&node] { return is_open_in_qemu(node); }, limit));
    path->type(every_key(true));
    path->type(chord("Ctrl+Alt+Delete"));
    guest->ask("object-del", R"({"id": "keys"})");
    ASSERT_TRUE(PresenterProcess::wait([&node] { return !is_open_in_qemu(node); }, limit));
}

TEST_F(HandsOnRealGuest, HasDevicesOfOursThatItsQemuReads) {
    for (const std::string& name :
         {of_scanthru.keyboard, of_scanthru.tablet, of_scanthru.mouse, of_scanthru.touch_screen}) {
        plug_in("virtio-input-host-pci", R"(, "evdev": ")" + node_of(name) + '"');
        ASSERT_TRUE(path->wait_for_device(name, limit));
    }
    path->use(of_scanthru);
}

TEST_F(HandsOnRealGuest, GetsEveryKeyByUinput) {
    path->type(every_key(true));
    // The VM's own keyboard, QEMU's, does not have the others.
    const UinputDevice keyboard{system_test::keyboard("test keyboard")};
    wait_ready({"test keyboard"});
    path->type(every_key(false), [&keyboard](std::span<const Key> keys) {
        for (const Key& key : keys)
            keyboard.key(key.code, key.down);
    });
}

TEST_F(HandsOnRealGuest, GetsChordsByUinput) {
    type_chords();
}

TEST_F(HandsOnRealGuest, GetsThousandsOfRandomKeysByUinput) {
    path->type(random_keys(4712));
}

TEST_F(HandsOnRealGuest, IsPointedAtByUinput) {
    point_everywhere();
}

TEST_F(HandsOnRealGuest, FollowsTheMouseByUinput) {
    use_mouse();
}

TEST_F(HandsOnRealGuest, IsTouchedByFiveFingersByUinput) {
    constexpr int end = 4095;
    const UinputDevice screen{touch_screen("test touch screen")};
    wait_ready({"test touch screen"});
    screen.put_finger(0, 0, 0);
    screen.put_finger(1, end, 0);
    screen.put_finger(2, 0, end);
    screen.put_finger(3, end, end);
    screen.put_finger(4, end / 3, end / 5);
    screen.report();
    constexpr int far = InputPath::far;
    const int third = far / 3;
    const int fifth = far / 5;
    path->wait_for_fingers(
        {{0, {0, 0}}, {1, {far, 0}}, {2, {0, far}}, {3, {far, far}}, {4, {third, fifth}}});
    screen.put_finger(2, end, end / 3);
    screen.lift_finger(1);
    screen.report();
    path->wait_for_fingers({{0, {0, 0}}, {2, {far, third}}, {3, {far, far}}, {4, {third, fifth}}});
    for (const int slot : {2, 3, 4, 0})
        screen.lift_finger(slot);
    screen.report();
    path->wait_for_fingers({});
}

TEST_F(HandsOnRealGuest, ShowsItsCapsLockOnTheHostsKeyboards) {
    UinputDevice keyboard{system_test::keyboard("test keyboard")};
    wait_ready({"test keyboard"});
    for (int i = 0; i < 3; ++i) {
        path->type(chord("CapsLock"));
        EXPECT_TRUE(PresenterProcess::wait(
            [&keyboard] { return keyboard.led(LED_CAPSL) == path->caps(); }, limit))
            << "the guest's light is " << (path->caps() ? "on" : "off");
    }
}

}  // namespace
}  // namespace scanthru::system_test
