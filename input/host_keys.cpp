// SPDX-License-Identifier: MIT
#include "input/host_keys.h"

#include "input/key_table.h"

#include <algorithm>
#include <array>
#include <linux/input-event-codes.h>

namespace scanthru::input {
namespace {

using Modifier = HostChord::Modifier;

constexpr auto modifiers = std::to_array<Modifier>({
    {KEY_LEFTCTRL, KEY_RIGHTCTRL},
    {KEY_LEFTALT, KEY_RIGHTALT},
    {KEY_LEFTSHIFT, KEY_RIGHTSHIFT},
    {KEY_LEFTMETA, KEY_RIGHTMETA},
});

/// Names of modifiers that do not say which side.
constexpr auto either_side =
    std::to_array<std::string_view>({"ctrl", "control", "alt", "option", "shift", "super", "meta",
                                     "win", "windows", "logo", "cmd"});

bool has(const std::vector<std::uint16_t>& keys, std::uint16_t key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool is_of(const Modifier& modifier, std::uint16_t key) {
    return key != 0 && (modifier.left == key || modifier.right == key);
}

bool is_modifier(std::uint16_t key) {
    return std::any_of(modifiers.begin(), modifiers.end(),
                       [&](const Modifier& modifier) { return is_of(modifier, key); });
}

bool is_held(const Modifier& modifier, const std::vector<std::uint16_t>& held) {
    return std::any_of(held.begin(), held.end(),
                       [&](std::uint16_t key) { return is_of(modifier, key); });
}

bool says_no_side(std::string_view name) {
    return std::any_of(either_side.begin(), either_side.end(), [&](std::string_view plain) {
        return std::equal(name.begin(), name.end(), plain.begin(), plain.end(),
                          [](char a, char b) { return (a | 0x20) == b; });
    });
}

/// The modifier that `name` means, nothing when `key` is none.
std::optional<Modifier> modifier_of(std::string_view name, std::uint16_t key) {
    for (const Modifier& modifier : modifiers) {
        if (!is_of(modifier, key)) continue;
        if (says_no_side(name)) return modifier;
        return key == modifier.left ? Modifier{key, 0} : Modifier{0, key};
    }
    return std::nullopt;
}

}  // namespace

Result<HostChord, std::string> parse_host_chord(std::string_view text, HostAction action) {
    const auto keys = parse_chord(text);
    if (!keys) return tl::unexpected<std::string>{keys.error()};
    const auto names = split_chord(text);
    HostChord chord{{}, keys->back(), action};
    for (std::size_t i = 0; i + 1 < keys->size(); ++i) {
        const auto modifier = modifier_of(names[i], (*keys)[i]);
        if (!modifier)
            return tl::unexpected<std::string>{fmt::format(
                "\"{}\" is no modifier; of a chord only the last key may be another", names[i])};
        if (is_of(*modifier, chord.key))
            return tl::unexpected<std::string>{
                fmt::format(R"("{}" is twice in "{}")", names[i], text)};
        chord.modifiers.push_back(*modifier);
    }
    return chord;
}

std::vector<HostChord> vt_chords() {
    std::vector<HostChord> chords;
    for (unsigned number = 1; number <= 12; ++number) {
        const auto key = number <= 10 ? KEY_F1 + number - 1 : KEY_F11 + number - 11;
        chords.push_back({{modifiers[0], modifiers[1]},
                          static_cast<std::uint16_t>(key),
                          {HostAction::Kind::vt, number}});
    }
    return chords;
}

bool HostKeys::matches(const HostChord& chord) const {
    const bool all_held =
        std::all_of(chord.modifiers.begin(), chord.modifiers.end(),
                    [&](const Modifier& modifier) { return is_held(modifier, held_); });
    if (!all_held) return false;
    return std::none_of(held_.begin(), held_.end(), [&](std::uint16_t key) {
        return key != chord.key && is_modifier(key) &&
               std::none_of(chord.modifiers.begin(), chord.modifiers.end(),
                            [&](const Modifier& modifier) { return is_of(modifier, key); });
    });
}

const HostChord* HostKeys::find_chord(std::uint16_t key) const {
    for (const HostChord& chord : chords_)
        if (chord.key == key && matches(chord)) return &chord;
    return nullptr;
}

void HostKeys::press_modifiers(std::vector<Key>& to_guest) {
    for (const std::uint16_t key : held_) {
        if (!is_modifier(key) || has(guest_, key)) continue;
        guest_.push_back(key);
        to_guest.push_back({key, true});
    }
}

HostKeys::Answer HostKeys::feed(Key key) {
    if (key.down == has(held_, key.code)) return {};
    Answer answer;
    if (!key.down) {
        std::erase(held_, key.code);
        if (std::erase(guest_, key.code) != 0) answer.to_guest.push_back(key);
        return answer;
    }
    const HostChord* const chord = find_chord(key.code);
    // Withheld ones come with the next key, and in the order in which they were pressed.
    const bool withheld =
        is_modifier(key.code) && std::any_of(held_.begin(), held_.end(), [&](std::uint16_t held) {
            return is_modifier(held) && !has(guest_, held);
        });
    held_.push_back(key.code);
    if (chord != nullptr) {
        for (std::size_t i = guest_.size(); i-- > 0;)
            if (is_modifier(guest_[i])) answer.to_guest.push_back({guest_[i], false});
        std::erase_if(guest_, is_modifier);
        answer.action = chord->action;
        return answer;
    }
    if (withheld) return answer;
    press_modifiers(answer.to_guest);
    if (!is_modifier(key.code)) {
        guest_.push_back(key.code);
        answer.to_guest.push_back(key);
    }
    return answer;
}

}  // namespace scanthru::input
