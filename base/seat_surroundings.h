// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace scanthru {

/// What decides which seat manager libseat can use: it tries seatd, then logind, then, as root, a
/// server of its own.
struct SeatSurroundings {
    std::string forced;        ///< LIBSEAT_BACKEND: the only one it may try.
    std::string seatd_socket;  ///< SEATD_SOCK, else "/run/seatd.sock".
    int seatd_error = 0;       ///< errno of asking for it; 0: it may be used.
    std::string seatd_group;   ///< Whose socket it is, where there is one.
    bool logind = false;       ///< It runs.
    std::string session;       ///< XDG_SESSION_ID
    bool seated = false;  ///< That session is on a seat; one that came over the network is not.
    bool root = false;
    bool has_vts = false;  ///< There is /dev/tty0; a container has none.
};

/// Of this process, now.
SeatSurroundings read_seat_surroundings();

/// "seatd", "logind" or "builtin": what libseat will take, if it gives a seat; empty: there is
/// none.
std::string_view expected_backend(const SeatSurroundings& surroundings);

/// A sentence without a full stop: what is missing for a seat. `error`: errno of the attempt.
std::string why_no_seat(const SeatSurroundings& surroundings, int error);

}  // namespace scanthru
