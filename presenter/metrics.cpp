// SPDX-License-Identifier: MIT
#include "presenter/metrics.h"

#include "presenter/bench_figures.h"

#include <algorithm>
#include <fmt/format.h>

namespace scanthru {
namespace {

using nlohmann::json;

constexpr std::int64_t minute_ns = 60'000'000'000;

/// A label's value: quotes, backslashes and ends of lines are escaped.
std::string label(const std::string& text) {
    std::string safe;
    for (const char c : text) {
        if (c == '\n') {
            safe += "\\n";
            continue;
        }
        if (c == '"' || c == '\\') safe += '\\';
        safe += c;
    }
    return safe;
}

std::vector<const json*> lit_outputs(const json& status) {
    std::vector<const json*> lit;
    for (const json& output : status["outputs"])
        if (output.value("lit", false)) lit.push_back(&output);
    return lit;
}

std::string output_label(const json& output) {
    return fmt::format("output=\"{}\"", label(output["name"].get<std::string>()));
}

std::string counters_text(const std::vector<const json*>& outputs) {
    std::string text;
    if (outputs.empty()) return text;
    for (const auto& [name, unused] : (*outputs.front())["counters"].items()) {
        text += fmt::format("# TYPE scanthru_{} counter\n", name);
        for (const json* const output : outputs)
            text += fmt::format("scanthru_{}_total{{{}}} {}\n", name, output_label(*output),
                                (*output)["counters"][name].get<std::uint64_t>());
    }
    return text;
}

std::string summary_lines(const std::string& name, const std::string& where, const json& figure) {
    const double unit = figure["unit"] == "ms" ? 1e-3 : 1e-6;
    std::string text;
    for (const auto& [quantile, key] : {std::pair{"0.5", "p50"}, std::pair{"0.99", "p99"},
                                        std::pair{"0.999", "p999"}, std::pair{"1", "max"}})
        text += fmt::format("{}{{{},quantile=\"{}\"}} {:.9f}\n", name, where, quantile,
                            figure[key].get<double>() * unit);
    return text + fmt::format("{0}_sum{{{1}}} {2:.9f}\n{0}_count{{{1}}} {3}\n", name, where,
                              figure["mean"].get<double>() * figure["n"].get<double>() * unit,
                              figure["n"].get<std::size_t>());
}

std::string summaries_text(const std::vector<const json*>& outputs) {
    std::map<std::string, std::string> by_name;
    for (const json* const output : outputs)
        for (const json& figure : (*output)["last_minute"]["figures"]) {
            if (!figure.contains("mean")) continue;
            const std::string name =
                fmt::format("scanthru_{}_seconds", figure["name"].get<std::string>());
            by_name[name] += summary_lines(name, output_label(*output), figure);
        }
    std::string text;
    for (const auto& [name, lines] : by_name)
        text += fmt::format(
            "# TYPE {0} summary\n# UNIT {0} seconds\n# HELP {0} Over the last minute.\n{1}", name,
            lines);
    return text;
}

}  // namespace

json last_minute(const std::vector<FlipRecord>& flips,
                 std::int64_t now_ns,
                 std::chrono::nanoseconds period) {
    const auto first = std::ranges::find_if(
        flips, [now_ns](const FlipRecord& flip) { return flip.sampled_ns >= now_ns - minute_ns; });
    json minute{{"figures", json::array()}, {"counts", json::object()}};
    judge_flips(flips, {}, now_ns - minute_ns, now_ns, period.count(), minute);
    for (json& figure : minute["figures"]) {
        figure.erase("histogram");
        figure.erase("meaning");
    }
    minute["flips"] = minute["counts"]["shown"];
    minute["missed"] = minute["counts"]["missed"];
    minute["seconds"] =
        first == flips.end() ? 0.0 : static_cast<double>(now_ns - first->sampled_ns) / 1e9;
    minute.erase("counts");
    return minute;
}

std::string openmetrics_text(const json& status) {
    const auto outputs = lit_outputs(status);
    // A gauge and not an info: node_exporter knows only what Prometheus' older format has.
    std::string text =
        fmt::format("# TYPE scanthru_build_info gauge\nscanthru_build_info{{version=\"{}\"}} 1\n",
                    label(status["scanthru"].get<std::string>()));
    text += "# TYPE scanthru_output_lit gauge\n";
    for (const json& output : status["outputs"])
        text += fmt::format("scanthru_output_lit{{{}}} {}\n", output_label(output),
                            output["lit"].get<bool>() ? 1 : 0);
    text += "# TYPE scanthru_guest_attached gauge\n";
    for (const json& guest : status["guests"])
        text += fmt::format("scanthru_guest_attached{{guest=\"{}\"}} {}\n",
                            label(guest["name"].get<std::string>()),
                            guest["state"] == "attached" ? 1 : 0);
    return text + counters_text(outputs) + summaries_text(outputs) + "# EOF\n";
}

}  // namespace scanthru
