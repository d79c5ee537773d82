// SPDX-License-Identifier: MIT
// The synthetic guest: its pictures, its flips, its log.
#include "picture.h"
#include "test_vgpu.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace scanthru::vgpu {
namespace {

using namespace std::chrono_literals;

struct Flip {
    std::uint32_t number, buffer, id;
    std::int32_t x, y;
    std::int64_t ns;
};

class Guest : public ::testing::Test {
protected:
    Guest() { device.open(); }

    std::vector<Flip> flips() {
        std::istringstream lines{device.get("flips")};
        std::vector<Flip> log;
        for (Flip f{}; lines >> f.number >> f.buffer >> f.id >> f.x >> f.y >> f.ns;)
            log.push_back(f);
        return log;
    }

    void wait_until_stopped() {
        for (int i = 0; i < 300 && device.guest("state") == "running"; ++i)
            std::this_thread::sleep_for(50ms);
        EXPECT_EQ("stopped", device.guest("state"));
    }

    /// The whole picture on the primary plane equals number k.
    ::testing::AssertionResult shows(std::uint32_t k) {
        const Plane plane = device.query(primary_plane);
        const UniqueFd fd = device.fetch(plane.dmabuf_id);
        if (plane.error || !fd) return ::testing::AssertionFailure() << "no plane";
        const Mapping pixels{fd.get(), plane.size};
        const std::uint32_t bytes = vgpu_format_bytes(plane.drm_format);
        for (std::uint32_t y = 0; y < plane.height; ++y)
            for (std::uint32_t x = 0; x < plane.width; ++x) {
                std::uint32_t value = 0;
                std::memcpy(&value, pixels.data() + y * plane.stride + x * bytes, bytes);
                const auto rgb = vgpu_picture(x, y, k, plane.width, plane.height);
                if (value != vgpu_encode(plane.drm_format, rgb))
                    return ::testing::AssertionFailure() << "pixel " << x << "," << y;
            }
        return ::testing::AssertionSuccess();
    }

    TestVgpu device;
};

TEST(Picture, DiffersInEveryPixelFromTheNextAndWhenShifted) {
    constexpr std::uint32_t width = 40, height = 30;
    for (std::uint32_t y = 0; y < height - 1; ++y)
        for (std::uint32_t x = 0; x < width - 1; ++x) {
            const auto pixel = vgpu_picture(x, y, 7, width, height);
            EXPECT_NE(pixel, vgpu_picture(x, y, 8, width, height));
            EXPECT_NE(pixel, vgpu_picture(x + 1, y, 7, width, height));
            EXPECT_NE(pixel, vgpu_picture(x, y + 1, 7, width, height));
        }
}

TEST(Picture, IsAnotherForEveryBitOfTheNumber) {
    const auto picture = [](std::uint32_t k) {
        std::vector<std::uint32_t> pixels;
        for (std::uint32_t i = 0; i < 17 * 16; ++i)
            pixels.push_back(vgpu_picture(i % 17, i / 17, k, 17, 16));
        return pixels;
    };
    std::set<std::vector<std::uint32_t>> seen{picture(0)};
    for (unsigned bit = 0; bit < 32; ++bit)
        EXPECT_TRUE(seen.insert(picture(1u << bit)).second) << bit;
}

TEST(CursorPath, VisitsEveryEdgeAndLeavesTheScreenOnEverySide) {
    std::set<std::pair<int, int>> seen;
    bool left = false, right = false, top = false, bottom = false;
    for (std::uint32_t flip = 0; flip < 90; ++flip) {
        const int x = vgpu_cursor_x(flip, 320, 64), y = vgpu_cursor_y(flip, 240, 64);
        seen.insert({x, y});
        left |= x == -64, right |= x == 320, top |= y == -64, bottom |= y == 239;
    }
    EXPECT_EQ(90u, seen.size());
    EXPECT_TRUE(left && right && top && bottom);
}

TEST_F(Guest, FlipsThroughPredrawnPictures) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=48 buffers=3 rate=0"));
    for (std::uint32_t flip = 0; flip < 7; ++flip) {
        EXPECT_TRUE(shows(flip % 3)) << flip;
        ASSERT_EQ(0, device.set("guest", "flip"));
    }
    EXPECT_EQ("7", device.guest("flips"));
    EXPECT_EQ("1", device.guest("number"));
}

TEST_F(Guest, RedrawsABufferTheMomentItIsLeft) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=48 buffers=2 rate=0 draw=redrawn"));
    const UniqueFd first = device.fetch(device.query(primary_plane).dmabuf_id);
    const Mapping left{first.get(), 64 * 48 * 4};
    EXPECT_EQ(vgpu_picture(0, 0, 0, 64, 48), left.pixel(0));
    for (std::uint32_t flip = 0; flip < 9; ++flip) {
        EXPECT_TRUE(shows(flip)) << flip;
        ASSERT_EQ(0, device.set("guest", "flip"));
    }
    // Flip 9 left buffer 0, which showed 8 and is to show 10.
    EXPECT_EQ(vgpu_picture(0, 0, 10, 64, 48), left.pixel(0));
}

TEST_F(Guest, DrawsAheadWithoutTouchingTheBufferJustLeft) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=48 buffers=3 rate=0 draw=ahead"));
    for (std::uint32_t flip = 0; flip < 8; ++flip) {
        const UniqueFd fd = device.fetch(device.query(primary_plane).dmabuf_id);
        const Mapping left{fd.get(), 64 * 48 * 4};
        EXPECT_TRUE(shows(flip)) << flip;
        ASSERT_EQ(0, device.set("guest", "flip"));
        EXPECT_EQ(vgpu_picture(0, 0, flip, 64, 48), left.pixel(0));
    }
}

TEST_F(Guest, DrawsOnScreenWithOneBuffer) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=48 buffers=1 rate=0 draw=redrawn"));
    const auto id = device.query(primary_plane).dmabuf_id;
    ASSERT_EQ(0, device.set("guest", "flip"));
    EXPECT_TRUE(shows(1));
    EXPECT_EQ(id, device.query(primary_plane).dmabuf_id);
}

TEST_F(Guest, KnowsFormatsStridesAndOffsets) {
    for (const char* format : {"XR24", "AR24", "XB24", "AB24", "XR30", "XB30", "RG16"}) {
        const std::string start = "start width=61 height=37 stride=260 offset=8192 rate=0 format=";
        ASSERT_EQ(0, device.set("guest", start + format));
        EXPECT_TRUE(shows(0)) << format;
        const Plane plane = device.query(primary_plane);
        EXPECT_EQ(260u, plane.stride);
        EXPECT_EQ(0, std::memcmp(format, &plane.drm_format, 4));
    }
}

TEST_F(Guest, StopsAfterItsFramesAndLogsEveryOne) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=48 rate=100000 frames=50 cursor=1 "
                                     "cursor_size=32 draw=redrawn"));
    wait_until_stopped();
    const auto log = flips();
    ASSERT_EQ(51u, log.size());
    for (std::uint32_t i = 0; i < log.size(); ++i) {
        EXPECT_EQ(i, log[i].number);
        EXPECT_EQ(i % 3, log[i].buffer);
        EXPECT_EQ(vgpu_cursor_x(i, 64, 32), log[i].x);
        EXPECT_EQ(vgpu_cursor_y(i, 48, 32), log[i].y);
        EXPECT_GT(log[i].ns, i ? log[i - 1].ns : 0);
    }
    EXPECT_TRUE(shows(50));
    const Plane cursor = device.query(cursor_plane);
    EXPECT_EQ(log.back().x, static_cast<std::int32_t>(cursor.x_pos));
    EXPECT_EQ(8u, cursor.x_hot);
    EXPECT_EQ(4u, cursor.y_hot);
}

TEST_F(Guest, LogsTheIdsThatQueryGave) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=48 buffers=2 rate=0"));
    const auto zero = device.query(primary_plane).dmabuf_id;
    device.set("guest", "flip");
    const auto one = device.query(primary_plane).dmabuf_id;
    device.set("guest", "flip");
    device.set("guest", "flip");
    const auto log = flips();
    ASSERT_EQ(4u, log.size());
    EXPECT_EQ(0u, log[0].id);
    EXPECT_EQ(0u, log[1].id);
    EXPECT_EQ(zero, log[2].id);
    EXPECT_EQ(one, log[3].id);
    device.close();
    device.set("guest", "flip");
    EXPECT_EQ(0u, flips().back().id) << "the ids died with the open";
}

TEST_F(Guest, KeepsTimeAndAnswersWhileItRuns) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=48 rate=200000"));
    EXPECT_EQ(EBUSY, device.set("guest", "flip"));
    const auto end = std::chrono::steady_clock::now() + 1s;
    std::uint64_t queries = 0;
    while (std::chrono::steady_clock::now() < end)
        queries += !device.query(primary_plane).error;
    ASSERT_EQ(0, device.set("guest", "stop"));
    EXPECT_GT(queries, 100u);
    EXPECT_EQ(3, device.counter("objects_total"));
    // By the guest's own clock: 5 ms from flip to flip, whatever the machine did in between.
    const auto log = flips();
    ASSERT_GT(log.size(), 10u);
    const auto ticks = static_cast<double>(log.size() - 1) + std::stod(device.guest("overruns"));
    const auto span = static_cast<double>(log.back().ns - log.front().ns);
    EXPECT_NEAR(5e6, span / ticks, 2.5e5);
}

TEST_F(Guest, StopKeepsThePictureAndOffGivesTheScreenBack) {
    ASSERT_EQ(0, device.set("guest", "start width=64 height=48 rate=60000 cursor=1"));
    ASSERT_EQ(0, device.set("guest", "stop"));
    EXPECT_EQ(64u, device.query(primary_plane).width);
    EXPECT_EQ(64u, device.query(cursor_plane).width);
    ASSERT_EQ(0, device.set("guest", "off"));
    EXPECT_EQ(0u, device.query(primary_plane).width);
    EXPECT_EQ(0u, device.query(cursor_plane).width);
}

}  // namespace
}  // namespace scanthru::vgpu
