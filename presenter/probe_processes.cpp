// SPDX-License-Identifier: MIT
#include "presenter/probe_processes.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace scanthru {
namespace {

namespace fs = std::filesystem;

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return number;
}

/// The first line of a small file, empty when it cannot be read.
std::string read_line(const fs::path& path) {
    std::string line;
    std::ifstream file{path};
    std::getline(file, line);
    return line;
}

/// The names in a folder; nothing when it cannot be listed.
std::optional<std::vector<fs::path>> list(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> paths;
    for (fs::directory_iterator entry{folder, error}, end; !error && entry != end;
         entry.increment(error))
        paths.push_back(entry->path());
    if (error) return std::nullopt;
    std::ranges::sort(paths);
    return paths;
}

std::string read_link(const fs::path& path) {
    std::error_code error;
    return fs::read_symlink(path, error).string();
}

/// The numbers behind "Uid:" and the like of /proc/PID/status.
template <class Number>
std::vector<Number> read_status(const fs::path& process, std::string_view key, int base = 10) {
    std::ifstream file{process / "status"};
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key)) continue;
        std::istringstream words{line.substr(key.size())};
        std::vector<Number> numbers;
        for (std::string word; words >> word;)
            if (const auto number = parse_number<Number>(word, base)) numbers.push_back(*number);
        return numbers;
    }
    return {};
}

void add_once(std::vector<std::string>& names, std::string name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
}

void note_descriptor(ProcessEntry& entry, const std::string& target, const std::string& vfio) {
    if (target == "anon_inode:[vfio-device]" || target.starts_with(vfio + "/devices/vfio"))
        ++entry.devices;
    else if (target.starts_with(vfio + '/') && target != vfio + "/vfio")
        add_once(entry.groups, target.substr(vfio.size() + 1));
    else if (target.starts_with("/dev/dri/card"))
        add_once(entry.cards, target);
}

std::string user_name(uid_t uid) {
    // Not threaded: probe has one thread.
    const passwd* const user = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe)
    return user != nullptr ? user->pw_name : std::to_string(uid);
}

std::string group_name(gid_t gid) {
    const group* const found = ::getgrgid(gid);  // NOLINT(concurrency-mt-unsafe)
    return found != nullptr ? found->gr_name : std::to_string(gid);
}

/// IOMMU groups of a device bound to a VFIO driver; empty otherwise.
std::string read_group(const fs::path& mdev) {
    return fs::path{read_link(mdev / "iommu_group")}.filename().string();
}

std::vector<ProcessName> users_of(const std::string& group,
                                  const std::vector<ProcessEntry>& processes) {
    std::vector<ProcessName> users;
    for (const ProcessEntry& entry : processes)
        if (std::ranges::find(entry.groups, group) != entry.groups.end())
            users.push_back(entry.process);
    return users;
}

}  // namespace

std::vector<ProcessEntry> scan_processes(const vfio::Places& places) {
    std::vector<ProcessEntry> found;
    for (const fs::path& path : list(places.proc).value_or(std::vector<fs::path>{})) {
        const auto pid = parse_number<pid_t>(path.filename().string());
        if (!pid || *pid == ::getpid()) continue;
        ProcessEntry entry{.process = {.pid = *pid, .command = read_line(path / "comm")}};
        if (entry.process.command.empty()) continue;
        entry.ids = read_tracee_ids(*pid, places);
        if (const auto descriptors = list(path / "fd")) {
            entry.visible = true;
            for (const fs::path& descriptor : *descriptors)
                note_descriptor(entry, read_link(descriptor), places.vfio);
        }
        found.push_back(std::move(entry));
    }
    std::ranges::sort(found, {}, [](const ProcessEntry& entry) { return entry.process.pid; });
    return found;
}

TraceeIds read_tracee_ids(pid_t pid, const vfio::Places& places) {
    const fs::path process = fs::path{places.proc} / std::to_string(pid);
    TraceeIds ids{.uids = read_status<uid_t>(process, "Uid:"),
                  .gids = read_status<gid_t>(process, "Gid:")};
    // The fourth is the file system's, which ptrace does not look at.
    ids.uids.resize(std::min<std::size_t>(ids.uids.size(), 3));
    ids.gids.resize(std::min<std::size_t>(ids.gids.size(), 3));
    return ids;
}

TracerRights read_tracer_rights(const vfio::Places& places) {
    const auto effective =
        read_status<std::uint64_t>(fs::path{places.proc} / "self", "CapEff:", 16);
    const auto scope =
        parse_number<int>(read_line(fs::path{places.proc} / "sys/kernel/yama/ptrace_scope"));
    return {.uid = ::getuid(),
            .gid = ::getgid(),
            .can_trace_all = !effective.empty() && (effective.front() >> CAP_SYS_PTRACE & 1U) != 0,
            .yama_scope = scope};
}

std::vector<MdevReport> list_mdevs(const std::vector<ProcessEntry>& processes,
                                   const vfio::Places& places) {
    std::vector<MdevReport> mdevs;
    for (const fs::path& path : list(places.mdevs).value_or(std::vector<fs::path>{})) {
        std::error_code error;
        MdevReport mdev{.uuid = path.filename().string(),
                        .type = fs::path{read_link(path / "mdev_type")}.filename().string(),
                        .parent = fs::canonical(path, error).parent_path().filename().string(),
                        .group = read_group(path)};
        if (mdev.group.empty()) {
            mdev.problem = "no VFIO driver is bound to it: load the module vfio_mdev";
        } else {
            mdev.users = users_of(mdev.group, processes);
            mdev.problem = find_access_obstacle(fmt::format("{}/{}", places.vfio, mdev.group));
        }
        mdevs.push_back(std::move(mdev));
    }
    return mdevs;
}

std::vector<ProcessReport> pick_vfio_users(const std::vector<ProcessEntry>& processes,
                                           const std::vector<MdevReport>& mdevs,
                                           const TracerRights& rights) {
    std::vector<ProcessReport> picked;
    for (const ProcessEntry& entry : processes) {
        const bool hidden_qemu = !entry.visible && entry.process.command.starts_with("qemu");
        if (entry.devices == 0 && entry.groups.empty() && !hidden_qemu) continue;
        ProcessReport report{.process = entry.process,
                             .uid = entry.ids.uids.empty() ? 0 : entry.ids.uids.front(),
                             .visible = entry.visible,
                             .devices = entry.devices,
                             .groups = entry.groups,
                             .mdevs = {},
                             .obstacle = find_trace_obstacle(rights, entry.ids)};
        for (const MdevReport& mdev : mdevs)
            if (std::ranges::find(entry.groups, mdev.group) != entry.groups.end())
                report.mdevs.push_back(mdev.uuid);
        if (report.obstacle.empty() && !entry.visible)
            report.obstacle = "its descriptors may not be listed";
        if (report.obstacle.empty() && entry.devices == 0)
            report.obstacle = "it has opened no device in its group";
        picked.push_back(std::move(report));
    }
    return picked;
}

std::string find_access_obstacle(const std::string& path) {
    if (::access(path.c_str(), R_OK | W_OK) == 0) return {};
    const Error error{errno, path};
    struct stat node {};
    if (::stat(path.c_str(), &node) != 0) return fmt::format("{}", error);
    const std::string group = group_name(node.st_gid);
    const bool by_group = (node.st_mode & S_IRGRP) != 0 && (node.st_mode & S_IWGRP) != 0;
    return fmt::format("{}; it belongs to {}:{}, mode {:04o}: be root{}", error,
                       user_name(node.st_uid), group, node.st_mode & 07777U,
                       by_group && group != "root" ? " or join the group " + group : "");
}

}  // namespace scanthru
