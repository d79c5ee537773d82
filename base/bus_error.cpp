// SPDX-License-Identifier: MIT
#include "base/bus_error.h"

#include <csignal>
#include <mutex>

namespace scanthru {

thread_local sigjmp_buf* bus_error_exit = nullptr;

namespace {

void on_bus_error(int signal) {
    if (bus_error_exit != nullptr) siglongjmp(*bus_error_exit, 1);
    // Not ours: the same instruction faults again, and the process ends as if we had not been here.
    std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_bus_errors() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_handler = on_bus_error;
        action.sa_flags = SA_NODEFER;
        sigemptyset(&action.sa_mask);
        ::sigaction(SIGBUS, &action, nullptr);
    });
}

}  // namespace scanthru
