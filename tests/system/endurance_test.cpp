// SPDX-License-Identifier: MIT
// Many flips: none lost, none out of order, none late, and nothing grows.
#include "presenter_process.h"
#include "synthetic_guest.h"

#include <cmath>
#include <gtest/gtest.h>
#include <sched.h>

namespace scanthru::system_test {
namespace {

constexpr std::int64_t period_ns = 1'000'000;

/// Where in the host's frame the guest flips, from the newest flip of both: 0 at the vblank.
std::int64_t phase(const vgpu::TestVgpu& vgpu, PresenterProcess& presenter) {
    GuestLog guest{vgpu};
    guest.collect();
    presenter.collect_flips();
    const std::int64_t apart = guest.flips().back().ns - presenter.flips().back().shown_ns;
    return ((apart % period_ns) + period_ns) % period_ns;
}

/// Starts the guest at the host's very rate, at a phase that is not near the sampling time: there,
/// which of two pictures is the newest is a matter of luck.
void start_in_phase(const vgpu::TestVgpu& vgpu, PresenterProcess& presenter) {
    for (int attempt = 0; attempt < 50; ++attempt) {
        ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 cursor=1 rate=1000000"),
                  0);
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        const std::int64_t at = phase(vgpu, presenter);
        if (at > period_ns / 10 && at < period_ns * 35 / 100) return;
        std::this_thread::sleep_for(std::chrono::microseconds{137 * attempt});
    }
    FAIL() << "no good phase found";
}

TEST(Endurance, At1000HzEveryFlipIsShownInOrderAndNothingGrows) {
    const unsigned wanted = count_of(100'000);
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(1000), "--refresh", "never"}};
    presenter.wait_attached();
    start_in_phase(vgpu, presenter);
    // Readers of the log, this test among them, must not take the frame thread's only CPU.
    const sched_param lowest{.sched_priority = 1};
    ASSERT_EQ(::sched_setscheduler(presenter.frame_thread(), SCHED_RR, &lowest), 0);
    for (int warm_up = 0; warm_up < 4; ++warm_up) {
        std::this_thread::sleep_for(std::chrono::seconds{1});
        presenter.collect_flips();
    }

    const auto descriptors = presenter.descriptors();
    const auto memory = presenter.resident_kb();
    const auto before = presenter.output()["counters"];
    const auto dmabufs = vgpu.counter("dmabufs_live");
    presenter.collect_flips();
    const std::size_t first = presenter.flips().size();
    while (presenter.flips().size() < first + wanted) {
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
        const std::size_t had = presenter.flips().size();
        presenter.collect_flips();
        ASSERT_GT(presenter.flips().size(), had) << "stands still\n" << presenter.log();
    }

    std::size_t lost = 0;
    std::size_t late = 0;
    for (std::size_t i = first; i < presenter.flips().size(); ++i) {
        const Flip& flip = presenter.flips()[i];
        const Flip& previous = presenter.flips()[i - 1];
        ASSERT_EQ(flip.number, previous.number + 1) << "the log was read too rarely";
        late += flip.sequence != previous.sequence + 1;
        // The cursor's path has 90 stations, so the next one tells that no picture was left out.
        const Flip& before_it = presenter.flips()[i - 90];
        lost += i >= first + 90 &&
                (flip.cursor_x != before_it.cursor_x || flip.cursor_y != before_it.cursor_y);
    }
    const auto after = presenter.output()["counters"];
    figure("flips", wanted, "flips");
    figure("vblanks without their flip", static_cast<double>(late), "flips");
    if (virtual_time()) {
        EXPECT_EQ(lost, 0U);
        EXPECT_EQ(late, 0U);
        EXPECT_EQ(after["late_flips"], before["late_flips"]);
    }
    EXPECT_EQ(after["gets"], before["gets"]);
    EXPECT_EQ(after["framebuffers"], before["framebuffers"]);
    // The connection that asked last is closed a moment later.
    EXPECT_TRUE(PresenterProcess::wait([&] { return presenter.descriptors() == descriptors; },
                                       std::chrono::seconds{5}));
    EXPECT_EQ(vgpu.counter("dmabufs_live"), dmabufs);
    EXPECT_LE(presenter.resident_kb(), memory + 512);
    EXPECT_EQ(presenter.stop(), 0);
}

TEST(Endurance, AGuestAt10KilohertzCostsNoMoreThanTheScreensRate) {
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never"}};
    presenter.wait_attached();
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 cursor=1 rate=10000000"), 0);
    std::this_thread::sleep_for(std::chrono::seconds{2});
    const auto frames = presenter.counter("frames");
    std::this_thread::sleep_for(std::chrono::seconds{2});
    EXPECT_LE(presenter.counter("frames") - frames, 125U);
    EXPECT_GT(presenter.counter("frames"), frames);
    EXPECT_EQ(presenter.counter("gets"), 4U);
}

}  // namespace
}  // namespace scanthru::system_test
