// SPDX-License-Identifier: MIT
// The guest is shown the monitor of the host: its mode first, by unplugging and plugging.
#include "presenter_process.h"
#include "vgpu/test/test_vgpu.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

unsigned at(const std::string& edid, std::size_t index) {
    return static_cast<unsigned char>(edid.at(index));
}

bool plugged(const vgpu::TestVgpu& vgpu) {
    return vgpu.get("edid_log").find("link 1") != std::string::npos;
}

TEST(GuestEdid, IsTheHostsModeByUnpluggingAndPlugging) {
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{
        {"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(), "--mode", "1024x768"}};
    presenter.wait_attached();
    ASSERT_TRUE(PresenterProcess::wait([&] { return plugged(vgpu); }, milliseconds{8000}))
        << vgpu.get("edid_log") << presenter.log();
    const std::string edid = vgpu.get("edid");
    ASSERT_GE(edid.size(), 128U);
    EXPECT_EQ(at(edid, 56) | (at(edid, 58) & 0xF0) << 4, 1024U);
    EXPECT_EQ(at(edid, 59) | (at(edid, 61) & 0xF0) << 4, 768U);
    EXPECT_EQ(at(edid, 54) | at(edid, 55) << 8, 6500U) << "65 MHz, the host's own clock";
    const std::string log = vgpu.get("edid_log");
    EXPECT_LT(log.find("link 2"), log.find("size 128"));
    EXPECT_LT(log.find("size 128"), log.find("blob 0 128"));
    EXPECT_LT(log.find("blob 0 128"), log.find("link 1"));
    EXPECT_EQ(log.find("refused"), std::string::npos) << log;
    // Time between unplugging and plugging, which guests need to notice.
    const auto ns_of = [&log](const char* event) {
        const std::size_t line = log.rfind('\n', log.find(event));
        return std::stoll(log.substr(line == std::string::npos ? 0 : line + 1));
    };
    EXPECT_GE(ns_of("link 1") - ns_of("link 2"), 100'000'000);
    EXPECT_EQ(presenter.stop(), 0);
}

TEST(GuestEdid, IsLeftAloneWhereThatIsWanted) {
    const vgpu::TestVgpu vgpu;
    const std::string before = vgpu.get("edid");
    const std::string config = "/tmp/edid.toml";
    std::ofstream{config} << ("[[guest]]\nsource = \"mdev:" + vgpu.uuid() + "\"\nedid = \"off\"\n");
    PresenterProcess presenter{{"--config", config, "--card", vkms_card()}};
    presenter.wait_attached();
    std::this_thread::sleep_for(milliseconds{500});  // It would have come at once.
    EXPECT_EQ(vgpu.get("edid"), before);
    EXPECT_EQ(vgpu.get("edid_log"), "");
    EXPECT_EQ(presenter.stop(), 0);
}

TEST(GuestEdid, OfAWishedSizeAndRateIsMade) {
    const vgpu::TestVgpu vgpu;
    const std::string config = "/tmp/edid.toml";
    std::ofstream{config} << ("[[guest]]\nsource = \"mdev:" + vgpu.uuid() +
                              "\"\nedid = \"1280x1024@75\"\n");
    PresenterProcess presenter{{"--config", config, "--card", vkms_card()}};
    presenter.wait_attached();
    ASSERT_TRUE(PresenterProcess::wait([&] { return plugged(vgpu); }, milliseconds{8000}));
    const std::string edid = vgpu.get("edid");
    EXPECT_EQ(at(edid, 56) | (at(edid, 58) & 0xF0) << 4, 1280U);
    EXPECT_EQ(at(edid, 59) | (at(edid, 61) & 0xF0) << 4, 1024U);
    const double pixels = (1280.0 + (at(edid, 57) | (at(edid, 58) & 0x0F) << 8)) *
                          (1024.0 + (at(edid, 60) | (at(edid, 61) & 0x0F) << 8));
    EXPECT_NEAR((at(edid, 54) | at(edid, 55) << 8) * 10'000 / pixels, 75.0, 0.005);
    EXPECT_EQ(presenter.stop(), 0);
}

}  // namespace
}  // namespace scanthru::system_test
