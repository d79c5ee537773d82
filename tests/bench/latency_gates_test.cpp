// SPDX-License-Identifier: MIT
// Page-flip latency in virtual time: what must hold, and the tables of what came out.
#include "bench_case.h"
#include "hogs.h"

#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>

namespace scanthru::system_test {
namespace {

using nlohmann::json;

struct Rates {
    const char* name;
    unsigned guest_mhz;
    const char* modeline;
    unsigned whole;  ///< Seconds for 10^4 frames, in whole beats of the two rates,
    unsigned few;    ///< and for 10^3.
};

void PrintTo(const Rates& rates, std::ostream* out) {
    *out << rates.name;
}

std::string seconds_of(const Rates& rates) {
    return std::to_string(count_of(10) == 10 ? rates.whole : rates.few);
}

class Latency : public ::testing::TestWithParam<Rates> {};

TEST_P(Latency, IsWhatTheFormulaSaysAndNoDeadlineIsMissed) {
    const Rates& rates = GetParam();
    const vgpu::TestVgpu vgpu{"64m"};
    start_guest(vgpu, rates.guest_mhz);
    const json report =
        measure({rates.name, "--warm-up 20 --seconds " + seconds_of(rates), rates.modeline}, &vgpu);
    ASSERT_TRUE(report.is_object());
    tell_latency(rates.name, report);
    const double mean = report["expected"]["flip_to_scanout_mean_ms"];
    const double most = report["expected"]["flip_to_scanout_max_ms"];
    EXPECT_GT(report["window"]["beats"], 0);
    EXPECT_GE(report["counts"]["shown"], count_of(10'000) - 10);
    EXPECT_NEAR(value_of(report, "flip_to_scanout", "mean"), mean, 0.01 * mean);
    EXPECT_NEAR(value_of(report, "flip_to_scanout", "max"), most, 0.01 * most);
    EXPECT_LE(value_of(report, "margin", "max"), 500) << "d, in us";
    EXPECT_EQ(report["counts"]["missed"], 0);
    EXPECT_LE(value_of(report, "wake_lateness", "p99"), 150);
    EXPECT_LE(value_of(report, "query_to_commit", "p99"), 50);
    EXPECT_LE(value_of(report, "return_after_vblank", "p99"), 250);
    // Changed frames cost five, unchanged ones three; now and then the clock is read.
    ASSERT_FALSE(report["per_frame"]["system_calls"].is_null());
    const double changed =
        report["counts"]["shown"].get<double>() / report["counts"]["vblanks"].get<double>();
    EXPECT_LE(report["per_frame"]["system_calls"].get<double>(), 3 + 2 * changed + 0.02);
}

/// Where d is learnt, what disturbed a boot is in it. Where it is given, two boots have to agree in
/// all they measure (tests/bench/run --twice).
class GivenMargin : public ::testing::TestWithParam<Rates> {};

TEST_P(GivenMargin, IsWhatTheFormulaSays) {
    const Rates& rates = GetParam();
    const vgpu::TestVgpu vgpu{"64m"};
    start_guest(vgpu, rates.guest_mhz);
    const std::string title = rates.name + std::string{", d given"};
    const json report = measure(
        {title, fmt::format("--warm-up 5 --seconds {} --margin-us 500", rates.few), rates.modeline},
        &vgpu);
    ASSERT_TRUE(report.is_object());
    tell_latency(title, report);
    const double mean = report["expected"]["flip_to_scanout_mean_ms"];
    EXPECT_NEAR(value_of(report, "flip_to_scanout", "mean"), mean, 0.01 * mean);
    EXPECT_EQ(report["counts"]["missed"], 0);
}

constexpr std::array all_rates{
    Rates{"29.97 on 60", 29'970, at_60, 351, 35}, Rates{"59.94 on 60", 59'940, at_60, 184, 18},
    Rates{"74.7 on 60", 74'700, at_60, 169, 18}, Rates{"143.7 on 60", 143'700, at_60, 169, 18},
    Rates{"59.94 on 144", 59'940, at_144, 172, 18}};

std::string test_name(const ::testing::TestParamInfo<Rates>& row) {
    return "Guest" + std::to_string(row.param.guest_mhz) +
           (row.param.modeline == at_144 ? "On144" : "On60");
}

INSTANTIATE_TEST_SUITE_P(Rates, Latency, ::testing::ValuesIn(all_rates), test_name);
INSTANTIATE_TEST_SUITE_P(Rates, GivenMargin, ::testing::ValuesIn(all_rates), test_name);

struct Gain {
    const char* name;
    unsigned guest_mhz;
    double factor;
};

void PrintTo(const Gain& gain, std::ostream* out) {
    *out << gain.name;
}

class LateSampling : public ::testing::TestWithParam<Gain> {};

TEST_P(LateSampling, IsSoManyTimesBetterThanEarly) {
    const Gain& gain = GetParam();
    const vgpu::TestVgpu vgpu{"64m"};
    start_guest(vgpu, gain.guest_mhz);
    const std::string name = gain.name;
    const json late = measure({name + ", asked late", "--warm-up 20 --seconds 18"}, &vgpu);
    const json early =
        measure({name + ", asked early", "--warm-up 2 --seconds 18 --sample early"}, &vgpu);
    tell_latency(name + ", asked early", early);
    EXPECT_GE(value_of(early, "flip_to_scanout", "mean"),
              gain.factor * value_of(late, "flip_to_scanout", "mean"));
}

INSTANTIATE_TEST_SUITE_P(Rates,
                         LateSampling,
                         ::testing::Values(Gain{"59.94 on 60", 59'940, 2.5},
                                           Gain{"143.7 on 60", 143'700, 4.0}),
                         [](const auto& row) {
                             return "Guest" + std::to_string(row.param.guest_mhz);
                         });

TEST(RealTime, KeepsDeadlinesBesideHogsThatOrdinaryPriorityMisses) {
    const vgpu::TestVgpu vgpu{"64m"};
    start_guest(vgpu, 143'700);
    // Every instruction of theirs has to be emulated: at 144 Hz there are fewer to a frame.
    const Hogs hogs{3};
    const auto beside_hogs = [&vgpu](const std::string& how, const std::string& options) {
        const std::string title = "143.7 on 144, hogs, " + how;
        const json report = measure({title, options, at_144}, &vgpu);
        tell_latency(title, report);
        return report;
    };
    const json with = beside_hogs(
        "real time", fmt::format("--warm-up 5 --seconds {}", count_of(10) == 10 ? 70 : 11));
    EXPECT_GE(with["counts"]["shown"], count_of(10'000) - 10);
    EXPECT_LE(with["counts"]["missed"], 1);
    EXPECT_LE(value_of(with, "margin", "max"), 1000);
    const json without = beside_hogs("ordinary priority",
                                     "--warm-up 1 --seconds 5 --real-time off --margin-us 1000");
    EXPECT_GE(without["counts"]["missed"], 10);
}

/// "NAME VALUE" lines of bare_loop.
std::map<std::string, double> run_bare_loop(const vgpu::TestVgpu& vgpu, unsigned frames) {
    const std::string command =
        fmt::format("{} {} {} '{}' {}", BARE_LOOP, vkms_card(), vgpu.uuid(), at_60, frames);
    FILE* const pipe = ::popen(command.c_str(), "re");
    std::map<std::string, double> found;
    std::array<char, 64> name{};
    for (double value = 0; std::fscanf(pipe, "%63s %lf", name.data(), &value) == 2;)
        found[name.data()] = value;
    EXPECT_EQ(::pclose(pipe), 0) << command;
    return found;
}

double processor_us(const json& report) {
    return report["per_frame"]["processor_us"].get<double>();
}

TEST(Cost, OfAChangedFrameIsNearlyThatOfItsSystemCalls) {
    const vgpu::TestVgpu vgpu{"64m"};
    start_guest(vgpu, 143'700);
    auto bare = run_bare_loop(vgpu, 600);
    const json ours =
        measure({"143.7 on 60, fixed d", "--warm-up 5 --seconds 10 --margin-us 1000"}, &vgpu);
    tell_cost("a bare loop of the same five calls", bare["processor_us"], 0, "");
    const double times = processor_us(ours) / bare["processor_us"];
    tell_cost("scanthru", processor_us(ours), times, "a bare loop");
    EXPECT_NEAR(bare["system_calls"], 5, 0.02);
    EXPECT_NEAR(ours["per_frame"]["system_calls"].get<double>(), 5, 0.02);
    EXPECT_LE(times, 1.15);
}

struct Screen {
    unsigned width, height, buffers;
    const char* modeline;
};

class Ways : public ::testing::TestWithParam<Screen> {};

TEST_P(Ways, CachedAndDirectCostLessThanImportingAndCopying) {
    const auto& [width, height, buffers, modeline] = GetParam();
    const vgpu::TestVgpu vgpu{"128m"};
    start_guest(vgpu, 59'940, width, height, buffers);
    const std::string size = fmt::format("{}x{}", width, height);
    const auto cost = [&vgpu, &size, line = modeline](const char* how, const char* options) {
        return processor_us(
            measure({size + ", " + how,
                     fmt::format("--warm-up 2 --seconds 3 --margin-us 1000 {}", options), line},
                    &vgpu));
    };
    const double direct = cost("cached, direct", "");
    const double imported = cost("imported every frame", "--import every-frame");
    const double copied = cost("copied", "--present copy");
    tell_cost(size + ", cached and direct", direct, 0, "");
    tell_cost(size + ", imported every frame", imported, imported / direct, "cached");
    tell_cost(size + ", copied", copied, copied / direct, "direct");
    EXPECT_GT(imported, 1.5 * direct);
    EXPECT_GT(copied, 3 * direct);
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         Ways,
                         ::testing::Values(Screen{1024, 768, 5, at_60},
                                           Screen{1920, 1080, 5, full_hd_at_60},
                                           Screen{3840, 2160, 3, ultra_hd_at_60}),
                         [](const auto& row) { return "Width" + std::to_string(row.param.width); });

TEST(Flip, IsMeasuredWithoutAGuest) {
    const json report = measure({"flips alone on 60", "--warm-up 5 --seconds 10"}, nullptr);
    ASSERT_TRUE(report.is_object());
    tell_flip(report);
    EXPECT_TRUE(report["complete"].get<bool>());
    EXPECT_TRUE(report["vblank"]["healthy"].get<bool>()) << report["vblank"];
    EXPECT_GE(report["counts"]["flips"], 595);
    EXPECT_LE(value_of(report, "page_flip", "max"), 17);
    EXPECT_LE(value_of(report, "event_delay", "p99"), 250);
    ASSERT_TRUE(report["counts"].contains("smallest_margin_us"));
    EXPECT_LE(report["counts"]["smallest_margin_us"], 500);
    // One commit for both costs less than two; two nonblocking ones do not fit into one vblank.
    EXPECT_LT(value_of(report, "flip_and_cursor_cost", "mean"),
              value_of(report, "flip_cost", "mean") + value_of(report, "cursor_move_cost", "mean"));
    EXPECT_EQ(report["counts"]["flips_refused_after_a_cursor_move"],
              report["counts"]["cursor_moves_before_a_flip"]);
    for (const char* const size : {"1024x768", "1920x1080", "3840x2160"})
        EXPECT_EQ(value_of(report, std::string{"import_"} + size, "n"), 200);
}

}  // namespace
}  // namespace scanthru::system_test
