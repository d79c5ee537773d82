// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <csetjmp>

/// Reading mapped memory that may go at any moment (a device's, a truncated file's).
namespace scanthru {

/// Where this thread goes on when it meets a SIGBUS; null: it ends the process, as ever.
extern thread_local sigjmp_buf* bus_error_exit;

/// Installs the handler that surviving needs, for the whole process, once.
void catch_bus_errors();

/// Runs `work`; false when it touched memory that is gone, which ends it on the spot.
///
/// `work` is left by a jump: nothing in it may own anything. No system call, so that it can stand
/// around a copy in every frame. Does not nest.
template <class Work>
bool survives_bus_error(const Work& work) {
    catch_bus_errors();
    sigjmp_buf here;
    // Without the signal mask: SA_NODEFER has left it alone.
    if (sigsetjmp(here, 0) != 0) {
        bus_error_exit = nullptr;
        return false;
    }
    bus_error_exit = &here;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    work();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    bus_error_exit = nullptr;
    return true;
}

}  // namespace scanthru
