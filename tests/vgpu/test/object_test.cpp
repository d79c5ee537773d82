// SPDX-License-Identifier: MIT
// Objects and ids, in both dialects, as the 2017 exchange lays them down.
#include "test_vgpu.h"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace scanthru::vgpu {
namespace {

constexpr std::uint32_t probe_dmabuf = VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_DMABUF;
constexpr std::uint32_t probe_region = VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_REGION;

// 64 pixels are 256 bytes: 16 lines a page.
class Objects : public ::testing::Test {
protected:
    Objects() {
        device.open();
        device.show(64, 64);
    }

    std::uint32_t id_at_line(std::uint16_t line) {
        device.show(64, 64, line);
        const Plane plane = device.query(primary_plane);
        EXPECT_EQ(0, plane.error);
        return plane.dmabuf_id;
    }

    std::uint32_t draft_id_at_line(std::uint16_t line) {
        device.show(64, 64, line);
        return device.draft_query(primary_plane).dmabuf_id;
    }

    TestVgpu device;
};

class MainlineObjects : public Objects {};

class DraftObjects : public Objects {
protected:
    DraftObjects() { EXPECT_EQ(0, device.set("dialect", "draft-v14")); }
};

TEST_F(MainlineObjects, ProbeAcceptsDmabufWithTheFullStructOnly) {
    EXPECT_EQ(0, device.query(0, probe_dmabuf, 60).error);
    EXPECT_EQ(EINVAL, device.query(0, probe_dmabuf, draft_plane_size).error);
    EXPECT_EQ(EINVAL, device.query(0, probe_region, 60).error);
    EXPECT_EQ(3, device.counter("probe"));
}

TEST_F(DraftObjects, ProbeAcceptsTheStructWithoutHotspot) {
    EXPECT_EQ(0, device.query(0, probe_dmabuf, draft_plane_size).error);
    EXPECT_EQ(0, device.query(0, probe_dmabuf, 60).error);
    EXPECT_EQ(EINVAL, device.query(0, probe_dmabuf, 51).error);
    EXPECT_EQ(EINVAL, device.query(0, probe_region, draft_plane_size).error);
}

TEST_F(MainlineObjects, QueryTellsTheFramebuffer) {
    const Plane plane = device.query(primary_plane);
    EXPECT_EQ(0x34325258u, plane.drm_format);  // XR24
    EXPECT_EQ(0u, plane.drm_format_mod);
    EXPECT_EQ(64u, plane.width);
    EXPECT_EQ(64u, plane.height);
    EXPECT_EQ(256u, plane.stride);
    EXPECT_EQ(64u * 256u, plane.size);
    EXPECT_EQ(0xFFFFFFFFu, plane.x_hot);
    EXPECT_EQ(1u, plane.dmabuf_id);
}

TEST_F(MainlineObjects, OneFramebufferHasOneId) {
    const auto first = id_at_line(0), second = id_at_line(64);
    EXPECT_NE(first, second);
    EXPECT_EQ(first, id_at_line(0));
    EXPECT_EQ(2, device.counter("objects_live"));
}

TEST_F(MainlineObjects, EveryPartOfTheGeometryMakesAnotherId) {
    const auto id = id_at_line(0);
    device.write_dispi(1, 60);
    const auto narrower = device.query(primary_plane).dmabuf_id;
    device.write_dispi(1, 64);
    device.write_dispi(6, 80);
    const auto wider_stride = device.query(primary_plane).dmabuf_id;
    device.write_dispi(6, 64);
    device.write_dispi(2, 60);
    const auto shorter = device.query(primary_plane).dmabuf_id;
    EXPECT_EQ((std::vector<std::uint32_t>{1, 2, 3, 4}),
              (std::vector<std::uint32_t>{id, narrower, wider_stride, shorter}));
}

TEST_F(MainlineObjects, AnObjectNobodyFetchedLivesUntilTheDeviceIsClosed) {
    id_at_line(0);
    id_at_line(64);
    EXPECT_EQ(2, device.counter("objects_live"));
    device.close();
    EXPECT_EQ(0, device.counter("objects_live"));
}

TEST_F(MainlineObjects, AnObjectGoesWithItsLastDmabuf) {
    const auto id = id_at_line(0);
    UniqueFd first = device.fetch(id), second = device.fetch(id);
    EXPECT_EQ(2, device.counter("dmabufs_live"));
    first.reset();
    EXPECT_EQ(1, device.counter("objects_live"));
    second.reset();
    EXPECT_EQ(0, device.counter("objects_live"));
    EXPECT_FALSE(device.fetch(id));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(MainlineObjects, EveryGetMakesANewDmabufOfTheSameMemory) {
    const auto id = id_at_line(0);
    const UniqueFd first = device.fetch(id), second = device.fetch(id);
    const Mapping one{first.get(), 4096, 0, true}, other{second.get(), 4096};
    one.data()[17] = 99;
    EXPECT_EQ(99, other.data()[17]);
    EXPECT_EQ(O_RDWR, ::fcntl(first.get(), F_GETFL) & O_ACCMODE);
    EXPECT_EQ(FD_CLOEXEC, ::fcntl(first.get(), F_GETFD));
    EXPECT_EQ(64 * 256, ::lseek(first.get(), 0, SEEK_END));
}

TEST_F(MainlineObjects, TheLowestFreeIdComesFirst) {
    const auto one = id_at_line(0), two = id_at_line(64), three = id_at_line(128);
    EXPECT_EQ((std::vector<std::uint32_t>{1, 2, 3}), (std::vector<std::uint32_t>{one, two, three}));
    device.fetch(two).reset();
    EXPECT_EQ(2u, id_at_line(192));
}

TEST_F(MainlineObjects, GrowingIdsNeverComeBackAndDeadOnesAreENOENT) {
    ASSERT_EQ(0, device.set("id_policy", "growing"));
    const auto one = id_at_line(0);
    device.fetch(one).reset();
    EXPECT_EQ(one + 1, id_at_line(0));
    EXPECT_FALSE(device.fetch(one));
    EXPECT_EQ(ENOENT, errno);
}

TEST_F(MainlineObjects, AQueryAfterTheGetHoldsNothingUnlessAskedTo) {
    const auto id = id_at_line(0);
    UniqueFd dmabuf = device.fetch(id);
    id_at_line(0);
    dmabuf.reset();
    EXPECT_EQ(0, device.counter("objects_live"));

    ASSERT_EQ(0, device.set("hold", "each"));
    dmabuf = device.fetch(id_at_line(0));
    id_at_line(0);
    dmabuf.reset();
    EXPECT_EQ(1, device.counter("objects_live"));
}

TEST_F(MainlineObjects, AFailedGetCostsNoReference) {
    const auto id = id_at_line(0);
    ASSERT_EQ(0, device.set("fail_get", "1 EMFILE"));
    EXPECT_FALSE(device.fetch(id));
    EXPECT_EQ(EMFILE, errno);
    EXPECT_TRUE(device.fetch(id));
}

TEST_F(MainlineObjects, AnUnalignedFramebufferCannotBeFetched) {
    const auto id = id_at_line(1);
    EXPECT_FALSE(device.fetch(id));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(MainlineObjects, CloseIsAnotherCallInMainline) {
    EXPECT_EQ(ENOTTY, device.draft_close(id_at_line(0)));
    EXPECT_EQ(1, device.counter("objects_live"));
}

TEST_F(MainlineObjects, PlanesAreOffOrRefused) {
    device.write_dispi(4, 0);
    const Plane off = device.query(primary_plane);
    EXPECT_EQ(0, off.error);
    EXPECT_EQ(0u, off.drm_format | off.size | off.width | off.height);
    EXPECT_EQ(0u, device.query(cursor_plane).drm_format);
    EXPECT_EQ(EINVAL, device.query(overlay_plane).error);
    EXPECT_EQ(EINVAL, device.query(3).error);
    EXPECT_EQ(0, device.counter("objects_total"));
}

TEST_F(MainlineObjects, DmabufsOutliveTheDeviceAndAreCountedInTheTotals) {
    UniqueFd dmabuf = device.fetch(id_at_line(0));
    const Mapping pixels{dmabuf.get(), 4096};
    device.close();
    ASSERT_EQ(0, device.remove());
    EXPECT_EQ(1, totals()["dmabufs_live"]);
    EXPECT_EQ(1, totals()["objects_live"]);
    EXPECT_EQ(16 << 20, totals()["vram_bytes"]);
    EXPECT_EQ(0, pixels.pixel(0));
    EXPECT_EQ(EAGAIN, unload_module());
    dmabuf.reset();
    EXPECT_EQ(1, totals()["dmabufs_live"]) << "the mapping holds it";
}

TEST_F(DraftObjects, QueryHoldsTheObjectUntilClose) {
    const auto id = draft_id_at_line(0);
    device.draft_fetch(id).reset();
    EXPECT_EQ(1, device.counter("objects_live"));
    EXPECT_EQ(id, draft_id_at_line(0));
    EXPECT_EQ(0, device.draft_close(id));
    EXPECT_EQ(0, device.counter("objects_live"));
    EXPECT_EQ(EINVAL, device.draft_close(id));
}

TEST_F(DraftObjects, AClosedIdIsNeverHandedOutWhileADmabufOfItLives) {
    const auto id = draft_id_at_line(0);
    UniqueFd dmabuf = device.draft_fetch(id);
    ASSERT_EQ(0, device.draft_close(id));
    EXPECT_EQ(1, device.counter("objects_live"));
    const auto next = draft_id_at_line(0);
    EXPECT_NE(id, next);
    EXPECT_FALSE(device.draft_fetch(id));
    dmabuf.reset();
    EXPECT_EQ(1, device.counter("objects_live")) << "the new one";
}

TEST_F(DraftObjects, CloseTakesAnIdThatWasNeverFetched) {
    EXPECT_EQ(0, device.draft_close(draft_id_at_line(0)));
    EXPECT_EQ(0, device.counter("objects_live"));
}

TEST_F(DraftObjects, GetAndCloseInsistOnTheirStructs) {
    DraftGet get;
    get.dmabuf_id = draft_id_at_line(0);
    get.argsz = 15;
    EXPECT_EQ(-1, ::ioctl(device.fd(), VFIO_DEVICE_GET_GFX_DMABUF, &get));
    EXPECT_EQ(EINVAL, errno);
    DraftClose close;
    close.id = get.dmabuf_id;
    close.argsz = 11;
    EXPECT_EQ(-1, ::ioctl(device.fd(), close_buf_request, &close));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_TRUE(device.draft_fetch(get.dmabuf_id));
}

TEST_F(DraftObjects, ASecondDescriptorOfTheDeviceMayAsk) {
    const UniqueFd other{::dup(device.fd())};
    DraftPlane plane{};
    plane.argsz = draft_plane_size;
    plane.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
    plane.drm_plane_type = primary_plane;
    EXPECT_EQ(0, ::ioctl(other.get(), VFIO_DEVICE_QUERY_GFX_PLANE, &plane));
    EXPECT_EQ(1u, plane.dmabuf_id);
}

}  // namespace
}  // namespace scanthru::vgpu
