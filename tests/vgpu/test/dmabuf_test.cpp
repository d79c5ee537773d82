// SPDX-License-Identifier: MIT
// The exporter, seen by a CPU and by a display driver.
#include "test_vgpu.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

namespace scanthru::vgpu {
namespace {

constexpr std::uint32_t xr24 = 0x34325258;

class Dmabuf : public ::testing::Test {
protected:
    Dmabuf() {
        device.open();
        device.show(1024, 768);
    }

    UniqueFd dmabuf() { return device.fetch(device.query(primary_plane).dmabuf_id); }

    TestVgpu device;
};

TEST_F(Dmabuf, ShowsWhatTheGuestDrawsAndTheOtherWayRound) {
    const auto bar = device.region(VFIO_PCI_BAR0_REGION_INDEX);
    EXPECT_EQ(16u << 20, bar.size);
    const Mapping vram{device.fd(), bar.size, bar.offset, true};
    device.show(1024, 768, 768);
    const UniqueFd fd = dmabuf();
    const Mapping pixels{fd.get(), 1024 * 768 * 4, 0, true};
    vram.data()[1024 * 768 * 4 + 5] = 77;
    EXPECT_EQ(77, pixels.data()[5]);
    pixels.data()[6] = 78;
    std::uint8_t byte = 0;
    EXPECT_EQ(1,
              ::pread(device.fd(), &byte, 1, static_cast<off_t>(bar.offset) + 1024 * 768 * 4 + 6));
    EXPECT_EQ(78, byte);
}

TEST_F(Dmabuf, CountsItsMappings) {
    const UniqueFd fd = dmabuf();
    {
        const Mapping one{fd.get(), 4096}, two{fd.get(), 8192, 4096};
        EXPECT_EQ(2, device.counter("mmaps_live"));
    }
    EXPECT_EQ(0, device.counter("mmaps_live"));
    EXPECT_EQ(2, device.counter("mmaps_total"));
}

TEST_F(Dmabuf, CannotBeMappedBeyondItsEnd) {
    const UniqueFd fd = dmabuf();
    EXPECT_EQ(EINVAL, Mapping(fd.get(), 4096, 1024 * 768 * 4).error());
}

TEST_F(Dmabuf, RefusesCpuMappingsAsGvtgDoes) {
    ASSERT_EQ(0, device.set("mmap", "0"));
    const UniqueFd fd = dmabuf();
    EXPECT_EQ(ENODEV, Mapping(fd.get(), 4096).error());
}

TEST_F(Dmabuf, CanBeReadOnlyAndInheritedAsMbochs) {
    ASSERT_EQ(0, device.set("readonly", "1"));
    ASSERT_EQ(0, device.set("cloexec", "0"));
    const UniqueFd fd = dmabuf();
    EXPECT_EQ(O_RDONLY, ::fcntl(fd.get(), F_GETFL) & O_ACCMODE);
    EXPECT_EQ(0, ::fcntl(fd.get(), F_GETFD));
    EXPECT_EQ(EINVAL, Mapping(fd.get(), 4096).error());
}

TEST_F(Dmabuf, CanBeShorterThanClaimed) {
    ASSERT_EQ(0, device.set("short_dmabuf", "4096"));
    EXPECT_EQ(1024 * 768 * 4 - 4096, ::lseek(dmabuf().get(), 0, SEEK_END));
    ASSERT_EQ(0, device.set("short_dmabuf", "4294967295"));
    EXPECT_EQ(1, ::lseek(dmabuf().get(), 0, SEEK_END));
}

TEST_F(Dmabuf, BracketsCpuAccess) {
    const UniqueFd fd = dmabuf();
    dma_buf_sync sync{DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ};
    EXPECT_EQ(0, ::ioctl(fd.get(), DMA_BUF_IOCTL_SYNC, &sync));
    sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ;
    EXPECT_EQ(0, ::ioctl(fd.get(), DMA_BUF_IOCTL_SYNC, &sync));
    EXPECT_EQ(1, device.counter("cpu_accesses"));
}

/// vkms, lit by the legacy call: it maps a framebuffer into the kernel to show it.
class DmabufOnDisplay : public Dmabuf {
protected:
    void SetUp() override {
        const char* path = std::getenv("SCANTHRU_VKMS_CARD");
        if (!path || !*path) GTEST_SKIP() << "no vkms here";
        card = UniqueFd{::open(path, O_RDWR | O_CLOEXEC)};
        ASSERT_TRUE(card);
    }

    std::uint32_t import(const UniqueFd& fd) {
        std::uint32_t handle = 0, framebuffer = 0;
        error = drmPrimeFDToHandle(card.get(), fd.get(), &handle) ? errno : 0;
        if (error) return 0;
        const std::uint32_t handles[4] = {handle}, pitches[4] = {4096}, offsets[4] = {};
        error =
            -drmModeAddFB2(card.get(), 1024, 768, xr24, handles, pitches, offsets, &framebuffer, 0);
        drmCloseBufferHandle(card.get(), handle);
        return framebuffer;
    }

    int light(std::uint32_t framebuffer) {
        drmModeRes* resources = drmModeGetResources(card.get());
        drmModeConnector* connector = drmModeGetConnector(card.get(), resources->connectors[0]);
        drmModeModeInfo* mode = nullptr;
        for (int i = 0; i < connector->count_modes; ++i)
            if (connector->modes[i].hdisplay == 1024 && connector->modes[i].vdisplay == 768)
                mode = &connector->modes[i];
        const int result =
            framebuffer
                ? drmModeSetCrtc(card.get(), resources->crtcs[0], framebuffer, 0, 0,
                                 &connector->connector_id, 1, mode)
                : drmModeSetCrtc(card.get(), resources->crtcs[0], 0, 0, 0, nullptr, 0, nullptr);
        drmModeFreeConnector(connector);
        drmModeFreeResources(resources);
        return -result;
    }

    UniqueFd card;
    int error = 0;
};

TEST_F(DmabufOnDisplay, IsImportedShownAndLetGo) {
    UniqueFd fd = dmabuf();
    const std::uint32_t framebuffer = import(fd);
    ASSERT_EQ(0, error);
    EXPECT_EQ(1, device.counter("attachments_live"));
    EXPECT_EQ(1, device.counter("maps_live"));
    EXPECT_EQ(0, light(framebuffer));
    EXPECT_EQ(1, device.counter("vmaps_live"));
    fd.reset();
    EXPECT_EQ(1, device.counter("objects_live")) << "the framebuffer holds it";
    EXPECT_EQ(0, light(0));
    drmModeRmFB(card.get(), framebuffer);
    EXPECT_EQ(0, device.counter("vmaps_live"));
    EXPECT_EQ(0, device.counter("attachments_live"));
    EXPECT_EQ(0, device.counter("objects_live"));
    EXPECT_EQ(1, device.counter("attachments_total"));
}

TEST_F(DmabufOnDisplay, CannotBeShownWithoutVmapButImported) {
    ASSERT_EQ(0, device.set("vmap", "0"));
    const UniqueFd fd = dmabuf();
    const std::uint32_t framebuffer = import(fd);
    ASSERT_EQ(0, error);
    EXPECT_EQ(EINVAL, light(framebuffer));
    drmModeRmFB(card.get(), framebuffer);
}

TEST_F(DmabufOnDisplay, CanRefuseTheImport) {
    const UniqueFd fd = dmabuf();
    ASSERT_EQ(0, device.set("fail_attach", "1 ENODEV"));
    EXPECT_EQ(0u, import(fd));
    EXPECT_EQ(ENODEV, error);
    ASSERT_EQ(0, device.set("fail_map", "1 ENOMEM"));
    EXPECT_EQ(0u, import(fd));
    EXPECT_EQ(ENOMEM, error);
    EXPECT_EQ(0, device.counter("attachments_live"));
    drmModeRmFB(card.get(), import(fd));
    EXPECT_EQ(0, error);
}

TEST_F(DmabufOnDisplay, StaysOnScreenWhenTheMdevIsRemoved) {
    std::uint32_t framebuffer = 0;
    {
        const UniqueFd fd = dmabuf();
        framebuffer = import(fd);
    }
    ASSERT_EQ(0, light(framebuffer));
    device.close();
    ASSERT_EQ(0, device.remove());
    EXPECT_EQ(0, light(framebuffer));
    EXPECT_EQ(1, totals()["attachments_live"]);
    EXPECT_EQ(0, light(0));
    drmModeRmFB(card.get(), framebuffer);
    EXPECT_EQ(0, totals()["attachments_live"]);
}

}  // namespace
}  // namespace scanthru::vgpu
