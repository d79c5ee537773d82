// SPDX-License-Identifier: MIT
// The display alone: two pictures of ours in turn.
#include "presenter/bench.h"
#include "presenter/bench_figures.h"
#include "presenter/flip_trials.h"

#include <fmt/format.h>
#include <future>

namespace scanthru {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Step = FlipProgress::Step;

constexpr seconds tell_interval{5};

const char* to_string(Step step) {
    switch (step) {
    case Step::warming_up: return "warming up";
    case Step::flipping: return "flipping at every vblank";
    case Step::moving_the_cursor: return "moving the cursor beside flips";
    case Step::importing: return "importing";
    case Step::searching: return "searching for the smallest margin";
    case Step::done: break;
    }
    return "done";
}

void add_flips(FlipSamples& samples, double period_ms, json& report) {
    json& figures = report["figures"];
    report["counts"]["flips"] = samples.commit_us.size();
    report["vblank"] = judge_vblanks(samples.interval_ms, period_ms);
    figures.push_back(make_figure("commit", "us", "a nonblocking commit's time in the kernel",
                                  std::move(samples.commit_us)));
    figures.push_back(make_figure("page_flip", "ms", "from the commit to the flip's timestamp",
                                  std::move(samples.page_flip_ms)));
    figures.push_back(make_figure("event_delay", "us",
                                  "from the flip's timestamp to its event being read",
                                  std::move(samples.event_delay_us)));
    figures.push_back(make_figure("vblank_interval", "ms",
                                  "between two flips' timestamps, by the vblanks between them",
                                  std::move(samples.interval_ms)));
}

void add_cursor(FlipSamples& samples, json& report) {
    json& figures = report["figures"];
    json& counts = report["counts"];
    counts["cursor_moves_before_a_flip"] = samples.cursor_moves;
    counts["flips_refused_after_a_cursor_move"] = samples.flips_busy;
    figures.push_back(make_figure("flip_cost", "us",
                                  "processor time of a blocking commit of a flip alone",
                                  std::move(samples.flip_us)));
    figures.push_back(make_figure("cursor_move_cost", "us", "of a cursor's move alone",
                                  std::move(samples.cursor_us)));
    figures.push_back(make_figure("flip_and_cursor_cost", "us", "of both in one commit",
                                  std::move(samples.both_us)));
}

void add_imports(FlipSamples& samples, json& report) {
    for (std::size_t i = 0; i < imported_sizes.size(); ++i) {
        const Size size = imported_sizes.at(i);
        const std::string name = fmt::format("{}x{}", size.width, size.height);
        auto& [import, remove] = samples.imports.at(i);
        report["figures"].push_back(make_figure(
            "import_" + name, "us",
            "PRIME import, ADDFB2 and GEM_CLOSE of a dumb buffer of this card, by its dma-buf",
            std::move(import)));
        report["figures"].push_back(
            make_figure("remove_" + name, "us", "RMFB of the same", std::move(remove)));
    }
}

/// Runs the plan on the frame thread; meanwhile says what it is at, and listens for signals.
FlipSamples run(Bench& bench, const FlipPlan& plan) {
    struct Shared {
        FlipProgress progress;
        std::promise<FlipSamples> promise;
    };
    const auto shared = std::make_shared<Shared>();
    auto future = shared->promise.get_future();
    bench.output().frames().run([shared, plan](kms::Card& card, const kms::Pipeline& pipeline) {
        shared->promise.set_value(try_flips(card, pipeline, plan, shared->progress));
    });
    const auto begun = Clock::now();
    auto told = begun - tell_interval;
    for (auto step = Step::done; future.wait_for(seconds::zero()) != std::future_status::ready;) {
        const auto now = Clock::now();
        if (step != shared->progress.step || now - told >= tell_interval) {
            step = shared->progress.step;
            told = now;
            bench.say(fmt::format("{} s: {}",
                                  std::chrono::duration_cast<seconds>(now - begun).count(),
                                  to_string(step)));
        }
        if (bench.sleep(std::chrono::milliseconds{200})) continue;
        shared->progress.stop = true;
        future.wait();
    }
    return future.get();
}

}  // namespace

Result<void, std::string> bench_flip(Bench& bench) {
    const auto& command = bench.command();
    const FlipPlan plan{.warm_up = command.warm_up,
                        .duration = command.duration,
                        .real_time = command.config.outputs.front().trial.real_time};
    bench.say(
        fmt::format("takes about {} s: {} s to warm up, {} s of flips, then the cursor, imports "
                    "and the search for the smallest margin",
                    std::chrono::ceil<seconds>(expected_duration(plan, bench.period())).count(),
                    plan.warm_up.count() / 1'000'000'000, plan.duration.count() / 1'000'000'000));
    FlipSamples samples = run(bench, plan);
    json& report = bench.report();
    if (samples.fault) {
        const std::string fault = fmt::format("{}", *samples.fault);
        if (samples.commit_us.empty()) return tl::unexpected{fault};
        bench.say("ends early: " + fault);
        report["complete"] = false;
    }
    if (samples.commit_us.empty())
        return tl::unexpected<std::string>{"interrupted before anything was measured"};
    add_flips(samples, static_cast<double>(bench.period().count()) / 1e6, report);
    add_cursor(samples, report);
    add_imports(samples, report);
    if (samples.smallest_margin_us)
        report["counts"]["smallest_margin_us"] = *samples.smallest_margin_us;
    return {};
}

}  // namespace scanthru
