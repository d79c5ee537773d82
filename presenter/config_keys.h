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

inline constexpr std::array<Key<OutputConfig>, 17> output_keys{{
    {"name",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.name);
     }},
    {"monitor",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.monitor);
     }},
    {"card",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.card);
     }},
    {"mode",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, kms::parse_mode_wish, output.mode);
     }},
    {"modeline",
     [](Node value, OutputConfig& output) {
         return read_modeline(value, output.modeline);
     }},
    {"rotate",
     [](Node value, OutputConfig& output) {
         return read_rotation(value, output.rotate);
     }},
    {"fit",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, parse_fit, output.fit);
     }},
    {"guest",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.guest);
     }},
    {"refresh",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, parse_refresh, output.refresh);
     }},
    {"idle",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, parse_idle, output.idle);
     }},
    {"paused",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, parse_paused, output.paused);
     }},
    {"blank_after",
     [](Node value, OutputConfig& output) {
         return read_seconds(value, output.blank_after);
     }},
    {"image",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.image);
     }},
    {"margin_us",
     [](Node value, OutputConfig& output) {
         return read_margin(value, output.margin);
     }},
    {"idle_poll",
     [](Node value, OutputConfig& output) {
         return read_idle_poll(value, output.idle_poll);
     }},
    {"vrr",
     [](Node value, OutputConfig& output) {
         return read_flag(value, output.vrr);
     }},
    {"async",
     [](Node value, OutputConfig& output) {
         return read_flag(value, output.async);
     }},
}};

inline constexpr std::array<Key<GuestConfig>, 5> guest_keys{{
    {"name",
     [](Node value, GuestConfig& guest) {
         return read_text(value, guest.name);
     }},
    {"source",
     [](Node value, GuestConfig& guest) {
         return read_parsed(value, vfio::parse_guest_source, guest.source);
     }},
    {"abi",
     [](Node value, GuestConfig& guest) {
         return read_parsed(value, parse_abi, guest.abi);
     }},
    {"edid",
     [](Node value, GuestConfig& guest) {
         return read_parsed(value, parse_edid, guest.edid);
     }},
    {"input",
     [](Node value, GuestConfig& guest) {
         return read_parsed(value, parse_guest_input, guest.input);
     }},
}};

inline constexpr std::array<Key<ControlConfig>, 2> control_keys{{
    {"socket",
     [](Node value, ControlConfig& control) {
         return read_parsed(value, check_socket_path, control.socket);
     }},
    {"group",
     [](Node value, ControlConfig& control) {
         return read_text(value, control.group);
     }},
}};

inline constexpr std::array<Key<Config>, 1> log_keys{{
    {"level",
     [](Node value, Config& config) {
         return read_parsed(value, parse_log_level, config.log_level);
     }},
}};

inline constexpr std::array<Key<Rule>, 12> device_keys{{
    {"name",
     [](Node value, Rule& rule) {
         return read_text(value, rule.name);
     }},
    {"path",
     [](Node value, Rule& rule) {
         return read_text(value, rule.path);
     }},
    {"id",
     [](Node value, Rule& rule) {
         return read_optional(value, parse_identity, rule.identity);
     }},
    {"ignore",
     [](Node value, Rule& rule) {
         return read_flag(value, rule.settings.ignore);
     }},
    {"acceleration",
     [](Node value, Rule& rule) {
         return read_optional(value, parse_acceleration, rule.settings.acceleration);
     }},
    {"speed",
     [](Node value, Rule& rule) {
         return read_speed(value, rule.settings.speed);
     }},
    {"natural_scroll",
     [](Node value, Rule& rule) {
         return read_flag(value, rule.settings.natural_scroll);
     }},
    {"tap",
     [](Node value, Rule& rule) {
         return read_flag(value, rule.settings.tap);
     }},
    {"left_handed",
     [](Node value, Rule& rule) {
         return read_flag(value, rule.settings.left_handed);
     }},
    {"calibration",
     [](Node value, Rule& rule) {
         return read_calibration(value, rule.settings.calibration);
     }},
    {"output",
     [](Node value, Rule& rule) {
         return read_optional_text(value, rule.settings.output);
     }},
    {"guest",
     [](Node value, Rule& rule) {
         return read_optional_text(value, rule.settings.guest);
     }},
}};

inline constexpr std::array<Key<HandsConfig>, 2> input_keys{{
    {"seat",
     [](Node value, HandsConfig& hands) {
         return read_parsed(value, parse_seat, hands.seat);
     }},
    {"device",
     [](Node, HandsConfig&) {
         return std::string{};
     }},  // A list of its own.
}};

inline constexpr std::array<Key<KeysConfig>, 10> keys_keys{{
    {"defaults",
     [](Node value, KeysConfig& keys) {
         return read_parsed(value, parse_key_defaults, keys.defaults);
     }},
    {"switch_to",
     [](Node value, KeysConfig& keys) {
         return read_numbered(value, keys.switch_to);
     }},
    {"next_guest",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::next_guest>(value, keys.next_guest);
     }},
    {"next_output",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::next_output>(value, keys.next_output);
     }},
    {"blank",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::blank>(value, keys.blank);
     }},
    {"screenshot",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::screenshot>(value, keys.screenshot);
     }},
    {"leave",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::leave>(value, keys.leave);
     }},
    {"ctrl_alt_del",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::send_ctrl_alt_del>(value, keys.ctrl_alt_del);
     }},
    {"vt",
     [](Node value, KeysConfig& keys) {
         return read_flag(value, keys.vt);
     }},
    {"screenshots",
     [](Node value, KeysConfig& keys) {
         return read_text(value, keys.screenshots);
     }},
}};

}  // namespace scanthru::config_text
