// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>

namespace scanthru::system_test {

/// Counts events of the kernel in hist triggers (exact, and without stopping anybody).
class KernelHistogram {
public:
    /// `event` as "raw_syscalls/sys_enter", `key` a field of it, counted per thread. Throws
    /// std::runtime_error when the kernel has it not.
    KernelHistogram(std::string event, std::string key);
    ~KernelHistogram();
    KernelHistogram(const KernelHistogram&) = delete;
    KernelHistogram& operator=(const KernelHistogram&) = delete;

    /// Hits by the key's value, of one thread, or of all with thread 0.
    std::map<std::uint64_t, std::uint64_t> hits(pid_t thread = 0) const;

private:
    std::string event_;
    std::string key_;
};

}  // namespace scanthru::system_test
