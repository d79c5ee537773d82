// SPDX-License-Identifier: MIT
// When the guest is asked: how late that may be is learnt, and who stands still is asked less
// often.
#include "base/clock.h"
#include "crc_reader.h"
#include "prediction.h"
#include "presenter_process.h"
#include "synthetic_guest.h"
#include "syscall_count.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

TEST(Pacing, TheMarginIsLearntAndThenHardlyAnythingIsLate) {
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never",
                                "--margin-us", "auto"}};
    presenter.wait_attached();
    // At more than twice the host's rate three buffers would come round between two questions.
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=5 rate=143700"), 0);
    std::this_thread::sleep_for(std::chrono::seconds{15});
    presenter.collect_flips();
    const auto late = presenter.counter("late_flips");
    const std::size_t first = presenter.flips().size();
    std::this_thread::sleep_for(std::chrono::seconds{20});
    presenter.collect_flips();
    ASSERT_GT(presenter.flips().size(), first + 1000);
    // What the machine itself does may cost one, which raises the margin.
    EXPECT_LE(presenter.counter("late_flips"), late + 1);
    std::int64_t longest = 0;
    for (std::size_t i = first; i < presenter.flips().size(); ++i)
        longest =
            std::max(longest, presenter.flips()[i].shown_ns - presenter.flips()[i].sampled_ns);
    figure("longest from sampling to the vblank", static_cast<double>(longest) / 1e6, "ms");
    figure("late flips while it was learnt", static_cast<double>(late), "flips");
    EXPECT_LE(longest, 500'000);
}

TEST(Pacing, AGuestAtAThousandHertzIsShownAtEveryVblank) {
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never",
                                "--margin-us", "auto"}};
    presenter.wait_attached();
    // 16 or 17 flips to a vblank: never the same buffer twice.
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=15 rate=1000000"), 0);
    std::this_thread::sleep_for(std::chrono::seconds{15});
    presenter.collect_flips();
    const auto late = presenter.counter("late_flips");
    const std::size_t first = presenter.flips().size();
    std::this_thread::sleep_for(std::chrono::seconds{10});
    presenter.collect_flips();
    const auto& flips = presenter.flips();
    ASSERT_GE(flips.size(), first + 595);
    EXPECT_LE(presenter.counter("late_flips"), late + 1);
    EXPECT_LE(flips.back().sequence - flips[first].sequence, flips.size() - 1 - first + 1);
    for (std::size_t i = first; i < flips.size(); ++i) {
        ASSERT_NE(flips[i].primary_id, flips[i - 1].primary_id) << i;
        if (flips[i].sequence == flips[i - 1].sequence + 1) {
            ASSERT_LE(flips[i].shown_ns - flips[i].sampled_ns, 1'000'000) << i;
        }
    }
}

TEST(Pacing, AGuestThatFlipsTwiceAndSleepsIsShownItsSecondPictureAtOnce) {
    constexpr Size screen{320, 240};
    constexpr std::chrono::milliseconds poll{100};
    constexpr std::chrono::milliseconds frame{17};
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never",
                                "--idle-poll", "10"}};
    presenter.wait_attached();
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 rate=0"), 0);
    const CrcReader crcs{vkms_card()};
    for (std::uint32_t number = 2; number < 40; number += 2) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1500});
        const std::int64_t begin = Clock::now().time_since_epoch().count();
        ASSERT_EQ(vgpu.set("guest", "flip"), 0);
        ASSERT_EQ(vgpu.set("guest", "flip"), 0);
        ASSERT_TRUE(crcs.wait_for(predict_crc(guest_picture(number % 3, screen), nullptr, {}),
                                  std::chrono::seconds{5}))
            << number << presenter.log();
        presenter.collect_flips();
        const std::chrono::nanoseconds took{presenter.flips().back().shown_ns - begin};
        EXPECT_LE(took, poll + 2 * frame) << number;
    }
    EXPECT_EQ(presenter.counter("late_flips"), 0);
}

/// Of all threads of the process together, in a second.
double wakeups(const PresenterProcess& presenter) {
    const KernelHistogram switches{"sched/sched_wakeup", "pid"};
    std::this_thread::sleep_for(std::chrono::seconds{20});
    std::uint64_t sum = 0;
    const auto hits = switches.hits();
    for (const pid_t thread : presenter.threads())
        if (const auto found = hits.find(static_cast<std::uint64_t>(thread)); found != hits.end())
            sum += found->second;
    return static_cast<double>(sum) / 20;
}

class IdleGuest : public ::testing::TestWithParam<std::pair<const char*, double>> {};

TEST_P(IdleGuest, IsAskedAsOftenAsConfiguredAndTheProcessSleeps) {
    const auto [poll, most] = GetParam();
    vgpu::TestVgpu vgpu;
    vgpu.open();
    const UniqueFd inherited{::dup(vgpu.fd())};
    PresenterProcess presenter{{"--guest", "fd:" + std::to_string(inherited.get()), "--card",
                                vkms_card(), "--modeline", small_modeline(60), "--refresh", "never",
                                "--idle-poll", poll}};
    presenter.wait_attached();
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 rate=0"), 0);
    std::this_thread::sleep_for(std::chrono::seconds{4});
    const double rate = wakeups(presenter);
    figure("wake-ups of an idle presenter, idle_poll " + std::string{poll}, rate, "a second");
    EXPECT_LE(rate, most);

    // The next picture is at most one such wait away, and then every vblank is looked at.
    const auto before = presenter.counter("flips");
    const auto frames = presenter.counter("frames");
    ASSERT_EQ(vgpu.set("guest", "flip"), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds{600});
    EXPECT_EQ(presenter.counter("flips"), before + 1);
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    EXPECT_GE(presenter.counter("frames"), frames + 30);
}

INSTANTIATE_TEST_SUITE_P(Rates,
                         IdleGuest,
                         ::testing::Values(std::pair{"2", 2.55}, std::pair{"10", 10.6}),
                         [](const auto& row) {
                             return "At" + std::string{row.param.first} + "Hz";
                         });

}  // namespace
}  // namespace scanthru::system_test
