// SPDX-License-Identifier: MIT
#include "base/seat_surroundings.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <grp.h>
#include <memory>
#include <sys/stat.h>
#include <systemd/sd-login.h>
#include <unistd.h>

namespace scanthru {
namespace {

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::string group_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    std::array<char, 4096> space{};
    group entry{};
    group* found = nullptr;
    if (::getgrgid_r(status.st_gid, &entry, space.data(), space.size(), &found) == 0 &&
        found != nullptr)
        return found->gr_name;
    return fmt::format("{}", status.st_gid);
}

bool is_on_a_seat(const std::string& session) {
    char* seat = nullptr;
    const bool found = ::sd_session_get_seat(session.c_str(), &seat) >= 0;
    const std::unique_ptr<char, decltype(&std::free)> owner{seat, &std::free};
    return found;
}

std::string why_no_seatd(const SeatSurroundings& surroundings, int error) {
    const std::string& socket = surroundings.seatd_socket;
    switch (surroundings.seatd_error) {
    case 0: return fmt::format("seatd at {} gives none ({})", socket, std::strerror(error));
    case ENOENT: return fmt::format("seatd does not run (there is no {})", socket);
    case EACCES:
        return fmt::format("seatd's socket {} is for the group {}, which this process is not in",
                           socket, surroundings.seatd_group);
    default:
        return fmt::format("seatd's socket {}: {}", socket,
                           std::strerror(surroundings.seatd_error));
    }
}

std::string why_no_logind(const SeatSurroundings& surroundings) {
    if (!surroundings.logind) return "logind does not run";
    if (surroundings.session.empty())
        return "this process is in no session of logind's (a service needs PAMName= and TTYPath=)";
    if (!surroundings.seated)
        return fmt::format("logind's session {} is on no seat (log in at the machine itself)",
                           surroundings.session);
    return fmt::format("logind gives none for its session {}", surroundings.session);
}

std::string why_no_builtin(const SeatSurroundings& surroundings, int error) {
    if (!surroundings.root) return "without either of them one has to be root";
    if (!surroundings.has_vts) return "libseat's own server needs the console, /dev/tty0";
    return fmt::format("libseat's own server failed ({})", std::strerror(error));
}

}  // namespace

SeatSurroundings read_seat_surroundings() {
    SeatSurroundings read;
    read.forced = environment("LIBSEAT_BACKEND");
    read.seatd_socket = environment("SEATD_SOCK");
    if (read.seatd_socket.empty()) read.seatd_socket = "/run/seatd.sock";
    if (::access(read.seatd_socket.c_str(), R_OK | W_OK) != 0) read.seatd_error = errno;
    read.seatd_group = group_of(read.seatd_socket);
    read.logind = ::access("/run/systemd/seats", F_OK) == 0;
    read.session = environment("XDG_SESSION_ID");
    read.seated = !read.session.empty() && is_on_a_seat(read.session);
    read.root = ::geteuid() == 0;
    read.has_vts = ::access("/dev/tty0", F_OK) == 0;
    return read;
}

std::string_view expected_backend(const SeatSurroundings& surroundings) {
    const auto may_be = [&surroundings](std::string_view backend) {
        return surroundings.forced.empty() || surroundings.forced == backend;
    };
    if (may_be("seatd") && surroundings.seatd_error == 0) return "seatd";
    if (may_be("logind") && surroundings.logind && surroundings.seated) return "logind";
    if (may_be("builtin") && surroundings.root && surroundings.has_vts) return "builtin";
    return {};
}

std::string why_no_seat(const SeatSurroundings& surroundings, int error) {
    const std::string& forced = surroundings.forced;
    if (forced == "seatd") return why_no_seatd(surroundings, error);
    if (forced == "logind") return why_no_logind(surroundings);
    if (forced == "builtin")
        return surroundings.root ? why_no_builtin(surroundings, error)
                                 : "LIBSEAT_BACKEND is \"builtin\", for which one has to be root";
    if (!forced.empty())
        return fmt::format("LIBSEAT_BACKEND is \"{}\", which libseat cannot open ({})", forced,
                           std::strerror(error));
    return fmt::format("{}, {}, and {}", why_no_seatd(surroundings, error),
                       why_no_logind(surroundings), why_no_builtin(surroundings, error));
}

}  // namespace scanthru
