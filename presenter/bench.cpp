// SPDX-License-Identifier: MIT
#include "presenter/bench.h"

#include "base/log.h"
#include "base/real_time.h"
#include "kms/vblank_clock.h"

#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/utsname.h>

namespace scanthru {
namespace {

using nlohmann::json;

sigset_t stopping_signals() {
    sigset_t signals{};
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

std::string kernel_release() {
    utsname name{};
    ::uname(&name);
    return static_cast<const char*>(name.release);
}

json settings_of(const BenchCommand& command) {
    const OutputConfig& output = command.config.outputs.front();
    json settings{{"sample", output.trial.early ? "early" : "late"},
                  {"import", output.trial.import_every_frame ? "every-frame" : "cached"},
                  {"present", output.trial.copy ? "copy" : "direct"},
                  {"real_time", output.trial.real_time},
                  {"margin_us", nullptr},
                  {"warm_up", command.warm_up.count()},
                  {"seconds", command.duration.count()}};
    if (output.margin) settings["margin_us"] = output.margin->count();
    return settings;
}

Result<json, std::string> read_report(const std::string& file) {
    std::ifstream stream{file};
    json report = json::parse(stream, nullptr, false);
    if (!report.is_object() || report.value("format", "") != "scanthru-bench" ||
        report.value("version", 0) != 1)
        return tl::unexpected{fmt::format("{}: no report of scanthru bench --json", file)};
    return report;
}

int compare(const BenchCommand& command) {
    const auto a = read_report(command.compared[0]);
    const auto b = read_report(command.compared[1]);
    for (const auto* const report : {&a, &b})
        if (!*report) {
            log(LogLevel::error, "{}", report->error());
            return 1;
        }
    fmt::print("{}", compare_text(*a, *b));
    if (!command.within_percent) return 0;
    const std::string different = disagreements(*a, *b, *command.within_percent);
    fmt::print("{}", different.empty()
                         ? fmt::format("every mean and p99 agrees within {} % or 1 us\n",
                                       *command.within_percent)
                         : "\nnot the same:\n" + different);
    return different.empty() ? 0 : 1;
}

bool write_page(const std::string& name, const json& report) {
    if (name.empty()) return true;
    std::ofstream file{name};
    file << bench_html(report);
    file.close();
    if (!file) log(LogLevel::error, "{}: could not be written", name);
    return bool{file};
}

}  // namespace

Result<std::unique_ptr<Bench>, std::string> Bench::begin(const BenchCommand& command) {
    // Before any thread starts: all of them inherit the mask.
    const sigset_t signals = stopping_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::unique_ptr<Bench> bench{new Bench{command}};
    const OutputConfig& config = command.config.outputs.front();
    bench->cards_.refresh(config.card.empty() ? Cards::paths()
                                              : std::vector<std::string>{card_path(config)},
                          [](const OpenCard&) { return false; });
    auto output = Output::light(bench->cards_, config);
    if (!output) return tl::unexpected{output.error().reason};
    bench->output_ = *std::move(output);
    bench->cards_.drop_unused();
    static_cast<void>(lock_memory());
    bench->describe();
    return bench;
}

std::chrono::nanoseconds Bench::period() const {
    return std::chrono::nanoseconds{report_["mode"]["period_ns"].get<std::int64_t>()};
}

void Bench::describe() {
    const OutputView view = output_->frames().view();
    const auto& refused = output_->frames().ordinary();
    report_ = {{"format", "scanthru-bench"},
               {"version", 1},
               {"kind", command_.kind == BenchCommand::Kind::flip ? "flip" : "guest"},
               {"complete", true},
               {"scanthru", SCANTHRU_VERSION},
               {"kernel", kernel_release()},
               {"driver", output_->card().capabilities().driver},
               {"card", output_->card().path()},
               {"output", output_->name()},
               {"mode",
                {{"width", view.mode.width},
                 {"height", view.mode.height},
                 {"refresh_mhz", view.refresh_mhz},
                 {"period_ns", output_->period().count()}}},
               {"settings", settings_of(command_)},
               {"guest", nullptr},
               {"window", nullptr},
               {"expected", nullptr},
               {"vblank", nullptr},
               {"figures", json::array()},
               {"counts", json::object()},
               {"per_frame", nullptr},
               {"timeline", json::array()}};
    const bool real_time = command_.config.outputs.front().trial.real_time && !refused;
    report_["settings"]["scheduling"] = real_time ? "SCHED_RR 1" : "SCHED_OTHER";
}

bool Bench::sleep(std::chrono::nanoseconds duration) {
    if (interrupted_) return false;
    const sigset_t signals = stopping_signals();
    const timespec limit{.tv_sec = duration.count() / 1'000'000'000,
                         .tv_nsec = duration.count() % 1'000'000'000};
    interrupted_ = ::sigtimedwait(&signals, nullptr, &limit) > 0;
    if (interrupted_) report_["complete"] = false;
    return !interrupted_;
}

void Bench::say(const std::string& what) const {
    fmt::print(stderr, "scanthru bench: {}\n", what);
}

int bench(const BenchCommand& command) {
    if (command.kind == BenchCommand::Kind::compare) return compare(command);
    auto begun = Bench::begin(command);
    if (!begun) {
        log(LogLevel::error, "{}", begun.error());
        return 1;
    }
    Bench& bench = **begun;
    const auto done =
        command.kind == BenchCommand::Kind::flip ? bench_flip(bench) : bench_guest(bench);
    if (!done) {
        log(LogLevel::error, "{}", done.error());
        return 1;
    }
    const json& report = bench.report();
    fmt::print("{}", command.json ? report.dump(2) + "\n" : bench_text(report));
    return write_page(command.html, report) ? 0 : 1;
}

}  // namespace scanthru
