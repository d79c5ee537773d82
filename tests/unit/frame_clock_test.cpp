// SPDX-License-Identifier: MIT
#include "fake/fake_drm_model.h"
#include "presenter/frame_clock.h"

#include <cerrno>
#include <gtest/gtest.h>

namespace scanthru {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr kms::Timestamp start{1000s};
const kms::Mode mode = testing::make_mode(1024, 768, 60);
const nanoseconds period = kms::frame_period(mode);

/// Asks 500 µs before the vblank, the last of which was at `start`.
struct Clock : FrameClock {
    explicit Clock(const Pacing& pacing = {.margin = 500us}) : FrameClock(mode, pacing) {
        read(kms::Vblank{.sequence = 100, .when = start}, start);
    }
};

TEST(FrameClock, AsksTheMarginBeforeTheNextVblank) {
    Clock clock;
    clock.aim(start + 1ms);
    EXPECT_EQ(clock.target().sequence, 101U);
    EXPECT_EQ(clock.target().when, start + period);
    EXPECT_EQ(clock.asked(), start + period - 500us);
}

TEST(FrameClock, AsksForAVblankOnlyWhileThereIsTimeLeft) {
    Clock clock;
    clock.aim(start + period - 501us);
    EXPECT_EQ(clock.target().sequence, 101U);
    clock.forget_target();
    clock.aim(start + period - 499us);
    EXPECT_EQ(clock.target().sequence, 102U);
}

TEST(FrameClock, LeavesOutWhatWasSleptThrough) {
    Clock clock;
    clock.aim(start);
    clock.aim(start + 10 * period + 1ms);
    EXPECT_EQ(clock.target().sequence, 111U);
}

TEST(FrameClock, NeverAsksForTheSameVblankTwiceEvenWhereItComesLaterThanPredicted) {
    Clock clock;
    clock.aim(start);
    clock.read(kms::Vblank{.sequence = 100, .when = start + 600us}, clock.asked());
    clock.aim(clock.asked());
    EXPECT_EQ(clock.target().sequence, 102U);
    clock.forget_target();
    clock.aim(start + period - 500us);
    EXPECT_EQ(clock.target().sequence, 101U) << "unless it may";
}

TEST(FrameClock, AsksAsMuchEarlierAsHardwareTakesFlipsBeforeTheTimestamp) {
    Clock clock{{.margin = 500us, .stamped_after_blanking = true}};
    clock.aim(start);
    EXPECT_EQ(clock.target().when - clock.asked(), 500us + kms::vertical_blanking(mode));
}

TEST(FrameClock, UsesAtMostHalfAFrame) {
    Clock clock{{.margin = 100ms}};
    clock.aim(start);
    EXPECT_EQ(clock.target().when - clock.asked(), period / 2);
}

TEST(FrameClock, AsksRightAfterTheVblankBeforeWhereThatIsWanted) {
    Clock clock{{.early = true}};
    clock.aim(start + 10us);
    EXPECT_EQ(clock.target().sequence, 101U);
    EXPECT_EQ(clock.asked(), start);
    EXPECT_FALSE(clock.wants_commit_cost());
}

TEST(FrameClock, AsksAnIdleGuestLessOften) {
    Clock clock{{.margin = 500us, .idle_poll = 100ms}};
    clock.active(start);
    clock.aim(start + 999ms);
    const kms::Timestamp last = clock.target().when;
    clock.aim(last + 1ms);
    EXPECT_GE(clock.target().when, last + 100ms);
    EXPECT_LT(clock.target().when, last + 100ms + period);
    clock.forget_target();
    clock.active(last + 2ms);
    clock.aim(last + 2ms);
    EXPECT_LE(clock.target().when, last + period);
}

struct Landing {
    nanoseconds later;  ///< Than aimed at.
    bool late;
    bool raises;  ///< The margin.
};

void PrintTo(const Landing& row, std::ostream* out) {
    *out << row.later.count() << " ns later";
}

class Land : public ::testing::TestWithParam<Landing> {};

TEST_P(Land, IsLateAndRaisesTheMarginOnlyWhereThatWouldHaveHelped) {
    const auto [later, late, raises] = GetParam();
    FrameClock clock{mode, {}};
    clock.read(kms::Vblank{.sequence = 100, .when = start}, start);
    for (int i = 0; i < 16; ++i)
        clock.land({}, {}, start);  // What does not count.
    clock.aim(start);
    const nanoseconds margin = clock.target().when - clock.asked();
    const kms::Timestamp flipped = clock.target().when + later;
    const kms::Vblank seen = clock.read(kms::Vblank{.sequence = 101, .when = flipped}, flipped);
    EXPECT_EQ(clock.land(seen, {.late = 50us, .prepared = 20us}, clock.asked()), late);
    clock.aim(flipped);
    EXPECT_EQ(clock.target().when - clock.asked() > margin, raises);
}

INSTANTIATE_TEST_SUITE_P(Flips,
                         Land,
                         ::testing::Values(Landing{0ns, false, false},
                                           Landing{-1ms, false, false},
                                           Landing{8ms, false, false},
                                           Landing{9ms, true, false},
                                           Landing{period, true, true},
                                           Landing{period + 1ms, true, true},
                                           Landing{period + 3ms, true, false},
                                           Landing{2 * period, true, false},
                                           Landing{10s, true, false}));

TEST(FrameClock, JudgesAFlipByItsReturnWhereTheVblankReadIsFromBeforeIt) {
    for (const auto& reading : {Result<kms::Vblank>{kms::Vblank{.sequence = 100, .when = start}},
                                Result<kms::Vblank>{fail(EINVAL, "DRM_IOCTL_CRTC_GET_SEQUENCE")}}) {
        Clock clock;
        clock.aim(start);
        const auto on_time = clock.target().when + 100us;
        EXPECT_FALSE(clock.land(clock.read(reading, on_time), {}, on_time));
        clock.aim(on_time);
        const auto late = clock.target().when + period + 100us;
        EXPECT_TRUE(clock.land(clock.read(reading, late), {}, late));
    }
}

TEST(FrameClock, WithoutVblankIsPacedByThePeriodFromItsFirstMomentOn) {
    FrameClock clock{mode, {.margin = 500us}};
    const Error unsupported{EOPNOTSUPP, "DRM_IOCTL_CRTC_GET_SEQUENCE"};
    EXPECT_EQ(clock.read(tl::unexpected{unsupported}, start).sequence, 0U);
    EXPECT_FALSE(clock.has_vblank());
    clock.read(tl::unexpected{unsupported}, start + 3ms);
    clock.aim(start + 4ms);
    EXPECT_EQ(clock.target().when, start + period);
    EXPECT_FALSE(clock.wants_reading(start + 10s));
    EXPECT_FALSE(clock.land({.when = start + 2 * period}, {}, start)) << "nothing is known";
}

TEST(FrameClock, WantsToBeReadOnceASecondAndMoreOftenUntilThePeriodIsMeasured) {
    Clock clock;
    EXPECT_FALSE(clock.wants_reading(start + 124ms));
    EXPECT_TRUE(clock.wants_reading(start + 125ms));
    const kms::Timestamp later = start + 30 * period;
    clock.read(kms::Vblank{.sequence = 130, .when = later}, later);
    EXPECT_FALSE(clock.wants_reading(later + 999ms));
    EXPECT_TRUE(clock.wants_reading(later + 1s));
}

TEST(FrameClock, WhereNoVblankHasToBeWaitedForAsksFourTimesInAPeriod) {
    Clock clock{{.idle_poll = 100ms}};
    clock.active(start);
    clock.aim_at_none(start + 1ms);
    EXPECT_EQ(clock.asked(), start + 1ms);
    EXPECT_FALSE(clock.aims());
    clock.aim_at_none(start + 1ms + 10us);
    EXPECT_EQ(clock.asked(), start + 1ms + period / 4);
    EXPECT_FALSE(clock.land({.sequence = 9, .when = start + 1s}, {}, clock.asked()));
    clock.aim_at_none(start + 1s);
    clock.aim_at_none(start + 1s);
    EXPECT_EQ(clock.asked(), start + 1s + 100ms) << "an idle guest";
}

TEST(FrameClock, OfAVariableRateDoesNotAskBeforeTheDisplayCouldTakeAPicture) {
    Clock clock{{.margin = 500us, .variable = true}};
    for (int i = 1; i <= 20; ++i) {
        const kms::Timestamp flipped = start + i * 2 * period;
        clock.read(kms::Vblank{.sequence = 100U + static_cast<unsigned>(i), .when = flipped},
                   flipped);
        clock.aim_at_none(flipped);
        EXPECT_EQ(clock.asked(), flipped + period - 500us) << "the mode's, not the guest's";
        clock.aim_at_none(clock.asked());
        EXPECT_EQ(clock.asked(), flipped + period - 500us + period / 4);
        clock.forget_target();
    }
    EXPECT_FALSE(clock.wants_reading(start + 1h));
}

TEST(FrameClock, BeginsAnewWithAnotherMode) {
    Clock clock{{}};
    clock.aim(start);
    const kms::Mode other = testing::make_mode(800, 600, 144);
    clock.restart(other);
    EXPECT_EQ(clock.period(), kms::frame_period(other));
    EXPECT_EQ(clock.target().when, kms::Timestamp{});
    clock.read(kms::Vblank{.sequence = 1, .when = start + 1s}, start + 1s);
    clock.aim(start + 1s);
    EXPECT_EQ(clock.target().when, start + 1s + kms::frame_period(other));
}

}  // namespace
}  // namespace scanthru
