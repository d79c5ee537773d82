// SPDX-License-Identifier: MIT
#include "presenter/command_line.h"

#include <CLI/CLI.hpp>

namespace scanthru::command_line {
namespace {

constexpr const char* examples = R"(Examples:
  scanthru probe
      What this host can show, and which guests it sees.
  scanthru run --guest qmp:/run/vm/kiosk.qmp
      Show a running QEMU's vGPU on the first connected monitor.
  scanthru run --guest mdev:83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 --output HDMI-A-1
      Open the mediated device without a QEMU and show it on that connector.
  scanthru screenshot now.png
      What a running scanthru shows now.

Manuals: scanthru(1), scanthru.toml(5))";

CLI::Option*
add_text(CLI::App& app, const char* name, Text& into, const char* type, const char* help) {
    return app.add_option(name, into, help)->type_name(type);
}

void add_guests(CLI::App& app, Given& given, const char* help) {
    app.add_option("--guest", given.guests, help)->type_name("SOURCE")->allow_extra_args(false);
    add_text(app, "--abi", given.abi, "DIALECT", "auto (default), mainline or draft-v14");
}

/// What `run` and `bench` have in common.
void add_output(CLI::App& run, Given& given) {
    add_text(run, "--output", given.output, "NAME",
             "Connector, such as HDMI-A-1; this output only; default: the first connected");
    add_text(run, "--card", given.card, "PATH", "Card of the output, such as /dev/dri/card0");
    add_text(run, "--mode", given.mode, "MODE",
             "preferred (default), WIDTHxHEIGHT or WIDTHxHEIGHT@HZ");
    add_text(run, "--modeline", given.modeline, "LINE",
             "Timings as cvt(1) prints them; beat --mode");
    add_text(
        run, "--margin-us", given.margin, "N",
        "Ask the guest this many microseconds before the vblank; auto: learn it; default: 1000");
}

void add_run(CLI::App& app, Given& given) {
    auto& run = *app.add_subcommand("run", "Present guests until told to stop");
    add_text(run, "--config", given.config, "FILE",
             "Configuration, scanthru.toml(5); default: /etc/scanthru/scanthru.toml if it exists");
    add_guests(run, given,
               "qmp:SOCKET[,pid=N][,mdev=UUID], mdev:UUID, fd:N or recv:SOCKET; may be repeated; "
               "replaces the file's guests");
    add_output(run, given);
    add_text(run, "--fit", given.fit, "POLICY",
             "A guest of another size: follow (default), scale, center or crop");
    add_text(run, "--idle", given.idle, "WHAT",
             "Without a guest's picture: message (default), black or hold");
    add_text(
        run, "--seat", given.seat, "HOW",
        "Cards and input devices by auto (default; the seat manager), direct, or off: no input");
    add_text(run, "--refresh", given.refresh, "WHEN",
             "Commit unchanged pictures too: auto (default), always or never");
    add_text(run, "--idle-poll", given.idle_poll, "HZ",
             "Ask a guest that stands still this often; default: 10; off: at every vblank");
    add_text(run, "--vrr", given.vrr, "WHETHER",
             "Variable refresh rate, where there is one: on or off (default)");
    add_text(run, "--async", given.async, "WHETHER",
             "Show pictures at once, torn, where the driver can: on or off (default)");
    add_text(run, "--control", given.control, "SOCKET", "Where the control socket is to be");
    add_text(run, "--log-level", given.log_level, "LEVEL",
             "error, warning, info (default) or debug");
}

void add_bench(CLI::App& app, Given& given) {
    auto& bench = *app.add_subcommand("bench", "Measure page-flip latency on an output");
    auto* const compare =
        bench.add_option("--compare", given.compare, "Two reports of --json against each other")
            ->expected(2)
            ->type_name("A.json B.json");
    add_text(bench, "--within", given.within, "PERCENT",
             "Of --compare: exit code 1 unless every mean and p99 agrees so far, or to 1 us")
        ->needs(compare);
    auto& flip = *bench.add_subcommand("flip", "The display alone, without a guest");
    auto& guest = *bench.add_subcommand("guest", "From the guest's flip to the screen");
    for (CLI::App* const command : {&flip, &guest}) {
        add_text(*command, "--config", given.config, "FILE", "As for run");
        add_output(*command, given);
        add_text(*command, "--seconds", given.seconds, "N", "Measure so long; default: 30");
        add_text(*command, "--warm-up", given.warm_up, "N", "And so long before; default: 10");
        add_text(*command, "--real-time", given.real_time, "WHETHER",
                 "Real-time priority: on (default) or off");
        command->add_flag("--json", given.json, "The report as JSON");
        add_text(*command, "--html", given.html, "FILE", "The report as a page, too");
    }
    add_guests(guest, given, "As for run; the first one is measured");
    add_text(guest, "--sample", given.sample, "WHEN",
             "late (default): d before the vblank; early: right after the one before");
    add_text(guest, "--import", given.import_, "WHEN", "cached (default) or every-frame");
    add_text(guest, "--present", given.present, "HOW", "direct (default) or copy");
}

void add_client_options(CLI::App& command, Given& given) {
    add_text(command, "--control", given.control, "SOCKET",
             "Control socket of the running scanthru; default: what its configuration says");
    add_text(command, "--config", given.config, "FILE",
             "Configuration to look it up in; default: /etc/scanthru/scanthru.toml if it exists");
}

}  // namespace

void declare(CLI::App& app, Given& given) {
    app.footer(examples);
    add_run(app, given);
    add_bench(app, given);

    auto& probe = *app.add_subcommand(
        "probe", "Tell what this host can show, which guests it sees, and what would not work");
    probe.add_flag("--json", given.json, "As JSON");
    add_guests(probe, given, "Look at this guest as well; as for run; may be repeated");

    auto& status = *app.add_subcommand("status", "Tell how a running scanthru is doing");
    auto* const json = status.add_flag("--json", given.json, "As JSON");
    status.add_flag("--flips", given.flips, "The newest flips, one JSON object a line")
        ->excludes(json);
    status.add_flag("--openmetrics", given.openmetrics, "As OpenMetrics text, for Prometheus")
        ->excludes(json)
        ->excludes("--flips");
    add_client_options(status, given);

    auto& screenshot = *app.add_subcommand("screenshot", "Save what an output shows as a PNG");
    screenshot.add_option("FILE", given.file, "Where to; - is standard output")
        ->required()
        ->type_name("");
    add_text(screenshot, "--output", given.output, "NAME", "Connector; default: the first output");
    add_client_options(screenshot, given);

    auto& release = *app.add_subcommand(
        "release", "Let go of a guest: its planes leave the screen, its descriptors are closed");
    release.add_option("GUEST", given.guest, "Its name")->required()->type_name("");
    add_client_options(release, given);

    auto& change = *app.add_subcommand("switch", "Show another guest on an output");
    change.add_option("GUEST", given.guest, "Its name")->required()->type_name("");
    add_text(change, "--output", given.output, "NAME", "Connector; default: the first output");
    add_client_options(change, given);

    auto& sendkey = *app.add_subcommand("sendkey", "Press keys in a guest");
    sendkey.add_option("KEYS", given.keys, "\"Ctrl+Alt+Del\": pressed in this order")
        ->required()
        ->type_name("");
    add_text(sendkey, "--guest", given.to_guest, "NAME",
             "Default: the guest on the output with the keyboard");
    add_client_options(sendkey, given);

    auto& restore = *app.add_subcommand(
        "restore-console", "Text and a keyboard that types, after scanthru was killed");
    add_text(restore, "--tty", given.tty, "PATH", "Default: the VT in front");

    for (const char* const name : {"blank", "unblank"}) {
        auto& blank = *app.add_subcommand(name, name == std::string_view{"blank"}
                                                    ? "Switch monitors off (DPMS)"
                                                    : "Switch monitors on again");
        add_text(blank, "--output", given.output, "NAME", "Connector; default: all of them");
        add_client_options(blank, given);
    }
}

}  // namespace scanthru::command_line
