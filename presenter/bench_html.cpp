// SPDX-License-Identifier: MIT
#include "presenter/bench.h"

#include <algorithm>
#include <fmt/format.h>

namespace scanthru {
namespace {

using nlohmann::json;

constexpr const char* style = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --dim: #57606a; --line: #d0d7de; --bar: #0b69c7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --dim: #9198a1; --line: #3d444d; --bar: #58a6ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--paper); color: var(--ink);
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
p { max-width: 45rem; } .dim { color: var(--dim); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
svg { width: 100%; height: auto; display: block; }
svg rect, svg circle { fill: var(--bar); } svg text { fill: var(--dim); font: 14px system-ui, sans-serif; }
svg line { stroke: var(--line); }
@media print { :root { --ink: #000; --paper: #fff; --dim: #444; --line: #bbb; --bar: #333; } section { break-inside: avoid; } }
)";

std::string escape(const std::string& text) {
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

std::string words(const json& value) {
    return escape(value.is_string() ? value.get<std::string>() : value.dump());
}

constexpr double chart_width = 640;
constexpr double chart_height = 160;

std::string axis(const std::string& left, const std::string& right) {
    return fmt::format(
        "<line x1=\"0\" y1=\"{0}\" x2=\"{1}\" y2=\"{0}\"/><text x=\"0\" y=\"{2}\">{3}"
        "</text><text x=\"{1}\" y=\"{2}\" text-anchor=\"end\">{4}</text></svg>\n",
        chart_height, chart_width, chart_height + 18, left, right);
}

std::string open_chart(const std::string& label) {
    return fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", chart_width,
                       chart_height + 24, escape(label));
}

std::string distribution(const json& figure) {
    const json& histogram = figure["histogram"];
    const auto& counts = histogram["counts"];
    std::uint64_t most = 1;
    for (const json& count : counts)
        most = std::max(most, count.get<std::uint64_t>());
    const double step = chart_width / static_cast<double>(counts.size());
    const auto name = figure["name"].get<std::string>();
    std::string svg = open_chart("distribution of " + name);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const double share = counts[i].get<double>() / static_cast<double>(most);
        if (share == 0) continue;
        const double height = std::max(share * chart_height, 1.0);
        svg +=
            fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)",
                        step * static_cast<double>(i), chart_height - height, step * 0.85, height);
    }
    const auto unit = figure["unit"].get<std::string>();
    return svg + axis(fmt::format("{:.3f} {}", figure["min"].get<double>(), unit),
                      fmt::format("{:.3f} {}", figure["max"].get<double>(), unit));
}

std::string time_line(const json& points) {
    double last = 1e-9;
    double most = 1e-9;
    for (const json& point : points) {
        last = std::max(last, point[0].get<double>());
        most = std::max(most, point[1].get<double>());
    }
    std::string svg = open_chart("flip to scanout over time");
    // More dots than the chart is wide say nothing more.
    const std::size_t stride = points.size() / 2000 + 1;
    for (std::size_t i = 0; i < points.size(); i += stride)
        svg += fmt::format(R"(<circle r="1.5" cx="{:.1f}" cy="{:.1f}"/>)",
                           points[i][0].get<double>() / last * chart_width,
                           chart_height * (1 - points[i][1].get<double>() / most));
    return svg + axis("0 s, 0 ms", fmt::format("{:.1f} s, up to {:.3f} ms", last, most));
}

std::string figures_table(const json& figures) {
    std::string html = "<div class=\"wide\"><table><tr><th></th><th>n</th><th>min</th><th>mean</th>"
                       "<th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th></tr>\n";
    for (const json& figure : figures) {
        html += fmt::format("<tr><td>{} ({})</td><td>{}</td>", words(figure["name"]),
                            words(figure["unit"]), figure["n"].get<std::size_t>());
        for (const char* const key : {"min", "mean", "p50", "p90", "p99", "p999", "max"})
            html += figure.contains(key) ? fmt::format("<td>{:.3f}</td>", figure[key].get<double>())
                                         : "<td>-</td>";
        html += "</tr>\n";
    }
    return html + "</table></div>\n";
}

std::string plain_table(const json& object) {
    std::string html = "<div class=\"wide\"><table>\n";
    for (const auto& [name, value] : object.items())
        html += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escape(name), words(value));
    return html + "</table></div>\n";
}

std::string explanation(const json& report) {
    if (report["kind"] == "flip")
        return "<p>Two pictures of the host took turns on the screen, without any guest. "
               "<b>commit</b> is what handing a picture to the kernel takes; <b>page_flip</b> the "
               "time until the screen begins to show it; <b>event_delay</b> how much later this "
               "program hears of it; <b>smallest_margin_us</b> how late before a refresh a picture "
               "could be handed in without ever missing it.</p>\n";
    std::string html =
        "<p>A guest draws pictures at its own rate; the screen takes one at each refresh. scanthru "
        "asks the guest once per refresh, a time <i>d</i> before it. <b>flip_to_scanout</b> is the "
        "age a picture has when the screen begins to show it: if the two clocks know nothing of "
        "each "
        "other it lies evenly between <i>d</i> and <i>d + m</i>, where <i>m</i> is the shorter of "
        "the two frame times, and is <i>d + m/2</i> on average. Nobody can do better than that by "
        "asking once per refresh, only make <i>d</i> smaller.</p>\n";
    if (const json& expected = report["expected"]; expected.is_object())
        html += fmt::format(
            "<p>With <i>d</i> = {:.3f} ms the expected mean is <b>{:.3f} ms</b>.</p>\n",
            expected["margin_ms"].get<double>(), expected["flip_to_scanout_mean_ms"].get<double>());
    return html;
}

}  // namespace

std::string bench_html(const json& report) {
    const json& mode = report["mode"];
    const std::string title =
        fmt::format("scanthru bench {}: {} {}x{} at {:.3f} Hz", report["kind"].get<std::string>(),
                    report["output"].get<std::string>(), mode["width"].get<unsigned>(),
                    mode["height"].get<unsigned>(), mode["refresh_mhz"].get<double>() / 1000);
    std::string html =
        fmt::format("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<title>{0}</title><style>{1}</style></head><body>\n<h1>{0}</h1>\n"
                    "<p class=\"dim\">Linux {2}, {3}{4}</p>\n",
                    escape(title), style, words(report["kernel"]), words(report["driver"]),
                    report["complete"].get<bool>() ? "" : ". Interrupted: shorter than wished");
    html += explanation(report) + figures_table(report["figures"]);
    if (!report["timeline"].empty())
        html += "<section><h2>flip_to_scanout over time</h2><p class=\"dim\">The slope is the beat "
                "of the two clocks.</p>" +
                time_line(report["timeline"]) + "</section>\n";
    for (const json& figure : report["figures"])
        if (figure.contains("histogram"))
            html += fmt::format("<section><h2>{}</h2><p class=\"dim\">{}; mean {:.3f} {}</p>{}"
                                "</section>\n",
                                words(figure["name"]), words(figure["meaning"]),
                                figure["mean"].get<double>(), words(figure["unit"]),
                                distribution(figure));
    html += "<section><h2>counts</h2>" + plain_table(report["counts"]) + "</section>\n";
    if (report["per_frame"].is_object())
        html += "<section><h2>per vblank asked for</h2>" + plain_table(report["per_frame"]) +
                "</section>\n";
    html += "<section><h2>settings</h2>" + plain_table(report["settings"]) + "</section>\n";
    return html + "</body></html>\n";
}

}  // namespace scanthru
