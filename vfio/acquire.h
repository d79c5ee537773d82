// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <chrono>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace scanthru::vfio {

/// A mediated device that this process opened by itself: container, group and device.
///
/// The group stays ours until all three are closed; the device may be given away first.
struct OwnedDevice {
    UniqueFd container;
    UniqueFd group;
    UniqueFd device;
};

/// Where this program looks for devices and processes; tests look elsewhere.
struct Places {
    std::string mdevs = "/sys/bus/mdev/devices";
    std::string vfio = "/dev/vfio";
    std::string proc = "/proc";
};

/// Opens /sys/bus/mdev/devices/UUID through its IOMMU group and a TYPE1 container.
///
/// Errors (code, call): ENOENT "mdev UUID" when there is no such device; EBUSY when somebody else
/// (usually QEMU) has the group; EPERM/EACCES without rights; ENODEV when no VFIO driver is bound;
/// EINVAL when `uuid` is no UUID.
Result<OwnedDevice> open_mdev(std::string_view uuid, const Places& places = {});

/// A VFIO device taken out of a running process.
struct TakenDevice {
    UniqueFd device;
    int remote_fd = -1;  ///< Its number in the other process.
};

/// Duplicates the VFIO device descriptor with a display out of process `pid` (pidfd_getfd).
///
/// Candidates are the `anon_inode:[vfio-device]` descriptors, never a container or group; PROBE
/// tells which has a display. With several, the first.
///
/// `mdev` (a UUID, or empty): the process must have this device's IOMMU group open. Linux 6.1 does
/// not say which device a descriptor belongs to, so of several displays the one is taken that was
/// opened next after the group: the lowest descriptor above the group's, as QEMU opens them; if
/// there is none, the first. A process that was given its descriptors in another order and has
/// several displays cannot be told apart; use `fd:` or `recv:` there.
/// Errors: ENOENT "vfio-device of the process" when it has none (yet), ENOENT "mdev UUID" when
/// there is no such device, ENOENT "mdev of the process" when the process has not opened it; EPERM
/// when ptrace rights are missing (root, CAP_SYS_PTRACE, or the same user and Yama's ptrace_scope
/// 0); EACCES when /proc/PID/fd is not ours to read; ESRCH.
Result<TakenDevice> take_from_process(pid_t pid, std::string_view mdev, const Places& places = {});

/// Whether `ours` and descriptor `remote_fd` of `pid` are the same open file (kcmp).
bool same_open_file(int ours, pid_t pid, int remote_fd);

/// A pidfd: readable when the process has ended. Errors: those of pidfd_open(2).
Result<UniqueFd> open_pidfd(pid_t pid);

/// Connects to the Unix socket at `path` and takes the one descriptor that is sent there.
///
/// Waits at most `limit`. Errors: those of connect_unix(); ETIMEDOUT; ENOMSG when data came without
/// a descriptor; ECONNRESET when the other side closed without a word.
Result<UniqueFd> receive_device(std::string_view path,
                                std::chrono::milliseconds limit = std::chrono::seconds{2});

}  // namespace scanthru::vfio
