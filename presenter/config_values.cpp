// SPDX-License-Identifier: MIT
#include "presenter/config_values.h"

#include "kms/cvt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <numeric>
#include <utility>
#include <vector>

namespace scanthru {
namespace {

template <class T>
struct Word {
    std::string_view text;
    T value;
};

template <class T, std::size_t n>
Result<T, std::string> one_of(const std::array<Word<T>, n>& words, std::string_view text) {
    const auto found = std::ranges::find(words, text, &Word<T>::text);
    if (found != words.end()) return found->value;
    std::string expected{words.front().text};
    for (std::size_t i = 1; i < n; ++i) {
        expected += i + 1 < n ? ", " : " or ";
        expected += words.at(i).text;
    }
    return wrong(fmt::format("expected {}, not \"{}\"", expected, text));
}

constexpr std::array<Word<Fit>, 4> fit_words{{
    {"follow", Fit::follow},
    {"scale", Fit::scale},
    {"center", Fit::center},
    {"crop", Fit::crop},
}};

constexpr std::array<Word<Paused>, 2> paused_words{{
    {"hold", Paused::hold},
    {"message", Paused::message},
}};

constexpr std::array<Word<Idle>, 3> idle_words{{
    {"message", Idle::message},
    {"black", Idle::black},
    {"hold", Idle::hold},
}};

constexpr std::array<Word<Refresh>, 3> refresh_words{{
    {"auto", Refresh::automatic},
    {"always", Refresh::always},
    {"never", Refresh::never},
}};

constexpr std::array<Word<std::optional<vfio::Dialect>>, 3> abi_words{{
    {"auto", std::nullopt},
    {"mainline", vfio::Dialect::mainline},
    {"draft-v14", vfio::Dialect::draft_v14},
}};

constexpr std::array<Word<LogLevel>, 4> log_level_words{{
    {"error", LogLevel::error},
    {"warning", LogLevel::warning},
    {"info", LogLevel::info},
    {"debug", LogLevel::debug},
}};

}  // namespace

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return number;
}

Result<EdidWish, std::string> parse_edid(std::string_view text) {
    if (text == "monitor") return EdidWish{};
    if (text == "off") return EdidWish{.off = true};
    const auto wish = kms::parse_mode_wish(text);
    if (!wish || !wish->size || !wish->refresh_mhz)
        return wrong(fmt::format("expected monitor, off or WIDTHxHEIGHT@HZ, not \"{}\"", text));
    auto mode = kms::calculate_mode(*wish->size, *wish->refresh_mhz);
    if (!mode)
        return wrong(fmt::format("\"{}\" does not fit an EDID: sides have at most 4095 pixels, "
                                 "clocks at most 655 MHz",
                                 text));
    return EdidWish{.mode = *mode};
}

Result<Idle, std::string> parse_idle(std::string_view text) {
    return one_of(idle_words, text);
}

Result<Paused, std::string> parse_paused(std::string_view text) {
    return one_of(paused_words, text);
}

Result<Fit, std::string> parse_fit(std::string_view text) {
    return one_of(fit_words, text);
}

Result<Refresh, std::string> parse_refresh(std::string_view text) {
    return one_of(refresh_words, text);
}

Result<std::optional<vfio::Dialect>, std::string> parse_abi(std::string_view text) {
    return one_of(abi_words, text);
}

Result<LogLevel, std::string> parse_log_level(std::string_view text) {
    return one_of(log_level_words, text);
}

Result<std::chrono::microseconds, std::string> check_margin(std::int64_t microseconds) {
    if (microseconds >= 0 && microseconds <= max_margin.count())
        return std::chrono::microseconds{microseconds};
    return wrong(fmt::format("expected microseconds from 0 to {}, not {}", max_margin.count(),
                             microseconds));
}

Result<std::optional<std::chrono::microseconds>, std::string> parse_margin(std::string_view text) {
    if (text == "auto") return std::nullopt;
    const auto number = whole_number(text);
    if (!number) return wrong(fmt::format("expected whole microseconds or auto, not \"{}\"", text));
    return check_margin(*number);
}

Result<bool, std::string> parse_switch(std::string_view text) {
    if (text == "on") return true;
    if (text == "off") return false;
    return wrong(fmt::format("expected on or off, not \"{}\"", text));
}

Result<std::uint32_t, std::string> check_idle_poll(std::int64_t hertz) {
    if (hertz >= 1 && hertz <= max_idle_poll) return static_cast<std::uint32_t>(hertz);
    return wrong(fmt::format("expected hertz from 1 to {}, or off, not {}", max_idle_poll, hertz));
}

Result<std::uint32_t, std::string> parse_idle_poll(std::string_view text) {
    if (text == "off") return 0U;
    const auto number = whole_number(text);
    if (!number) return wrong(fmt::format("expected whole hertz or off, not \"{}\"", text));
    return check_idle_poll(*number);
}

Result<std::string, std::string> check_socket_path(std::string_view text) {
    if (text.empty()) return wrong("expected the path of a socket, not an empty string");
    // Server and clients have different working directories.
    if (text.front() != '/')
        return wrong(fmt::format("expected a path from the root on (/…), not \"{}\"", text));
    if (text.size() > vfio::max_socket_path)
        return wrong(fmt::format("the path has {} bytes; a Unix socket's path has at most {}",
                                 text.size(), vfio::max_socket_path));
    return std::string{text};
}

Result<std::string, std::string> check_metrics_file(std::string_view text) {
    if (!text.starts_with('/') || !text.ends_with(".prom"))
        return wrong(
            fmt::format("expected a path from the root on that ends with .prom, not \"{}\"", text));
    return std::string{text};
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Row i has the distances of a's first i letters to each beginning of b.
    std::vector<std::size_t> before;
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = std::exchange(last, row);
    }
    return last.back();
}

std::string suggest(std::string_view word, std::span<const std::string_view> known) {
    const auto distance = [word](std::string_view other) {
        return edit_distance(word, other);
    };
    const auto nearest = std::ranges::min_element(known, {}, distance);
    // Half of the letters wrong is no slip of the fingers.
    if (distance(*nearest) <= std::max<std::size_t>(1, nearest->size() / 2))
        return fmt::format("did you mean \"{}\"?", *nearest);
    return fmt::format("expected {}", fmt::join(known, ", "));
}

}  // namespace scanthru
