// SPDX-License-Identifier: MIT
#include "guest_life.h"

#include <iostream>

namespace scanthru::system_test {

void GuestLife::begin(const std::string& name) {
    broken_ = false;
    vgpu = std::make_unique<vgpu::TestVgpu>();
    guest = std::make_unique<NestedGuest>(name);
}

void GuestLife::TearDownTestSuite() {
    if (presenter) {
        EXPECT_EQ(presenter->stop(), 0);
    }
    guest.reset();
    presenter.reset();
    vgpu.reset();
}

void GuestLife::SetUp() {
    if (broken_) GTEST_SKIP() << "the chapter before this one failed";
}

void GuestLife::TearDown() {
    if (!HasFailure()) return;
    broken_ = true;
    if (presenter)
        std::cerr << "--- scanthru said:\n"
                  << presenter->log() << "--- and its status is:\n"
                  << presenter->status().dump(1) << '\n';
    std::cerr << "--- the guest said:\n"
              << guest->serial() << "--- its QEMU said:\n"
              << guest->monitor_log() << '\n';
}

}  // namespace scanthru::system_test
