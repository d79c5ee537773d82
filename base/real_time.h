// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <pthread.h>

namespace scanthru {

/// Gives a thread the lowest real-time priority (SCHED_RR): above all ordinary threads, below
/// everything that is really urgent. What it starts has ordinary priority again.
///
/// Errors: EPERM without CAP_SYS_NICE and with RLIMIT_RTPRIO 0.
Result<void> make_real_time(pthread_t thread);

/// Keeps this process's memory from being paged out: what is touched stays, now and later.
///
/// Errors: EPERM, ENOMEM without CAP_IPC_LOCK and with a small RLIMIT_MEMLOCK.
Result<void> lock_memory();

/// Ordinary priority for the calling thread while it lives: for calls that may take the processor
/// for long (modesets, probes), for which RLIMIT_RTTIME would kill us.
class OrdinaryPriority {
public:
    OrdinaryPriority() noexcept;
    ~OrdinaryPriority();
    OrdinaryPriority(const OrdinaryPriority&) = delete;
    OrdinaryPriority& operator=(const OrdinaryPriority&) = delete;

private:
    bool lowered_ = false;
};

}  // namespace scanthru
