// SPDX-License-Identifier: MIT
#include "bench_case.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace scanthru::system_test {
namespace {

using nlohmann::json;

/// Empty: nothing is to be left.
std::string output_folder() {
    const char* const folder = std::getenv("SCANTHRU_TEST_OUTPUT");
    return folder != nullptr ? folder : "";
}

std::string file_name(const std::string& title) {
    std::string name;
    for (const char c : title)
        name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' ? c : '-';
    return name;
}

using Row = std::vector<std::string>;

/// Markdown that reads well as it is, too: one width a column.
std::string table_of(const std::vector<Row>& rows) {
    if (rows.empty()) return {};
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row& row : rows)
        for (std::size_t i = 0; i < widths.size(); ++i)
            widths[i] = std::max(widths[i], row.at(i).size());
    std::string text = "\n";
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < widths.size(); ++i)
            text += fmt::format("| {:<{}} ", row[i], widths[i]);
        text += "|\n";
        if (&row != &rows.front()) continue;
        for (const std::size_t width : widths)
            text += "|" + std::string(width + 2, '-');
        text += "|\n";
    }
    return text;
}

/// Collects the rows, writes the tables at the end.
class Tables : public ::testing::Environment {
public:
    void TearDown() override {
        const std::string text = host + table_of(latency) + table_of(flip) + table_of(costs);
        fmt::print("\n{}\n", text);
        if (!output_folder().empty()) std::ofstream{output_folder() + "/latency.md"} << text;
    }

    std::string host;
    std::vector<Row> latency, flip, costs;
};

auto* const tables =
    static_cast<Tables*>(::testing::AddGlobalTestEnvironment(std::make_unique<Tables>().release()));

void tell_host(const json& report) {
    if (!tables->host.empty()) return;
    tables->host = fmt::format(
        "Linux {}, {}, {}x{}, {}. Virtual time: one instruction is one nanosecond.\n",
        report["kernel"].get<std::string>(), report["driver"].get<std::string>(),
        report["mode"]["width"].get<unsigned>(), report["mode"]["height"].get<unsigned>(),
        report["settings"]["scheduling"].get<std::string>());
}

}  // namespace

json measure(const BenchCase& what, const vgpu::TestVgpu* vgpu) {
    std::string command =
        fmt::format("{} bench {} --card {} --modeline '{}' --json {}", SCANTHRU_BINARY,
                    vgpu != nullptr ? "guest --guest mdev:" + vgpu->uuid() : std::string{"flip"},
                    vkms_card(), what.modeline, what.options);
    const std::string file = output_folder() + "/" + file_name(what.title);
    if (!output_folder().empty()) command += fmt::format(" --html '{}.html'", file);
    FILE* const pipe = ::popen((command + " 2>/dev/null").c_str(), "re");
    std::string text;
    std::array<char, 65536> piece{};
    for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
        text.append(piece.data(), got);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    if (!output_folder().empty()) std::ofstream{file + ".json"} << text;
    json report = json::parse(text, nullptr, false);
    EXPECT_TRUE(report.is_object()) << text;
    return report;
}

json figure_of(const json& report, const std::string& name) {
    for (const json& found : report["figures"])
        if (found["name"] == name) return found;
    ADD_FAILURE() << "no figure " << name;
    return {};
}

double value_of(const json& report, const std::string& name, const char* key) {
    return figure_of(report, name).value(key, -1.0);
}

void tell_latency(const std::string& title, const json& report) {
    tell_host(report);
    if (tables->latency.empty())
        tables->latency.push_back({"guest on host, Hz", "d", "flip to scanout, mean (formula)",
                                   "max (formula)", "exposure, mean, max", "missed", "calls"});
    const json& expected = report["expected"];
    const json& calls = report["per_frame"]["system_calls"];
    const auto with_formula = [&](const char* key, const char* formula) {
        return fmt::format("{:.3f} ms ({:.3f})", value_of(report, "flip_to_scanout", key),
                           expected[formula].get<double>());
    };
    tables->latency.push_back(
        {title, fmt::format("{:.3f} ms", expected["margin_ms"].get<double>()),
         with_formula("mean", "flip_to_scanout_mean_ms"),
         with_formula("max", "flip_to_scanout_max_ms"),
         fmt::format("{:.1f}, {:.1f} ms", value_of(report, "exposure", "mean"),
                     value_of(report, "exposure", "max")),
         fmt::format("{} of {}", report["counts"]["missed"].get<unsigned>(),
                     report["counts"]["shown"].get<unsigned>()),
         calls.is_null() ? "-" : fmt::format("{:.2f}", calls.get<double>())});
}

void tell_cost(const std::string& title, double processor_us, double times, const char* than) {
    if (tables->costs.empty())
        tables->costs.push_back({"cost of a frame", "instructions", "ratio of instructions"});
    tables->costs.push_back({title, fmt::format("{:.1f} thousand", processor_us),
                             times > 0 ? fmt::format("{:.2f} times {}", times, than) : ""});
}

void tell_flip(const json& report) {
    tell_host(report);
    tables->flip = {{"the display alone", "n", "mean", "p99", "max"}};
    for (const json& figure : report["figures"])
        tables->flip.push_back({fmt::format("{}, {}", figure["name"].get<std::string>(),
                                            figure["unit"].get<std::string>()),
                                std::to_string(figure["n"].get<std::size_t>()),
                                fmt::format("{:.3f}", figure.value("mean", 0.0)),
                                fmt::format("{:.3f}", figure.value("p99", 0.0)),
                                fmt::format("{:.3f}", figure.value("max", 0.0))});
    const json& counts = report["counts"];
    tables->flip.push_back({"smallest margin without a miss, us", "",
                            fmt::format("{:.0f}", counts.value("smallest_margin_us", 0.0)), "",
                            ""});
}

void start_guest(const vgpu::TestVgpu& vgpu,
                 unsigned millihertz,
                 unsigned width,
                 unsigned height,
                 unsigned buffers) {
    ASSERT_EQ(vgpu.set("guest", fmt::format("start width={} height={} buffers={} rate={}", width,
                                            height, buffers, millihertz)),
              0);
}

}  // namespace scanthru::system_test
