// SPDX-License-Identifier: MIT
// A card that takes no dma-bufs of others and has no vblank: virtio-gpu, seen through the outer
// QEMU.
#include "crc_reader.h"
#include "mdpy_device.h"
#include "outer_window.h"
#include "prediction.h"
#include "presenter_process.h"
#include "screendump.h"
#include "synthetic_guest.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

constexpr Size screen{640, 480};
constexpr milliseconds limit{20000};

/// The device on the virtio bus ("virtio3") that the card's driver is bound to.
std::string virtio_device() {
    const std::filesystem::path driver = "/sys/bus/virtio/drivers/virtio_gpu";
    for (const auto& entry : std::filesystem::directory_iterator{driver})
        if (const std::string name = entry.path().filename(); name.starts_with("virtio"))
            return name;
    return {};
}

TEST(VirtioGpu, ShowsAGuestByCopyPixelExactOnTwoOutputs) {
    const vgpu::TestVgpu vgpu;
    const std::string config = std::string{std::getenv("SCANTHRU_TEST_OUTPUT")} + "/scanthru.toml";
    std::ofstream{config} << "[[guest]]\nname = \"one\"\nsource = \"mdev:" << vgpu.uuid() << "\"\n"
                          << "[[output]]\nname = \"Virtual-1\"\ncard = \"" << virtio_card()
                          << "\"\nmode = \"640x480\"\n"
                          << "[[output]]\nname = \"Virtual-2\"\ncard = \"" << virtio_card()
                          << "\"\nmode = \"800x600\"\nfit = \"center\"\n";
    PresenterProcess presenter{{"--config", config}};
    presenter.wait_attached();
    ASSERT_EQ(vgpu.set("guest", "start width=640 height=480 buffers=2 rate=0"), 0);
    for (std::uint32_t number : {0U, 1U, 0U}) {
        const Picture expected = opaque(guest_picture(number, screen));
        EXPECT_TRUE(outer_screen_shows(0, expected))
            << presenter.log() << presenter.output(0).dump(1);
        Picture centred = Picture::filled({800, 600}, 0xFF000000);
        for (std::uint32_t y = 0; y < screen.height; ++y)
            for (std::uint32_t x = 0; x < screen.width; ++x)
                centred.pixels[(y + 60) * 800 + x + 80] = expected.pixels[y * screen.width + x];
        EXPECT_TRUE(outer_screen_shows(1, centred))
            << presenter.log() << presenter.output(1).dump(1);
        ASSERT_EQ(vgpu.set("guest", "flip"), 0);
    }
    EXPECT_EQ(presenter.output(0)["primary"]["rung"], "copy");
    EXPECT_EQ(vgpu.counter("get"), 2) << "one GET of a living id, for both outputs";
    EXPECT_EQ(presenter.stop(), 0);
    EXPECT_EQ(vgpu.counter("dmabufs_live"), 0);
}

TEST(VirtioGpu, ShowsMdpyPixelExact) {
    const MdpyDevice mdpy;
    PresenterProcess presenter{
        {"--guest", "mdev:" + mdpy.uuid(), "--card", virtio_card(), "--mode", "640x480"}};
    presenter.wait_attached();
    EXPECT_TRUE(outer_screen_shows(0, MdpyDevice::picture())) << presenter.log();
    EXPECT_EQ(presenter.output()["primary"]["rung"], "copy");
    EXPECT_EQ(presenter.stop(), 0);
}

TEST(VirtioGpu, AMonitorOfAnotherSizeIsLitInItsOwnMode) {
    const vgpu::TestVgpu vgpu;
    const OuterWindow window;
    window.resize({1024, 768});
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", virtio_card(), "--fit",
                                "center", "--idle", "black"}};
    presenter.wait_attached();
    ASSERT_EQ(vgpu.set("guest", "start width=640 height=480 buffers=2 rate=0"), 0);
    for (const Size size : {Size{800, 600}, Size{1280, 720}, Size{1024, 768}}) {
        window.resize(size);
        EXPECT_TRUE(PresenterProcess::wait(
            [&] { return presenter.output()["width"] == size.width; }, limit))
            << presenter.log();
        Picture centred = Picture::filled(size, 0xFF000000);
        const Picture expected = opaque(guest_picture(0, screen));
        for (std::uint32_t y = 0; y < screen.height; ++y)
            for (std::uint32_t x = 0; x < screen.width; ++x)
                centred.pixels[(y + (size.height - screen.height) / 2) * size.width + x +
                               (size.width - screen.width) / 2] =
                    expected.pixels[y * screen.width + x];
        EXPECT_TRUE(outer_screen_shows(0, centred)) << presenter.log();
        EXPECT_NE(vgpu.get("edid_log").find("link 1"), std::string::npos);
    }
    EXPECT_EQ(presenter.output()["guest_attached"], true) << "it has been there all the time";
    EXPECT_EQ(presenter.stop(), 0);
}

TEST(VirtioGpu, IsTakenAgainWhenItsDriverComesBackAndTheOtherCardGoesOn) {
    const vgpu::TestVgpu left;
    const vgpu::TestVgpu right;
    const std::string config = std::string{std::getenv("SCANTHRU_TEST_OUTPUT")} + "/scanthru.toml";
    std::ofstream{config} << fmt::format(
        "[[guest]]\nname = \"left\"\nsource = \"mdev:{}\"\n"
        "[[guest]]\nname = \"right\"\nsource = \"mdev:{}\"\n"
        "[[output]]\nname = \"Virtual-1\"\ncard = \"{}\"\nguest = \"left\"\nmode = \"640x480\"\n"
        "[[output]]\ncard = \"{}\"\nguest = \"right\"\nmode = \"640x480\"\n"
        "refresh = \"never\"\n",
        left.uuid(), right.uuid(), virtio_card(), vkms_card());
    PresenterProcess presenter{{"--config", config}};
    for (const auto* guest : {&left, &right})
        ASSERT_EQ(guest->set("guest", "start width=640 height=480 buffers=2 rate=0"), 0);
    const Picture expected = opaque(guest_picture(0, screen));
    ASSERT_TRUE(outer_screen_shows(0, expected)) << presenter.log();
    const CrcReader crcs{vkms_card()};
    const std::uint32_t crc = predict_crc(guest_picture(0, screen), nullptr, {});
    ASSERT_TRUE(crcs.wait_for(crc, limit)) << presenter.log();

    // The message's picture has been freed; an answer to that which comes after the queue has gone
    // is lost, and with it the buffer, of which the kernel warns (drm_mm_takedown).
    presenter.wait_frames(60);
    const std::string driver = "/sys/bus/virtio/drivers/virtio_gpu/";
    const std::string device = virtio_device();
    ASSERT_EQ(vgpu::write_file(driver + "unbind", device), 0);
    ASSERT_TRUE(PresenterProcess::wait([&] { return presenter.output(0)["lit"] == false; }, limit))
        << presenter.log();
    EXPECT_EQ(crcs.newest(), crc) << "the other card's picture";
    ASSERT_EQ(vgpu::write_file(driver + "bind", device), 0);
    ASSERT_TRUE(PresenterProcess::wait([&] { return presenter.output(0)["lit"] == true; }, limit))
        << presenter.log();
    EXPECT_TRUE(outer_screen_shows(0, expected)) << presenter.log();
    EXPECT_EQ(crcs.newest(), crc);
    EXPECT_EQ(presenter.stop(), 0);
}

}  // namespace
}  // namespace scanthru::system_test
