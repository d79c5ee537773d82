// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <unistd.h>

namespace scanthru {
namespace {

std::atomic<LogLevel> least_urgent_level{LogLevel::info};

struct Prefix {
    std::string_view journal;
    std::string_view plain;
};

constexpr std::array<Prefix, 4> prefixes{{
    {"<3>", "error: "},
    {"<4>", "warning: "},
    {"<6>", ""},
    {"<7>", "debug: "},
}};

}  // namespace

void set_log_level(LogLevel least_urgent) noexcept {
    least_urgent_level.store(least_urgent, std::memory_order_relaxed);
}

LogLevel log_level() noexcept {
    return least_urgent_level.load(std::memory_order_relaxed);
}

void log_line(LogLevel level, std::string_view line) noexcept {
    static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
    const int saved = errno;
    const Prefix& prefix = prefixes.at(static_cast<std::size_t>(level));
    fmt::memory_buffer text;
    if (journal) {
        text.append(prefix.journal);
    } else {
        text.append(std::string_view{"scanthru: "});
        text.append(prefix.plain);
    }
    text.append(line);
    text.push_back('\n');
    // A log line that cannot be written has nowhere else to go.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    errno = saved;
}

}  // namespace scanthru
