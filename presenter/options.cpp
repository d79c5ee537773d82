// SPDX-License-Identifier: MIT
#include "presenter/options.h"

#include "input/key_table.h"
#include "presenter/config_values.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace scanthru {
namespace {

using Text = std::optional<std::string>;

/// What the command line says, of all commands, as it was written.
struct Given {
    Text config, output, card, mode, modeline, abi, fit, idle, refresh, margin, idle_poll, vrr,
        async, control, log_level;
    std::vector<std::string> guests;
    std::string file;   ///< `screenshot`
    std::string guest;  ///< `release`, `switch`
    std::string keys;   ///< `sendkey`
    Text to_guest;      ///< `sendkey`
    Text seat;
    Text tty;  ///< `restore-console`
    bool json = false;
    bool flips = false;
    bool openmetrics = false;
    Text seconds, warm_up, sample, import_, present, real_time, html, within;  ///< `bench`
    std::vector<std::string> compare;
};

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

void add_commands(CLI::App& app, Given& given) {
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

/// `value` as `parse` reads it, into `into`; where it was not given, nothing. False after a
/// mistake, which `complaint` then names.
template <class T, class Parse>
bool take(const char* option, const Text& value, Parse parse, T& into, std::string& complaint) {
    if (!value) return true;
    auto parsed = parse(*value);
    if (!parsed) {
        complaint = fmt::format("{}: {}", option, parsed.error());
        return false;
    }
    into = std::move(*parsed);
    return true;
}

Result<std::string, std::string> parse_text(std::string_view text) {
    if (text.empty()) return wrong("expected text, not an empty string");
    return std::string{text};
}

Result<std::vector<GuestConfig>, std::string> parse_guests(const Given& given) {
    std::vector<GuestConfig> guests;
    std::string complaint;
    for (const auto& source : given.guests) {
        auto& guest = guests.emplace_back();
        if (!take("--guest", source, vfio::parse_guest_source, guest.source, complaint))
            return wrong(std::move(complaint));
    }
    name_guests(guests);
    std::optional<vfio::Dialect> abi;
    if (!take("--abi", given.abi, parse_abi, abi, complaint)) return wrong(std::move(complaint));
    for (auto& guest : guests)
        guest.abi = abi;
    return guests;
}

Result<void, std::string> merge_guests(const Given& given, Config& config) {
    auto guests = parse_guests(given);
    if (!guests) return wrong(std::move(guests.error()));
    if (!guests->empty()) {
        config.guests = std::move(*guests);
        // The file's outputs name guests that are no more.
        for (auto& output : config.outputs)
            output.guest.clear();
        return {};
    }
    std::string complaint;
    for (auto& guest : config.guests)
        if (!take("--abi", given.abi, parse_abi, guest.abi, complaint))
            return wrong(std::move(complaint));
    return {};
}

bool says_something_of_an_output(const Given& given) {
    return given.card || given.mode || given.modeline || given.fit || given.idle || given.refresh ||
           given.margin || given.idle_poll || given.vrr || given.async;
}

/// The one output that the command line speaks of, in `config`.
Result<OutputConfig*, std::string> choose_output(const Given& given, Config& config) {
    auto& outputs = config.outputs;
    if (given.output) {
        auto name = parse_text(*given.output);
        if (!name) return wrong(fmt::format("--output: {}", name.error()));
        // What the file says of this connector still holds.
        std::erase_if(outputs, [&](const auto& output) {
            return output.name != *name ||
                   (given.card && !output.card.empty() && output.card != *given.card);
        });
        if (outputs.empty()) outputs.emplace_back().name = *name;
    }
    if (outputs.empty()) outputs.emplace_back();
    if (outputs.size() == 1) return &outputs.front();
    return wrong(given.output
                     ? fmt::format("--output: the configuration has {} outputs called {}; choose "
                                   "one with --card",
                                   outputs.size(), *given.output)
                     : fmt::format("the configuration has {} outputs; choose one with --output, or "
                                   "leave out the options that speak of one",
                                   outputs.size()));
}

Result<void, std::string> merge_output(const Given& given, Config& config) {
    if (!given.output && !says_something_of_an_output(given)) return {};
    const auto chosen = choose_output(given, config);
    if (!chosen) return wrong(chosen.error());
    OutputConfig& output = **chosen;
    // A mode given here goes before a modeline of the file.
    if (given.mode && !given.modeline) output.modeline.reset();
    std::string complaint;
    if (take("--card", given.card, parse_text, output.card, complaint) &&
        take("--mode", given.mode, kms::parse_mode_wish, output.mode, complaint) &&
        take("--modeline", given.modeline, kms::parse_modeline, output.modeline, complaint) &&
        take("--fit", given.fit, parse_fit, output.fit, complaint) &&
        take("--idle", given.idle, parse_idle, output.idle, complaint) &&
        take("--refresh", given.refresh, parse_refresh, output.refresh, complaint) &&
        take("--margin-us", given.margin, parse_margin, output.margin, complaint) &&
        take("--idle-poll", given.idle_poll, parse_idle_poll, output.idle_poll, complaint) &&
        take("--vrr", given.vrr, parse_switch, output.vrr, complaint) &&
        take("--async", given.async, parse_switch, output.async, complaint))
        return {};
    return wrong(std::move(complaint));
}

/// The configuration file to read; empty: none.
std::string choose_file(const Given& given, const std::string& default_file) {
    if (given.config) return *given.config;
    struct stat status {};
    const bool missing =
        ::stat(default_file.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
    return missing ? std::string{} : default_file;
}

Result<Config, std::string> read_file(const std::string& file) {
    if (file.empty()) return Config{};
    return read_config(file);
}

/// A mistake on the command line.
Answer mistake(const std::string& sentence) {
    return {2, fmt::format("scanthru: {}\nTry `scanthru --help`.\n", sentence)};
}

/// A mistake in the configuration, or between it and the command line.
Answer misconfigured(const std::string& sentence) {
    return {2, fmt::format("scanthru: {}\n", sentence)};
}

Command run_command(const Given& given, const std::string& default_file) {
    const std::string file = choose_file(given, default_file);
    auto config = read_file(file);
    if (!config) return misconfigured(config.error());
    if (const auto merged = merge_guests(given, *config); !merged) return mistake(merged.error());
    if (const auto merged = merge_output(given, *config); !merged) return mistake(merged.error());
    std::string complaint;
    if (!take("--control", given.control, check_socket_path, config->control.socket, complaint) ||
        !take("--seat", given.seat, parse_seat, config->input.seat, complaint) ||
        !take("--log-level", given.log_level, parse_log_level, config->log_level, complaint))
        return mistake(complaint);
    if (config->guests.empty())
        return mistake("no guest to show; give --guest, or a [[guest]] in the configuration");
    if (const auto checked = check_config(*config); !checked)
        return misconfigured(file.empty() ? checked.error()
                                          : fmt::format("{}: {}", file, checked.error()));
    return RunCommand{
        .config = std::move(*config), .config_file = file, .arguments = {}, .default_file = {}};
}

Command probe_command(const Given& given) {
    auto guests = parse_guests(given);
    if (!guests) return mistake(guests.error());
    return ProbeCommand{given.json, std::move(*guests)};
}

/// One of two words: whether it is the second.
std::string choose_word(
    const char* option, const Text& value, const char* first, const char* second, bool& into) {
    if (value && *value != first && *value != second)
        return fmt::format("{}: expected {} or {}, not \"{}\"", option, first, second, *value);
    into = value && *value == second;
    return {};
}

Result<std::chrono::seconds, std::string> parse_duration(std::string_view text) {
    const auto seconds = whole_number(text);
    if (!seconds || *seconds < 0 || *seconds > 86'400)
        return wrong(fmt::format("expected seconds from 0 to 86400, not \"{}\"", text));
    return std::chrono::seconds{*seconds};
}

Result<std::uint32_t, std::string> parse_percent(std::string_view text) {
    const auto percent = whole_number(text);
    if (!percent || *percent < 0 || *percent > 100)
        return wrong(fmt::format("expected per cent from 0 to 100, not \"{}\"", text));
    return static_cast<std::uint32_t>(*percent);
}

std::string read_trial(const Given& given, Trial& trial) {
    bool ordinary = false;
    for (std::string complaint :
         {choose_word("--sample", given.sample, "late", "early", trial.early),
          choose_word("--import", given.import_, "cached", "every-frame", trial.import_every_frame),
          choose_word("--present", given.present, "direct", "copy", trial.copy),
          choose_word("--real-time", given.real_time, "on", "off", ordinary)})
        if (!complaint.empty()) return complaint;
    trial.real_time = !ordinary;
    return {};
}

Command compare_command(const Given& given) {
    BenchCommand command{.kind = BenchCommand::Kind::compare,
                         .compared = {given.compare[0], given.compare[1]}};
    std::string complaint;
    if (!take("--within", given.within, parse_percent, command.within_percent, complaint))
        return mistake(complaint);
    return command;
}

Command bench_command(const CLI::App& bench, const Given& given, const std::string& default_file) {
    if (given.compare.size() == 2) return compare_command(given);
    BenchCommand command{};
    const auto chosen = bench.get_subcommands();
    if (chosen.size() != 1)
        return mistake("bench: expected flip, guest or --compare A.json B.json");
    const bool flip = chosen.front()->get_name() == "flip";
    command.kind = flip ? BenchCommand::Kind::flip : BenchCommand::Kind::guest;
    auto config = read_file(choose_file(given, default_file));
    if (!config) return misconfigured(config.error());
    if (const auto merged = merge_guests(given, *config); !merged) return mistake(merged.error());
    if (const auto merged = merge_output(given, *config); !merged) return mistake(merged.error());
    if (!flip && config->guests.empty()) return mistake("no guest to measure; give --guest");
    command.config = std::move(*config);
    auto& outputs = command.config.outputs;
    outputs.resize(1);
    outputs.front().idle_poll = 0;
    if (!given.margin) outputs.front().margin.reset();  // Learnt: that is what is measured.
    command.json = given.json;
    command.html = given.html.value_or("");
    std::string complaint = read_trial(given, outputs.front().trial);
    if (!complaint.empty() ||
        !take("--seconds", given.seconds, parse_duration, command.duration, complaint) ||
        !take("--warm-up", given.warm_up, parse_duration, command.warm_up, complaint))
        return mistake(complaint);
    return command;
}

/// Where the running scanthru is to be found.
Result<std::string, Answer> find_socket(const Given& given, const std::string& default_file) {
    if (given.control) {
        auto path = check_socket_path(*given.control);
        if (!path) return tl::unexpected{mistake(fmt::format("--control: {}", path.error()))};
        return *path;
    }
    const auto config = read_file(choose_file(given, default_file));
    if (!config) return tl::unexpected{misconfigured(config.error())};
    if (!config->control.socket.empty()) return config->control.socket;
    // A user asks for a scanthru of his own first, then for the system's.
    std::string own = default_control_socket();
    if (::access(own.c_str(), F_OK) == 0) return own;
    return std::string{system_control_socket};
}

Command
client_command(const CLI::App& command, const Given& given, const std::string& default_file) {
    auto socket = find_socket(given, default_file);
    if (!socket) return std::move(socket.error());
    if (command.get_name() == "status")
        return StatusCommand{*socket, given.json, given.flips, given.openmetrics};
    const std::string& name = command.get_name();
    const std::string output = given.output.value_or("");
    if (name == "blank" || name == "unblank") return BlankCommand{*socket, name == "blank", output};
    if (name == "release" || name == "switch") {
        if (given.guest.empty()) return mistake(name + ": expected the name of a guest");
        if (name == "switch") return SwitchCommand{*socket, given.guest, output};
        return ReleaseCommand{*socket, given.guest};
    }
    if (name == "sendkey") {
        if (const auto keys = input::parse_chord(given.keys); !keys)
            return mistake("sendkey: " + keys.error());
        return SendkeyCommand{*socket, given.keys, given.to_guest.value_or("")};
    }
    if (given.file.empty()) return mistake("screenshot: expected the name of a file");
    return ScreenshotCommand{*socket, given.file, output};
}

}  // namespace

Command parse_command_line(std::span<const char* const> arguments,
                           const std::string& default_file) {
    Given given;
    CLI::App app{"Puts a VM guest's screen straight on the host's display hardware.", "scanthru"};
    app.get_formatter()->column_width(26);
    app.set_version_flag("--version", "scanthru " SCANTHRU_VERSION, "Print the version and exit");
    app.footer(examples);
    add_commands(app, given);

    // CLI11 takes them from the back.
    std::vector<std::string> backwards(arguments.rbegin(), arguments.rend());
    try {
        app.parse(backwards);
    } catch (const CLI::CallForHelp&) {
        return Answer{0, app.help()};
    } catch (const CLI::CallForVersion& version) {
        return Answer{0, fmt::format("{}\n", version.what())};
    } catch (const CLI::ParseError& error) {
        return mistake(error.what());
    }
    const auto chosen = app.get_subcommands();
    if (chosen.size() != 1)
        return mistake(
            "expected one command: run, probe, bench, status, screenshot, switch, blank, "
            "unblank, sendkey, release or restore-console");
    const CLI::App& command = *chosen.front();
    if (command.get_name() == "run") {
        Command run = run_command(given, default_file);
        if (auto* const accepted = std::get_if<RunCommand>(&run)) {
            accepted->arguments.assign(arguments.begin(), arguments.end());
            accepted->default_file = default_file;
        }
        return run;
    }
    if (command.get_name() == "probe") return probe_command(given);
    if (command.get_name() == "restore-console")
        return RestoreConsoleCommand{given.tty.value_or("")};
    if (command.get_name() == "bench") return bench_command(command, given, default_file);
    return client_command(command, given, default_file);
}

Result<Config, std::string> read_again(const RunCommand& command) {
    std::vector<const char*> arguments;
    for (const std::string& argument : command.arguments)
        arguments.push_back(argument.c_str());
    Command again = parse_command_line(arguments, command.default_file);
    if (auto* const accepted = std::get_if<RunCommand>(&again)) return std::move(accepted->config);
    std::string why = std::get<Answer>(again).text;
    // As it is printed at the start: "scanthru: WHY", and maybe a line of advice.
    if (why.starts_with("scanthru: ")) why.erase(0, std::string_view{"scanthru: "}.size());
    return wrong(why.substr(0, why.find('\n')));
}

}  // namespace scanthru
