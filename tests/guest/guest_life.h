// SPDX-License-Identifier: MIT
#pragma once

#include "nested_guest.h"
#include "presenter_process.h"
#include "vgpu/test/test_vgpu.h"

#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace scanthru::system_test {

constexpr std::chrono::seconds boot_limit{900};  ///< A minute or two, where nothing else runs.

/// Tests that are chapters of one guest's life, because booting one takes long: where one fails the
/// rest is skipped.
class GuestLife : public ::testing::Test {
protected:
    /// For SetUpTestSuite: a vGPU, and a guest that has not been started. The presenter is the
    /// suite's to start.
    static void begin(const std::string& name);
    static void TearDownTestSuite();

    void SetUp() override;
    void TearDown() override;

    static inline std::unique_ptr<vgpu::TestVgpu> vgpu;
    static inline std::unique_ptr<NestedGuest> guest;
    static inline std::unique_ptr<PresenterProcess> presenter;

private:
    static inline bool broken_ = false;
};

}  // namespace scanthru::system_test
