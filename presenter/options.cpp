// SPDX-License-Identifier: MIT
#include "presenter/options.h"

#include "input/key_table.h"
#include "presenter/command_line.h"
#include "presenter/config_values.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace scanthru {
namespace {

using namespace command_line;

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
    declare(app, given);

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
