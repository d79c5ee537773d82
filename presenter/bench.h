// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/options.h"
#include "presenter/output.h"

#include <nlohmann/json.hpp>

namespace scanthru {

/// `scanthru bench`: page-flip latency of an output. A table on stdout, or the report as JSON; what
/// is being done on stderr. SIGINT ends the measuring, not the report. Exit code 1 when there is
/// nothing to report, or two reports do not agree as they are to.
///
/// The report. Members may be added, what is here stays as it is:
///
///     format     "scanthru-bench"
///     version    1
///     kind       "flip" | "guest"
///     complete   bool: false after SIGINT or a fault
///     scanthru, kernel, driver, card, output
///     mode       {width, height, refresh_mhz, period_ns}
///     settings   {sample, import, present, real_time, scheduling,
///                 margin_us (null: learnt), warm_up, seconds}
///     guest      {source, hz, log: bool} or null
///     window     {seconds, beats: number of whole beats, 0 where there are none}
///     expected   {flip_to_scanout_mean_ms, flip_to_scanout_max_ms, margin_ms} or null
///     vblank     {expected_ms, mean_ms, three_sigma_percent, worst_percent, healthy: bool},
///                 by IGT's criteria, or null
///     figures    [{name, unit, meaning, n, min, mean, p50, p90, p99, p999, max,
///                  histogram {from, width, counts [n]; the last has all that is longer}}]
///     counts     {name: number}
///     per_frame  {system_calls (null: not countable), wakeups, processor_us}, by vblank asked for,
///                or null
///     timeline   [[seconds, flip_to_scanout in ms]]
int bench(const BenchCommand& command);

/// What the two kinds of benchmark share while they run. Main thread.
class Bench {
public:
    /// Lights the output. The error is a sentence.
    static Result<std::unique_ptr<Bench>, std::string> begin(const BenchCommand& command);

    /// Sleeps; false when SIGINT or SIGTERM came, from then on at once.
    bool sleep(std::chrono::nanoseconds duration);

    /// On stderr.
    void say(const std::string& what) const;

    const BenchCommand& command() const noexcept { return command_; }
    Output& output() noexcept { return *output_; }
    nlohmann::json& report() noexcept { return report_; }
    bool interrupted() const noexcept { return interrupted_; }
    std::chrono::nanoseconds period() const;

private:
    explicit Bench(BenchCommand command) : command_(std::move(command)) {}
    void describe();

    BenchCommand command_;
    Cards cards_;
    std::unique_ptr<Output> output_;
    nlohmann::json report_;
    bool interrupted_ = false;
};

/// Measures into the report. The error is a sentence.
Result<void, std::string> bench_guest(Bench& bench);
Result<void, std::string> bench_flip(Bench& bench);

/// A report as a table. Pure.
std::string bench_text(const nlohmann::json& report);

/// Two reports of one kind against each other. Pure.
std::string compare_text(const nlohmann::json& a, const nlohmann::json& b);

/// Every mean and p99 in which two reports differ by more than `percent` of the larger and by more
/// than 1 us, or that only one of them has: a line each; empty where they agree. Pure.
std::string disagreements(const nlohmann::json& a, const nlohmann::json& b, double percent);

/// A report as one page that needs nothing else. Pure.
std::string bench_html(const nlohmann::json& report);

}  // namespace scanthru
