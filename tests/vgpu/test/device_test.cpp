// SPDX-License-Identifier: MIT
// The PCI function, the regions, the region-only mode and the monitor.
#include "test_vgpu.h"

#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <linux/pci_regs.h>
#include <numeric>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace scanthru::vgpu {
namespace {

class Device : public ::testing::Test {
protected:
    Device() { device.open(); }

    template <class T>
    T read(std::uint32_t index, std::uint64_t at) {
        T value{};
        const auto offset = static_cast<off_t>(device.region(index).offset + at);
        EXPECT_EQ(static_cast<ssize_t>(sizeof(T)), ::pread(device.fd(), &value, sizeof(T), offset));
        return value;
    }

    template <class T>
    int write(std::uint32_t index, std::uint64_t at, T value) {
        const auto offset = static_cast<off_t>(device.region(index).offset + at);
        return ::pwrite(device.fd(), &value, sizeof(T), offset) < 0 ? errno : 0;
    }

    TestVgpu device;
};

TEST_F(Device, IsABochsDisplay) {
    EXPECT_EQ(0x11111234u, read<std::uint32_t>(VFIO_PCI_CONFIG_REGION_INDEX, PCI_VENDOR_ID));
    EXPECT_EQ(0xB0C5, device.read_dispi(0));
    EXPECT_EQ(256, device.read_dispi(10));
    device.write_dispi(0, 1);
    EXPECT_EQ(0xB0C5, device.read_dispi(0));
}

TEST_F(Device, TellsTheSizesOfItsBars) {
    for (const auto& [bar, size] :
         {std::pair{PCI_BASE_ADDRESS_0, 0xFF000008u}, std::pair{PCI_BASE_ADDRESS_2, 0xFFFFF000u},
          std::pair{PCI_BASE_ADDRESS_1, 0u}}) {
        write(VFIO_PCI_CONFIG_REGION_INDEX, static_cast<std::uint64_t>(bar), 0xFFFFFFFFu);
        EXPECT_EQ(size, read<std::uint32_t>(VFIO_PCI_CONFIG_REGION_INDEX,
                                            static_cast<std::uint64_t>(bar)));
    }
}

TEST_F(Device, HasRegionsAndNoInterrupts) {
    vfio_device_info info{};
    info.argsz = sizeof(info);
    ASSERT_EQ(0, ::ioctl(device.fd(), VFIO_DEVICE_GET_INFO, &info));
    EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET, info.flags);
    EXPECT_EQ(10u, info.num_regions);
    vfio_irq_info irq{};
    irq.argsz = sizeof(irq);
    ASSERT_EQ(0, ::ioctl(device.fd(), VFIO_DEVICE_GET_IRQ_INFO, &irq));
    EXPECT_EQ(0u, irq.count);
    EXPECT_EQ(0u, device.region(1).size);
    EXPECT_EQ(0u, device.region(10).argsz) << "refused";
}

TEST_F(Device, ResetTurnsEverythingOff) {
    device.show(64, 64);
    device.write_cursor(0, 1);
    ASSERT_EQ(0, device.set("guest", "start rate=0"));
    ASSERT_EQ(0, ::ioctl(device.fd(), VFIO_DEVICE_RESET));
    EXPECT_EQ(0u, device.query(primary_plane).drm_format);
    EXPECT_EQ(0, device.read_dispi(4));
}

TEST_F(Device, ShowsOnlyWhatFitsItsMemory) {
    device.show(2048, 2048);
    EXPECT_EQ(2048u, device.query(primary_plane).height);
    device.write_dispi(9, 1);
    EXPECT_EQ(0u, device.query(primary_plane).drm_format);
    device.show(0, 64);
    EXPECT_EQ(0u, device.query(primary_plane).drm_format);
}

TEST_F(Device, CountsItsOpens) {
    EXPECT_EQ(1, device.counter("opens_live"));
    device.close();
    device.open();
    EXPECT_EQ(2, device.counter("opens_total"));
    device.close();
    EXPECT_EQ(0, device.counter("opens_live"));
}

class RegionDevice : public Device {
protected:
    RegionDevice() { EXPECT_EQ(0, device.set("output", "region")); }
};

TEST_F(RegionDevice, KnowsNoDmabufs) {
    EXPECT_EQ(EINVAL,
              device.query(0, VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_DMABUF).error);
    EXPECT_EQ(0, device.query(0, VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_REGION).error);
    EXPECT_EQ(EINVAL, device.query(primary_plane).error);
}

TEST_F(RegionDevice, AnswersThePrimaryWhateverIsAsked) {
    device.show(640, 480);
    for (const std::uint32_t type : {primary_plane, cursor_plane, overlay_plane}) {
        const Plane plane = device.query(type, VFIO_GFX_PLANE_TYPE_REGION);
        EXPECT_EQ(0, plane.error);
        EXPECT_EQ(640u, plane.width);
        EXPECT_EQ(16u << 20, plane.size);
        EXPECT_EQ(16u, plane.region_index);
    }
}

TEST_F(RegionDevice, ShowsThePictureInItsRegion) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=64 rate=0 draw=redrawn"));
    const auto info = device.region(16);
    EXPECT_NE(0u, info.flags & VFIO_REGION_INFO_FLAG_MMAP);
    const Mapping region{device.fd(), 64 * 64 * 4, info.offset};
    const std::uint32_t before = region.pixel(0);
    ASSERT_EQ(0, device.set("guest", "flip"));
    EXPECT_NE(before, region.pixel(0));
}

class Monitor : public Device {
protected:
    static constexpr std::uint32_t region = 9;
    enum : std::uint64_t { offset, max_size, size, max_xres, max_yres, link };

    std::uint32_t get(std::uint64_t reg) { return read<std::uint32_t>(region, reg * 4); }
    int put(std::uint64_t reg, std::uint32_t value) { return write(region, reg * 4, value); }

    std::vector<std::uint8_t> seen_by_guest() {
        std::vector<std::uint8_t> bytes(256);
        const auto at = static_cast<off_t>(device.region(VFIO_PCI_BAR2_REGION_INDEX).offset);
        EXPECT_EQ(256, ::pread(device.fd(), bytes.data(), bytes.size(), at));
        return bytes;
    }

    void put_blob(const std::vector<std::uint8_t>& blob) {
        for (std::size_t i = 0; i < blob.size(); i += 4) {
            std::uint32_t piece = 0;
            std::memcpy(&piece, &blob[i], 4);
            EXPECT_EQ(0, write(region, get(offset) + i, piece));
        }
        EXPECT_EQ(0, put(size, static_cast<std::uint32_t>(blob.size())));
    }

    std::vector<std::uint8_t> some_edid() {
        auto blob = seen_by_guest();
        blob.resize(128);
        blob[12] = 0x42;
        blob[127] = 0;
        blob[127] = static_cast<std::uint8_t>(-std::accumulate(blob.begin(), blob.end(), 0));
        return blob;
    }
};

TEST_F(Monitor, HasARegionOfTheGfxType) {
    struct {
        vfio_region_info info;
        vfio_region_info_cap_type type;
    } asked{};
    asked.info.argsz = sizeof(asked.info);
    asked.info.index = region;
    ASSERT_EQ(0, ::ioctl(device.fd(), VFIO_DEVICE_GET_REGION_INFO, &asked));
    EXPECT_EQ(sizeof(asked), asked.info.argsz);
    EXPECT_EQ(0u, asked.info.cap_offset);
    ASSERT_EQ(0, ::ioctl(device.fd(), VFIO_DEVICE_GET_REGION_INFO, &asked));
    EXPECT_EQ(sizeof(asked.info), asked.info.cap_offset);
    EXPECT_EQ(VFIO_REGION_INFO_CAP_TYPE, asked.type.header.id);
    EXPECT_EQ(unsigned{VFIO_REGION_TYPE_GFX}, asked.type.type);
    EXPECT_EQ(unsigned{VFIO_REGION_SUBTYPE_GFX_EDID}, asked.type.subtype);
}

TEST_F(Monitor, Is1024x768AtFirst) {
    const auto edid = seen_by_guest();
    EXPECT_EQ(0xFF, edid[1]);
    EXPECT_EQ(1024, edid[56] | (edid[58] & 0xF0) << 4);
    EXPECT_EQ(768, edid[59] | (edid[61] & 0xF0) << 4);
    EXPECT_EQ(0, static_cast<std::uint8_t>(std::accumulate(edid.begin(), edid.begin() + 128, 0)));
    EXPECT_EQ(unsigned{VFIO_DEVICE_GFX_LINK_STATE_UP}, get(link));
    EXPECT_EQ(2560u, get(max_xres));
}

TEST_F(Monitor, CanBeExchanged) {
    const auto edid = some_edid();
    EXPECT_EQ(0, put(link, VFIO_DEVICE_GFX_LINK_STATE_DOWN));
    EXPECT_EQ(std::vector<std::uint8_t>(256), seen_by_guest());
    put_blob(edid);
    EXPECT_EQ(0, put(link, VFIO_DEVICE_GFX_LINK_STATE_UP));
    auto seen = seen_by_guest();
    seen.resize(128);
    EXPECT_EQ(edid, seen);
    EXPECT_EQ(std::string(edid.begin(), edid.end()), device.get("edid"));
    const std::string log = device.get("edid_log");
    EXPECT_NE(std::string::npos, log.find("blob 0 128\n")) << log;
    EXPECT_NE(std::string::npos, log.find("link 1 128\n")) << log;
}

TEST_F(Monitor, RefusesAnInvalidEdid) {
    auto edid = some_edid();
    EXPECT_EQ(0, put(link, VFIO_DEVICE_GFX_LINK_STATE_DOWN));
    edid[20] ^= 1;
    put_blob(edid);
    EXPECT_EQ(EINVAL, put(link, VFIO_DEVICE_GFX_LINK_STATE_UP));
    EXPECT_EQ(unsigned{VFIO_DEVICE_GFX_LINK_STATE_DOWN}, get(link));
    edid[20] ^= 1;
    edid[126] ^= 1;
    edid[127] ^= 1;
    put_blob(edid);
    EXPECT_EQ(EINVAL, put(link, VFIO_DEVICE_GFX_LINK_STATE_UP)) << "an extension that is not there";
    EXPECT_NE(std::string::npos, device.get("edid_log").find("refused 128 0\n"));
}

TEST_F(Monitor, TakesRegistersInFourBytesAndBlobsThatFit) {
    EXPECT_EQ(EINVAL, write(region, 8, std::uint16_t{128}));
    EXPECT_EQ(EINVAL, put(max_xres, 1));
    EXPECT_EQ(EINVAL, put(link, 3));
    ASSERT_EQ(0, device.set("edid_max_size", "128"));
    EXPECT_EQ(128u, get(max_size));
    EXPECT_EQ(EINVAL, put(size, 256));
    EXPECT_EQ(EINVAL, write(region, get(offset) + 128, 0u));
}

}  // namespace
}  // namespace scanthru::vgpu
