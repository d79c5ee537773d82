// SPDX-License-Identifier: MIT
#include "presenter/bench_charts.h"

#include <algorithm>
#include <fmt/format.h>

namespace scanthru {
namespace {

using nlohmann::json;

// Units of the drawing; it is stretched to the width of the page, its words are not in it.
constexpr double chart_width = 1000;
constexpr double chart_height = 100;

std::string open_chart(const std::string& label) {
    return fmt::format(
        R"(<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">)",
        chart_width, chart_height, escape_html(label));
}

/// Closes the chart, with words below its ends and between them.
std::string
close_chart(const std::string& left, const std::string& middle, const std::string& right) {
    return fmt::format("</svg><div class=\"axis\"><span>{}</span><span>{}</span><span>{}</span>"
                       "</div>\n",
                       left, middle, right);
}

std::string vertical(double x, const char* kind) {
    return fmt::format(R"(<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="0" y2="{}"/>)", kind, x, x,
                       chart_height);
}

std::string horizontal(double y, const char* kind) {
    return fmt::format(R"(<line class="{}" x1="0" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)", kind,
                       chart_width, y, y);
}

}  // namespace

std::string escape_html(const std::string& text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
        case '&': safe += "&amp;"; break;
        case '<': safe += "&lt;"; break;
        case '>': safe += "&gt;"; break;
        case '"': safe += "&quot;"; break;
        default: safe += c;
        }
    }
    return safe;
}

std::string distribution_chart(const json& figure) {
    const json& histogram = figure["histogram"];
    const auto counts = histogram["counts"].get<std::vector<std::uint64_t>>();
    const auto from = histogram["from"].get<double>();
    const auto width = histogram["width"].get<double>();
    const double most = static_cast<double>(std::max<std::uint64_t>(std::ranges::max(counts), 1));
    const double step = chart_width / static_cast<double>(counts.size());
    std::string svg = open_chart("distribution of " + figure["name"].get<std::string>());
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        const double height = std::max(static_cast<double>(counts[i]) / most * chart_height, 1.0);
        svg +=
            fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)",
                        step * static_cast<double>(i), chart_height - height, step * 0.85, height);
    }
    const auto place = [&](const char* key) {
        return std::min((figure[key].get<double>() - from) / width * step, chart_width);
    };
    svg += vertical(place("p50"), "p50") + vertical(place("p99"), "p99");
    const auto unit = figure["unit"].get<std::string>();
    const double end = from + width * static_cast<double>(counts.size());
    const bool cut = figure["max"].get<double>() > end + width / 2;
    return svg +
           close_chart(fmt::format("{:.3f} {}", from, unit),
                       fmt::format("<i class=\"p50\"></i> p50 {:.3f} <i class=\"p99\"></i> p99 "
                                   "{:.3f}",
                                   figure["p50"].get<double>(), figure["p99"].get<double>()),
                       cut ? fmt::format("&ge; {:.3f} {}, max {:.3f}", end - width, unit,
                                         figure["max"].get<double>())
                           : fmt::format("{:.3f} {}", figure["max"].get<double>(), unit));
}

std::string time_chart(const json& points, const json& expected) {
    double last = 1e-9;
    double most = 1e-9;
    for (const json& point : points) {
        last = std::max(last, point[0].get<double>());
        most = std::max(most, point[1].get<double>());
    }
    const auto height_of = [most](double ms) {
        return chart_height * (1 - ms / (most * 1.05));
    };
    std::string svg = open_chart("flip to scanout over time");
    std::string lines;
    if (expected.is_object()) {
        const auto least = expected["margin_ms"].get<double>();
        const auto longest = expected["flip_to_scanout_max_ms"].get<double>();
        svg += horizontal(height_of(least), "p50") + horizontal(height_of(longest), "p99");
        lines =
            fmt::format(R"(<i class="p50"></i> d {:.3f} ms <i class="p99"></i> d + m {:.3f} ms)",
                        least, longest);
    }
    svg += "<path d=\"";
    // More dots than the chart is wide say nothing more.
    const std::size_t stride = points.size() / 2000 + 1;
    for (std::size_t i = 0; i < points.size(); i += stride)
        svg += fmt::format("M{:.1f} {:.1f}h0", points[i][0].get<double>() / last * chart_width,
                           height_of(points[i][1].get<double>()));
    svg += "\"/>";
    return svg + close_chart("0 s, from 0 ms", lines,
                             fmt::format("{:.1f} s, up to {:.3f} ms", last, most));
}

}  // namespace scanthru
