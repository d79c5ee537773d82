// SPDX-License-Identifier: MIT
// Faults on demand, and that the knobs refuse nonsense.
#include "picture.h"
#include "test_vgpu.h"

#include <cerrno>
#include <chrono>
#include <csetjmp>
#include <csignal>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace scanthru::vgpu {
namespace {

using namespace std::chrono_literals;

class Knobs : public ::testing::Test {
protected:
    Knobs() {
        device.open();
        device.show(64, 64);
    }

    TestVgpu device;
};

TEST_F(Knobs, NonsenseIsRefusedAndChangesNothing) {
    EXPECT_EQ(EINVAL, device.set("dialect", "klingon"));
    EXPECT_EQ(EINVAL, device.set("vmap", "2"));
    EXPECT_EQ(EINVAL, device.set("mmap", "yes"));
    EXPECT_EQ(EINVAL, device.set("fail_query", "1"));
    EXPECT_EQ(EINVAL, device.set("fail_query", "-2 ENOMEM"));
    EXPECT_EQ(EINVAL, device.set("fail_query", "1 EWHAT"));
    EXPECT_EQ(EINVAL, device.set("fail_query", "1 512"));
    EXPECT_EQ(EINVAL, device.set("fail_query", "1 ENOMEM overlay"));
    EXPECT_EQ(EINVAL, device.set("fail_get", "1 ENOMEM primary"));
    EXPECT_EQ(EINVAL, device.set("override", "primary colour 1"));
    EXPECT_EQ(EINVAL, device.set("override", "primary stride many"));
    EXPECT_EQ(EINVAL, device.set("override", "both stride 1"));
    EXPECT_EQ(EINVAL, device.set("guest", "start width=0"));
    EXPECT_EQ(EINVAL, device.set("guest", "start colour=1"));
    EXPECT_EQ(EINVAL, device.set("guest", "start draw=badly"));
    EXPECT_EQ(EINVAL, device.set("guest", "dance"));
    EXPECT_EQ(EINVAL, device.set("guest", "flip"));
    EXPECT_EQ(ENOSPC, device.set("guest", "start width=4096 height=4096"));
    EXPECT_EQ(EINVAL, device.set("cursor", "1 2 3"));
    EXPECT_EQ(EINVAL, device.set("surprise_remove", "0"));
    EXPECT_EQ("mainline\n", device.get("dialect"));
    EXPECT_EQ("1\n", device.get("vmap"));
    EXPECT_EQ("", device.get("override"));
    EXPECT_EQ(0, device.query(primary_plane).error);
}

TEST_F(Knobs, TheNextQueriesOfOnePlaneFail) {
    ASSERT_EQ(0, device.set("fail_query", "2 ENOMEM primary"));
    EXPECT_EQ(0, device.query(cursor_plane).error);
    EXPECT_EQ(ENOMEM, device.query(primary_plane).error);
    EXPECT_EQ("0 0\n1 12 primary\n0 0 cursor\n", device.get("fail_query"));
    EXPECT_EQ(ENOMEM, device.query(primary_plane).error);
    EXPECT_EQ(0, device.query(primary_plane).error);
}

TEST_F(Knobs, QueriesFailForEverUntilToldOtherwise) {
    ASSERT_EQ(0, device.set("fail_query", "-1 14"));
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(EFAULT, device.query(primary_plane + i % 2).error);
    EXPECT_EQ(0, device.query(0, VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_DMABUF).error);
    ASSERT_EQ(0, device.set("fail_query", "0"));
    EXPECT_EQ(0, device.query(primary_plane).error);
}

TEST_F(Knobs, CloseCanFailAndKeepsTheObject) {
    ASSERT_EQ(0, device.set("dialect", "draft-v14"));
    const auto id = device.draft_query(primary_plane).dmabuf_id;
    ASSERT_EQ(0, device.set("fail_close", "1 EIO"));
    EXPECT_EQ(EIO, device.draft_close(id));
    EXPECT_EQ(0, device.draft_close(id));
}

TEST_F(Knobs, AnUntouchedAnswerLeavesTheCallersBytes) {
    ASSERT_EQ(0, device.set("untouched", "1"));
    Plane plane{};
    plane.argsz = sizeof(vfio_device_gfx_plane_info);
    plane.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
    plane.drm_plane_type = primary_plane;
    plane.width = 4711;
    vfio_device_gfx_plane_info* info = &plane;
    EXPECT_EQ(0, ::ioctl(device.fd(), VFIO_DEVICE_QUERY_GFX_PLANE, info));
    EXPECT_EQ(4711u, plane.width);
    EXPECT_EQ(0u, plane.drm_format);
    EXPECT_EQ("0\n", device.get("untouched"));
    EXPECT_EQ(64u, device.query(primary_plane).width);
}

TEST_F(Knobs, TheFirstQueryOfAFramebufferCanFailAsMbochsDoes) {
    ASSERT_EQ(0, device.set("first_query_enomem", "1"));
    EXPECT_EQ(ENOMEM, device.query(primary_plane).error);
    EXPECT_EQ(0, device.query(primary_plane).error);
    device.show(64, 64, 64);
    EXPECT_EQ(ENOMEM, device.query(primary_plane).error);
}

TEST_F(Knobs, EveryFieldCanBeOverridden) {
    const char* const fields[] = {
        "argsz",  "flags", "drm_plane_type", "drm_format", "drm_format_mod", "width", "height",
        "stride", "size",  "x_pos",          "y_pos",      "x_hot",          "y_hot", "dmabuf_id"};
    unsigned value = 1000;
    for (const char* field : fields)
        ASSERT_EQ(0, device.set("override",
                                "primary " + std::string{field} + " " + std::to_string(value++)));
    const Plane plane = device.query(primary_plane);
    EXPECT_EQ(1000u, plane.argsz);
    EXPECT_EQ(1003u, plane.drm_format);
    EXPECT_EQ(1004u, plane.drm_format_mod);
    EXPECT_EQ(1007u, plane.stride);
    EXPECT_EQ(1012u, plane.y_hot);
    EXPECT_EQ(1013u, plane.dmabuf_id);
    EXPECT_EQ(0u, device.query(cursor_plane).width);
    ASSERT_EQ(0, device.set("override", "clear"));
    EXPECT_EQ(256u, device.query(primary_plane).stride);
}

TEST_F(Knobs, OverridesTakeNegativeNumbersBigModifiersAndFourccs) {
    ASSERT_EQ(0, device.set("override", "cursor x_pos -5"));
    ASSERT_EQ(0, device.set("override", "primary drm_format_mod 0xFFFFFFFFFFFFFFFF"));
    ASSERT_EQ(0, device.set("override", "primary drm_format NV12"));
    EXPECT_EQ(-5, static_cast<std::int32_t>(device.query(cursor_plane).x_pos));
    const Plane plane = device.query(primary_plane);
    EXPECT_EQ(~0ull, plane.drm_format_mod);
    EXPECT_EQ(VGPU_FOURCC('N', 'V', '1', '2'), plane.drm_format);
}

TEST_F(Knobs, OverridesReachTheDraftToo) {
    ASSERT_EQ(0, device.set("dialect", "draft-v14"));
    ASSERT_EQ(0, device.set("override", "primary dmabuf_id 4294967295"));
    EXPECT_EQ(~0u, device.draft_query(primary_plane).dmabuf_id);
}

TEST_F(Knobs, AQueryCanBeSlow) {
    ASSERT_EQ(0, device.set("query_delay_ms", "200"));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(0, device.query(primary_plane).error);
    // The kernel sleeps by its ticks, which outside virtual time are not quite of the clock's
    // length.
    EXPECT_GE(std::chrono::steady_clock::now() - start, 100ms);
}

TEST_F(Knobs, TheManualCursorIsTheDocumentedOne) {
    ASSERT_EQ(0, device.set("cursor", "-7 12 32 32 3 4 1"));
    EXPECT_EQ("-7 12 32 32 3 4 1\n", device.get("cursor"));
    const Plane plane = device.query(cursor_plane);
    EXPECT_EQ(VGPU_AR24, plane.drm_format);
    EXPECT_EQ(-7, static_cast<std::int32_t>(plane.x_pos));
    EXPECT_EQ(12u, plane.y_pos);
    EXPECT_EQ(3u, plane.x_hot);
    const UniqueFd dmabuf = device.fetch(plane.dmabuf_id);
    const Mapping pixels{dmabuf.get(), 4096};
    for (unsigned i = 0; i < 32 * 32; ++i)
        ASSERT_EQ(vgpu_cursor_pixel(i % 32, i / 32, 32), pixels.pixel(i)) << i;

    ASSERT_EQ(0, device.set("lose_sign", "1"));
    EXPECT_EQ(7u, device.query(cursor_plane).x_pos);
    ASSERT_EQ(0, device.set("cursor", "0 0 32 32 -1 -1 0"));
    EXPECT_EQ(0u, device.query(cursor_plane).drm_format);
}

TEST_F(Knobs, TheCursorsRegistersAreTheGuests) {
    device.write_cursor(1, 0x10000);
    device.write_cursor(2, 16);
    device.write_cursor(3, 8);
    device.write_cursor(4, 128);
    device.write_cursor(5, static_cast<std::uint32_t>(-3));
    EXPECT_EQ(0u, device.query(cursor_plane).width);
    device.write_cursor(0, 1);
    const Plane plane = device.query(cursor_plane);
    EXPECT_EQ(16u, plane.width);
    EXPECT_EQ(8u, plane.height);
    EXPECT_EQ(128u, plane.stride);
    EXPECT_EQ(1024u, plane.size);
    EXPECT_EQ(-3, static_cast<std::int32_t>(plane.x_pos));
    EXPECT_EQ(0xFFFFFFFFu, plane.x_hot);
}

TEST_F(Knobs, AfterASurpriseRemovalEveryCallFails) {
    const auto id = device.query(primary_plane).dmabuf_id;
    UniqueFd dmabuf = device.fetch(id);
    ASSERT_EQ(0, device.set("surprise_remove", "1"));
    EXPECT_EQ(ENODEV, device.query(primary_plane).error);
    EXPECT_FALSE(device.fetch(id));
    EXPECT_EQ(ENODEV, errno);
    EXPECT_EQ(0u, device.region(0).argsz);
    EXPECT_EQ(ENODEV, Mapping(dmabuf.get(), 4096).error());
    char byte = 0;
    EXPECT_EQ(-1, ::pread(device.fd(), &byte, 1, 0));
}

TEST_F(Knobs, ASurpriseRemovalWakesAQueryThatSleeps) {
    ASSERT_EQ(0, device.set("query_delay_ms", "60000"));
    std::thread remover{[this] {
        std::this_thread::sleep_for(200ms);
        device.set("surprise_remove", "1");
    }};
    EXPECT_EQ(ENODEV, device.query(primary_plane).error);
    remover.join();
}

sigjmp_buf after_fault;

TEST_F(Knobs, ASurpriseRemovalTakesTheMappedPagesAway) {
    const UniqueFd dmabuf = device.fetch(device.query(primary_plane).dmabuf_id);
    const Mapping pixels{dmabuf.get(), 4096};
    EXPECT_EQ(0u, pixels.pixel(0));
    ASSERT_EQ(0, device.set("surprise_remove", "1"));
    auto* const before = std::signal(SIGBUS, [](int) { siglongjmp(after_fault, 1); });
    const bool faulted = sigsetjmp(after_fault, 1);
    if (!faulted) static_cast<void>(*const_cast<volatile std::uint8_t*>(pixels.data()));
    std::signal(SIGBUS, before);
    EXPECT_TRUE(faulted);
}

TEST_F(Knobs, AnotherProcessMayQueryThroughAnInheritedDescriptor) {
    const pid_t child = ::fork();
    if (!child) {
        const Plane plane = device.query(primary_plane);
        const bool fetched = !plane.error && static_cast<bool>(device.fetch(plane.dmabuf_id));
        ::_exit(fetched ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(child, ::waitpid(child, &status, 0));
    EXPECT_EQ(0, status);
    EXPECT_EQ(0, device.counter("dmabufs_live"));
}

}  // namespace
}  // namespace scanthru::vgpu
