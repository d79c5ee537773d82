// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "input/event.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scanthru::input {

/// What a host key does. `number`: the guest (from 1) or the VT (from 1); else 0.
struct HostAction {
    enum class Kind : std::uint8_t {
        switch_to,
        next_guest,
        next_output,
        blank,
        screenshot,
        leave,
        send_ctrl_alt_del,
        vt,
    };
    Kind kind = Kind::next_guest;
    unsigned number = 0;
    bool operator==(const HostAction&) const = default;
};

/// Modifiers held and one more key: "Ctrl+Alt+F1".
struct HostChord {
    /// One of the keys must be held: both of a plain "Ctrl", one of a "LeftCtrl".
    struct Modifier {
        std::uint16_t left = 0;   ///< 0: not this one.
        std::uint16_t right = 0;  ///< 0: not this one.
        bool operator==(const Modifier&) const = default;
    };

    std::vector<Modifier> modifiers;
    std::uint16_t key = 0;
    HostAction action;
    bool operator==(const HostChord&) const = default;
};

/// Reads a chord. The last key is the one that fires, a modifier if need be ("RightCtrl"); all
/// before it must be modifiers: Ctrl, Alt, Shift, Super, on either side unless the name says which.
/// The error is a sentence that names what is wrong.
Result<HostChord, std::string> parse_host_chord(std::string_view text, HostAction action);

/// Ctrl+Alt+F1 … F12 for the VTs 1 … 12.
std::vector<HostChord> vt_chords();

/// Takes the host's keys out of what goes to the guest. Pure.
///
/// A chord fires when its key goes down while exactly its modifiers are held: with Shift held too,
/// Ctrl+Alt+F1 is the guest's. Its key never reaches the guest. Modifiers the guest has seen go
/// down are released there before the action, and their own release is swallowed later. While they
/// are still held, the next key may be a chord again; if it is none, the guest gets the modifiers
/// pressed again and then the key, as if there had been no chord.
///
/// A guest that acts on a lone modifier sees one: Super pressed and released opens menus. Chords
/// of two modifiers are the better choice.
///
/// Where two chords say the same, the first one counts.
class HostKeys {
public:
    /// What comes of an event: first the keys for the guest, in order, then the action.
    struct Answer {
        std::vector<Key> to_guest;
        std::optional<HostAction> action;
        bool operator==(const Answer&) const = default;
    };

    explicit HostKeys(std::vector<HostChord> chords = {}) : chords_(std::move(chords)) {}

    /// Takes a press or release of all keyboards together (see Pressed). A press of what is down
    /// and a release of what is not say nothing.
    Answer feed(Key key);

    /// Other chords from now on. What is held, and what the guest has down, stays known.
    void set_chords(std::vector<HostChord> chords) { chords_ = std::move(chords); }

    /// Another guest has the keys, with none of them down: what is held now gets to it only by a
    /// new press, modifiers with the next key.
    void guest_changed() { guest_.clear(); }

private:
    const HostChord* find_chord(std::uint16_t key) const;
    bool matches(const HostChord& chord) const;
    void press_modifiers(std::vector<Key>& to_guest);

    std::vector<HostChord> chords_;
    std::vector<std::uint16_t> held_;   ///< By hands, oldest first.
    std::vector<std::uint16_t> guest_;  ///< Of those, what the guest has down.
};

}  // namespace scanthru::input
