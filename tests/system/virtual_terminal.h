// SPDX-License-Identifier: MIT
#pragma once

namespace scanthru::system_test {

/// The VT in front, by its number; -1 where there is none.
int active_vt();

/// Asks for this VT as Alt+F does: whoever owns the one in front is to let go of it.
bool ask_for_vt(int number);

/// The same, and waits until it is in front; false after 20 s.
bool go_to_vt(int number);

/// Whether it shows text and keys type on it.
bool is_usable(int vt);

}  // namespace scanthru::system_test
