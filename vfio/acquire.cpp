// SPDX-License-Identifier: MIT
#include "vfio/acquire.h"

#include "base/unix_socket.h"
#include "vfio/gfx_device.h"
#include "vfio/guest_source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kcmp.h>
#include <linux/vfio.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <vector>

namespace scanthru::vfio {
namespace {

Result<std::string> read_link(const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    if (length < 0) return fail(errno, "readlink");
    return std::string{target.data(), static_cast<std::size_t>(length)};
}

/// The name of the IOMMU group's node below /dev/vfio: "14".
Result<std::string> lookup_group(std::string_view uuid, const Places& places) {
    const auto name = normalize_uuid(uuid);
    if (!name) return fail(EINVAL, "mdev UUID");
    const std::string device = fmt::format("{}/{}", places.mdevs, *name);
    if (::access(device.c_str(), F_OK) != 0) return fail(errno, "mdev UUID");
    const auto target = read_link(device + "/iommu_group");
    // Only a VFIO driver puts a mediated device into a group.
    if (!target)
        return fail(target.error().code == ENOENT ? ENODEV : target.error().code,
                    "iommu_group of the mdev");
    return target->substr(target->rfind('/') + 1);
}

Result<UniqueFd> open_node(const std::string& path, std::string_view what) {
    UniqueFd node{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (!node) return fail(errno, what);
    return node;
}

Result<void> check_container(int container) {
    const int version = ::ioctl(container, VFIO_GET_API_VERSION);
    if (version < 0) return fail(errno, "VFIO_GET_API_VERSION");
    if (version != VFIO_API_VERSION) return fail(EPROTO, "VFIO_GET_API_VERSION");
    if (::ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU) <= 0)
        return fail(ENODEV, "vfio_iommu_type1");
    return {};
}

Result<void> join_container(int group, int container) {
    vfio_group_status status{};
    status.argsz = sizeof(status);
    if (::ioctl(group, VFIO_GROUP_GET_STATUS, &status) < 0)
        return fail(errno, "VFIO_GROUP_GET_STATUS");
    if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
        return fail(ENODEV, "VFIO_GROUP_FLAGS_VIABLE");
    if (::ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0)
        return fail(errno, "VFIO_GROUP_SET_CONTAINER");
    if (::ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) < 0)
        return fail(errno, "VFIO_SET_IOMMU");
    return {};
}

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// A descriptor of another process, and what it is.
struct RemoteFd {
    int number;
    std::string target;
};

/// In ascending order of their numbers.
Result<std::vector<RemoteFd>> list_fds(pid_t pid, const Places& places) {
    const std::string path = fmt::format("{}/{}/fd", places.proc, pid);
    const std::unique_ptr<DIR, CloseDirectory> directory{::opendir(path.c_str())};
    if (!directory) return fail(errno == ENOENT ? ESRCH : errno, "/proc/PID/fd");
    std::vector<RemoteFd> fds;
    while (const dirent* const entry = ::readdir(directory.get())) {
        const std::string_view name{entry->d_name};
        int number = -1;
        const auto [rest, error] = std::from_chars(name.begin(), name.end(), number);
        if (error != std::errc{} || rest != name.end()) continue;
        // Closed since, or not ours to see: no candidate.
        if (auto target = read_link(fmt::format("{}/{}", path, name)))
            fds.push_back({number, std::move(*target)});
    }
    std::ranges::sort(fds, {}, &RemoteFd::number);
    return fds;
}

bool is_device(const RemoteFd& fd) {
    // The second form is the one of Linux 6.6, with iommufd.
    return fd.target == "anon_inode:[vfio-device]" ||
           fd.target.starts_with("/dev/vfio/devices/vfio");
}

/// Moves what was opened before the group behind what was opened after it.
Result<void>
prefer_device(std::vector<RemoteFd>& fds, std::string_view mdev, const Places& places) {
    const auto group = lookup_group(mdev, places);
    if (!group) return fail(group.error());
    const std::string node = fmt::format("{}/{}", places.vfio, *group);
    const auto opened = std::ranges::find(fds, node, &RemoteFd::target);
    if (opened == fds.end()) return fail(ENOENT, "mdev of the process");
    std::rotate(fds.begin(), opened, fds.end());
    return {};
}

Result<UniqueFd> duplicate(int pidfd, int remote_fd) {
    // The copy is CLOEXEC by itself.
    UniqueFd copy{static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, remote_fd, 0U))};
    if (!copy) return fail(errno, "pidfd_getfd");
    return copy;
}

}  // namespace

Result<OwnedDevice> open_mdev(std::string_view uuid, const Places& places) {
    const auto group_name = lookup_group(uuid, places);
    if (!group_name) return fail(group_name.error());

    auto container = open_node(places.vfio + "/vfio", "/dev/vfio/vfio");
    if (!container) return fail(container.error());
    if (const auto checked = check_container(container->get()); !checked)
        return fail(checked.error());
    auto group = open_node(fmt::format("{}/{}", places.vfio, *group_name), "/dev/vfio/GROUP");
    if (!group) return fail(group.error());
    if (const auto joined = join_container(group->get(), container->get()); !joined)
        return fail(joined.error());

    const auto name = normalize_uuid(uuid);
    UniqueFd device{::ioctl(group->get(), VFIO_GROUP_GET_DEVICE_FD, name->c_str())};
    if (!device) return fail(errno, "VFIO_GROUP_GET_DEVICE_FD");
    // Linux gives it CLOEXEC since 3.13; nothing says that it must.
    if (::fcntl(device.get(), F_SETFD, FD_CLOEXEC) != 0) return fail(errno, "fcntl");
    return OwnedDevice{std::move(*container), std::move(*group), std::move(device)};
}

Result<UniqueFd> open_pidfd(pid_t pid) {
    UniqueFd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
    if (!pidfd) return fail(errno, "pidfd_open");
    return pidfd;
}

Result<TakenDevice> take_from_process(pid_t pid, std::string_view mdev, const Places& places) {
    // The pidfd first, so that the number cannot become another process while we look.
    const auto pidfd = open_pidfd(pid);
    if (!pidfd) return fail(pidfd.error());
    auto fds = list_fds(pid, places);
    if (!fds) return fail(fds.error());
    if (!mdev.empty())
        if (const auto preferred = prefer_device(*fds, mdev, places); !preferred)
            return fail(preferred.error());

    for (const RemoteFd& fd : *fds) {
        if (!is_device(fd)) continue;
        auto device = duplicate(pidfd->get(), fd.number);
        if (!device) {
            if (device.error().code == EBADF) continue;  // Closed while we looked.
            return fail(device.error());
        }
        const auto abi = probe_display(device->get(), std::nullopt);
        if (abi && abi->exports != Export::none)
            return TakenDevice{.device = std::move(*device), .remote_fd = fd.number};
    }
    return fail(ENOENT, "vfio-device of the process");
}

bool same_open_file(int ours, pid_t pid, int remote_fd) {
    return ::syscall(SYS_kcmp, ::getpid(), pid, KCMP_FILE, static_cast<unsigned long>(ours),
                     static_cast<unsigned long>(remote_fd)) == 0;
}

Result<UniqueFd> receive_device(std::string_view path, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const auto socket = connect_unix(path);
    if (!socket) return fail(socket.error());
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd wait{.fd = socket->get(), .events = POLLIN, .revents = 0};
        const int ready =
            ::poll(&wait, 1, static_cast<int>(std::max(left.count(), decltype(left.count()){0})));
        if (ready < 0 && errno != EINTR) return fail(errno, "poll");
        if (ready < 0) continue;
        if (ready == 0) return fail(ETIMEDOUT, "receive_device");
        auto received = receive(socket->get());
        if (!received && received.error().code == EAGAIN) continue;
        if (!received) return fail(received.error());
        if (received->fd) return std::move(*received->fd);
        return fail(received->bytes.empty() ? ECONNRESET : ENOMSG, "receive_device");
    }
}

}  // namespace scanthru::vfio
