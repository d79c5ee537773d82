// SPDX-License-Identifier: MIT
// What we tell Prometheus, held against the rules of OpenMetrics 1.0.
#include "presenter/metrics.h"

#include <charconv>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace scanthru {
namespace {

using nlohmann::json;

/// Reads a text line by line; what breaks a rule fails the test.
class Validator {
public:
    explicit Validator(const std::string& text) {
        EXPECT_TRUE(text.ends_with("\n# EOF\n"));
        std::istringstream lines{text};
        for (std::string line; std::getline(lines, line);) {
            EXPECT_FALSE(ended_) << "after the end: " << line;
            if (line == "# EOF")
                ended_ = true;
            else if (line.starts_with("# "))
                read_metadata(line);
            else
                read_sample(line);
        }
        EXPECT_TRUE(ended_);
    }

    std::map<std::string, std::string> types;
    std::size_t samples = 0;

private:
    void read_metadata(const std::string& line) {
        std::smatch parts;
        ASSERT_TRUE(std::regex_match(
            line, parts, std::regex{"# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)"}))
            << line;
        const std::string kind = parts[1];
        const std::string name = parts[2];
        const std::string value = parts[3];
        if (name != family_) {
            EXPECT_TRUE(families_.insert(name).second) << name << " is not in one piece";
            family_ = name;
            metadata_.clear();
            sampled_ = false;
        }
        EXPECT_FALSE(sampled_) << "metadata after samples: " << line;
        EXPECT_TRUE(metadata_.insert(kind).second) << "twice: " << line;
        if (kind == "TYPE") types[name] = value;
        if (kind == "UNIT") {
            EXPECT_TRUE(name.ends_with("_" + value)) << line;
        }
    }

    void read_sample(const std::string& line) {
        std::smatch parts;
        ASSERT_TRUE(std::regex_match(
            line, parts,
            std::regex{"([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\\]|\\\\.)*\""
                       "(,[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\\]|\\\\.)*\")*\\})? ([^ ]+)"}))
            << line;
        const std::string name = parts[1];
        const std::string labels = parts[2];
        const std::string number = parts[6];
        double value = 0;
        const auto [end, error] =
            std::from_chars(number.data(), number.data() + number.size(), value);
        EXPECT_TRUE(error == std::errc{} && end == number.data() + number.size()) << line;
        EXPECT_TRUE(seen_.insert(name + labels).second) << "twice: " << line;
        EXPECT_EQ(name, expected_name(labels, name)) << line;
        if (types[family_] != "gauge") {
            EXPECT_GE(value, 0) << line;
        }
        sampled_ = true;
        ++samples;
    }

    /// How a sample of the family under way may be called.
    std::string expected_name(const std::string& labels, const std::string& name) {
        const std::string type = types[family_];
        if (type == "counter") return family_ + "_total";
        if (type != "summary") return family_;
        if (labels.find("quantile=\"") != std::string::npos) return family_;
        return family_ + (name.ends_with("_sum") ? "_sum" : "_count");
    }

    std::string family_;
    std::set<std::string> families_, metadata_, seen_;
    bool sampled_ = false;
    bool ended_ = false;
};

json output(const char* name) {
    json made{{"name", name}, {"lit", true}, {"counters", {{"flips", 7}, {"late_flips", 0}}}};
    const FlipRecord flip{.number = 1,
                          .asked_ns = 900'000'000,
                          .sampled_ns = 900'005'000,
                          .entered_ns = 900'010'000,
                          .aimed_ns = 901'000'000,
                          .shown_ns = 901'000'000,
                          .returned_ns = 901'009'000,
                          .primary_id = 1};
    made["last_minute"] = last_minute({flip}, 1'000'000'000, std::chrono::nanoseconds{16'666'667});
    return made;
}

TEST(OpenMetrics, HoldsItsRulesWithSeveralOutputsAndStrangeNames) {
    const json status{
        {"scanthru", "0.1"},
        {"outputs", {output("HDMI-A-1"), output("DP-1"), {{"name", "DP-2"}, {"lit", false}}}},
        {"guests",
         {{{"name", "a\"b\\c\nd"}, {"state", "attached"}}, {{"name", "e"}, {"state", "waiting"}}}}};
    const Validator valid{openmetrics_text(status)};
    EXPECT_EQ(valid.types.at("scanthru_flips"), "counter");
    EXPECT_EQ(valid.types.at("scanthru_output_lit"), "gauge");
    EXPECT_EQ(valid.types.at("scanthru_wake_lateness_seconds"), "summary");
    // A build, three outputs, two guests; two counters and six summaries of six lines, twice each.
    EXPECT_EQ(valid.samples, 1 + 3 + 2 + 2 * (2 + 6 * 6));
}

TEST(OpenMetrics, HasOnlyTypesThatNodeExporterKnows) {
    const json status{
        {"scanthru", "0.1"}, {"outputs", {output("DP-1")}}, {"guests", json::array()}};
    for (const auto& [name, type] : Validator{openmetrics_text(status)}.types)
        EXPECT_TRUE(type == "counter" || type == "gauge" || type == "summary") << name;
}

TEST(OpenMetrics, HoldsItsRulesWithNothingLit) {
    const json status{{"scanthru", "0.1"}, {"outputs", json::array()}, {"guests", json::array()}};
    EXPECT_EQ(Validator{openmetrics_text(status)}.samples, 1U);
}

}  // namespace
}  // namespace scanthru
