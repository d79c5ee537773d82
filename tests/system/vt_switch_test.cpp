// SPDX-License-Identifier: MIT
// The whole program gives its screen to another VT and takes it back, and is killed.
#include "crc_reader.h"
#include "prediction.h"
#include "presenter_process.h"
#include "vgpu/test/test_vgpu.h"
#include "virtual_terminal.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <optional>

namespace scanthru::system_test {
namespace {

constexpr std::chrono::seconds limit{20};
constexpr Size screen{320, 240};

/// With libseat's own server, as root.
class VtSwitch : public ::testing::Test {
protected:
    void begin() {
        ASSERT_TRUE(go_to_vt(1));
        presenter.emplace(std::vector<std::string>{"--guest", "mdev:" + vgpu.uuid(), "--card",
                                                   vkms_card(), "--modeline", small_modeline(60),
                                                   "--seat", "auto"});
        presenter->wait_attached();
        ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 rate=30000"), 0);
        ASSERT_EQ(presenter->status()["seat"], "builtin") << presenter->log();
        EXPECT_FALSE(is_usable(1)) << "keys would go to the console too";
    }

    vgpu::TestVgpu vgpu;
    std::optional<PresenterProcess> presenter;
};

TEST_F(VtSwitch, ThePictureComesBackEachTimeAndTheOtherConsoleTypes) {
    begin();
    const auto devices = [this] {
        return presenter->status()["devices"].size();
    };
    // All of the guest's buffers have been imported, and the devices opened, before it is counted.
    ASSERT_TRUE(PresenterProcess::wait(
        [&] { return devices() >= 3 && presenter->counter("framebuffers") >= 3; }, limit));
    const std::size_t all_devices = devices();
    const auto descriptors = presenter->descriptors();
    const unsigned rounds = count_of(1000);
    for (unsigned i = 0; i < rounds; ++i) {
        ASSERT_TRUE(go_to_vt(2));
        EXPECT_TRUE(is_usable(2));
        ASSERT_TRUE(go_to_vt(1));
        const auto flips = presenter->counter("flips");
        ASSERT_TRUE(
            PresenterProcess::wait([&] { return presenter->counter("flips") > flips + 1; }, limit))
            << i << presenter->log();
    }
    EXPECT_TRUE(PresenterProcess::wait([&] { return devices() == all_devices; }, limit));
    EXPECT_EQ(presenter->descriptors(), descriptors);
    // Whole, in the end, and whose it should be.
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
    const CrcReader crcs{vkms_card()};
    EXPECT_TRUE(crcs.wait_for(predict_crc(guest_picture(0, screen), nullptr, {}), limit))
        << presenter->log();
    EXPECT_EQ(presenter->stop(), 0);
    EXPECT_TRUE(is_usable(1));
    EXPECT_EQ(vgpu.counter("dmabufs_live"), 0);
}

TEST_F(VtSwitch, AfterAKillTheConsoleIsPutBackAndTheGuestComesAgain) {
    for (unsigned i = 0; i < count_of(200); ++i) {
        begin();
        presenter->kill();
        presenter.reset();
        ASSERT_EQ(std::system((std::string{SCANTHRU_BINARY} + " restore-console").c_str()), 0);
        ASSERT_TRUE(PresenterProcess::wait([] { return is_usable(1); }, limit)) << i;
    }
}

}  // namespace
}  // namespace scanthru::system_test
