// SPDX-License-Identifier: MIT
#include "vgpu/test/test_vgpu.h"

#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>

namespace {

/// The test vGPU's module for all tests; nothing of it may live at the end.
class Module : public ::testing::Environment {
    void SetUp() override {
        const int error = scanthru::vgpu::load_module();
        if (error != 0 && error != EEXIST)
            GTEST_FAIL() << "scanthru_vgpu.ko: " << std::strerror(error);
    }

    void TearDown() override {
        auto totals = scanthru::vgpu::totals();
        for (const char* live : {"devices_live", "objects_live", "dmabufs_live", "attachments_live",
                                 "maps_live", "mmaps_live", "vmaps_live"})
            EXPECT_EQ(totals[live], 0) << live << " at the end";
    }
};

}  // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    ::testing::AddGlobalTestEnvironment(new Module);
    const int result = RUN_ALL_TESTS();
    // A filter that matches nothing is a mistake, not a success.
    return ::testing::UnitTest::GetInstance()->test_to_run_count() == 0 ? 1 : result;
}
