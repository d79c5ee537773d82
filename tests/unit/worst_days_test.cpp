// SPDX-License-Identifier: MIT
// The pacer's worst days: displays, drivers and guests that do what they should not. PacedDay
// checks all the while that the guest is not asked too often and the margin stays in its bounds.
#include "paced_day.h"

#include <cerrno>
#include <gtest/gtest.h>

namespace scanthru {
namespace {

using namespace std::chrono_literals;
using testing::PacedDay;
using testing::Stretch;

constexpr std::chrono::nanoseconds timestamp_error = 10us;

void expect_healthy(const Stretch& stretch) {
    EXPECT_EQ(stretch.late, 0U);
    EXPECT_EQ(stretch.counted, 0U);
    EXPECT_EQ(stretch.unasked, 0U);
    EXPECT_LE(stretch.beside, 100us);
}

/// A display 300 ppm beside its mode, a guest that flips all the time, ten good seconds.
struct Ordinary : PacedDay {
    explicit Ordinary(double guest_hz = 59.94) : PacedDay(60, 60 * 1.0003) {
        flips_at(guest_hz);
        run(10s);
        expect_healthy(run(10s));
    }
};

/// A minute in which `answer` is all that is read, and what comes after it.
void live_through_blindness(Ordinary& day, const Result<kms::Vblank>& answer) {
    const auto reading = std::exchange(day.reading, [answer](kms::Timestamp) { return answer; });
    const Stretch blind = day.run(60s);
    EXPECT_LE(blind.late, 3U) << "each raises the margin";
    EXPECT_LE(blind.unasked, 3U);
    EXPECT_LE(blind.beside, 150us) << "the period was known to 2 ppm";
    day.reading = reading;
    day.run(20ms);
    expect_healthy(day.run(10s));
}

TEST(WorstDay, NoVblankCanBeReadForAMinute) {
    Ordinary day;
    live_through_blindness(day, fail(EINVAL, "DRM_IOCTL_CRTC_GET_SEQUENCE"));
}

TEST(WorstDay, TheVblankThatIsReadStandsStillForAMinute) {
    Ordinary day;
    live_through_blindness(day, day.display.last(day.now));
}

TEST(WorstDay, VblanksWereNeverThereToRead) {
    PacedDay day{60, 60};
    day.flips_at(59.94);
    day.reading = [](kms::Timestamp) {
        return Result<kms::Vblank>{fail(EOPNOTSUPP, "DRM_IOCTL_CRTC_GET_SEQUENCE")};
    };
    day.land = [](kms::Timestamp armed) {
        return armed;
    };
    const Stretch all = day.run(60s);
    EXPECT_GE(all.asks, 60U * 60 - 1);
    EXPECT_EQ(all.counted, 0U);
    EXPECT_LE(all.readings, 1U);
}

TEST(WorstDay, FlipsComeThreeFramesLateForTenSeconds) {
    Ordinary day;
    const auto margin = day.clock.target().when - day.clock.asked();
    const auto land = std::exchange(
        day.land, [&day](kms::Timestamp armed) { return day.display.next(armed, 3).when; });
    const Stretch slow = day.run(10s);
    EXPECT_EQ(slow.counted, slow.flips);
    EXPECT_NEAR(slow.flips, 150, 2) << "every fourth vblank";
    EXPECT_LE(slow.beside, 100us) << "the flips tell where the vblanks are";
    EXPECT_LE(day.clock.target().when - day.clock.asked(), margin) << "no margin helps";
    day.land = land;
    day.run(20ms);
    expect_healthy(day.run(10s));
}

TEST(WorstDay, FlipsComeOneFrameLateForTenSeconds) {
    Ordinary day;
    const auto margin = day.clock.target().when - day.clock.asked();
    const auto land = std::exchange(
        day.land, [&day](kms::Timestamp armed) { return day.display.next(armed, 1).when; });
    const Stretch slow = day.run(10s);
    EXPECT_EQ(slow.counted, slow.flips);
    EXPECT_GT(day.clock.target().when - day.clock.asked(), margin) << "more margin might help";
    day.land = land;
    day.run(20ms);
    expect_healthy(day.run(60s));
    day.run(60s);
    expect_healthy(day.run(10s));
    EXPECT_LE(day.clock.target().when - day.clock.asked(), margin + 50us) << "after two minutes";
}

TEST(WorstDay, ACommitHangsForTenSeconds) {
    Ordinary day;
    const auto land = std::exchange(
        day.land, [&day](kms::Timestamp armed) { return day.display.next(armed + 10s).when; });
    const Stretch hung = day.run(1s);
    EXPECT_EQ(hung.asks, 1U);
    day.land = land;
    const Stretch after = day.run(10s);
    EXPECT_LE(after.asks, 601U) << "what was hung through is not caught up with";
    EXPECT_EQ(after.late, 0U);
    EXPECT_NEAR(after.unasked, 600, 2) << "the hang";
    EXPECT_LE(after.beside, 100us);
    expect_healthy(day.run(1s));
}

/// A guest that changes now and then is the harder case: no flip tells where the vblanks are.
TEST(WorstDay, TheDisplaysClockIsOffBy500PpmForAnHour) {
    for (const double ppm : {-500.0, 500.0}) {
        PacedDay day{60, 60 * (1 + ppm / 1e6)};
        day.most_hz += 1;
        day.flips_at(0.137);
        const Stretch first = day.run(1s);
        EXPECT_LE(first.beside, 100us) << "an eighth of a second at 500 ppm, and the timestamps";
        const Stretch hour = day.run(3600s);
        expect_healthy(hour);
        EXPECT_LE(hour.beside, 4 * timestamp_error);
        EXPECT_GT(hour.flips, 480U);
        EXPECT_LE(hour.readings, 3600U);
    }
}

/// As a driver does that saves power while a picture stands still.
TEST(WorstDay, TheRateChangesUnderAGuestThatFlips) {
    Ordinary day{200};
    day.most_hz = 75;
    for (const double hz : {48.0, 75.0, 40.0, 59.94, 60.018}) {
        day.display.change(day.now, hz);
        const Stretch changing = day.run(std::chrono::nanoseconds{std::llround(20e9 / hz)});
        EXPECT_LE(changing.late, 10U) << hz;
        EXPECT_LE(changing.unasked, 10U) << hz;
        expect_healthy(day.run(20s));
    }
}

TEST(WorstDay, TheRateChangesUnderAGuestThatStandsStill) {
    Ordinary day;
    day.flips_at(0.01);
    day.run(2s);
    day.most_hz = 75;
    for (const double hz : {48.0, 75.0, 60.0}) {
        day.display.change(day.now, hz);
        day.run(10s);  // Eight readings and what was under way.
        const Stretch after = day.run(60s);
        EXPECT_LE(after.beside, 100us) << hz;
        EXPECT_EQ(after.unasked, 0U) << hz;
    }
}

TEST(WorstDay, TheHostWasSuspendedAndTheCounterIsAnywhere) {
    for (const std::uint64_t sequence : {1ULL, 1'000'000ULL, ~0ULL - 100}) {
        Ordinary flipping;
        flipping.display.restart(flipping.now - 7ms, sequence);
        const Stretch first = flipping.run(100ms);
        EXPECT_LE(first.late, 1U);
        expect_healthy(flipping.run(60s));

        Ordinary still;
        still.flips_at(0.01);
        still.run(2s);
        still.display.restart(still.now - 7ms, sequence);
        still.run(1s);
        const Stretch after = still.run(60s);
        EXPECT_LE(after.beside, 100us);
        EXPECT_EQ(after.unasked, 0U);
    }
}

TEST(WorstDay, TheGuestFlipsAThousandTimesASecond) {
    Ordinary day{1000};
    const Stretch minute = day.run(60s);
    expect_healthy(minute);
    EXPECT_EQ(minute.flips, minute.asks);
    EXPECT_LE(minute.waited, 1ms + 500us) << "the newest of them each time";
}

TEST(WorstDay, TheGuestFlipsTwiceAndSleeps) {
    PacedDay day{60, 60 * 1.0003, {.idle_poll = 100ms}};
    day.guest = [](kms::Timestamp when) {
        const std::chrono::nanoseconds passed = when - PacedDay::start;
        const auto awake = PacedDay::start + passed / 5s * 5s;
        return passed % 5s >= 3ms ? awake + 3ms : awake;
    };
    day.run(10s);
    const Stretch after = day.run(300s);
    EXPECT_EQ(after.late, 0U);
    EXPECT_EQ(after.counted, 0U);
    EXPECT_LE(after.beside, 4 * timestamp_error);
    EXPECT_LE(after.flips, 2U * 60) << "sixty pairs";
    EXPECT_GE(after.flips, 60U);
    EXPECT_LE(after.waited, 100ms + 17ms) << "one poll and one refresh";
    EXPECT_LE(after.asks, 60U * (62 + 40)) << "a second at the full rate, four at ten hertz";
}

}  // namespace
}  // namespace scanthru
