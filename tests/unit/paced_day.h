// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/frame_clock.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace scanthru::testing {

/// The vblanks of a display, at a rate that may change.
class SimulatedVblanks {
public:
    SimulatedVblanks(kms::Timestamp start, double hz)
        : rates_{{.sequence = 1000, .from = start, .period = 1e9 / hz}} {}

    kms::Vblank last(kms::Timestamp now) const {
        const Rate& rate = rates_.back();
        auto count = static_cast<std::int64_t>(since(now) / rate.period);
        while (at(count).when > now)
            --count;
        while (at(count + 1).when <= now)
            ++count;
        return at(count);
    }

    kms::Vblank next(kms::Timestamp now, unsigned further = 0) const {
        return at(static_cast<std::int64_t>(last(now).sequence - rates_.back().sequence) + 1 +
                  further);
    }

    /// By how much a prediction is beside the nearest vblank.
    std::chrono::nanoseconds beside(kms::Timestamp predicted) const {
        const auto before = predicted - last(predicted).when;
        return std::min<std::chrono::nanoseconds>(before, next(predicted).when - predicted);
    }

    /// From the last vblank before `now` on.
    void change(kms::Timestamp now, double hz) {
        const kms::Vblank from = last(now);
        rates_.push_back({.sequence = from.sequence, .from = from.when, .period = 1e9 / hz});
    }

    /// Off and on again: another phase, and the counter anywhere.
    void restart(kms::Timestamp now, std::uint64_t sequence) {
        rates_.push_back({.sequence = sequence, .from = now, .period = rates_.back().period});
    }

private:
    struct Rate {
        std::uint64_t sequence;
        kms::Timestamp from;
        double period;  ///< ns
    };

    double since(kms::Timestamp now) const {
        return static_cast<double>(std::chrono::nanoseconds{now - rates_.back().from}.count());
    }

    kms::Vblank at(std::int64_t count) const {
        const Rate& rate = rates_.back();
        const std::chrono::nanoseconds passed{
            std::llround(static_cast<double>(count) * rate.period)};
        return {.sequence = rate.sequence + static_cast<std::uint64_t>(count),
                .when = rate.from + passed};
    }

    std::vector<Rate> rates_;
};

/// What a stretch of a day came to.
struct Stretch {
    unsigned asks = 0;
    unsigned flips = 0;
    unsigned late = 0;      ///< Flips that came later than to the vblank nearest to the target.
    unsigned counted = 0;   ///< Those the clock says came late.
    unsigned unasked = 0;   ///< Vblanks between two that were aimed at.
    unsigned readings = 0;  ///< Without a flip.
    std::chrono::nanoseconds beside{};  ///< Of the worst prediction.
    std::chrono::nanoseconds waited{};  ///< The longest from a picture to its vblank.
};

/// What FrameThread does, with a display, a driver and a guest that are made up: aims, wakes a
/// little late, asks, commits where there is something new, and reads the clock.
///
/// Fails the test when the guest is asked more often than the display's rate and once, or the
/// margin leaves its bounds.
class PacedDay {
public:
    static constexpr kms::Timestamp start{std::chrono::seconds{1000}};

    /// `hz`: what the mode says. `real_hz`: what the display does.
    PacedDay(unsigned hz, double real_hz, const Pacing& pacing = {})
        : display(start, real_hz),
          clock(mode(hz), pacing),
          most_hz(hz),
          bound_(kms::frame_period(mode(hz)) / 4) {
        static_cast<void>(clock.read(reading(now), now));
    }

    static kms::Mode mode(unsigned hz) {
        kms::Mode mode{};
        mode.hdisplay = 320;
        mode.vdisplay = 240;
        mode.htotal = 400;
        mode.vtotal = 250;
        mode.clock = 100 * hz;
        return mode;
    }

    /// A guest with a new picture at this rate.
    void flips_at(double hz) {
        guest = [hz](kms::Timestamp when) {
            const auto ns = static_cast<double>(std::chrono::nanoseconds{when - start}.count());
            return start +
                   std::chrono::nanoseconds{std::llround(std::floor(ns * hz / 1e9) * 1e9 / hz)};
        };
    }

    Stretch run(std::chrono::nanoseconds duration) {
        stretch_ = {};
        for (const kms::Timestamp end = now + duration;
             now < end && !::testing::Test::HasFailure();)
            turn();
        return stretch_;
    }

    SimulatedVblanks display;
    FrameClock clock;
    unsigned most_hz;  ///< The rate the guest may be asked at.
    kms::Timestamp now = start;

    /// When the picture was made that the guest shows at this time.
    std::function<kms::Timestamp(kms::Timestamp)> guest = [](kms::Timestamp) {
        return start;
    };
    /// The vblank to which a flip comes that the driver has armed.
    std::function<kms::Timestamp(kms::Timestamp)> land = [this](kms::Timestamp armed) {
        return display.next(armed).when;
    };
    /// What CRTC_GET_SEQUENCE says.
    std::function<Result<kms::Vblank>(kms::Timestamp)> reading = [this](kms::Timestamp when) {
        return stamped(display.last(when));
    };

    /// Timestamps of hardware are not exact.
    Result<kms::Vblank> stamped(kms::Vblank vblank) {
        vblank.when += std::chrono::nanoseconds{random_() % 20'001} - std::chrono::microseconds{10};
        return vblank;
    }

private:
    void turn() {
        using std::chrono::microseconds;
        const kms::Vblank former = clock.target();
        clock.aim(now);
        check();
        if (former.when != kms::Timestamp{})
            stretch_.unasked += static_cast<unsigned>(
                (clock.target().when - former.when - clock.period() / 2) / clock.period());
        now = std::max(now, clock.asked()) + microseconds{20 + random_() % 40};
        ask();
        now += microseconds{5};
    }

    void ask() {
        using std::chrono::microseconds;
        const kms::Timestamp sampled = now;
        count_ask();
        const kms::Timestamp picture = guest(sampled);
        if (picture == shown_) {
            if (clock.wants_reading(now)) {
                ++stretch_.readings;
                static_cast<void>(clock.read(reading(now), now));
            }
            return;
        }
        shown_ = picture;
        const kms::Timestamp entered = sampled + microseconds{20};
        const kms::Timestamp flipped = land(entered + microseconds{70});
        now = flipped + microseconds{100};
        ++stretch_.flips;
        stretch_.waited = std::max<std::chrono::nanoseconds>(stretch_.waited, flipped - picture);
        if (flipped > clock.target().when + clock.period() / 2) ++stretch_.late;
        const FrameCost cost{.late = sampled - clock.asked(),
                             .prepared = entered - sampled,
                             .commit = microseconds{70}};
        if (clock.land(clock.read(reading(now), now), cost, sampled)) ++stretch_.counted;
        clock.active(sampled);
    }

    void check() {
        const std::chrono::nanoseconds margin = clock.target().when - clock.asked();
        EXPECT_GT(margin.count(), 0);
        EXPECT_LE(margin, bound_);
        stretch_.beside = std::max(stretch_.beside, display.beside(clock.target().when));
    }

    void count_ask() {
        ++stretch_.asks;
        asks_.push_back(now);
        while (asks_.front() <= now - std::chrono::seconds{1})
            asks_.pop_front();
        EXPECT_LE(asks_.size(), most_hz + 1) << "at " << (now - start).count() << " ns";
    }

    std::chrono::nanoseconds bound_;
    std::deque<kms::Timestamp> asks_;
    kms::Timestamp shown_ = start;
    Stretch stretch_;
    std::mt19937 random_{1};  // NOLINT(cert-msc51-cpp): the same in every run
};

}  // namespace scanthru::testing
