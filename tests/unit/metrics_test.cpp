// SPDX-License-Identifier: MIT
#include "presenter/bench.h"
#include "presenter/bench_figures.h"
#include "presenter/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scanthru {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t period = 16 * ms;

/// Aimed at the vblank with this number, 1 ms before it.
FlipRecord flip_at(std::int64_t vblank, std::uint32_t id, std::int64_t late_vblanks = 0) {
    const std::int64_t aimed = vblank * period;
    return {.number = static_cast<std::uint64_t>(vblank),
            .asked_ns = aimed - ms,
            .sampled_ns = aimed - ms + 5'000,
            .entered_ns = aimed - ms + 10'000,
            .aimed_ns = aimed,
            .shown_ns = aimed + late_vblanks * period,
            .returned_ns = aimed + late_vblanks * period + 9'000,
            .primary_id = id};
}

json figure(const json& report, const std::string& name) {
    for (const json& found : report["figures"])
        if (found["name"] == name) return found;
    return {};
}

TEST(BenchFigures, ReadTheGuestsLogOnceThoughItComesTwice) {
    std::vector<GuestFlip> flips;
    append_guest_flips("0 0 7 0 0 100\n1 1 0 -3 4 200\n", flips);
    append_guest_flips("1 1 0 -3 4 200\n2 2 9 0 0 300\n", flips);
    ASSERT_EQ(flips.size(), 3U);
    EXPECT_EQ(flips[1].buffer, 1U);
    EXPECT_EQ(flips[2].ns, 300);
    append_guest_flips("3 x", flips);
    EXPECT_EQ(flips.size(), 3U);
}

TEST(BenchFigures, MatchOursToTheNewestFlipToThatBufferBeforeTheCommit) {
    const std::vector<GuestFlip> guests{{.ns = 10 * ms, .buffer = 0, .id = 1},
                                        {.ns = 20 * ms, .buffer = 1, .id = 2},
                                        {.ns = 40 * ms, .buffer = 0, .id = 1},
                                        {.ns = 47'200'000, .buffer = 1, .id = 2}};
    const auto matched = match_flips({flip_at(1, 1), flip_at(2, 2), flip_at(3, 1)}, guests);
    ASSERT_EQ(matched.size(), 3U);
    EXPECT_EQ(matched[0].guests, 0U);
    EXPECT_EQ(matched[1].guests, 1U);
    EXPECT_EQ(matched[2].guests, 2U);
}

TEST(BenchFigures, MatchByTimeWhereIdsNameOtherBuffersLater) {
    const std::vector<GuestFlip> guests{{.ns = 10 * ms, .buffer = 0, .id = 1},
                                        {.ns = 20 * ms, .buffer = 1, .id = 1}};
    const auto matched = match_flips({flip_at(1, 1), flip_at(2, 1)}, guests);
    ASSERT_EQ(matched.size(), 2U);
    EXPECT_EQ(matched[1].guests, 1U);
}

TEST(BenchFigures, TellPercentilesByTheNearestRank) {
    std::vector<double> samples;
    for (int i = 1000; i > 0; --i)
        samples.push_back(i);
    const json made = make_figure("x", "us", "", samples);
    EXPECT_EQ(made["n"], 1000);
    EXPECT_EQ(made["min"], 1);
    EXPECT_EQ(made["mean"], 500.5);
    EXPECT_EQ(made["p50"], 500);
    EXPECT_EQ(made["p99"], 990);
    EXPECT_EQ(made["p999"], 999);
    EXPECT_EQ(made["max"], 1000);
    EXPECT_FALSE(make_figure("x", "us", "", {}).contains("mean"));
}

TEST(BenchFigures, KnowHowLongABeatTakes) {
    EXPECT_NEAR(beat_seconds(59.94, 60, 100), 16.667, 0.01);
    EXPECT_NEAR(beat_seconds(29.97, 60, 100), 16.667, 0.01);
    EXPECT_NEAR(beat_seconds(74.7, 60, 100), 1 / 1.2, 0.01);
    EXPECT_EQ(beat_seconds(60, 60, 100), 0);
    EXPECT_EQ(beat_seconds(59.94, 60, 10), beat_seconds(59.94, 60, 9));
}

TEST(BenchFigures, JudgeWhatWasShownSupersededAndExposed) {
    const std::vector<GuestFlip> guests{{.ns = 8 * ms, .buffer = 0, .id = 1},
                                        {.ns = 17 * ms, .buffer = 1, .id = 2},
                                        {.ns = 25 * ms, .buffer = 2, .id = 3},
                                        {.ns = 60 * ms, .buffer = 0, .id = 1}};
    json report{{"figures", json::array()}, {"counts", json::object()}};
    judge_flips({flip_at(1, 1), flip_at(2, 3, 1)}, guests, 0, 50 * ms, period, report);
    EXPECT_EQ(report["counts"]["guest_flips"], 3);
    EXPECT_EQ(report["counts"]["superseded"], 1);
    EXPECT_EQ(report["counts"]["missed"], 1);
    EXPECT_EQ(figure(report, "flip_to_scanout")["min"], 8);
    EXPECT_EQ(figure(report, "flip_to_scanout")["max"], 23);
    EXPECT_EQ(figure(report, "exposure")["max"], 31);
    EXPECT_EQ(report["timeline"].size(), 2U);
}

TEST(Metrics, AreOfTheLastMinute) {
    const std::int64_t now = 100'000 * ms;
    const json minute = last_minute({flip_at(10, 1), flip_at(5000, 1), flip_at(6000, 2, 1)}, now,
                                    std::chrono::nanoseconds{period});
    EXPECT_EQ(minute["flips"], 2);
    EXPECT_EQ(minute["missed"], 1);
    EXPECT_NEAR(minute["seconds"].get<double>(), 20.001, 0.01);
    EXPECT_NEAR(figure(minute, "wake_lateness")["mean"].get<double>(), 5, 1e-9);
    EXPECT_FALSE(figure(minute, "wake_lateness").contains("histogram"));
}

TEST(Metrics, AreOpenMetricsText) {
    json output{{"name", "HDMI-A-1"}, {"lit", true}, {"counters", {{"flips", 7}}}};
    output["last_minute"] =
        last_minute({flip_at(10, 1)}, 1000 * ms, std::chrono::nanoseconds{period});
    const json status{{"scanthru", "0.1"},
                      {"outputs", {output, {{"name", "DP-1"}, {"lit", false}}}},
                      {"guests", {{{"name", "a\"b"}, {"state", "attached"}}}}};
    const std::string text = openmetrics_text(status);
    EXPECT_THAT(text, HasSubstr("# TYPE scanthru_flips counter\n"
                                "scanthru_flips_total{output=\"HDMI-A-1\"} 7\n"));
    EXPECT_THAT(text, HasSubstr("scanthru_output_lit{output=\"DP-1\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("scanthru_guest_attached{guest=\"a\\\"b\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("scanthru_wake_lateness_seconds{output=\"HDMI-A-1\",quantile="
                                "\"0.99\"} 0.000005000\n"));
    EXPECT_TRUE(text.ends_with("# EOF\n"));
}

json sample_report() {
    json report{
        {"format", "scanthru-bench"},
        {"version", 1},
        {"kind", "guest"},
        {"complete", true},
        {"kernel", "6.1"},
        {"driver", "vkms"},
        {"card", "/dev/dri/card0"},
        {"output", "<Virtual-1>"},
        {"mode", {{"width", 8}, {"height", 4}, {"refresh_mhz", 60'000}}},
        {"settings",
         {{"sample", "late"},
          {"import", "cached"},
          {"present", "direct"},
          {"scheduling", "SCHED_RR 1"},
          {"margin_us", nullptr}}},
        {"guest", {{"source", "mdev:x"}, {"hz", 59.94}, {"log", true}}},
        {"window", {{"seconds", 1.0}, {"beats", 1.0}}},
        {"expected",
         {{"margin_ms", 1.0}, {"flip_to_scanout_mean_ms", 8.0}, {"flip_to_scanout_max_ms", 17.0}}},
        {"counts", {{"missed", 0}}},
        {"per_frame", {{"system_calls", nullptr}, {"wakeups", 1.0}, {"processor_us", 2.5}}},
        {"timeline", {{0.5, 8.125}}}};
    report["figures"] = {make_figure("flip_to_scanout", "ms", "meaning", {4.5, 8.125, 11.75})};
    return report;
}

TEST(BenchReport, ReadsAsATable) {
    const std::string text = bench_text(sample_report());
    EXPECT_THAT(text, HasSubstr("flip_to_scanout (ms)           3     4.500     8.125"));
    EXPECT_THAT(text, HasSubstr("d + m/2 = 8.000 ms; measured 8.125 ms, +1.56 %"));
}

TEST(BenchReport, IsAPageOfItsOwnWithTheSameFigures) {
    const std::string page = bench_html(sample_report());
    EXPECT_THAT(page, HasSubstr("<td>4.500</td><td>8.125</td>"));
    EXPECT_THAT(page, HasSubstr("&lt;Virtual-1&gt;"));
    for (const char* const outside : {"http:", "https:", "src=", "@import", "url("})
        EXPECT_THAT(page, Not(HasSubstr(outside)));
}

TEST(BenchReport, ComparesTwo) {
    json other = sample_report();
    other["settings"]["sample"] = "early";
    other["figures"] = {make_figure("flip_to_scanout", "ms", "meaning", {16.25})};
    const std::string text = compare_text(sample_report(), other);
    EXPECT_THAT(text, HasSubstr("\"late\"     \"early\""));
    EXPECT_THAT(text, HasSubstr("8.125      16.250     2.000"));
}

}  // namespace
}  // namespace scanthru
