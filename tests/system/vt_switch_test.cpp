// SPDX-License-Identifier: MIT
// The whole program gives its screen to another VT and takes it back, and is killed; by every
// backend of libseat.
#include "base/clock.h"
#include "crc_reader.h"
#include "prediction.h"
#include "presenter_process.h"
#include "scripted_qemu.h"
#include "seatd.h"
#include "synthetic_guest.h"
#include "uinput_device.h"
#include "virtual_terminal.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/input.h>
#include <memory>
#include <optional>
#include <set>

namespace scanthru::system_test {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::chrono::seconds limit{20};
constexpr Size screen{320, 240};
constexpr const char* socket_path = "/run/vt.qmp";
/// Beyond those on which logind starts a getty when they come to the front.
constexpr int other_vt = 8;

/// What a process has open, without the numbers of sockets and the like.
std::multiset<std::string> open_files(pid_t pid) {
    std::multiset<std::string> names;
    std::error_code closed_meanwhile;
    for (const auto& entry : std::filesystem::directory_iterator{fmt::format("/proc/{}/fd", pid)}) {
        const std::string target =
            std::filesystem::read_symlink(entry.path(), closed_meanwhile).string();
        names.insert(target.starts_with("socket:") ? "socket" : target);
    }
    return names;
}

/// Whether a process has loaded the driver that gbm finds for a card.
bool has_gbm_driver(pid_t pid) {
    return vgpu::read_file(fmt::format("/proc/{}/maps", pid)).find("_dri.so") != std::string::npos;
}

/// A guest that flips all the time, its QEMU, and a presenter with a seat of the backend that is
/// the parameter. For logind this program has to run in a session (tests/system/in-session).
class VtSwitch : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        if (const char* const session_vt = std::getenv("XDG_VTNR")) our_vt = std::atoi(session_vt);
        if (GetParam() == std::string_view{"seatd"}) seatd = std::make_unique<Seatd>();
        ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 rate=30000"), 0);
        ASSERT_TRUE(go_to_vt(our_vt));
    }

    void begin() {
        presenter.emplace(std::vector<std::string>{"--guest", fmt::format("qmp:{}", socket_path),
                                                   "--card", vkms_card(), "--modeline",
                                                   small_modeline(60), "--seat", "auto"},
                          std::vector<std::string>{fmt::format("LIBSEAT_BACKEND={}", GetParam())});
        presenter->wait_attached();
        ASSERT_EQ(presenter->status()["seat"], GetParam()) << presenter->log();
        EXPECT_FALSE(is_usable(our_vt)) << "keys would go to the console too";
    }

    std::size_t devices() const { return presenter->status()["devices"].size(); }

    bool shows_more() const {
        const auto flips = presenter->counter("flips");
        return PresenterProcess::wait(
            [this, flips] { return presenter->counter("flips") > flips + 1; }, limit);
    }

    void expect_keys_get_to_the_guest() const {
        const std::string file = fmt::format("{}.input", socket_path);
        std::filesystem::remove(file);
        keys.key(KEY_A, true);
        keys.key(KEY_A, false);
        EXPECT_TRUE(PresenterProcess::wait(
            [&file] { return vgpu::read_file(file).ends_with("key a 1\nkey a 0\n"); }, limit))
            << vgpu::read_file(file) << presenter->log();
    }

    vgpu::TestVgpu vgpu;
    ScriptedQemu qemu{vgpu, socket_path};
    UinputDevice keys{keyboard()};
    std::unique_ptr<Seatd> seatd;
    int our_vt = 1;
    std::optional<PresenterProcess> presenter;
};

INSTANTIATE_TEST_SUITE_P(By,
                         VtSwitch,
                         testing::Values("seatd", "builtin", "logind"),
                         [](const auto& one) { return std::string{one.param}; });

TEST_P(VtSwitch, ThePictureComesBackEachTimeAndTheOtherConsoleTypes) {
    ASSERT_NO_FATAL_FAILURE(begin());
    // All of the guest's buffers have been imported, and the devices opened, before it is counted.
    ASSERT_TRUE(PresenterProcess::wait(
        [this] { return devices() >= 4 && presenter->counter("framebuffers") >= 3; }, limit));
    expect_keys_get_to_the_guest();
    const std::size_t all_devices = devices();
    const bool had_gbm = has_gbm_driver(presenter->pid());
    auto files = open_files(presenter->pid());
    const unsigned rounds = count_of(1000);
    for (unsigned i = 0; i < rounds; ++i) {
        ASSERT_TRUE(go_to_vt(other_vt)) << i << presenter->log();
        EXPECT_TRUE(is_usable(other_vt));
        ASSERT_TRUE(go_to_vt(our_vt)) << i << presenter->log();
        ASSERT_TRUE(shows_more()) << i << presenter->log();
    }
    EXPECT_TRUE(PresenterProcess::wait([&] { return devices() == all_devices; }, limit));
    // A connection to the control socket may have been among them, and may be now. gbm's driver, if
    // it was loaded meanwhile, has the card open, too.
    if (!had_gbm && has_gbm_driver(presenter->pid())) files.insert(vkms_card());
    const auto lost_none = [&] {
        return std::ranges::includes(files, open_files(presenter->pid()));
    };
    EXPECT_TRUE(PresenterProcess::wait(lost_none, limit))
        << testing::PrintToString(open_files(presenter->pid())) << " instead of "
        << testing::PrintToString(files);
    expect_keys_get_to_the_guest();
    // Whole, in the end, and whose it should be.
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
    const CrcReader crcs{vkms_card()};
    EXPECT_TRUE(crcs.wait_for(predict_crc(guest_picture(0, screen), nullptr, {}), limit))
        << presenter->log();
    EXPECT_EQ(presenter->stop(), 0);
    EXPECT_TRUE(PresenterProcess::wait([this] { return is_usable(our_vt); }, limit));
    EXPECT_EQ(vgpu.counter("dmabufs_live"), 0);
}

TEST_P(VtSwitch, AfterAKillTheConsoleIsPutBackAndTheGuestComesAgain) {
    ASSERT_NO_FATAL_FAILURE(begin());
    milliseconds longest{0};
    const std::string restore = fmt::format("{} restore-console", SCANTHRU_BINARY);
    const unsigned kills = count_of(virtual_time() ? 200 : 50);
    for (unsigned i = 0; i < kills; ++i) {
        presenter->kill();
        presenter.reset();
        // A seat manager may be about to do it.
        ASSERT_TRUE(PresenterProcess::wait(
            [&] { return std::system(restore.c_str()) == 0 && is_usable(our_vt); }, limit))
            << i;
        const std::int64_t started = Clock::now().time_since_epoch().count();
        ASSERT_NO_FATAL_FAILURE(begin());
        const auto find_first = [this] {
            presenter->collect_flips();
            return std::ranges::find_if(presenter->flips(),
                                        [](const Flip& flip) { return flip.primary_id != 0; });
        };
        ASSERT_TRUE(
            PresenterProcess::wait([&] { return find_first() != presenter->flips().end(); }, limit))
            << i << presenter->log();
        const std::chrono::nanoseconds took{find_first()->shown_ns - started};
        longest = std::max(longest, duration_cast<milliseconds>(took));
    }
    figure(fmt::format("from exec to the guest's picture after a kill, by {}", GetParam()),
           static_cast<double>(longest.count()), "ms at most");
    // Only where no file of the host is waited for (off-9p).
    if (virtual_time()) {
        EXPECT_LE(longest.count(), 1000);
    }
}

}  // namespace
}  // namespace scanthru::system_test
