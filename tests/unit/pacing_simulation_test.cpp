// SPDX-License-Identifier: MIT
// The limits of page-flip latency (README, "What the ABI cannot promise") against our own clock and
// pacer: a guest that flips at its own rate, asked once per vblank at the d that was learnt.
#include "presenter/pacer.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

namespace scanthru {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

struct Rates {
    double guest_hz;
    double host_hz;
};

void PrintTo(const Rates& rates, std::ostream* out) {
    *out << rates.guest_hz << " Hz on " << rates.host_hz << " Hz";
}

/// After the period of this rate the two clocks stand to each other as in the beginning: all their
/// phases have been there, each once.
double common_hz(const Rates& rates) {
    const auto hundredths = [](double hz) {
        return std::llround(100 * hz);
    };
    return static_cast<double>(std::gcd(hundredths(rates.guest_hz), hundredths(rates.host_hz))) /
           100;
}

nanoseconds period_of(double hz) {
    return nanoseconds{std::llround(1e9 / hz)};
}

/// What a run came to, in ns.
struct Outcome {
    double mean = 0;
    double least = 1e18;
    double most = 0;
    std::int64_t flips = 0;
    std::int64_t shown = 0;
    std::int64_t vblanks = 0;
    std::int64_t repeated = 0;
    double margin = 0;
};

/// A pacer that has seen frames of this host.
Pacer learnt(nanoseconds period) {
    Pacer pacer{period};
    std::mt19937 random{1};  // NOLINT(cert-msc51-cpp): the same in every run
    std::exponential_distribution<double> tail{1.0 / 15};
    kms::Timestamp now{1000s};
    for (int i = 0; i < 20'000; ++i) {
        const nanoseconds late{std::llround(1000 * (20 + tail(random)))};
        pacer.learn({.late = late, .prepared = 20us, .commit = 70us}, now += period);
    }
    return pacer;
}

Outcome simulate(const Rates& rates, nanoseconds margin) {
    const nanoseconds period = period_of(rates.host_hz);
    const double guest_period = 1e9 / rates.guest_hz;
    const double beat = 1e9 / common_hz(rates);
    kms::VblankClock clock{period};
    const kms::Timestamp start{1000s};
    clock.sync({.sequence = 0, .when = start});

    Outcome outcome{.margin = static_cast<double>(margin.count())};
    const auto end = start + nanoseconds{std::llround(4 * beat)};
    std::int64_t newest_shown = -1;
    kms::Timestamp target = start;
    for (kms::Timestamp now = start; target < end; now = target) {
        target = clock.next_after(std::max(now + margin, target)).when;
        const auto sampled = static_cast<double>((target - margin - start).count());
        const auto newest = static_cast<std::int64_t>(std::floor(sampled / guest_period));
        ++outcome.vblanks;
        if (newest == newest_shown) {
            ++outcome.repeated;
            continue;
        }
        outcome.flips += newest - newest_shown;
        newest_shown = newest;
        const double latency = static_cast<double>((target - start).count()) -
                               static_cast<double>(newest) * guest_period;
        outcome.mean += (latency - outcome.mean) / static_cast<double>(++outcome.shown);
        outcome.least = std::min(outcome.least, latency);
        outcome.most = std::max(outcome.most, latency);
    }
    return outcome;
}

class Limits : public ::testing::TestWithParam<Rates> {};

TEST_P(Limits, AreMetWithinOnePercentAtTheMarginLearnt) {
    const Rates rates = GetParam();
    const nanoseconds margin = learnt(period_of(rates.host_hz)).margin();
    EXPECT_LE(margin, 500us);
    const Outcome outcome = simulate(rates, margin);
    const double d = outcome.margin;
    const double m = 1e9 / std::max(rates.guest_hz, rates.host_hz);
    const double percent = 0.01 * (d + m);
    EXPECT_NEAR(outcome.mean, d + m / 2, 0.01 * (d + m / 2));
    EXPECT_NEAR(outcome.least, d, percent);
    EXPECT_NEAR(outcome.most, d + m, percent);
    const auto share = [](std::int64_t part, std::int64_t whole) {
        return static_cast<double>(part) / static_cast<double>(whole);
    };
    EXPECT_NEAR(share(outcome.shown, outcome.flips), std::min(1.0, rates.host_hz / rates.guest_hz),
                0.01);
    EXPECT_NEAR(share(outcome.repeated, outcome.vblanks),
                std::max(0.0, 1 - rates.guest_hz / rates.host_hz), 0.01);
}

TEST_P(Limits, LateSamplingGainsAPeriodLessTheMargin) {
    const Rates rates = GetParam();
    const nanoseconds period = period_of(rates.host_hz);
    const Outcome late = simulate(rates, 1ms);
    const Outcome early = simulate(rates, period - 1ns);
    EXPECT_NEAR(early.mean - late.mean, static_cast<double>((period - 1ms).count()),
                0.01 * early.mean);
}

INSTANTIATE_TEST_SUITE_P(OfLatency,
                         Limits,
                         ::testing::Values(Rates{29.97, 60},
                                           Rates{59.94, 60},
                                           Rates{74.7, 60},
                                           Rates{143.7, 60},
                                           Rates{59.94, 144}));

}  // namespace
}  // namespace scanthru
