// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace scanthru {

/// How a virtual terminal is set, in the numbers of linux/kd.h and linux/vt.h.
struct VtModes {
    int display = 0;        ///< KD_TEXT, KD_GRAPHICS
    int keyboard = 0;       ///< K_XLATE, K_UNICODE, K_OFF, …
    bool by_owner = false;  ///< VT_PROCESS: a process is asked before it is left.
    bool operator==(const VtModes&) const = default;
};

/// What is known of those who may be using a virtual terminal that is not in order.
///
/// The kernel tells nobody which process owns a VT. It notices by itself that the owner is dead,
/// but only when another VT is asked for, which a dark screen and a dead keyboard may prevent.
struct VtUsers {
    /// Cards with a DRM master. Who shows something and lives is master; the dead are not.
    std::vector<std::string> masters;
    /// Processes that hold the VT's device open and are no programs of its terminal: X, logind.
    /// They count where the VT has an owner.
    std::vector<std::string> holders;
    bool operator==(const VtUsers&) const = default;
};

enum class ConsoleOutcome {
    in_order,  ///< Text, and a keyboard that types: nothing was done.
    in_use,    ///< Somebody who lives seems to be using it: nothing was done.
    restored,
};

/// What restore_console() found and did.
struct ConsoleState {
    std::string tty;  ///< "/dev/tty1"
    ConsoleOutcome outcome = ConsoleOutcome::in_order;
    VtModes before;
    VtUsers users;  ///< Looked for only where the console is not in order.
    bool operator==(const ConsoleState&) const = default;
};

/// Whether text is shown and keys type.
bool in_order(const VtModes& modes);

/// What is to be done with a console in these modes.
ConsoleOutcome choose_outcome(const VtModes& modes, const VtUsers& users);

/// A sentence without a full stop: what was found and done.
std::string describe(const ConsoleState& state);

/// Puts `tty` ("/dev/tty1"; empty: the VT in front) back to text, typing keys and switching without
/// being asked, unless it is in order or in use.
///
/// To find out who is master it opens every card for a moment. The error is a sentence: no VT, no
/// right to change it.
Result<ConsoleState, std::string> restore_console(std::string tty);

}  // namespace scanthru
