// SPDX-License-Identifier: MIT
// Where the guest's pointer is, to one unit, and how far it went.
#include "hands_fixture.h"
#include "screendump.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <linux/input.h>
#include <random>

namespace scanthru::system_test {
namespace {

constexpr double units = 0x7fff;
constexpr const char* config_file = "/run/hands-pointer.toml";

/// `at` as a part of what lies between `first` and `last`, in the guest's units.
double guest_units(double at, double first, double last) {
    return std::clamp((at - first) / (last - first), 0.0, 1.0) * units;
}

struct Place {
    int x = -1;
    int y = -1;
};

/// The last place among these lines.
Place place_in(const std::vector<std::string>& lines) {
    Place place;
    for (const std::string& line : lines) {
        std::sscanf(line.c_str(), "abs x %d", &place.x);
        std::sscanf(line.c_str(), "abs y %d", &place.y);
    }
    return place;
}

/// Where the upper left corner and the lower right one of a guest's picture are on the screen, in
/// parts of the screen.
struct Lie {
    const char* name;
    std::vector<std::string> arguments;
    const char* guest;
    double left, top, right, bottom;
};

class HandsPointer : public HandsOnGuest, public ::testing::WithParamInterface<Lie> {
protected:
    /// Where the guest's pointer is when the tablet's is there.
    Place place_for(int x, int y) const {
        std::remove(input_path);
        pad.point(x, y);
        EXPECT_TRUE(wait([] { return received().size() >= 2; })) << x << ", " << y;
        return place_in(received());
    }

    void expect_exact(int x, int y) const {
        const Lie& lie = GetParam();
        const Place place = place_for(x, y);
        EXPECT_NEAR(place.x, guest_units(x / 65535.0, lie.left, lie.right), 1) << x << ", " << y;
        EXPECT_NEAR(place.y, guest_units(y / 32767.0, lie.top, lie.bottom), 1) << x << ", " << y;
    }
};

TEST_P(HandsPointer, IsRightToOneUnitEverywhere) {
    const Lie& lie = GetParam();
    begin(lie.arguments);
    ASSERT_EQ(vgpu.set("guest", lie.guest), 0);
    ASSERT_TRUE(wait([this] { return !presenter->output()["primary"].is_null(); }));
    presenter->wait_frames(3);
    const auto edge = [](double part, int last) {
        return std::clamp(static_cast<int>(std::lround(part * last)), 0, last);
    };
    const std::array across{edge(lie.left, 65535), 32768, edge(lie.right, 65535)};
    const std::array down{edge(lie.top, 32767), 16384, edge(lie.bottom, 32767)};
    // Where it is not yet, or the kernel would see no change.
    expect_exact(100, 100);
    // Corners, edges and the middle of the picture.
    for (const int x : across)
        for (const int y : down)
            expect_exact(x, y);
    std::mt19937 random{5};
    for (unsigned i = 0; i < 200; ++i)
        expect_exact(static_cast<int>(random() % 65536), static_cast<int>(random() % 32768));
    // Beside the picture it is at its edge.
    const Place first = place_for(0, 0);
    const Place last = place_for(65535, 32767);
    if (lie.left >= 0) {
        EXPECT_EQ(first.x, 0);
        EXPECT_EQ(first.y, 0);
        EXPECT_EQ(last.x, 0x7fff);
        EXPECT_EQ(last.y, 0x7fff);
    }
}

INSTANTIATE_TEST_SUITE_P(Fits,
                         HandsPointer,
                         ::testing::Values(Lie{"OfTheScreensSize",
                                               {"--modeline", small_modeline(60)},
                                               "start width=320 height=240 buffers=2 rate=0",
                                               0,
                                               0,
                                               1,
                                               1},
                                           Lie{"Centred",
                                               {"--fit", "center", "--mode", "1024x768"},
                                               "start width=320 height=240 buffers=2 rate=0",
                                               352.0 / 1024,
                                               264.0 / 768,
                                               672.0 / 1024,
                                               504.0 / 768},
                                           Lie{"Cropped",
                                               {"--fit", "crop", "--modeline", small_modeline(60)},
                                               "start width=640 height=480 buffers=2 rate=0",
                                               -160.0 / 320,
                                               -120.0 / 240,
                                               480.0 / 320,
                                               360.0 / 240}),
                         [](const auto& row) { return std::string{row.param.name}; });

/// Two people with a tablet each: one for the guest on a vkms output, one for a virtio-gpu output.
class VirtioGpuHands : public HandsOnGuest {
protected:
    void begin_both() {
        std::ofstream{config_file} << fmt::format(
            "[[guest]]\nname = \"left\"\nsource = \"qmp:{}\"\n"
            "[[guest]]\nname = \"right\"\nsource = \"qmp:{}\"\n"
            "[[output]]\ncard = \"{}\"\nguest = \"left\"\nmodeline = \"{}\"\n"
            "[[output]]\ncard = \"{}\"\nname = \"Virtual-2\"\nguest = \"right\"\n"
            "mode = \"1024x768\"\nfit = \"center\"\n"
            "[[input.device]]\nname = \"right tablet\"\noutput = \"Virtual-2\"\n"
            "[[input.device]]\nname = \"test tablet\"\nguest = \"left\"\n",
            socket_path, right_socket, vkms_card(), small_modeline(60), virtio_card());
        presenter.emplace(std::vector<std::string>{"--config", config_file, "--seat", "direct"});
        for (const auto* guest : {&vgpu, &right_vgpu})
            ASSERT_EQ(guest->set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
        ASSERT_TRUE(wait([this] {
            const nlohmann::json status = presenter->status();
            for (const std::size_t i : {0U, 1U})
                if (status["guests"][i]["input"]["owed"] != 0 ||
                    status["outputs"][i]["primary"].is_null())
                    return false;
            return sees_devices() && devices().contains("right tablet");
        })) << presenter->status().dump(1)
            << presenter->log();
        std::remove(input_path);
        std::remove(right_path);
    }

    static constexpr const char* right_socket = "/run/right.qmp";
    static constexpr const char* right_path = "/run/right.qmp.input";
    vgpu::TestVgpu right_vgpu;
    ScriptedQemu right_qemu{right_vgpu, right_socket};
    UinputDevice right_pad{tablet("right tablet")};
};

TEST_F(VirtioGpuHands, EachTabletPointsInItsOwnGuestToOneUnit) {
    begin_both();
    std::mt19937 random{13};
    // The right guest's picture is in the middle of 1024x768.
    std::size_t left_lines = 0;
    std::size_t right_lines = 0;
    for (unsigned i = 0; i < 100; ++i) {
        const auto x = static_cast<int>(random() % 65536);
        const auto y = static_cast<int>(random() % 32768);
        const bool is_left = random() % 2 == 0;
        (is_left ? pad : right_pad).point(x, y);
        (is_left ? left_lines : right_lines) += 2;
        ASSERT_TRUE(wait([&] {
            return received().size() == left_lines && received(right_path).size() == right_lines;
        })) << i
            << ::testing::PrintToString(received())
            << ::testing::PrintToString(received(right_path)) << presenter->log();
        const Place place = place_in(received(is_left ? input_path : right_path));
        const double part_x = x / 65535.0;
        const double part_y = y / 32767.0;
        if (is_left) {
            EXPECT_NEAR(place.x, part_x * units, 1);
            EXPECT_NEAR(place.y, part_y * units, 1);
        } else {
            EXPECT_NEAR(place.x, guest_units(part_x, 352.0 / 1024, 672.0 / 1024), 1);
            EXPECT_NEAR(place.y, guest_units(part_y, 264.0 / 768, 504.0 / 768), 1);
        }
    }
}

/// A mouse whose steps are the guest's.
class HandsMotion : public HandsOnGuest {
protected:
    void begin_flat() {
        std::ofstream{config_file} << "[[input.device]]\nname = \"test mouse*\"\n"
                                      "acceleration = \"flat\"\n";
        begin({"--config", config_file, "--idle", "black"});
    }

    /// Of all lines "KIND AXIS n".
    static int sum(const std::string& axis) {
        int sum = 0;
        for (const std::string& line : received())
            if (line.starts_with(axis + " ")) sum += std::stoi(line.substr(axis.size()));
        return sum;
    }

    static long count(const std::string& line) {
        const auto lines = received();
        return std::ranges::count(lines, line);
    }
};

TEST_F(HandsMotion, TheSumOfThousandsOfSmallStepsIsTheGuests) {
    qemu.mice("mouse");
    begin_flat();
    std::mt19937 random{23};
    int x = 0;
    int y = 0;
    const unsigned steps = count_of(50'000);
    for (unsigned i = 0; i < steps; ++i) {
        const int dx = static_cast<int>(random() % 7) - 3;
        const int dy = static_cast<int>(random() % 7) - 3;
        pointer.move(dx, dy);
        x += dx;
        y += dy;
        // More at once than the kernel keeps for us would be lost there (SYN_DROPPED).
        if (i % 16 != 15) continue;
        ASSERT_TRUE(wait([&] { return sum("rel x") == x && sum("rel y") == y; }))
            << i << ": " << sum("rel x") << ", " << sum("rel y") << " and not " << x << ", " << y;
        std::remove(input_path);
        x = y = 0;
    }
}

TEST_F(HandsMotion, NotchesAreCountedWhateverTheyAreMadeOf) {
    begin_flat();
    const auto turn = [this](std::uint16_t axis, std::uint16_t fine_axis, int fine, int notches) {
        pointer.send(EV_REL, fine_axis, fine);
        if (notches != 0) pointer.send(EV_REL, axis, notches);
        pointer.report();
    };
    const auto down = [this, &turn](int fine, int notches) {
        turn(REL_WHEEL, REL_WHEEL_HI_RES, -fine, -notches);
    };
    // libinput holds the first turn back until it knows how fine the wheel is.
    down(120, 1);
    ASSERT_TRUE(wait([] { return count("btn wheel-down 0") == 1; }));
    for (int i = 0; i < 40; ++i) {  // A fine wheel: ten notches in quarters.
        down(30, i % 4 == 3 ? 1 : 0);
        if (i % 8 == 7) {
            ASSERT_TRUE(wait([i] { return count("btn wheel-down 0") == 1 + (i + 1) / 4; })) << i;
        }
    }
    down(-600, -5);
    EXPECT_TRUE(wait([] { return count("btn wheel-up 0") == 5; }));
    turn(REL_HWHEEL, REL_HWHEEL_HI_RES, 240, 2);
    EXPECT_TRUE(wait([] { return count("btn wheel-right 0") == 2; }));
    turn(REL_HWHEEL, REL_HWHEEL_HI_RES, -120, -1);
    EXPECT_TRUE(wait([] { return count("btn wheel-left 0") == 1; }));
    EXPECT_EQ(count("btn wheel-down 1"), 11);
    EXPECT_EQ(count("btn wheel-down 0"), 11);
    // A plain wheel knows whole notches only.
    UinputDevice::Features features = mouse("plain mouse");
    features.relative = {REL_X, REL_Y, REL_WHEEL};
    const UinputDevice plain{features};
    ASSERT_TRUE(wait([this] { return devices().contains("plain mouse"); }));
    const auto turn_plain = [&plain](int notches) {
        plain.send(EV_REL, REL_WHEEL, notches);
        plain.report();
    };
    // One after the other: what is turned and turned back while a command is under way is nothing.
    turn_plain(-3);
    EXPECT_TRUE(wait([] { return count("btn wheel-down 0") == 14; }));
    turn_plain(1);
    EXPECT_TRUE(wait([] { return count("btn wheel-up 0") == 6; }));
    EXPECT_TRUE(left_down().empty());
}

TEST_F(HandsMotion, OfFiveFingersTheFirstIsAPointerByQmp) {
    const UinputDevice touch{touch_screen("finger screen")};
    begin({"--modeline", small_modeline(60)});
    ASSERT_TRUE(wait([this] { return !presenter->output()["primary"].is_null(); }));
    ASSERT_TRUE(wait([this] { return devices().contains("finger screen"); }));
    for (int slot = 0; slot < 5; ++slot)
        touch.put_finger(slot, 819 * (slot + 1), 4095 - 819 * slot);
    touch.report();
    ASSERT_TRUE(wait([] { return count("btn left 1") == 1; }));
    touch.put_finger(0, 4095, 0);
    touch.report();
    ASSERT_TRUE(wait([] { return place_in(received()).x == 0x7fff; }));
    for (int slot = 4; slot >= 0; --slot) {
        touch.lift_finger(slot);
        touch.report();
    }
    expect_received({fmt::format("abs x {}", std::lround(819 / 4095.0 * units)), "abs y 32767",
                     "btn left 1", "abs x 32767", "abs y 0", "btn left 0"});
}

}  // namespace
}  // namespace scanthru::system_test
