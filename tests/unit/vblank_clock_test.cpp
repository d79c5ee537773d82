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

/// A display whose period is `real`, seen every `step` frames.
struct Watched {
    void see(unsigned times, nanoseconds real, std::uint64_t step = 1) {
        for (unsigned i = 0; i < times; ++i) {
            seen.sequence += step;
            seen.when += static_cast<std::int64_t>(step) * real;
            clock.sync(seen);
        }
    }

    VblankClock clock = clock_at(100);
    Vblank seen = clock.last();
};

TEST(VblankClockPeriod, IsMeasuredOverAQuarterOfASecond) {
    Watched watched;
    watched.see(14, period + 5us);
    EXPECT_FALSE(watched.clock.measured());
    EXPECT_EQ(watched.clock.period(), period);
    watched.see(1, period + 5us);
    EXPECT_TRUE(watched.clock.measured());
    EXPECT_EQ(watched.clock.period(), period + 5us);
}

TEST(VblankClockPeriod, IsMeasuredOverAMinuteInTheEnd) {
    Watched watched;
    watched.see(64 * 60 + 60, period);
    watched.see(30, period + 60us);
    EXPECT_LE(watched.clock.period(), period + 1us);
    watched.see(200 * 60, period + 60us);
    EXPECT_EQ(watched.clock.period(), period + 60us);
}

TEST(VblankClockPeriod, OfOneReadingASecondIsRightAfterTheFirst) {
    Watched watched;
    watched.see(1, period - 8us, 60);
    EXPECT_EQ(watched.clock.period(), period - 8us);
    watched.see(1, period + 8us, 60);
    EXPECT_EQ(watched.clock.period(), period + 8us);
}

TEST(VblankClockPeriod, OneLateTimestampChangesNothing) {
    Watched watched;
    watched.see(60, period);
    watched.seen.when += 3ms;
    watched.clock.sync(watched.seen);
    watched.seen.when -= 3ms;
    watched.see(60, period);
    EXPECT_EQ(watched.clock.period(), period);
}

TEST(VblankClockPeriod, OfAnotherRateIsBelievedAfterEightReadings) {
    for (const std::uint64_t step : {1U, 60U}) {
        for (const nanoseconds other : {period * 5 / 4, period / 2, period * 5 / 2}) {
            Watched watched;
            watched.see(7, other, step);
            EXPECT_EQ(watched.clock.period(), period);
            watched.see(1, other, step);
            EXPECT_EQ(watched.clock.period(), other);
            watched.see(8, period, step);
            EXPECT_EQ(watched.clock.period(), period);
        }
    }
}

TEST(VblankClockPeriod, OfNoDisplayIsNeverBelieved) {
    for (const nanoseconds nonsense : {1ns, period / 4, 4 * period}) {
        Watched watched;
        watched.see(100, nonsense);
        EXPECT_EQ(watched.clock.period(), period);
    }
}

TEST(VblankClockPeriod, IsNotMeasuredAcrossAJump) {
    for (const std::uint64_t sequence : {1ULL, 200ULL, 1ULL << 62U, ~0ULL - 5}) {
        Watched watched;
        watched.see(60, period);
        watched.seen = {.sequence = sequence, .when = watched.seen.when + 1s};
        watched.clock.sync(watched.seen);
        EXPECT_EQ(watched.clock.period(), period) << sequence;
        EXPECT_EQ(watched.clock.last().sequence, sequence);
        watched.see(1000, period + 3us);
        EXPECT_EQ(watched.clock.period(), period + 3us) << sequence;
    }
}

TEST(VblankClockPeriod, IsNotDisturbedByTheSameVblankAgain) {
    Watched watched;
    for (int i = 0; i < 20; ++i) {
        watched.see(1, period + 5us);
        watched.clock.sync(watched.seen);
    }
    EXPECT_EQ(watched.clock.period(), period + 5us);
}

TEST(VblankClockPeriod, SurvivesTimeThatGoesBack) {
    Watched watched;
    watched.see(60, period);
    watched.seen.when -= 10s;
    watched.see(1, period);
    EXPECT_EQ(watched.clock.period(), period);
    EXPECT_EQ(watched.clock.last().when, watched.seen.when);
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
