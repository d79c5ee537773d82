// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "input/device_rule.h"
#include "input/host_keys.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace scanthru {

/// How cards and input devices are opened.
enum class SeatChoice {
    automatic,  ///< By the seat manager (seatd, logind), or as one where none is there and it may.
    direct,     ///< As anyone who has the rights; the VT and its keyboard stay as they are.
    off,        ///< Cards as with `direct`, and no input devices at all.
};

/// `[input]`
struct HandsConfig {
    SeatChoice seat = SeatChoice::automatic;  ///< `seat = "auto" | "direct" | "off"`
    std::vector<input::DeviceRule> devices;   ///< `[[input.device]]`
    bool operator==(const HandsConfig&) const = default;
};

/// Where a guest's input goes. Nothing: to the monitor of its QMP source, where it has one.
struct NoInput {
    bool operator==(const NoInput&) const = default;
};
struct UinputInput {
    bool operator==(const UinputInput&) const = default;
};
struct QmpInput {
    std::string socket;
    bool operator==(const QmpInput&) const = default;
};
using GuestInput = std::variant<std::monostate, NoInput, UinputInput, QmpInput>;

/// `auto`, `off`, `uinput` or `qmp:SOCKET`.
Result<GuestInput, std::string> parse_guest_input(std::string_view text);
Result<SeatChoice, std::string> parse_seat(std::string_view text);

/// Whom the host keys are for when nothing else is said.
enum class KeyDefaults {
    administrator,  ///< Every action has its keys.
    kiosk,          ///< None has: nobody gets out.
};
Result<KeyDefaults, std::string> parse_key_defaults(std::string_view text);

/// `[keys]`. What is not set is as `defaults` has it; no chords: off.
struct KeysConfig {
    using Kind = input::HostAction::Kind;
    using Chords = std::optional<std::vector<input::HostChord>>;

    KeyDefaults defaults = KeyDefaults::administrator;
    Chords switch_to;   ///< The first for the first guest.
    Chords next_guest;  ///< Of each action one at the most.
    Chords next_output;
    Chords blank;
    Chords screenshot;
    Chords leave;
    Chords ctrl_alt_del;
    std::optional<bool> vt;   ///< Ctrl+Alt+F1 … F12.
    std::string screenshots;  ///< Folder for the pictures of `screenshot`; empty: nowhere.
    bool operator==(const KeysConfig&) const = default;
};

/// A chord for an action, or "off".
Result<KeysConfig::Chords, std::string> parse_key(std::string_view text, input::HostAction action);

/// All chords that are in force. Pure.
std::vector<input::HostChord> chords_of(const KeysConfig& config);

// The values of [[input.device]]; every error is the end of a sentence.
Result<input::DeviceIdentity, std::string> parse_identity(std::string_view text);
Result<input::Acceleration, std::string> parse_acceleration(std::string_view text);

}  // namespace scanthru
