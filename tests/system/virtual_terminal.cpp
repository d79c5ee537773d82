// SPDX-License-Identifier: MIT
#include "virtual_terminal.h"

#include "base/unique_fd.h"
#include "presenter_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kd.h>
#include <linux/vt.h>
#include <sys/ioctl.h>

namespace scanthru::system_test {
namespace {

UniqueFd open_vt(int number) {
    return UniqueFd{
        ::open(fmt::format("/dev/tty{}", number).c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC)};
}

}  // namespace

int active_vt() {
    vt_stat state{};
    return ::ioctl(open_vt(0).get(), VT_GETSTATE, &state) == 0 ? state.v_active : -1;
}

bool ask_for_vt(int number) {
    return ::ioctl(open_vt(0).get(), VT_ACTIVATE, number) == 0;
}

bool go_to_vt(int number) {
    return ask_for_vt(number) && PresenterProcess::wait([number] { return active_vt() == number; },
                                                        std::chrono::seconds{20});
}

bool is_usable(int vt) {
    const UniqueFd tty = open_vt(vt);
    int mode = -1;
    int keyboard = -1;
    return ::ioctl(tty.get(), KDGETMODE, &mode) == 0 &&
           ::ioctl(tty.get(), KDGKBMODE, &keyboard) == 0 && mode == KD_TEXT && keyboard != K_OFF;
}

}  // namespace scanthru::system_test
