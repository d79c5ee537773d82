// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/mode.h"
#include "kms/rotation.h"
#include "presenter/config_values.h"
#include "presenter/hands_config.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <string_view>
#include <toml++/toml.h>
#include <utility>

/// What reads one value of scanthru.toml(5). Each returns what is wrong with it, the end of a
/// sentence for the user; nothing is, when that is empty. All pure.
namespace scanthru::config_text {

/// What a node is, in words: "a table".
std::string_view kind_of(const toml::node& node);

/// A string without control characters.
Result<std::string, std::string> text_of(const toml::node& node);

/// One that is not empty.
std::string read_text(const toml::node& node, std::string& into);
std::string read_modeline(const toml::node& node, std::optional<kms::Mode>& into);

/// Whole microseconds or "auto".
std::string read_margin(const toml::node& node, std::optional<std::chrono::microseconds>& into);

/// Whole hertz or "off".
std::string read_idle_poll(const toml::node& node, std::uint32_t& into);

/// 0, 90, 180 or 270.
std::string read_rotation(const toml::node& node, kms::Rotation& into);

/// 0 (never) to a week.
std::string read_seconds(const toml::node& node, std::chrono::seconds& into);

/// From -1 to 1.
std::string read_speed(const toml::node& node, std::optional<double>& into);

/// The upper two rows of a matrix.
std::string read_calibration(const toml::node& node, std::optional<std::array<float, 6>>& into);
std::string read_optional_text(const toml::node& node, std::optional<std::string>& into);

/// A list of host keys; the first is for the first guest.
std::string read_numbered(const toml::node& node, KeysConfig::Chords& into);

template <class T, class Into>
std::string keep(Result<T, std::string> parsed, Into& into) {
    if (!parsed) return std::move(parsed.error());
    into = std::move(*parsed);
    return {};
}

template <class T>
std::string
read_parsed(const toml::node& node, Result<T, std::string> (*parse)(std::string_view), T& into) {
    const auto text = text_of(node);
    return text ? keep(parse(*text), into) : text.error();
}

template <class T>
std::string read_optional(const toml::node& node,
                          Result<T, std::string> (*parse)(std::string_view),
                          std::optional<T>& into) {
    T value{};
    std::string complaint = read_parsed(node, parse, value);
    if (complaint.empty()) into = std::move(value);
    return complaint;
}

template <class T>
std::string read_flag(const toml::node& node, T& into) {
    const auto* const flag = node.as_boolean();
    if (flag == nullptr) return fmt::format("expected true or false, not {}", kind_of(node));
    into = flag->get();
    return {};
}

template <input::HostAction::Kind kind>
std::string read_key(const toml::node& node, KeysConfig::Chords& into) {
    const auto text = text_of(node);
    return text ? keep(parse_key(*text, {.kind = kind}), into) : text.error();
}

}  // namespace scanthru::config_text
