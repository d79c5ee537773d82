// SPDX-License-Identifier: MIT
#include "presenter/hands_config.h"

#include "presenter/config_values.h"

#include <charconv>
#include <fmt/format.h>
#include <iterator>

namespace scanthru {
namespace {

using input::HostAction;
using input::HostChord;
using Kind = HostAction::Kind;

/// Our own chord, which is a sound one.
HostChord chord(std::string_view text, HostAction action) {
    return *input::parse_host_chord(text, action);
}

bool read_hex(std::string_view text, std::uint16_t& into) {
    const auto [end, error] = std::from_chars(text.begin(), text.end(), into, 16);
    return error == std::errc{} && end == text.end() && !text.empty();
}

struct Default {
    KeysConfig::Chords KeysConfig::*set;
    Kind kind;
    std::string_view keys;
};

constexpr std::array<Default, 6> administrators{{
    {&KeysConfig::next_guest, Kind::next_guest, "Ctrl+Alt+Shift+N"},
    {&KeysConfig::next_output, Kind::next_output, "Ctrl+Alt+Shift+O"},
    {&KeysConfig::blank, Kind::blank, "Ctrl+Alt+Shift+B"},
    {&KeysConfig::screenshot, Kind::screenshot, "Ctrl+Alt+Shift+S"},
    {&KeysConfig::leave, Kind::leave, "Ctrl+Alt+Shift+Q"},
    {&KeysConfig::ctrl_alt_del, Kind::send_ctrl_alt_del, "Ctrl+Alt+Shift+Delete"},
}};

constexpr unsigned numbered_guests = 9;

void append(std::vector<HostChord>& to, const std::vector<HostChord>& chords) {
    to.insert(to.end(), chords.begin(), chords.end());
}

}  // namespace

Result<SeatChoice, std::string> parse_seat(std::string_view text) {
    if (text == "auto") return SeatChoice::automatic;
    if (text == "direct") return SeatChoice::direct;
    if (text == "off") return SeatChoice::off;
    return wrong(fmt::format("expected auto, direct or off, not \"{}\"", text));
}

Result<KeyDefaults, std::string> parse_key_defaults(std::string_view text) {
    if (text == "administrator") return KeyDefaults::administrator;
    if (text == "kiosk") return KeyDefaults::kiosk;
    return wrong(fmt::format("expected administrator or kiosk, not \"{}\"", text));
}

Result<GuestInput, std::string> parse_guest_input(std::string_view text) {
    constexpr std::string_view qmp = "qmp:";
    if (text == "auto") return GuestInput{};
    if (text == "off") return GuestInput{NoInput{}};
    if (text == "uinput") return GuestInput{UinputInput{}};
    if (!text.starts_with(qmp))
        return wrong(fmt::format("expected auto, off, uinput or qmp:SOCKET, not \"{}\"", text));
    auto socket = check_socket_path(text.substr(qmp.size()));
    if (!socket) return wrong(std::move(socket.error()));
    return GuestInput{QmpInput{*std::move(socket)}};
}

Result<KeysConfig::Chords, std::string> parse_key(std::string_view text, HostAction action) {
    if (text == "off") return KeysConfig::Chords{std::vector<HostChord>{}};
    auto read = input::parse_host_chord(text, action);
    if (!read) return wrong(std::move(read.error()));
    return KeysConfig::Chords{std::vector<HostChord>{*std::move(read)}};
}

Result<input::DeviceIdentity, std::string> parse_identity(std::string_view text) {
    input::DeviceIdentity identity;
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || !read_hex(text.substr(0, colon), identity.vendor) ||
        !read_hex(text.substr(colon + 1), identity.product))
        return wrong(fmt::format(
            "expected VENDOR:PRODUCT, two numbers of four hexadecimal digits, not \"{}\"", text));
    return identity;
}

Result<input::Acceleration, std::string> parse_acceleration(std::string_view text) {
    if (text == "flat") return input::Acceleration::flat;
    if (text == "adaptive") return input::Acceleration::adaptive;
    return wrong(fmt::format("expected flat or adaptive, not \"{}\"", text));
}

std::vector<HostChord> chords_of(const KeysConfig& config) {
    const bool ours = config.defaults == KeyDefaults::administrator;
    std::vector<HostChord> all;
    for (const Default& one : administrators) {
        const auto& set = config.*one.set;
        if (set) append(all, *set);
        if (!set && ours) all.push_back(chord(one.keys, {.kind = one.kind}));
    }
    if (config.switch_to) append(all, *config.switch_to);
    for (unsigned i = 1; !config.switch_to && ours && i <= numbered_guests; ++i)
        all.push_back(chord(fmt::format("Ctrl+Alt+Shift+{}", i), {Kind::switch_to, i}));
    if (config.vt.value_or(ours)) append(all, input::vt_chords());
    return all;
}

}  // namespace scanthru
