// SPDX-License-Identifier: MIT
// Coming and going.
#include "test_vgpu.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <future>
#include <gtest/gtest.h>
#include <memory>

namespace scanthru::vgpu {
namespace {

using namespace std::chrono_literals;

TEST(Removal, WaitsForTheLastDescriptor) {
    auto device = std::make_unique<TestVgpu>();
    device->open();
    device->show(64, 64);
    auto removed = std::async(std::launch::async, [&] { return device->remove(); });
    EXPECT_EQ(std::future_status::timeout, removed.wait_for(300ms));
    EXPECT_EQ(0, device->query(primary_plane).error) << "in use as before";
    EXPECT_EQ("mainline\n", device->get("dialect"));
    device->close();
    EXPECT_EQ(0, removed.get());
    EXPECT_EQ("", device->get("dialect"));
}

TEST(Removal, EndsARunningGuest) {
    auto device = std::make_unique<TestVgpu>();
    ASSERT_EQ(0, device->set("guest", "start rate=1000000 draw=redrawn cursor=1"));
    EXPECT_EQ(0, device->remove());
}

TEST(Creation, StopsWhereTheMemoryOfAllDevicesEnds) {
    std::vector<std::unique_ptr<TestVgpu>> devices;
    for (int i = 0; i < 4; ++i)
        devices.push_back(std::make_unique<TestVgpu>("64m"));
    EXPECT_THROW(TestVgpu{"16m"}, std::runtime_error);
    EXPECT_EQ(256 << 20, totals()["vram_bytes"]);
}

TEST(Module, TakesWhatNewDevicesStartWith) {
    ASSERT_EQ(0, unload_module());
    EXPECT_EQ(EINVAL, load_module("dialect=klingon"));
    ASSERT_EQ(0, load_module("dialect=draft-v14 id_policy=growing output=region vmap=0 mmap=0"));
    {
        const TestVgpu device;
        EXPECT_EQ("draft-v14\n", device.get("dialect"));
        EXPECT_EQ("growing\n", device.get("id_policy"));
        EXPECT_EQ("region\n", device.get("output"));
        EXPECT_EQ("0\n", device.get("vmap"));
        EXPECT_EQ("0\n", device.get("mmap"));
    }
    ASSERT_EQ(0, unload_module());
    ASSERT_EQ(0, load_module());
}

TEST(Module, ComesAndGoesAndLeavesNothing) {
    const int rounds = std::getenv("SCANTHRU_FULL") ? 100 : 10;
    for (int round = 0; round < rounds; ++round) {
        TestVgpu device;
        device.open();
        ASSERT_EQ(0, device.set("guest", "start width=64 height=48 rate=1000000 cursor=1"));
        UniqueFd dmabuf = device.fetch(device.query(primary_plane).dmabuf_id);
        ASSERT_EQ(EAGAIN, unload_module());
        device.close();
        ASSERT_EQ(EAGAIN, unload_module()) << "a dma-buf lives";
        dmabuf.reset();
        // With the mdev still there: the module takes it along.
        ASSERT_EQ(0, unload_module()) << "round " << round;
        ASSERT_EQ(0, load_module());
        for (const auto& [name, value] : totals())
            ASSERT_EQ(0, value) << name;
    }
}

}  // namespace
}  // namespace scanthru::vgpu
