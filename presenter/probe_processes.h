// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/probe_outlook.h"
#include "presenter/probe_report.h"
#include "vfio/acquire.h"

#include <string>
#include <vector>

namespace scanthru {

/// A process and those of its descriptors that matter here.
struct ProcessEntry {
    ProcessName process{};
    TraceeIds ids{};
    bool visible = false;  ///< /proc/PID/fd may be listed.
    std::size_t devices = 0;
    std::vector<std::string> groups{};  ///< Names below /dev/vfio.
    std::vector<std::string> cards{};   ///< "/dev/dri/card0"
};

/// Every other process of this host, in the order of their numbers. What ends meanwhile, or hides
/// (hidepid), is left out.
std::vector<ProcessEntry> scan_processes(const vfio::Places& places);

/// Whose process it is; nothing of one that has ended.
TraceeIds read_tracee_ids(pid_t pid, const vfio::Places& places);

/// This process's rights to take descriptors of others, by /proc.
TracerRights read_tracer_rights(const vfio::Places& places);

/// The mediated devices, with the processes that use them.
std::vector<MdevReport> list_mdevs(const std::vector<ProcessEntry>& processes,
                                   const vfio::Places& places);

/// Those with VFIO devices, and QEMUs that we may not look into. Pure.
std::vector<ProcessReport> pick_vfio_users(const std::vector<ProcessEntry>& processes,
                                           const std::vector<MdevReport>& mdevs,
                                           const TracerRights& rights);

/// Why `path` cannot be opened for reading and writing, and who may; empty when it can.
std::string find_access_obstacle(const std::string& path);

}  // namespace scanthru
