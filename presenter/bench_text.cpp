// SPDX-License-Identifier: MIT
#include "presenter/bench.h"
#include "presenter/bench_figures.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace scanthru {
namespace {

using nlohmann::json;

std::string vblank_line(const json& vblank) {
    if (!vblank.is_object()) return {};
    return fmt::format("vblanks  every {:.4f} ms, expected {:.4f}; 3 sigma {:.3f} %, the worst "
                       "{:.3f} % off: {} by "
                       "IGT's criteria\n",
                       vblank["mean_ms"].get<double>(), vblank["expected_ms"].get<double>(),
                       vblank["three_sigma_percent"].get<double>(),
                       vblank["worst_percent"].get<double>(),
                       vblank["healthy"].get<bool>() ? "healthy" : "NOT healthy");
}

std::string title(const json& report) {
    const json& mode = report["mode"];
    const json& settings = report["settings"];
    std::string text = fmt::format(
        "scanthru bench {}{}\n\nhost     Linux {}, {} ({}), {} {}x{} at {:.3f} Hz, {}\n",
        report["kind"].get<std::string>(),
        report["complete"].get<bool>() ? "" : " (incomplete: interrupted, or ended by a fault)",
        report["kernel"].get<std::string>(), report["driver"].get<std::string>(),
        report["card"].get<std::string>(), report["output"].get<std::string>(),
        mode["width"].get<unsigned>(), mode["height"].get<unsigned>(),
        mode["refresh_mhz"].get<double>() / 1000, settings["scheduling"].get<std::string>());
    if (report["guest"].is_null()) return text + vblank_line(report["vblank"]);
    const json& guest = report["guest"];
    text += fmt::format(
        "guest    {}{}\nhow      sampled {}, imported {}, presented {}, d {}\nwindow   {:.3f} s, "
        "{} "
        "whole beats of the two clocks\n",
        guest["source"].get<std::string>(),
        guest["log"].get<bool>()
            ? fmt::format(" at {:.3f} Hz, by its own log", guest["hz"].get<double>())
            : ", which logs no flips: bounds only",
        settings["sample"].get<std::string>(), settings["import"].get<std::string>(),
        settings["present"].get<std::string>(),
        settings["margin_us"].is_null() ? "learnt" : "fixed",
        report["window"]["seconds"].get<double>(), report["window"]["beats"].get<double>());
    return text;
}

std::string figure_line(const json& figure) {
    const std::string name = fmt::format("{} ({})", figure["name"].get<std::string>(),
                                         figure["unit"].get<std::string>());
    if (figure["n"].get<std::size_t>() == 0) return fmt::format("{:<24}{:>8}\n", name, 0);
    std::string line = fmt::format("{:<24}{:>8}", name, figure["n"].get<std::size_t>());
    for (const char* const key : {"min", "mean", "p50", "p90", "p99", "p999", "max"})
        line += fmt::format("{:>10.3f}", figure[key].get<double>());
    return line + "\n";
}

}  // namespace

std::string bench_text(const json& report) {
    std::string text = title(report);
    text += fmt::format("\n{:<24}{:>8}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "", "n", "min",
                        "mean", "p50", "p90", "p99", "p99.9", "max");
    for (const json& figure : report["figures"])
        text += figure_line(figure);
    text += "\n";
    for (const auto& [name, count] : report["counts"].items())
        text += fmt::format("{:<24}{:>8}\n", name, count.dump());
    if (const json& cost = report["per_frame"]; cost.is_object())
        for (const auto& [name, value] : cost.items())
            text += fmt::format("{:<24}{:>8}\n", name + "/frame",
                                value.is_null() ? "-" : fmt::format("{:.2f}", value.get<double>()));
    if (const json& expected = report["expected"]; expected.is_object()) {
        const json* const measured = find_figure(report, "flip_to_scanout");
        const double mean = expected["flip_to_scanout_mean_ms"].get<double>();
        text += fmt::format("\nexpected mean of flip_to_scanout: d + m/2 = {:.3f} ms", mean);
        if (measured != nullptr && measured->contains("mean"))
            text +=
                fmt::format("; measured {:.3f} ms, {:+.2f} %", (*measured)["mean"].get<double>(),
                            100 * ((*measured)["mean"].get<double>() / mean - 1));
        text += "\n";
    }
    return text;
}

std::string disagreements(const json& a, const json& b, double percent) {
    std::string text;
    for (const auto& [one, other] : {std::pair{&a, &b}, std::pair{&b, &a}})
        for (const json& figure : (*one)["figures"])
            if (find_figure(*other, figure["name"].get<std::string>()) == nullptr)
                text +=
                    fmt::format("{}: only one report has it\n", figure["name"].get<std::string>());
    for (const json& figure : a["figures"]) {
        const auto name = figure["name"].get<std::string>();
        const json* const other = find_figure(b, name);
        if (other == nullptr) continue;
        const double microsecond = figure["unit"] == "ms" ? 1e-3 : 1;
        for (const char* const key : {"mean", "p99"}) {
            const double x = figure.value(key, 0.0);
            const double y = other->value(key, 0.0);
            if (std::abs(x - y) > std::max(percent / 100 * std::max(x, y), microsecond))
                text += fmt::format("{} {}: {:.3f} and {:.3f} {}\n", name, key, x, y,
                                    figure["unit"].get<std::string>());
        }
    }
    return text;
}

std::string compare_text(const json& a, const json& b) {
    std::string text;
    for (const auto& [name, value] : a["settings"].items())
        if (b["settings"].contains(name) && b["settings"][name] != value)
            text +=
                fmt::format("{:<24}{:>12}{:>12}\n", name, value.dump(), b["settings"][name].dump());
    text += fmt::format("{:<24}{:>12}{:>12}{:>10}{:>12}{:>12}{:>10}\n", "", "mean A", "mean B",
                        "B/A", "p99 A", "p99 B", "B/A");
    for (const json& figure : a["figures"]) {
        const json* const other = find_figure(b, figure["name"].get<std::string>());
        if (other == nullptr || !figure.contains("mean") || !other->contains("mean")) continue;
        text += fmt::format("{:<24}", fmt::format("{} ({})", figure["name"].get<std::string>(),
                                                  figure["unit"].get<std::string>()));
        for (const char* const key : {"mean", "p99"}) {
            const auto x = figure[key].get<double>();
            const auto y = (*other)[key].get<double>();
            text += fmt::format("{:>12.3f}{:>12.3f}{:>10}", x, y,
                                x > 0 ? fmt::format("{:.3f}", y / x) : "-");
        }
        text += "\n";
    }
    for (const auto& [name, count] : a["counts"].items())
        if (b["counts"].contains(name))
            text +=
                fmt::format("{:<24}{:>12}{:>12}\n", name, count.dump(), b["counts"][name].dump());
    if (a["per_frame"].is_object() && b["per_frame"].is_object())
        for (const auto& [name, value] : a["per_frame"].items())
            if (value.is_number() && b["per_frame"][name].is_number())
                text += fmt::format("{:<24}{:>12.3f}{:>12.3f}{:>10.3f}\n", name + "/frame",
                                    value.get<double>(), b["per_frame"][name].get<double>(),
                                    b["per_frame"][name].get<double>() /
                                        std::max(value.get<double>(), 1e-9));
    return text;
}

}  // namespace scanthru
