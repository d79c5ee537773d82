// SPDX-License-Identifier: MIT
#include "presenter/bench.h"
#include "presenter/bench_figures.h"
#include "presenter/metrics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

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
        {"counts", {{"missed", 0}, {"shown", 3}}},
        {"vblank", nullptr},
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
    json report = sample_report();
    report["figures"].push_back(make_figure("wake_lateness", "us", "late", {1.25, 2.5, 1000}));
    report["figures"].push_back(make_figure("exposure", "ms", "nothing came", {}));
    const std::string page = bench_html(report);
    for (const json& figure : report["figures"]) {
        std::string row =
            fmt::format("<tr><td>{} ({})</td><td>{}</td>", figure["name"].get<std::string>(),
                        figure["unit"].get<std::string>(), figure["n"].get<std::size_t>());
        for (const char* const key : {"min", "mean", "p50", "p90", "p99", "p999", "max"})
            row += figure.contains(key) ? fmt::format("<td>{:.3f}</td>", figure[key].get<double>())
                                        : "<td>-</td>";
        EXPECT_THAT(page, HasSubstr(row + "</tr>"));
        if (figure.contains("mean")) {
            EXPECT_THAT(page, HasSubstr(fmt::format("mean {:.3f}", figure["mean"].get<double>())));
        }
    }
    EXPECT_THAT(page, HasSubstr("<li><b>0 of 3</b>deadlines missed</li>"));
    EXPECT_THAT(page, HasSubstr("the expected mean is <b>8.000 ms</b>"));
    EXPECT_THAT(page, HasSubstr("<tr><td>system_calls</td><td>not known</td></tr>"));
    EXPECT_THAT(page, HasSubstr("&lt;Virtual-1&gt;"));
    for (const char* const outside : {"http:", "https:", "src=", "@import", "url("})
        EXPECT_THAT(page, Not(HasSubstr(outside)));
}

TEST(BenchReport, OfADisplayAloneSaysWhetherItIsHealthy) {
    json report = sample_report();
    report["kind"] = "flip";
    for (const char* const none : {"guest", "window", "expected", "per_frame"})
        report[none] = nullptr;
    report["timeline"] = json::array();
    report["counts"] = {{"smallest_margin_us", 61.5}};
    report["vblank"] = judge_vblanks({16.6, 16.734}, 16.667);
    EXPECT_THAT(bench_text(report), HasSubstr("NOT healthy by IGT's criteria"));
    EXPECT_THAT(bench_html(report), HasSubstr("the display is <b>not healthy</b>"));
    report["vblank"] = judge_vblanks({16.667, 16.667}, 16.667);
    EXPECT_THAT(bench_text(report), HasSubstr(": healthy by IGT's criteria"));
    EXPECT_THAT(bench_html(report), HasSubstr("the display is <b>healthy</b>"));
}

TEST(BenchFigures, ShowWhatIsUsualThoughOneIsFarAway) {
    std::vector<double> samples(10'000, 5);
    samples[0] = 1;
    for (std::size_t i = 1; i < 20; ++i)
        samples[i] = 9.4;
    samples[20] = 4000;
    const json histogram = make_figure("x", "us", "", samples)["histogram"];
    const auto counts = histogram["counts"].get<std::vector<std::uint64_t>>();
    EXPECT_EQ(histogram["from"], 1);
    EXPECT_NEAR(histogram["width"].get<double>() * static_cast<double>(counts.size()), 8.4, 1e-6);
    EXPECT_EQ(counts.back(), 20U) << "what is far away is in the last";
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), samples.size());
}

TEST(BenchReport, ComparesTwo) {
    json other = sample_report();
    other["settings"]["sample"] = "early";
    other["figures"] = {make_figure("flip_to_scanout", "ms", "meaning", {16.25})};
    const std::string text = compare_text(sample_report(), other);
    EXPECT_THAT(text, HasSubstr("\"late\"     \"early\""));
    EXPECT_THAT(text, HasSubstr("8.125      16.250     2.000"));
}

TEST(BenchReport, AgreesWithinPerCentOrAMicrosecond) {
    const auto report = [](std::vector<double> shown, std::vector<double> late) {
        json made = sample_report();
        made["figures"] = {make_figure("flip_to_scanout", "ms", "meaning", std::move(shown)),
                           make_figure("wake_lateness", "us", "meaning", std::move(late))};
        return made;
    };
    EXPECT_EQ(disagreements(report({8}, {5}), report({8.07}, {5.9}), 1), "");
    EXPECT_EQ(disagreements(report({0.001}, {0}), report({0.0019}, {0.9}), 1), "");
    EXPECT_EQ(disagreements(report({8}, {5}), report({8.1}, {5}), 1),
              "flip_to_scanout mean: 8.000 and 8.100 ms\n"
              "flip_to_scanout p99: 8.000 and 8.100 ms\n");
    EXPECT_THAT(disagreements(report({8}, {5}), report({8}, {6.1}), 1),
                HasSubstr("wake_lateness mean: 5.000 and 6.100 us\n"));
    json less = report({8}, {5});
    less["figures"].erase(1);
    EXPECT_EQ(disagreements(less, report({8}, {5}), 1), "wake_lateness: only one report has it\n");
    EXPECT_EQ(disagreements(report({8}, {5}), less, 1), "wake_lateness: only one report has it\n");
}

TEST(BenchFigures, JudgeVblanksAsIgtDoes) {
    const json healthy = judge_vblanks({16.66, 16.67, 16.67}, 16.667);
    EXPECT_TRUE(healthy["healthy"].get<bool>());
    EXPECT_NEAR(healthy["mean_ms"].get<double>(), 16.6667, 1e-4);
    EXPECT_NEAR(healthy["three_sigma_percent"].get<double>(), 0.0849, 1e-3);
    EXPECT_NEAR(healthy["worst_percent"].get<double>(), 0.042, 1e-3);
    // All alike, but not what the mode says; as expected on average, but spread.
    EXPECT_FALSE(judge_vblanks({16.8, 16.8}, 16.667)["healthy"].get<bool>());
    EXPECT_FALSE(judge_vblanks({16.6, 16.734}, 16.667)["healthy"].get<bool>());
    EXPECT_TRUE(judge_vblanks({}, 16.667).is_null());
}

}  // namespace
}  // namespace scanthru
