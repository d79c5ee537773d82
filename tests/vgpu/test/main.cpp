// SPDX-License-Identifier: MIT
#include "test_vgpu.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>
#include <unistd.h>

namespace scanthru::vgpu {
namespace {

/// The module for all tests; nothing of it may live at the end.
class Module : public ::testing::Environment {
    void SetUp() override {
        const int error = load_module();
        if (error && error != EEXIST) GTEST_FAIL() << "scanthru_vgpu.ko: " << std::strerror(error);
    }

    void TearDown() override {
        for (const char* live : {"devices_live", "objects_live", "dmabufs_live", "vram_bytes",
                                 "attachments_live", "maps_live", "mmaps_live", "vmaps_live"})
            EXPECT_EQ(0, totals()[live]) << live;
        EXPECT_EQ(0, unload_module());
    }
};

}  // namespace
}  // namespace scanthru::vgpu

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    ::testing::AddGlobalTestEnvironment(new scanthru::vgpu::Module);
    return RUN_ALL_TESTS();
}
