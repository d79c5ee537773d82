// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/probe_report.h"

#include <string_view>

namespace scanthru {

/// The first two numbers of a kernel's release ("6.1.0-56-amd64"); zeros where there are none.
struct KernelVersion {
    int major = 0;
    int minor = 0;
    bool operator==(const KernelVersion&) const = default;
    constexpr bool is_before(const KernelVersion& other) const {
        return major != other.major ? major < other.major : minor < other.minor;
    }
};

KernelVersion parse_kernel_version(std::string_view release);

/// What is known of a driver in that kernel and no capability tells (kms.md, kernel sources).
struct DriverTraits {
    bool refuses_foreign_dmabufs = false;
    bool needs_vmap = false;           ///< Of the exporter: it composes with the CPU.
    bool primary_covers_crtc = false;  ///< Refuses a picture smaller than the mode.
    std::uint32_t min_cursor = 0;      ///< Least width and height of a framebuffer.
    bool cursor_sizes_fixed = false;   ///< 64, 128 or 256, square.
    std::vector<std::string> notes{};  ///< The same for administrators.
};

/// Pure.
DriverTraits traits_of(std::string_view driver, KernelVersion kernel);

/// Whether `pipeline` of `card` would show what the guest shows now, by all that can be known
/// without a commit, and why. Pure.
OutlookReport judge(const GuestReport& guest,
                    const CardReport& card,
                    const kms::Pipeline& pipeline,
                    KernelVersion kernel);

/// Who asks for another process's descriptors (ptrace_may_access() of kernel/ptrace.c).
struct TracerRights {
    uid_t uid = 0;
    gid_t gid = 0;
    bool can_trace_all = false;  ///< CAP_SYS_PTRACE
    std::optional<int> yama_scope{};
};

/// Whose they are: the /proc/PID/status lines Uid and Gid, real, effective and saved.
struct TraceeIds {
    std::vector<uid_t> uids{};
    std::vector<gid_t> gids{};
};

/// Why pidfd_getfd(2) would be refused; empty when it would not. Pure.
std::string find_trace_obstacle(const TracerRights& ours, const TraceeIds& theirs);

}  // namespace scanthru
