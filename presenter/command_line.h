// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/config.h"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

/// Inside options: what the command line says, before it means anything.
namespace scanthru::command_line {

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

/// Declares all commands and options; parsing them fills `given`, which has to outlive that.
void declare(CLI::App& app, Given& given);

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

/// Any text but an empty one.
Result<std::string, std::string> parse_text(std::string_view text);

/// The guests of `--guest`. The error is a sentence for the user, as of all that follows.
Result<std::vector<GuestConfig>, std::string> parse_guests(const Given& given);

/// Puts what was given of guests, and of the output it speaks of, over the file's configuration.
Result<void, std::string> merge_guests(const Given& given, Config& config);
Result<void, std::string> merge_output(const Given& given, Config& config);

}  // namespace scanthru::command_line
