// SPDX-License-Identifier: MIT
#include "presenter/bench_figures.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

namespace scanthru {
namespace {

using nlohmann::json;

constexpr std::size_t bins = 48;

double milliseconds(std::int64_t ns) {
    return static_cast<double>(ns) / 1e6;
}

double microseconds(std::int64_t ns) {
    return static_cast<double>(ns) / 1e3;
}

/// The next number of `text`, which is taken from it; nothing at a line's wrong end.
bool take_number(std::string_view& text, std::int64_t& number) {
    const std::size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) return false;
    text.remove_prefix(begin);
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    return error == std::errc{};
}

/// From the least to p99.9, so that one far away does not hide the others; the last class has all
/// that is longer.
json histogram(const std::vector<double>& sorted, double p999) {
    const double from = sorted.front();
    const bool far = sorted.back() - from > 2 * (p999 - from) && p999 > from;
    const double width = std::max(((far ? p999 : sorted.back()) - from) / bins, 1e-6);
    std::vector<std::uint64_t> counts(bins);
    for (const double sample : sorted)
        ++counts.at(std::min(static_cast<std::size_t>((sample - from) / width), bins - 1));
    return {{"from", from}, {"width", width}, {"counts", counts}};
}

/// What our side alone tells, of the flips aimed at a vblank within the window.
struct OwnSide {
    std::vector<double> late, prepared, returned, page_flip, margin, sampled;
    std::uint64_t shown = 0;
    std::uint64_t missed = 0;
};

OwnSide own_side(const std::vector<FlipRecord>& ours,
                 std::int64_t begin_ns,
                 std::int64_t end_ns,
                 std::int64_t period_ns) {
    OwnSide own;
    for (const FlipRecord& flip : ours) {
        if (flip.sampled_ns < begin_ns || flip.sampled_ns >= end_ns) continue;
        ++own.shown;
        own.missed += flip.shown_ns > flip.aimed_ns + period_ns / 2 ? 1 : 0;
        own.late.push_back(microseconds(flip.sampled_ns - flip.asked_ns));
        own.prepared.push_back(microseconds(flip.entered_ns - flip.sampled_ns));
        own.page_flip.push_back(milliseconds(flip.shown_ns - flip.entered_ns));
        own.returned.push_back(microseconds(flip.returned_ns - flip.shown_ns));
        own.margin.push_back(microseconds(flip.aimed_ns - flip.asked_ns));
        own.sampled.push_back(milliseconds(flip.shown_ns - flip.sampled_ns));
    }
    return own;
}

void add_own_side(OwnSide own, json& report) {
    json& figures = report["figures"];
    report["counts"]["shown"] = own.shown;
    report["counts"]["missed"] = own.missed;
    figures.push_back(make_figure("sample_to_scanout", "ms",
                                  "from our question to the vblank that showed the answer",
                                  std::move(own.sampled)));
    figures.push_back(make_figure("margin", "us", "d: how long before the vblank we meant to ask",
                                  std::move(own.margin)));
    figures.push_back(make_figure("wake_lateness", "us",
                                  "from the timer asked for to our code running",
                                  std::move(own.late)));
    figures.push_back(make_figure("query_to_commit", "us",
                                  "from there to the commit entering the kernel",
                                  std::move(own.prepared)));
    figures.push_back(make_figure("page_flip", "ms", "from the commit to the flip's timestamp",
                                  std::move(own.page_flip)));
    figures.push_back(make_figure("return_after_vblank", "us",
                                  "from the flip's timestamp to our code going on",
                                  std::move(own.returned)));
}

/// A buffer gets its id when it is first asked for, after the log's line about its first flip.
/// Nothing where ids are used again for other buffers, or hardly known because nobody keeps the
/// buffers open.
std::optional<std::map<std::uint32_t, std::uint32_t>>
ids_by_buffer(const std::vector<GuestFlip>& guests) {
    std::map<std::uint32_t, std::uint32_t> ids;
    std::map<std::uint32_t, std::uint32_t> buffers;
    std::size_t unknown = 0;
    for (const GuestFlip& flip : guests) {
        ids.try_emplace(flip.buffer, 0);
        if (flip.id == 0) {
            ++unknown;
            continue;
        }
        std::uint32_t& id = ids[flip.buffer];
        if ((id != 0 && id != flip.id) ||
            buffers.try_emplace(flip.id, flip.buffer).first->second != flip.buffer)
            return std::nullopt;
        id = flip.id;
    }
    if (unknown > guests.size() / 2) return std::nullopt;
    return ids;
}

/// By what was newest when the guest was asked; it may have flipped until it answered.
std::vector<ShownFlip> match_by_time(const std::vector<FlipRecord>& ours,
                                     const std::vector<GuestFlip>& guests) {
    std::vector<ShownFlip> matched;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const auto later = std::ranges::upper_bound(guests, ours[i].sampled_ns, {}, &GuestFlip::ns);
        if (ours[i].primary_id == 0 || later == guests.begin()) continue;
        const auto newest = static_cast<std::size_t>(later - guests.begin()) - 1;
        if (!matched.empty() && matched.back().guests >= newest) continue;
        matched.push_back({.ours = i, .guests = newest});
    }
    return matched;
}

}  // namespace

void append_guest_flips(std::string_view text, std::vector<GuestFlip>& flips) {
    while (true) {
        std::int64_t number = 0;
        std::int64_t buffer = 0;
        std::int64_t id = 0;
        std::int64_t ignored = 0;
        std::int64_t ns = 0;
        if (!take_number(text, number) || !take_number(text, buffer) || !take_number(text, id) ||
            !take_number(text, ignored) || !take_number(text, ignored) || !take_number(text, ns))
            return;
        if (flips.empty() || ns > flips.back().ns)
            flips.push_back({.ns = ns,
                             .buffer = static_cast<std::uint32_t>(buffer),
                             .id = static_cast<std::uint32_t>(id)});
    }
}

std::vector<ShownFlip> match_flips(const std::vector<FlipRecord>& ours,
                                   const std::vector<GuestFlip>& guests) {
    const auto ids = ids_by_buffer(guests);
    if (!ids) return match_by_time(ours, guests);
    std::vector<ShownFlip> matched;
    std::size_t next = 0;
    std::map<std::uint32_t, std::size_t> newest;  // By id: the newest flip to it so far.
    for (std::size_t i = 0; i < ours.size(); ++i) {
        for (; next < guests.size() && guests[next].ns <= ours[i].entered_ns; ++next)
            newest[ids->at(guests[next].buffer)] = next;
        const auto found = newest.find(ours[i].primary_id);
        if (ours[i].primary_id == 0 || found == newest.end()) continue;
        if (!matched.empty() && matched.back().guests >= found->second) continue;
        matched.push_back({.ours = i, .guests = found->second});
    }
    return matched;
}

double beat_seconds(double guest_hz, double host_hz, double most) {
    double longest = 0;
    for (int q = 1; q <= 4; ++q) {
        const double apart = std::abs(q * guest_hz - std::round(q * guest_hz / host_hz) * host_hz);
        if (apart > 0 && 1 / apart <= most) longest = std::max(longest, 1 / apart);
    }
    return longest;
}

json make_figure(std::string_view name,
                 std::string_view unit,
                 std::string_view meaning,
                 std::vector<double> samples) {
    json figure{{"name", name}, {"unit", unit}, {"meaning", meaning}, {"n", samples.size()}};
    if (samples.empty()) return figure;
    std::ranges::sort(samples);
    // The smallest sample with at least this part of all samples at or below it.
    const auto at = [&samples](double part) {
        const auto rank =
            static_cast<std::size_t>(std::ceil(part * static_cast<double>(samples.size())));
        return samples[std::max<std::size_t>(rank, 1) - 1];
    };
    figure["min"] = samples.front();
    figure["mean"] =
        std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
    figure["p50"] = at(0.5);
    figure["p90"] = at(0.9);
    figure["p99"] = at(0.99);
    figure["p999"] = at(0.999);
    figure["max"] = samples.back();
    figure["histogram"] = histogram(samples, at(0.999));
    return figure;
}

const json* find_figure(const json& report, std::string_view name) {
    for (const json& figure : report["figures"])
        if (figure["name"] == name) return &figure;
    return nullptr;
}

json judge_vblanks(const std::vector<double>& intervals_ms, double expected_ms) {
    if (intervals_ms.empty()) return nullptr;
    const auto n = static_cast<double>(intervals_ms.size());
    const double mean = std::accumulate(intervals_ms.begin(), intervals_ms.end(), 0.0) / n;
    double squares = 0;
    double worst = 0;
    for (const double interval : intervals_ms) {
        squares += (interval - mean) * (interval - mean);
        worst = std::max(worst, std::abs(interval - expected_ms));
    }
    const double three_sigma_percent = 300 * std::sqrt(squares / n) / mean;
    const double worst_percent = 100 * worst / expected_ms;
    constexpr double igt_percent = 0.5;
    return {{"expected_ms", expected_ms},
            {"mean_ms", mean},
            {"three_sigma_percent", three_sigma_percent},
            {"worst_percent", worst_percent},
            {"healthy", three_sigma_percent < igt_percent && worst_percent <= igt_percent}};
}

namespace {

/// What the guest's log and ours say of each other.
struct BothSides {
    std::uint64_t flips = 0;
    std::vector<double> to_scanout;
    std::vector<double> age;
    std::vector<double> exposure;
    std::vector<double> animation;
    json timeline = json::array();
};

BothSides both_sides(const std::vector<FlipRecord>& ours,
                     const std::vector<GuestFlip>& guests,
                     std::int64_t begin_ns,
                     std::int64_t end_ns) {
    BothSides both;
    const auto within = [&](const GuestFlip& flip) {
        return flip.ns >= begin_ns && flip.ns < end_ns;
    };
    both.flips = static_cast<std::uint64_t>(std::ranges::count_if(guests, within));
    const auto matched = match_flips(ours, guests);
    for (std::size_t i = 0; i < matched.size(); ++i) {
        const FlipRecord& our = ours[matched[i].ours];
        const GuestFlip& guest = guests[matched[i].guests];
        if (!within(guest)) continue;
        const double latency = milliseconds(our.shown_ns - guest.ns);
        both.to_scanout.push_back(latency);
        both.age.push_back(milliseconds(our.sampled_ns - guest.ns));
        both.timeline.push_back({milliseconds(guest.ns - begin_ns) / 1000, latency});
        if (i + 1 == matched.size()) continue;
        const FlipRecord& our_next = ours[matched[i + 1].ours];
        // The guest leaves the buffer with its next flip, we do with ours.
        const std::int64_t left = guests[matched[i].guests + 1].ns;
        both.exposure.push_back(milliseconds(std::max<std::int64_t>(our_next.shown_ns - left, 0)));
        const std::int64_t guest_step = guests[matched[i + 1].guests].ns - guest.ns;
        both.animation.push_back(
            std::abs(milliseconds(guest_step - (our_next.shown_ns - our.shown_ns))));
    }
    return both;
}

void add_both_sides(BothSides both, json& report) {
    json& counts = report["counts"];
    json& figures = report["figures"];
    counts["guest_flips"] = both.flips;
    counts["guest_flips_shown"] = both.to_scanout.size();
    counts["superseded"] = both.flips - both.to_scanout.size();
    figures.push_back(make_figure("flip_to_scanout", "ms",
                                  "from the guest's flip to the vblank that first showed it",
                                  std::move(both.to_scanout)));
    figures.push_back(make_figure("sample_age", "ms", "from the guest's flip to our question",
                                  std::move(both.age)));
    figures.push_back(make_figure("exposure", "ms",
                                  "the host still scans a buffer that the guest has left",
                                  std::move(both.exposure)));
    figures.push_back(make_figure("animation_error", "ms",
                                  "the guest's interval against the shown one",
                                  std::move(both.animation)));
    report["timeline"] = std::move(both.timeline);
}

}  // namespace

void judge_flips(const std::vector<FlipRecord>& ours,
                 const std::vector<GuestFlip>& guests,
                 std::int64_t begin_ns,
                 std::int64_t end_ns,
                 std::int64_t period_ns,
                 json& report) {
    if (!guests.empty()) add_both_sides(both_sides(ours, guests, begin_ns, end_ns), report);
    add_own_side(own_side(ours, begin_ns, end_ns, period_ns), report);
}

}  // namespace scanthru
