// SPDX-License-Identifier: MIT
#pragma once

#include "base/log.h"
#include "base/result.h"
#include "presenter/config.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The values that scanthru.toml(5) and the command line have in common. All pure; every error is
/// the end of a sentence for the user: what was expected, and what was there.
namespace scanthru {

/// `auto`, `always` or `never`.
Result<EdidWish, std::string> parse_edid(std::string_view text);
Result<Idle, std::string> parse_idle(std::string_view text);
Result<Paused, std::string> parse_paused(std::string_view text);
Result<Fit, std::string> parse_fit(std::string_view text);
Result<Refresh, std::string> parse_refresh(std::string_view text);

/// `auto` (nothing), `mainline` or `draft-v14`.
Result<std::optional<vfio::Dialect>, std::string> parse_abi(std::string_view text);

/// `error`, `warning`, `info` or `debug`.
Result<LogLevel, std::string> parse_log_level(std::string_view text);

/// Longest time before the vblank at which a guest can be asked: more than a frame at 24 Hz.
inline constexpr std::chrono::microseconds max_margin{100'000};

/// All of `text` as a whole number.
std::optional<std::int64_t> whole_number(std::string_view text);

/// From 0 to max_margin.
Result<std::chrono::microseconds, std::string> check_margin(std::int64_t microseconds);

/// `auto` (nothing) or whole microseconds.
Result<std::optional<std::chrono::microseconds>, std::string> parse_margin(std::string_view text);

/// Fewer questions a second than any monitor has vblanks.
inline constexpr std::uint32_t max_idle_poll = 1000;

/// `on` or `off`.
Result<bool, std::string> parse_switch(std::string_view text);

/// From 1 to max_idle_poll.
Result<std::uint32_t, std::string> check_idle_poll(std::int64_t hertz);

/// `off` (0) or whole hertz.
Result<std::uint32_t, std::string> parse_idle_poll(std::string_view text);

/// The path of a socket of ours: not empty, and short enough for the kernel.
Result<std::string, std::string> check_socket_path(std::string_view text);

/// The path of a file for node_exporter's textfile collector, which reads *.prom only.
Result<std::string, std::string> check_metrics_file(std::string_view text);

/// How many letters have to be put in, left out, replaced or swapped with their neighbour to make
/// `a` of `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// `did you mean "…"?` with the nearest of `known`, or all of them where none is near. `known` has
/// at least one word.
std::string suggest(std::string_view word, std::span<const std::string_view> known);

}  // namespace scanthru
