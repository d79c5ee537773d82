// SPDX-License-Identifier: MIT
// What a frame costs once every buffer is known: system calls, imports, allocations.
#include "alloc_counter.h"
#include "presenter_process.h"
#include "synthetic_guest.h"
#include "syscall_count.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/vfio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xf86drm.h>

namespace scanthru::system_test {
namespace {

/// The allocation counts that the presenter leaves while it runs.
class Allocations {
public:
    Allocations() {
        file_.reset(::open(path_, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        EXPECT_EQ(::ftruncate(file_.get(), sizeof(allocation_count) * ALLOCATION_SLOTS), 0);
        counts_ = static_cast<const volatile allocation_count*>(
            ::mmap(nullptr, sizeof(allocation_count) * ALLOCATION_SLOTS, PROT_READ, MAP_SHARED,
                   file_.get(), 0));
    }

    std::vector<std::string> environment() const {
        std::vector<std::string> variables;
        variables.push_back(std::string{"LD_PRELOAD="} + ALLOC_COUNTER);
        variables.push_back(std::string{"SCANTHRU_ALLOCATIONS="} + path_);
        return variables;
    }

    unsigned of(pid_t thread) const {
        for (unsigned slot = 0; slot < ALLOCATION_SLOTS; ++slot)
            if (counts_[slot].thread == static_cast<unsigned>(thread))
                return counts_[slot].allocations;
        return 0;
    }

    unsigned of_all() const {
        unsigned sum = 0;
        for (unsigned slot = 0; slot < ALLOCATION_SLOTS; ++slot)
            sum += counts_[slot].allocations;
        return sum;
    }

private:
    static constexpr const char* path_ = "/run/scanthru-allocations";
    UniqueFd file_;
    const volatile allocation_count* counts_ = nullptr;
};

std::uint64_t sum(const std::map<std::uint64_t, std::uint64_t>& hits) {
    std::uint64_t total = 0;
    for (const auto& [key, count] : hits)
        total += count;
    return total;
}

class SteadyState : public ::testing::TestWithParam<const char*> {};

TEST_P(SteadyState, AFrameCostsFiveSystemCallsThreeWithoutAChangeAndNoAllocation) {
    const vgpu::TestVgpu vgpu;
    ASSERT_EQ(vgpu.set("dialect", GetParam()), 0);
    const Allocations allocations;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never"},
                               allocations.environment()};
    presenter.wait_attached();
    ASSERT_GT(allocations.of_all(), 0U) << "the counter is not at work";

    const KernelHistogram ioctls{"syscalls/sys_enter_ioctl", "cmd"};
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 cursor=1 rate=29970"), 0);
    ASSERT_TRUE(PresenterProcess::wait([&] { return presenter.counter("flips") > 100; },
                                       std::chrono::seconds{60}));

    // The window: two readings of the counters, and what the thread did between them.
    const pid_t thread = presenter.frame_thread();
    const auto before = presenter.output()["counters"];
    const unsigned allocated = allocations.of(thread);
    const KernelHistogram calls{"raw_syscalls/sys_enter", "id"};
    ASSERT_TRUE(PresenterProcess::wait([&] { return presenter.counter("flips") > 700; },
                                       std::chrono::seconds{120}));
    const auto made = calls.hits(thread);
    const auto after = presenter.output()["counters"];

    const auto grown = [&](const char* name) {
        return after[name].get<std::uint64_t>() - before[name].get<std::uint64_t>();
    };
    const std::uint64_t changed = grown("flips");
    const std::uint64_t unchanged = grown("frames") - changed;
    EXPECT_GE(changed, 600U);
    EXPECT_GE(unchanged, 500U);
    // Both ends of the window are fuzzy by a frame, and now and then the clock is read.
    EXPECT_LE(sum(made), 5 * changed + 3 * unchanged + grown("clock_reads") + 10);
    EXPECT_EQ(allocations.of(thread), allocated);
    for (const auto& [call, count] : made) {
        EXPECT_TRUE(call == SYS_ioctl || call == SYS_ppoll) << "system call " << call;
        figure("system call " + std::to_string(call), static_cast<double>(count), "times");
    }
    figure("changed frames", static_cast<double>(changed), "frames");
    figure("unchanged frames", static_cast<double>(unchanged), "frames");
    figure("allocations of the frame thread", allocations.of(thread) - allocated, "");

    // Over the whole run the kernel has seen three buffers and a cursor, once each.
    auto seen = ioctls.hits();
    if (std::string{GetParam()} == "mainline") {
        EXPECT_EQ(seen[VFIO_DEVICE_GET_GFX_DMABUF], 4U);
    }
    EXPECT_EQ(seen[DRM_IOCTL_PRIME_FD_TO_HANDLE], 4U);
    EXPECT_EQ(seen[DRM_IOCTL_MODE_ADDFB2], 4U);
    EXPECT_EQ(vgpu.counter("get"), 4);
    EXPECT_EQ(vgpu.counter("attachments_total"), 4);
    EXPECT_EQ(vgpu.counter("mmaps_total"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Dialects, SteadyState, ::testing::Values("mainline", "draft-v14"), [](const auto& dialect) {
        return std::string{dialect.param} == "mainline" ? "Mainline" : "DraftV14";
    });

}  // namespace
}  // namespace scanthru::system_test
