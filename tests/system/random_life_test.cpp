// SPDX-License-Identifier: MIT
// A guest's life at random: whatever happens to it, the right picture, or none, is on screen.
#include "crc_reader.h"
#include "prediction.h"
#include "presenter_process.h"
#include "scripted_qemu.h"
#include "synthetic_guest.h"

#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

constexpr Size screen{320, 240};
constexpr Size smaller{200, 100};
constexpr milliseconds limit{20000};
const std::string socket_path = "/run/scripted-qemu.sock";

std::uint32_t seed() {
    const char* const wished = std::getenv("SCANTHRU_SEED");
    return wished != nullptr ? static_cast<std::uint32_t>(std::stoul(wished)) : 20261122;
}

/// What is expected of the guest, and the events that change it.
class RandomLife : public ::testing::Test {
protected:
    void SetUp() override {
        start_qemu();
        presenter.emplace(std::vector<std::string>{"--guest", "qmp:" + socket_path, "--card",
                                                   vkms_card(), "--modeline", small_modeline(60),
                                                   "--refresh", "never", "--fit", "center"});
        presenter->wait_attached();
        crcs.emplace(vkms_card());
        start_guest(screen);
        check("the start");
    }

    void start_qemu() {
        qemu.emplace(*vgpu, socket_path);
        paused = false;
        on = false;
    }

    void start_guest(Size with) {
        ASSERT_EQ(vgpu->set("guest", fmt::format("start width={} height={} buffers=2 rate=0",
                                                 with.width, with.height)),
                  0);
        size = with;
        number = 0;
        on = true;
    }

    Picture expected() const {
        Picture picture = Picture::filled(screen, 0xFF000000);
        if (!on || gone) return picture;
        const Picture guest = guest_picture(number, size);
        const std::uint32_t left = (screen.width - size.width) / 2;
        const std::uint32_t top = (screen.height - size.height) / 2;
        for (std::uint32_t y = 0; y < size.height; ++y)
            for (std::uint32_t x = 0; x < size.width; ++x)
                picture.pixels[(top + y) * screen.width + left + x] =
                    guest.pixels[y * size.width + x];
        return picture;
    }

    void check(const std::string& what) {
        const std::uint32_t crc = predict_crc(expected(), nullptr, {});
        ASSERT_TRUE(crcs->wait_for(crc, limit))
            << what << presenter->log() << presenter->status().dump(1) << vgpu->get("guest");
        ASSERT_TRUE(PresenterProcess::wait(
            [&] { return presenter->status()["guests"][0]["paused"] == paused; }, limit))
            << what << presenter->log();
    }

    void flip() {
        ASSERT_EQ(vgpu->set("guest", "flip"), 0);
        number = 1 - number;
    }

    void reset() {
        ASSERT_EQ(vgpu->set("guest", "off"), 0);
        on = false;
        qemu->event("RESET");
        check("a reset");
        start_guest(screen);
    }

    void toggle_pause() {
        paused = !paused;
        qemu->event(paused ? "STOP" : "RESUME");
    }

    void shut_down_and_reset() {
        qemu->event("SHUTDOWN");
        gone = true;
        check("a shutdown");
        qemu->event("RESET");
        gone = false;
    }

    void kill_and_restart() {
        qemu->kill();
        gone = true;
        paused = false;
        check("the end of its QEMU");
        start_qemu();
        gone = false;
        start_guest(screen);
    }

    void unplug_and_replace() {
        qemu->unplug();
        gone = true;
        check("device_del");
        ASSERT_EQ(vgpu->remove(), 0);
        qemu->kill();
        paused = false;
        vgpu.emplace();
        start_qemu();
        gone = false;
        start_guest(screen);
    }

    void do_something(unsigned which) {
        switch (which) {
        case 0: return start_guest(size == screen ? smaller : screen);
        case 1: return reset();
        case 2: return toggle_pause();
        case 3: return shut_down_and_reset();
        case 4: return kill_and_restart();
        case 5: return unplug_and_replace();
        default:
            if (on) flip();
        }
    }

    std::optional<vgpu::TestVgpu> vgpu{std::in_place};
    std::optional<ScriptedQemu> qemu;
    std::optional<PresenterProcess> presenter;
    std::optional<CrcReader> crcs;
    Size size{};
    std::uint32_t number = 0;
    bool on = false;    ///< The guest shows something.
    bool gone = false;  ///< Its device is not to be had.
    bool paused = false;
};

TEST_F(RandomLife, EndsEveryEventWithTheRightPicture) {
    std::mt19937 random{seed()};
    std::cout << "SCANTHRU_SEED=" << seed() << '\n';
    const auto descriptors = presenter->descriptors();
    for (unsigned event = 0; event < count_of(1000); ++event) {
        const auto which = static_cast<unsigned>(random() % 10);
        do_something(which);
        if (HasFatalFailure()) return;
        check(fmt::format("event {}, of kind {}", event, which));
        if (HasFatalFailure()) return;
    }
    ASSERT_TRUE(
        PresenterProcess::wait([&] { return presenter->descriptors() <= descriptors + 2; }, limit))
        << presenter->descriptors() << " descriptors, at the start " << descriptors;
    crcs.reset();
    EXPECT_EQ(presenter->stop(), 0);
    qemu.reset();
    for (const auto& [name, count] : vgpu::totals()) {
        const bool of_guest = name.ends_with("_live") && name != "devices_live";
        EXPECT_EQ(of_guest ? count : 0, 0) << name;
    }
}

}  // namespace
}  // namespace scanthru::system_test
