// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/format.h>
#include <string_view>

namespace scanthru {

/// Most urgent first. The journal understands their syslog priorities (sd-daemon(3)).
enum class LogLevel { error, warning, info, debug };

/// Lines less urgent than this are dropped. Default: info.
void set_log_level(LogLevel least_urgent) noexcept;
LogLevel log_level() noexcept;

/// Writes one line to stderr with one write(2), so that lines of several threads never mix.
///
/// Under systemd (JOURNAL_STREAM is set) the line carries its priority, else the level's name.
/// Keeps errno. Not for frame threads: stderr may be a pipe that nobody empties.
void log_line(LogLevel level, std::string_view line) noexcept;

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (level <= log_level()) log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace scanthru
