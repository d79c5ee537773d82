// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scanthru::input {

/// A key and what it is called.
struct KeyEntry {
    std::uint16_t code;      ///< KEY_… of linux/input-event-codes.h.
    std::string_view name;   ///< The kernel's name of it without KEY_, in small letters.
    std::string_view qcode;  ///< QEMU's (qapi/ui.json, QKeyCode); empty: QEMU has none.
};

/// Every key the kernel names up to KEY_MICMUTE, by code: keyboards have these. What comes after
/// them are remote controls, buttons and phones.
std::span<const KeyEntry> key_table();

/// What QEMU calls this key, empty when it has no name for it.
std::string_view qcode_of(std::uint16_t code);

/// Whether QEMU 7.2 and older refuse this key's qcode: those of F13 … F24 came later.
bool is_newer_than_qemu_7_2(std::uint16_t code);

/// The key of this qcode; also of the two that are other names of a key: asterisk and sysrq.
std::optional<std::uint16_t> key_of_qcode(std::string_view qcode);

/// The key that a person means, whatever the case: a qcode, the kernel's name with or without KEY_,
/// or what is printed on it ("Del", "Win", "Enter", ";"). Plain "ctrl", "alt", "shift" and "super"
/// are the left ones.
std::optional<std::uint16_t> key_named(std::string_view name);

/// Splits "Ctrl+Alt+Del" at its plus signs, without the blanks around the names. A plus sign at the
/// end names itself ("Ctrl++"). The views are into `text`.
std::vector<std::string_view> split_chord(std::string_view text);

/// The keys of "Ctrl+Alt+Del", in this order. The error names the key that nobody knows.
Result<std::vector<std::uint16_t>, std::string> parse_chord(std::string_view text);

}  // namespace scanthru::input
