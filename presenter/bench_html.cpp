// SPDX-License-Identifier: MIT
#include "presenter/bench.h"
#include "presenter/bench_charts.h"
#include "presenter/bench_figures.h"

#include <fmt/format.h>

namespace scanthru {
namespace {

using nlohmann::json;

constexpr const char* style = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --dim: #57606a; --line: #d0d7de; --bar: #0b69c7;
        --p50: #1a7f37; --p99: #cf222e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --dim: #9198a1; --line: #3d444d; --bar: #58a6ff; --p50: #3fb950; --p99: #ff7b72; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--paper); color: var(--ink);
       font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
p { max-width: 45rem; } .dim { color: var(--dim); margin: .25rem 0; }
.key { display: flex; flex-wrap: wrap; gap: .5rem 2rem; padding: 0; margin: 1rem 0; list-style: none; }
.key b { display: block; font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 0 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: var(--paper); }
svg { width: 100%; height: 10rem; display: block; border-bottom: 1px solid var(--line); }
svg rect { fill: var(--bar); }
svg path { stroke: var(--bar); stroke-width: 3px; stroke-linecap: round; fill: none; vector-effect: non-scaling-stroke; }
svg line { stroke-width: 1.5px; stroke-dasharray: 5 3; vector-effect: non-scaling-stroke; }
line.p50 { stroke: var(--p50); } line.p99 { stroke: var(--p99); }
i.p50, i.p99 { display: inline-block; width: 1.2em; vertical-align: middle; border-top: 2px dashed var(--p50); }
i.p99 { border-color: var(--p99); }
.axis { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; color: var(--dim); font-size: .875rem; }
.axis span:nth-child(2) { order: 1; flex-basis: 100%; }
@media print {
  :root { --ink: #000; --paper: #fff; --dim: #444; --line: #bbb; --bar: #333; --p50: #000; --p99: #000; }
  body { font-size: 10pt; max-width: none; padding: 0; } table { font-size: 8.5pt; } .wide { overflow: visible; }
  th, td { padding: .1rem .35rem; } svg { height: 7rem; } section { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

std::string words(const json& value) {
    if (value.is_null()) return "not known";
    return escape_html(value.is_string() ? value.get<std::string>() : value.dump());
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
        html += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escape_html(name), words(value));
    return html + "</table></div>\n";
}

std::string key_value(const std::string& what, const std::string& value) {
    return fmt::format("<li><b>{}</b>{}</li>\n", value, what);
}

/// What most readers came for.
std::string key_figures(const json& report) {
    std::string html = "<ul class=\"key\">\n";
    const auto add = [&](const char* name, const char* what) {
        if (const json* const figure = find_figure(report, name);
            figure != nullptr && figure->contains("mean"))
            html += key_value(what, fmt::format("{:.3f} {}", (*figure)["mean"].get<double>(),
                                                words((*figure)["unit"])));
    };
    add("flip_to_scanout", "flip to scanout, on average");
    add("page_flip", "commit to flip, on average");
    add("commit", "in the commit, on average");
    const json& counts = report["counts"];
    if (counts.contains("missed") && counts.contains("shown"))
        html += key_value("deadlines missed",
                          words(counts["missed"]) + " of " + words(counts["shown"]));
    if (counts.contains("smallest_margin_us"))
        html += key_value("before a refresh is early enough",
                          fmt::format("{:.0f} us", counts["smallest_margin_us"].get<double>()));
    return html + "</ul>\n";
}

std::string explain_flip(const json& report) {
    std::string html =
        "<p>Two pictures of the host took turns on the screen, without any guest. "
        "<b>commit</b> is what handing a picture to the kernel takes; <b>page_flip</b> the time "
        "until the screen begins to show it; <b>event_delay</b> how much later this program hears "
        "of it; <b>smallest_margin_us</b> how late before a refresh a picture could be handed in "
        "without ever missing it. The costs are processor time of a commit that waits for its "
        "flip.</p>\n";
    if (const json& vblank = report["vblank"]; vblank.is_object())
        html += fmt::format(
            "<p>A refresh came every {:.4f} ms, where {:.4f} ms were expected; three standard "
            "deviations are {:.3f} % of that, the worst interval is {:.3f} % off. By the criteria "
            "of the kernel's own tests (IGT: both below 0.5 %) the display is <b>{}</b>.</p>\n",
            vblank["mean_ms"].get<double>(), vblank["expected_ms"].get<double>(),
            vblank["three_sigma_percent"].get<double>(), vblank["worst_percent"].get<double>(),
            vblank["healthy"].get<bool>() ? "healthy" : "not healthy");
    return html;
}

std::string explain_guest(const json& report) {
    std::string html =
        "<p>A guest draws pictures at its own rate; the screen takes one at each refresh. scanthru "
        "asks the guest once per refresh, a time <i>d</i> before it. <b>flip_to_scanout</b> is the "
        "age a picture has when the screen begins to show it: if the two clocks know nothing of "
        "each other it lies evenly between <i>d</i> and <i>d + m</i>, where <i>m</i> is the "
        "shorter of the two frame times, and is <i>d + m/2</i> on average. Nobody can do better "
        "than that "
        "by asking once per refresh, only make <i>d</i> smaller.</p>\n";
    if (const json& guest = report["guest"]; guest.is_object() && !guest["log"].get<bool>())
        html += "<p>This guest's device does not log its flips: when it flipped is not known, and "
                "<b>sample_to_scanout</b> is the least age a picture can have had.</p>\n";
    if (const json& expected = report["expected"]; expected.is_object())
        html += fmt::format(
            "<p>With <i>d</i> = {:.3f} ms the expected mean is <b>{:.3f} ms</b>.</p>\n",
            expected["margin_ms"].get<double>(), expected["flip_to_scanout_mean_ms"].get<double>());
    return html;
}

std::string guest_line(const json& report) {
    const json& guest = report["guest"];
    const json& window = report["window"];
    if (!guest.is_object() || !window.is_object()) return {};
    const auto hz = guest["hz"].get<double>();
    return fmt::format("<p class=\"dim\">Guest {}{}; measured for {:.3f} s; whole beats of the two "
                       "clocks: {}</p>\n",
                       words(guest["source"]), hz > 0 ? fmt::format(" at {:.3f} Hz", hz) : "",
                       window["seconds"].get<double>(), window["beats"].get<double>());
}

std::string charts(const json& report) {
    std::string html;
    if (!report["timeline"].empty())
        html += "<section><h2>flip_to_scanout over time</h2><p class=\"dim\">The slope is the beat "
                "of the two clocks.</p>" +
                time_chart(report["timeline"], report["expected"]) + "</section>\n";
    for (const json& figure : report["figures"])
        if (figure.contains("histogram"))
            html += fmt::format(
                "<section><h2>{}</h2><p class=\"dim\">{}; mean {:.3f} {}, {} samples</p>{}"
                "</section>\n",
                words(figure["name"]), words(figure["meaning"]), figure["mean"].get<double>(),
                words(figure["unit"]), figure["n"].get<std::size_t>(), distribution_chart(figure));
    return html;
}

}  // namespace

std::string bench_html(const json& report) {
    const json& mode = report["mode"];
    const bool flip = report["kind"] == "flip";
    const std::string title =
        fmt::format("scanthru bench {}: {} {}x{} at {:.3f} Hz", report["kind"].get<std::string>(),
                    report["output"].get<std::string>(), mode["width"].get<unsigned>(),
                    mode["height"].get<unsigned>(), mode["refresh_mhz"].get<double>() / 1000);
    std::string html = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>{0}</title><style>{1}</style></head><body>\n<h1>{0}</h1>\n"
        "<p class=\"dim\">Linux {2}, {3}, {4}{5}</p>\n",
        escape_html(title), style, words(report["kernel"]), words(report["driver"]),
        words(report["settings"]["scheduling"]),
        report["complete"].get<bool>() ? "" : ". Incomplete: interrupted, or ended by a fault");
    html += guest_line(report) + key_figures(report);
    html += flip ? explain_flip(report) : explain_guest(report);
    html += figures_table(report["figures"]) + charts(report) + "<div class=\"columns\">\n";
    html += "<section><h2>counts</h2>" + plain_table(report["counts"]) + "</section>\n";
    if (report["per_frame"].is_object())
        html += "<section><h2>per vblank asked for</h2>" + plain_table(report["per_frame"]) +
                "</section>\n";
    html += "<section><h2>settings</h2>" + plain_table(report["settings"]) + "</section>\n";
    return html + "</div></body></html>\n";
}

}  // namespace scanthru
