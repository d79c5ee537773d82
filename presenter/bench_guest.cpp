// SPDX-License-Identifier: MIT
// From the guest's flip to the screen, with the presenter that also `run` has.
#include "presenter/bench.h"
#include "presenter/bench_figures.h"
#include "presenter/probe_guests.h"
#include "presenter/thread_costs.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace scanthru {
namespace {

using nlohmann::json;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds collect_interval{5};
constexpr seconds first_picture_limit{10};

/// What both sides have logged so far.
class Logs {
public:
    Logs(const FrameThread& frames, const vfio::GuestSource& source) : frames_(frames) {
        if (const auto* const mdev = std::get_if<vfio::MdevSource>(&source))
            file_ = "/sys/kernel/debug/scanthru_vgpu/" + mdev->uuid + "/flips";
    }

    void collect() {
        for (FlipRecord& flip : frames_.flips().since(ours.empty() ? before_ : ours.back().number))
            ours.push_back(flip);
        std::ifstream stream{file_};
        std::ostringstream text;
        if (stream) text << stream.rdbuf();
        append_guest_flips(text.str(), guests);
    }

    /// Leaves out what was before.
    void skip() {
        collect();
        if (!ours.empty()) before_ = ours.back().number;
        ours.clear();
    }

    std::vector<FlipRecord> ours;
    std::vector<GuestFlip> guests;

private:
    const FrameThread& frames_;
    std::string file_;
    std::uint64_t before_ = 0;
};

struct Readings {
    ThreadCosts costs;
    std::uint64_t frames = 0;
    std::uint64_t late = 0;
    std::uint64_t framebuffers = 0;
    std::uint64_t copies = 0;
};

Readings read_all(const FrameThread& frames, const ThreadMeter& meter) {
    const FrameCounters& counters = frames.counters();
    return {.costs = meter.read(),
            .frames = counters.frames.get(),
            .late = counters.late_flips.get(),
            .framebuffers = counters.framebuffers.get(),
            .copies = counters.copies.get()};
}

/// Whether the time was slept through.
bool wait(Bench& bench, Logs& logs, nanoseconds duration, const char* what) {
    for (nanoseconds done{}; done < duration; done += collect_interval) {
        const nanoseconds left = std::min<nanoseconds>(duration - done, collect_interval);
        if (!bench.sleep(left)) return false;
        logs.collect();
        bench.say(fmt::format("{}: {} of {} s", what, (done + left).count() / 1'000'000'000,
                              duration.count() / 1'000'000'000));
    }
    return true;
}

/// Flips a second from so late on; 0 where they are not logged.
double rate_of(const std::vector<GuestFlip>& flips, std::int64_t begin_ns) {
    const auto first = std::ranges::find_if(
        flips, [begin_ns](const GuestFlip& flip) { return flip.ns >= begin_ns; });
    if (flips.end() - first < 2) return 0;
    return static_cast<double>(flips.end() - first - 1) * 1e9 /
           static_cast<double>(flips.back().ns - first->ns);
}

void add_costs(const Readings& before, const Readings& after, json& report) {
    const auto frames =
        static_cast<double>(std::max<std::uint64_t>(after.frames - before.frames, 1));
    const auto each = [frames](std::uint64_t from, std::uint64_t to) {
        return static_cast<double>(to - from) / frames;
    };
    json& cost = report["per_frame"] = {
        {"system_calls", nullptr},
        {"wakeups", each(before.costs.wakeups, after.costs.wakeups)},
        {"processor_us", each(before.costs.processor_ns, after.costs.processor_ns) / 1000}};
    if (before.costs.system_calls && after.costs.system_calls)
        cost["system_calls"] = each(*before.costs.system_calls, *after.costs.system_calls);
    report["counts"]["vblanks_asked_for"] = after.frames - before.frames;
    report["counts"]["framebuffers"] = after.framebuffers - before.framebuffers;
    report["counts"]["copies"] = after.copies - before.copies;
}

/// What the formulas say about the rates there were, with the d there was.
void add_expected(double guest_hz, json& report) {
    const json* const margin = find_figure(report, "margin");
    const double margin_ms = margin != nullptr ? margin->value("mean", 0.0) / 1000 : 0;
    const double period_ms = report["mode"]["period_ns"].get<double>() / 1e6;
    const double shorter = std::min(period_ms, 1000 / guest_hz);
    report["expected"] = {{"margin_ms", margin_ms},
                          {"flip_to_scanout_mean_ms", margin_ms + shorter / 2},
                          {"flip_to_scanout_max_ms", margin_ms + shorter}};
}

void judge(Bench& bench, const Logs& logs, std::int64_t begin_ns, std::int64_t end_ns) {
    json& report = bench.report();
    const double guest_hz = rate_of(logs.guests, begin_ns);
    const double host_hz = 1e9 / static_cast<double>(bench.period().count());
    const double length = static_cast<double>(end_ns - begin_ns) / 1e9;
    const double beat = guest_hz > 0 ? beat_seconds(guest_hz, host_hz, length) : 0;
    const double beats = beat > 0 ? std::floor(length / beat) : 0;
    if (beats > 0) end_ns = begin_ns + std::llround(beats * beat * 1e9);
    judge_flips(logs.ours, logs.guests, begin_ns, end_ns, bench.period().count(), report);
    const double window = static_cast<double>(end_ns - begin_ns) / 1e9;
    report["window"] = {{"seconds", window}, {"beats", beats}};
    report["guest"] = {{"source", vfio::to_string(bench.command().config.guests.front().source)},
                       {"hz", guest_hz},
                       {"log", !logs.guests.empty()}};
    json& counts = report["counts"];
    counts["vblanks"] = std::llround(window * host_hz);
    counts["repeated"] = std::max<std::int64_t>(
        std::llround(window * host_hz) - counts["shown"].get<std::int64_t>(), 0);
    if (guest_hz > 0) add_expected(guest_hz, report);
}

}  // namespace

Result<void, std::string> bench_guest(Bench& bench) {
    const GuestConfig& config = bench.command().config.guests.front();
    auto opened = open_guest(config.source);
    if (!opened) return tl::unexpected{opened.error()};
    auto device = vfio::GfxDevice::probe(std::move(opened->device), config.abi);
    if (!device) return tl::unexpected{fmt::format("{}: {}", config.name, device.error())};
    FrameThread& frames = bench.output().frames();
    frames.attach(GuestBuffers::create(*std::move(device)));

    const auto& command = bench.command();
    bench.say(fmt::format("takes {} s: {} s to warm up, {} s to measure",
                          (command.warm_up + command.duration).count(), command.warm_up.count(),
                          command.duration.count()));
    Logs logs{frames, config.source};
    for (seconds waited{}; frames.counters().flips.get() == 0; waited += seconds{1})
        if (waited >= first_picture_limit || !bench.sleep(seconds{1}))
            return tl::unexpected<std::string>{"the guest shows nothing"};
    if (!wait(bench, logs, command.warm_up, "warming up"))
        return tl::unexpected<std::string>{"interrupted before anything was measured"};
    logs.skip();
    const ThreadMeter meter{frames.thread_id()};
    const Readings before = read_all(frames, meter);
    const auto begin = Clock::now();
    wait(bench, logs, command.duration, "measuring");
    const auto end = Clock::now();
    const Readings after = read_all(frames, meter);
    // What the guest flipped last is on screen a vblank later.
    static_cast<void>(bench.sleep(4 * bench.period()));
    logs.collect();
    frames.attach(nullptr);
    judge(bench, logs, begin.time_since_epoch().count(), end.time_since_epoch().count());
    add_costs(before, after, bench.report());
    return {};
}

}  // namespace scanthru
