// SPDX-License-Identifier: MIT
// From a device of the host through the whole program to a guest that is fed by evdev.
#include "evdev_node.h"
#include "presenter_process.h"
#include "synthetic_guest.h"
#include "uinput_device.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <linux/input.h>
#include <optional>
#include <random>
#include <vector>

namespace scanthru::system_test {
namespace {

constexpr std::chrono::milliseconds limit{20000};
constexpr const char* config_file = "/run/hands-uinput.toml";
constexpr int fingers = 5;

/// What a touch screen said, by slot.
class Fingers {
public:
    struct Finger {
        bool down = false;
        int x = 0;
        int y = 0;
    };

    void take(const std::string& line) {
        int value = 0;
        if (std::sscanf(line.c_str(), "ABS 47=%d", &value) == 1)  // ABS_MT_SLOT
            slot_ = static_cast<std::size_t>(value);
        Finger& finger = all_.at(slot_);
        if (std::sscanf(line.c_str(), "ABS 57=%d", &value) == 1)  // ABS_MT_TRACKING_ID
            finger.down = value >= 0;
        std::sscanf(line.c_str(), "ABS 53=%d", &finger.x);  // ABS_MT_POSITION_X
        std::sscanf(line.c_str(), "ABS 54=%d", &finger.y);  // ABS_MT_POSITION_Y
    }

    /// Those that are down.
    std::vector<Finger> down() const {
        std::vector<Finger> found;
        std::ranges::copy_if(all_, std::back_inserter(found), &Finger::down);
        return found;
    }

private:
    std::array<Finger, 10> all_{};
    std::size_t slot_ = 0;
};

class HandsByUinput : public ::testing::Test {
protected:
    void begin() {
        std::ofstream{config_file}
            << fmt::format("[[guest]]\nname = \"g\"\nsource = \"mdev:{}\"\ninput = \"uinput\"\n"
                           "[[output]]\ncard = \"{}\"\nmodeline = \"{}\"\nidle = \"black\"\n"
                           "[[input.device]]\nname = \"test mouse\"\nacceleration = \"flat\"\n",
                           vgpu.uuid(), vkms_card(), small_modeline(60));
        presenter.emplace(std::vector<std::string>{"--config", config_file, "--seat", "direct"});
        ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
        presenter->wait_attached();
        ASSERT_TRUE(wait([this] {
            return sees("test mouse") && sees("test touch screen") &&
                   !presenter->output()["primary"].is_null();
        })) << presenter->log();
    }

    bool sees(const std::string& name) const {
        const nlohmann::json status = presenter->status();
        return std::ranges::any_of(status["devices"],
                                   [&](const auto& device) { return device["name"] == name; });
    }

    static EvdevNode of_guest(const std::string& kind) {
        const auto found = EvdevNode::find("scanthru g " + kind);
        if (!found) throw std::runtime_error("the guest has no " + kind);
        return EvdevNode{*found, false};
    }

    static bool wait(const std::function<bool()>& done) {
        return PresenterProcess::wait(done, limit);
    }

    vgpu::TestVgpu vgpu;
    UinputDevice pointer{mouse()};
    UinputDevice touch{touch_screen()};
    std::optional<PresenterProcess> presenter;
};

TEST_F(HandsByUinput, TheSumOfThousandsOfSmallStepsIsTheGuests) {
    begin();
    const EvdevNode node = of_guest("mouse");
    std::mt19937 random{29};
    std::array<int, 2> moved{};
    std::array<int, 2> seen{};
    const auto all_seen = [&] {
        for (const std::string& line : node.read()) {
            int step = 0;
            if (std::sscanf(line.c_str(), "REL 0=%d", &step) == 1) seen[0] += step;
            if (std::sscanf(line.c_str(), "REL 1=%d", &step) == 1) seen[1] += step;
            EXPECT_NE(line, "SYN 3") << "the test reads too rarely";
        }
        return seen == moved;
    };
    for (unsigned i = 0; i < count_of(50'000); ++i) {
        const std::array step{static_cast<int>(random() % 7) - 3,
                              static_cast<int>(random() % 7) - 3};
        pointer.move(step[0], step[1]);
        moved = {moved[0] + step[0], moved[1] + step[1]};
        // More at once than the kernel keeps for either reader would be lost there.
        if (i % 8 != 7) continue;
        ASSERT_TRUE(wait(all_seen)) << i;
    }
}

TEST_F(HandsByUinput, FiveFingersAreRightToOneUnitWhereverTheyGo) {
    begin();
    const EvdevNode node = of_guest("touch screen");
    std::mt19937 random{31};
    Fingers guest;
    std::array<Fingers::Finger, fingers> host{};
    const auto is_there = [&guest](const Fingers::Finger& finger) {
        const auto seen = guest.down();
        return std::ranges::any_of(seen, [&](const Fingers::Finger& other) {
            return std::abs(other.x - finger.x * 32767.0 / 4095) <= 1 &&
                   std::abs(other.y - finger.y * 32767.0 / 4095) <= 1;
        });
    };
    // In slots of its own: libinput numbers the fingers of a seat.
    const auto all_there = [&] {
        for (const std::string& line : node.read())
            guest.take(line);
        const auto count = std::ranges::count_if(host, &Fingers::Finger::down);
        return std::ssize(guest.down()) == count &&
               std::ranges::all_of(host, [&](const Fingers::Finger& finger) {
                   return !finger.down || is_there(finger);
               });
    };
    for (unsigned round = 0; round < count_of(2000); ++round) {
        const auto slot = static_cast<int>(random() % fingers);
        auto& finger = host.at(static_cast<std::size_t>(slot));
        if (finger.down && random() % 4 == 0) {
            finger.down = false;
            touch.lift_finger(slot);
        } else {
            finger = {true, static_cast<int>(random() % 4096), static_cast<int>(random() % 4096)};
            touch.put_finger(slot, finger.x, finger.y);
        }
        touch.report();
        ASSERT_TRUE(wait(all_there)) << round << ", slot " << slot;
    }
    // What is still down when its device goes is lifted in the guest.
    host = {};
    touch = UinputDevice{touch_screen("another touch screen")};
    EXPECT_TRUE(wait(all_there));
}

}  // namespace
}  // namespace scanthru::system_test
