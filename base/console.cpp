// SPDX-License-Identifier: MIT
#include "base/console.h"

#include "base/unique_fd.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/ranges.h>
#include <fstream>
#include <linux/kd.h>
#include <linux/vt.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xf86drm.h>

namespace scanthru {
namespace {

namespace fs = std::filesystem;

tl::unexpected<std::string> sentence(std::string text) {
    return tl::unexpected<std::string>{std::move(text)};
}

std::string first_line(const fs::path& path) {
    std::string line;
    std::ifstream file{path};
    std::getline(file, line);
    return line;
}

/// Who opens a card without a master is its master.
bool has_other_master(const std::string& card) {
    const UniqueFd fd{::open(card.c_str(), O_RDWR | O_CLOEXEC)};
    return fd && drmIsMaster(fd.get()) == 0;
}

std::vector<std::string> find_masters() {
    std::vector<std::string> masters;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{"/dev/dri", error})
        if (entry.path().filename().string().starts_with("card") && has_other_master(entry.path()))
            masters.push_back(entry.path());
    std::ranges::sort(masters);
    return masters;
}

bool holds(const fs::path& process, dev_t tty) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{process / "fd", error}) {
        struct stat status {};
        if (::stat(entry.path().c_str(), &status) == 0 && S_ISCHR(status.st_mode) &&
            status.st_rdev == tty)
            return true;
    }
    return false;
}

/// The device of its controlling terminal: the fifth number after the name in parentheses.
dev_t terminal_of(const fs::path& process) {
    const std::string line = first_line(process / "stat");
    const auto end_of_name = line.rfind(')');
    if (end_of_name == std::string::npos) return 0;
    std::istringstream rest{line.substr(end_of_name + 1)};
    std::string state;
    int parent = 0;
    int group = 0;
    int session = 0;
    unsigned terminal = 0;
    rest >> state >> parent >> group >> session >> terminal;
    return makedev(terminal >> 8 & 0xfff, (terminal & 0xff) | (terminal >> 12 & 0xfff00));
}

std::vector<std::string> find_holders(dev_t tty) {
    std::vector<std::string> holders;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{"/proc", error}) {
        const std::string pid = entry.path().filename();
        if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
        if (pid == fmt::format("{}", ::getpid()) || !holds(entry.path(), tty)) continue;
        if (terminal_of(entry.path()) != tty)
            holders.push_back(fmt::format("{} ({})", first_line(entry.path() / "comm"), pid));
    }
    return holders;
}

VtUsers find_users(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return {.masters = find_masters(), .holders = {}};
    return {.masters = find_masters(), .holders = find_holders(status.st_rdev)};
}

Result<VtModes, std::string> read_modes(int fd, const std::string& tty) {
    VtModes modes;
    vt_mode switching{};
    if (::ioctl(fd, KDGETMODE, &modes.display) != 0 ||
        ::ioctl(fd, KDGKBMODE, &modes.keyboard) != 0 || ::ioctl(fd, VT_GETMODE, &switching) != 0)
        return sentence(fmt::format("{} is no virtual terminal ({})", tty, std::strerror(errno)));
    modes.by_owner = switching.mode == VT_PROCESS;
    return modes;
}

/// What the kernel gives a VT that is new.
int default_keyboard() {
    return first_line("/sys/module/vt/parameters/default_utf8") == "0" ? K_XLATE : K_UNICODE;
}

Result<void, std::string> put_back(int fd, const std::string& tty) {
    vt_mode automatic{};
    automatic.mode = VT_AUTO;
    if (::ioctl(fd, KDSKBMODE, default_keyboard()) != 0 ||
        ::ioctl(fd, VT_SETMODE, &automatic) != 0 || ::ioctl(fd, KDSETMODE, KD_TEXT) != 0)
        return sentence(
            fmt::format("{} could not be put back: {}{}", tty, std::strerror(errno),
                        errno == EPERM ? "; only root or who is logged in there may" : ""));
    return {};
}

std::string listed(const std::vector<std::string>& things) {
    return fmt::format("{}", fmt::join(things, ", "));
}

}  // namespace

bool in_order(const VtModes& modes) {
    return modes.display == KD_TEXT && (modes.keyboard == K_XLATE || modes.keyboard == K_UNICODE);
}

ConsoleOutcome choose_outcome(const VtModes& modes, const VtUsers& users) {
    // One that a process owns, but is usable, may be left so: the kernel looks whether the owner
    // lives before it waits for it.
    if (in_order(modes)) return ConsoleOutcome::in_order;
    if (!users.masters.empty()) return ConsoleOutcome::in_use;
    if (modes.by_owner && !users.holders.empty()) return ConsoleOutcome::in_use;
    return ConsoleOutcome::restored;
}

std::string describe(const ConsoleState& state) {
    switch (state.outcome) {
    case ConsoleOutcome::in_order: return state.tty + " is in order";
    case ConsoleOutcome::restored: return state.tty + " shows text and takes keys again";
    case ConsoleOutcome::in_use: break;
    }
    if (!state.users.masters.empty())
        return fmt::format("{} was left as it is: somebody uses {}", state.tty,
                           listed(state.users.masters));
    return fmt::format("{} was left as it is: it is in use by {}", state.tty,
                       listed(state.users.holders));
}

Result<ConsoleState, std::string> restore_console(std::string tty) {
    if (tty.empty()) {
        const std::string front = first_line("/sys/class/tty/tty0/active");
        if (front.empty()) return sentence("this machine has no virtual terminals");
        tty = "/dev/" + front;
    }
    const UniqueFd fd{::open(tty.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC)};
    if (!fd) return sentence(fmt::format("{} cannot be opened: {}", tty, std::strerror(errno)));
    const auto modes = read_modes(fd.get(), tty);
    if (!modes) return tl::unexpected{modes.error()};
    ConsoleState state{
        .tty = tty, .outcome = ConsoleOutcome::in_order, .before = *modes, .users = {}};
    if (!in_order(*modes)) state.users = find_users(fd.get());
    state.outcome = choose_outcome(*modes, state.users);
    if (state.outcome == ConsoleOutcome::restored)
        if (auto done = put_back(fd.get(), tty); !done) return tl::unexpected{done.error()};
    return state;
}

}  // namespace scanthru
