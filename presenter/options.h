// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/config.h"

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace scanthru {

struct RunCommand {
    Config config;                       ///< File and command line merged; checked.
    std::string config_file;             ///< Where it came from; empty without a file.
    std::vector<std::string> arguments;  ///< The command line, to be read again with the file.
    std::string default_file;
};

struct ProbeCommand {
    bool json = false;
    std::vector<GuestConfig> guests;  ///< `--guest`: looked at as well.
};

/// `scanthru bench`.
struct BenchCommand {
    enum class Kind { flip, guest, compare };
    Kind kind{};
    Config config{};  ///< One output and, for `guest`, one guest.
    std::chrono::seconds warm_up{10};
    std::chrono::seconds duration{30};
    bool json = false;
    std::string html{};                             ///< File; empty: none.
    std::array<std::string, 2> compared{};          ///< Files.
    std::optional<std::uint32_t> within_percent{};  ///< How alike they have to be.
};

struct StatusCommand {
    std::string socket;
    bool json = false;
    bool flips = false;        ///< `--flips`: the newest flips, as JSON lines, for measuring.
    bool openmetrics = false;  ///< `--openmetrics`: for Prometheus.
};

struct ScreenshotCommand {
    std::string socket;
    std::string file;    ///< "-": standard output.
    std::string output;  ///< Connector; empty: the only one, or the first.
};

struct ReleaseCommand {
    std::string socket;
    std::string guest;
};

struct SendkeyCommand {
    std::string socket;
    std::string keys;   ///< A chord that input::parse_chord() reads.
    std::string guest;  ///< Empty: the one on the first output.
};

struct RestoreConsoleCommand {
    std::string tty;  ///< "/dev/tty1"; empty: the VT in front.
};

struct BlankCommand {
    std::string socket;
    bool blank = true;   ///< False: `unblank`.
    std::string output;  ///< Connector; empty: all of them.
};

struct SwitchCommand {
    std::string socket;
    std::string guest;
    std::string output;  ///< Connector; empty: the only one, or the first.
};

/// Ends here: `--help`, `--version`, or a mistake on the command line.
struct Answer {
    int exit_code = 0;
    std::string text;  ///< For stdout when the exit code is 0, else for stderr.
};

using Command = std::variant<RunCommand,
                             ProbeCommand,
                             BenchCommand,
                             StatusCommand,
                             ScreenshotCommand,
                             ReleaseCommand,
                             SwitchCommand,
                             BlankCommand,
                             SendkeyCommand,
                             RestoreConsoleCommand,
                             Answer>;

/// Reads the command line (argv without the program's name), and the configuration file it names.
///
/// Command line beats file beats default. `run` options: --config FILE, --guest SOURCE, --output
/// NAME, --card PATH, --mode WISH, --modeline LINE, --abi DIALECT, --refresh auto|always|never,
/// --margin-us N|auto, --idle-poll HZ|off, --fit follow|scale|center|crop, --idle
/// message|black|hold, --seat auto|direct|off, --control SOCKET,
/// --log-level error|warning|info|debug.
/// --guest replaces the file's guests. --output leaves only this output, with what the file says of
/// it; the options that speak of an output go to the only one. --abi goes to every guest.
/// Without --config, `default_file` is read if it exists. Exit code of mistakes: 2.
Command parse_command_line(std::span<const char* const> arguments,
                           const std::string& default_file = "/etc/scanthru/scanthru.toml");

/// What `run` was told, with its file as it is now. The error is a sentence.
Result<Config, std::string> read_again(const RunCommand& command);

}  // namespace scanthru
