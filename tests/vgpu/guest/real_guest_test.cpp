// SPDX-License-Identifier: MIT
// An unmodified Linux, bochs-drm on the test vGPU, seen through the dma-buf of the running QEMU's
// device. guest/run starts it and names QEMU's process in SCANTHRU_GUEST_PID.
#include "base/unique_fd.h"
#include "test/test_vgpu.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace scanthru::vgpu {
namespace {

using namespace std::chrono_literals;

/// A duplicate of QEMU's descriptor of the device.
UniqueFd take_device(pid_t pid) {
    const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    const std::filesystem::path folder = "/proc/" + std::to_string(pid) + "/fd";
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
        std::error_code gone;
        if (read_symlink(entry, gone) != "anon_inode:[vfio-device]") continue;
        const int number = std::stoi(entry.path().filename());
        return UniqueFd{static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0))};
    }
    return UniqueFd{};
}

class RealGuest : public ::testing::Test {
protected:
    void SetUp() override {
        const char* pid = std::getenv("SCANTHRU_GUEST_PID");
        if (!pid) GTEST_SKIP() << "no guest runs";
        device = take_device(std::atoi(pid));
        ASSERT_TRUE(device);
        plane.argsz = sizeof(plane);
        plane.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
        plane.drm_plane_type = primary_plane;
        ASSERT_EQ(0, ::ioctl(device.get(), VFIO_DEVICE_QUERY_GFX_PLANE, &plane));
        ASSERT_EQ(1024u, plane.width);
        ASSERT_EQ(768u, plane.height);
        std::array<std::uint32_t, 4> argument{plane.dmabuf_id};
        dmabuf = UniqueFd{::ioctl(device.get(), VFIO_DEVICE_GET_GFX_DMABUF, argument.data())};
        ASSERT_TRUE(dmabuf);
    }

    /// Pixels of that colour, X bits aside.
    long count(const Mapping& pixels, std::uint32_t colour) const {
        long found = 0;
        for (std::size_t i = 0; i < plane.size / 4; ++i)
            found += (pixels.pixel(i) & 0xFFFFFF) == colour;
        return found;
    }

    UniqueFd device, dmabuf;
    vfio_device_gfx_plane_info plane{};
};

TEST_F(RealGuest, PutsItsConsoleOnThePlane) {
    const Mapping pixels{dmabuf.get(), plane.size};
    ASSERT_EQ(0, pixels.error());
    const long black = count(pixels, 0), grey = count(pixels, 0xAAAAAA);
    EXPECT_GT(black, 1024 * 700);
    EXPECT_GT(grey, 100) << "letters";
}

TEST_F(RealGuest, ShowsItsFrameBufferPixelByPixel) {
    const Mapping pixels{dmabuf.get(), plane.size};
    ASSERT_EQ(0, pixels.error());
    // fbdev writes to a shadow that is copied a moment later.
    long white = 0;
    for (int i = 0; i < 100 && white != 1024 * 768; ++i) {
        std::this_thread::sleep_for(100ms);
        white = count(pixels, 0xFFFFFF);
    }
    EXPECT_EQ(1024 * 768, white);
}

}  // namespace
}  // namespace scanthru::vgpu
