// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/config.h"
#include "presenter/toml_value.h"

#include <array>
#include <string>
#include <string_view>

/// The keys of scanthru.toml(5), table by table, and what reads each.
namespace scanthru::config_text {

template <class T>
struct Key {
    std::string_view name;
    std::string (*read)(const toml::node& value, T& into);
};

using Node = const toml::node&;
using Kind = input::HostAction::Kind;
using Rule = input::DeviceRule;
using Settings = input::DeviceSettings;

/// What pointers to members, one after the other, lead to.
template <auto... members>
auto& at(auto& table) {
    return (table.*....*members);
}

template <auto reads, auto... members, class T>
std::string read(Node value, T& table) {
    return reads(value, at<members...>(table));
}

template <auto parse, auto... members, class T>
std::string parsed(Node value, T& table) {
    return read_parsed(value, parse, at<members...>(table));
}

template <auto parse, auto... members, class T>
std::string parsed_if_given(Node value, T& table) {
    return read_optional(value, parse, at<members...>(table));
}

template <auto... members, class T>
std::string flag(Node value, T& table) {
    return read_flag(value, at<members...>(table));
}

inline constexpr std::array<Key<OutputConfig>, 17> output_keys{{
    {"name", read<read_text, &OutputConfig::name>},
    {"monitor", read<read_text, &OutputConfig::monitor>},
    {"card", read<read_text, &OutputConfig::card>},
    {"mode", parsed<kms::parse_mode_wish, &OutputConfig::mode>},
    {"modeline", read<read_modeline, &OutputConfig::modeline>},
    {"rotate", read<read_rotation, &OutputConfig::rotate>},
    {"fit", parsed<parse_fit, &OutputConfig::fit>},
    {"guest", read<read_text, &OutputConfig::guest>},
    {"refresh", parsed<parse_refresh, &OutputConfig::refresh>},
    {"idle", parsed<parse_idle, &OutputConfig::idle>},
    {"paused", parsed<parse_paused, &OutputConfig::paused>},
    {"blank_after", read<read_seconds, &OutputConfig::blank_after>},
    {"image", read<read_text, &OutputConfig::image>},
    {"margin_us", read<read_margin, &OutputConfig::margin>},
    {"idle_poll", read<read_idle_poll, &OutputConfig::idle_poll>},
    {"vrr", flag<&OutputConfig::vrr>},
    {"async", flag<&OutputConfig::async>},
}};

inline constexpr std::array<Key<GuestConfig>, 5> guest_keys{{
    {"name", read<read_text, &GuestConfig::name>},
    {"source", parsed<vfio::parse_guest_source, &GuestConfig::source>},
    {"abi", parsed<parse_abi, &GuestConfig::abi>},
    {"edid", parsed<parse_edid, &GuestConfig::edid>},
    {"input", parsed<parse_guest_input, &GuestConfig::input>},
}};

inline constexpr std::array<Key<ControlConfig>, 2> control_keys{{
    {"socket", parsed<check_socket_path, &ControlConfig::socket>},
    {"group", read<read_text, &ControlConfig::group>},
}};

inline constexpr std::array<Key<MetricsConfig>, 1> metrics_keys{{
    {"file", parsed<check_metrics_file, &MetricsConfig::file>},
}};

inline constexpr std::array<Key<Config>, 1> log_keys{{
    {"level", parsed<parse_log_level, &Config::log_level>},
}};

inline constexpr std::array<Key<Rule>, 12> device_keys{{
    {"name", read<read_text, &Rule::name>},
    {"path", read<read_text, &Rule::path>},
    {"id", parsed_if_given<parse_identity, &Rule::identity>},
    {"ignore", flag<&Rule::settings, &Settings::ignore>},
    {"acceleration", parsed_if_given<parse_acceleration, &Rule::settings, &Settings::acceleration>},
    {"speed", read<read_speed, &Rule::settings, &Settings::speed>},
    {"natural_scroll", flag<&Rule::settings, &Settings::natural_scroll>},
    {"tap", flag<&Rule::settings, &Settings::tap>},
    {"left_handed", flag<&Rule::settings, &Settings::left_handed>},
    {"calibration", read<read_calibration, &Rule::settings, &Settings::calibration>},
    {"output", read<read_optional_text, &Rule::settings, &Settings::output>},
    {"guest", read<read_optional_text, &Rule::settings, &Settings::guest>},
}};

inline constexpr std::array<Key<HandsConfig>, 2> input_keys{{
    {"seat", parsed<parse_seat, &HandsConfig::seat>},
    {"device",
     [](Node, HandsConfig&) {
         return std::string{};
     }},  // A list of its own.
}};

inline constexpr std::array<Key<KeysConfig>, 10> keys_keys{{
    {"defaults", parsed<parse_key_defaults, &KeysConfig::defaults>},
    {"switch_to", read<read_numbered, &KeysConfig::switch_to>},
    {"next_guest", read<read_key<Kind::next_guest>, &KeysConfig::next_guest>},
    {"next_output", read<read_key<Kind::next_output>, &KeysConfig::next_output>},
    {"blank", read<read_key<Kind::blank>, &KeysConfig::blank>},
    {"screenshot", read<read_key<Kind::screenshot>, &KeysConfig::screenshot>},
    {"leave", read<read_key<Kind::leave>, &KeysConfig::leave>},
    {"ctrl_alt_del", read<read_key<Kind::send_ctrl_alt_del>, &KeysConfig::ctrl_alt_del>},
    {"vt", flag<&KeysConfig::vt>},
    {"screenshots", read<read_text, &KeysConfig::screenshots>},
}};

}  // namespace scanthru::config_text
