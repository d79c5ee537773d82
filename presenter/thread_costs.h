// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <sys/types.h>

namespace scanthru {

/// Processor time of the calling thread so far. One system call.
std::chrono::nanoseconds processor_time() noexcept;

/// What a thread of this process has cost since it was started.
struct ThreadCosts {
    std::uint64_t processor_ns = 0;               ///< /proc/…/schedstat.
    std::uint64_t wakeups = 0;                    ///< Voluntary context switches.
    std::optional<std::uint64_t> system_calls{};  ///< Where they could be counted.
};

/// Counts them. System calls by the kernel's tracepoint raw_syscalls/sys_enter, which needs tracefs
/// and CAP_PERFMON.
class ThreadMeter {
public:
    explicit ThreadMeter(pid_t thread);

    ThreadCosts read() const;

private:
    pid_t thread_;
    UniqueFd system_calls_;
};

}  // namespace scanthru
