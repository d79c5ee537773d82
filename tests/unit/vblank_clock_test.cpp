// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/vblank_clock.h"

#include <gtest/gtest.h>

namespace scanthru::kms {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using testing::FakeDrm;

constexpr nanoseconds period = 16'666'667ns;
constexpr Timestamp start{1000s};

VblankClock clock_at(std::uint64_t sequence) {
    VblankClock clock{period};
    clock.sync({.sequence = sequence, .when = start});
    return clock;
}

struct Prediction {
    nanoseconds after_last;
    int frames;  ///< From the last vblank to the predicted one.
};

void PrintTo(const Prediction& row, std::ostream* out) {
    *out << row.after_last.count() << " ns after the last vblank";
}

class NextVblank : public ::testing::TestWithParam<Prediction> {};

TEST_P(NextVblank, IsTheFirstStrictlyLaterThanTheMoment) {
    const VblankClock clock = clock_at(100);
    const auto [after_last, frames] = GetParam();
    const Vblank next = clock.next_after(start + after_last);
    EXPECT_EQ(next.when, start + frames * period);
    EXPECT_EQ(next.sequence, 100U + static_cast<std::uint64_t>(frames));
    EXPECT_GT(next.when, start + after_last);
    EXPECT_LE(next.when - period, start + after_last);
}

INSTANTIATE_TEST_SUITE_P(Moments,
                         NextVblank,
                         ::testing::Values(Prediction{0ns, 1},
                                           Prediction{1ns, 1},
                                           Prediction{period - 1ns, 1},
                                           Prediction{period, 2},
                                           Prediction{period + 1ns, 2},
                                           Prediction{10 * period + 5ns, 11},
                                           Prediction{-1ns, 0},
                                           Prediction{1ns - period, 0},
                                           Prediction{-period, 0},
                                           Prediction{-period - 1ns, -1},
                                           Prediction{-10 * period, -9}));

TEST(VblankClock, StaysExactOverADayWithoutBeingSynced) {
    const VblankClock clock = clock_at(7);
    const Timestamp tomorrow = start + 24h;
    const Vblank next = clock.next_after(tomorrow);
    EXPECT_GT(next.when, tomorrow);
    EXPECT_LE(next.when - tomorrow, period);
    EXPECT_EQ((next.when - start) % period, 0ns);
    EXPECT_EQ(next.sequence, 7 + static_cast<std::uint64_t>((next.when - start) / period));
}

TEST(VblankClock, CountsOnFromTheLastVblankSeen) {
    VblankClock clock = clock_at(1);
    clock.sync({.sequence = 50, .when = start + 3ms});
    EXPECT_EQ(clock.last().sequence, 50U);
    EXPECT_EQ(clock.next_after(start + 4ms).sequence, 51U);
    EXPECT_EQ(clock.next_after(start + 4ms).when, start + 3ms + period);
}

TEST(VblankClock, NeverWaitsForNoTimeWhenTheModeHasNoTimings) {
    for (const nanoseconds nonsense : {0ns, -5ns}) {
        VblankClock clock{nonsense};
        EXPECT_EQ(clock.period(), VblankClock::fallback_period);
        EXPECT_EQ(clock.next_after(Timestamp{}).when, Timestamp{VblankClock::fallback_period});
    }
}

class ReadVblank : public ::testing::Test {
protected:
    FakeDrm fake;
    std::unique_ptr<Card> card = fake.card();
};

TEST_F(ReadVblank, TellsTheLastVblankOfALitCrtc) {
    fake.light_by_others();
    fake.set_vblank({.sequence = 0x1'0000'0001, .when = start + 17ns});
    const auto seen = read_vblank(card->fd(), FakeDrm::crtc());
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->sequence, 0x1'0000'0001U);
    EXPECT_EQ(seen->when, start + 17ns);
}

TEST_F(ReadVblank, IsRefusedWhileTheCrtcIsOff) {
    const auto seen = read_vblank(card->fd(), FakeDrm::crtc());
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error(), (Error{EINVAL, "DRM_IOCTL_CRTC_GET_SEQUENCE"}));
}

TEST(ReadVblankWithoutVblank, IsNotSupported) {
    FakeDrm fake{{.driver = "virtio_gpu", .vblank = false}};
    fake.light_by_others();
    const auto card = fake.card();
    const auto seen = read_vblank(card->fd(), FakeDrm::crtc());
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().code, EOPNOTSUPP);
}

}  // namespace
}  // namespace scanthru::kms
