// SPDX-License-Identifier: MIT
#include "presenter/probe_guests.h"

#include "base/event_loop.h"
#include "base/qmp.h"
#include "presenter/probe_processes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <variant>

namespace scanthru {
namespace {

using vfio::PlaneType;

using Opened = Result<OpenGuest, std::string>;

tl::unexpected<std::string> complain(std::string why) {
    return tl::unexpected<std::string>{std::move(why)};
}

tl::unexpected<std::string> complain(std::string_view what, const Error& error) {
    return complain(fmt::format("{}: {}", what, error));
}

/// What to do about an error of opening a device, as an addition to its sentence.
std::string_view advice_on_opening(const Error& error) {
    switch (error.code) {
    case EBUSY: return "; somebody else has it open: name its QEMU with qmp:SOCKET instead";
    case EACCES: return "; be root, or have the rights to its group in /dev/vfio";
    default: return {};
    }
}

/// The same for one that is to be taken from a process.
std::string advice_on_taking(const Error& error, pid_t pid, const vfio::Places& places) {
    if (error.code != EPERM && error.code != EACCES) return {};
    const std::string obstacle =
        find_trace_obstacle(read_tracer_rights(places), read_tracee_ids(pid, places));
    if (!obstacle.empty()) return "; " + obstacle;
    return error.code == EACCES
               ? "; its descriptors may not be listed: have CAP_DAC_OVERRIDE as well"
               : "; it may not be looked into (prctl PR_SET_DUMPABLE): have CAP_SYS_PTRACE";
}

/// For a socket that is there, but not for us.
tl::unexpected<std::string> complain_of_socket(const std::string& path, const Error& error) {
    const std::string obstacle = error.code == EACCES ? find_access_obstacle(path) : std::string{};
    return obstacle.empty() ? complain(path, error) : complain(obstacle);
}

/// Connects to a monitor until it is ready, as a running scanthru will, and asks for its process.
Result<pid_t, std::string> ask_monitor(const std::string& socket) {
    const auto loop = EventLoop::create();
    if (!loop) return complain("epoll", loop.error());
    bool ready = false;
    std::string why{};
    const auto client = QmpClient::connect(**loop, socket,
                                           {.ready = [&] { ready = true; },
                                            .event = {},
                                            .closed =
                                                [&](const std::string& reason) {
                                                    why = reason;
                                                }});
    if (!client) {
        if (client.error().code == EAGAIN)
            return complain(fmt::format("{}: another client holds this monitor", socket));
        return complain_of_socket(socket, client.error());
    }
    constexpr auto turns = 100;
    for (int turn = 0; turn < turns && !ready && why.empty(); ++turn)
        if (const auto turned = (*loop)->turn(std::chrono::milliseconds{50}); !turned)
            return complain("epoll", turned.error());
    if (!ready)
        return complain(fmt::format("{}: {}", socket, why.empty() ? "QEMU does not answer" : why));
    const auto peer = (*client)->peer();
    if (!peer) return complain(socket, peer.error());
    return *peer;
}

/// Opens each kind of source.
struct Opener {
    const vfio::Places& places;

    Opened operator()(const vfio::QmpSource& source) const {
        auto pid = ask_monitor(source.socket);
        if (!pid) return complain(std::move(pid.error()));
        if (source.pid) pid = *source.pid;
        auto taken = vfio::take_from_process(*pid, source.mdev.value_or(""), places);
        if (!taken)
            return complain(fmt::format("QEMU (pid {}): {}{}", *pid, taken.error(),
                                        advice_on_taking(taken.error(), *pid, places)));
        return OpenGuest{.device = std::move(taken->device), .pid = *pid};
    }

    Opened operator()(const vfio::MdevSource& source) const {
        auto owned = vfio::open_mdev(source.uuid, places);
        if (!owned)
            return complain(fmt::format("{}: {}{}", source.uuid, owned.error(),
                                        advice_on_opening(owned.error())));
        return OpenGuest{.device = std::move(owned->device),
                         .container = std::move(owned->container),
                         .group = std::move(owned->group),
                         .pid = {}};
    }

    Opened operator()(const vfio::InheritedSource& source) const {
        UniqueFd device{::fcntl(source.fd, F_DUPFD_CLOEXEC, 3)};
        if (!device) return complain("inherited descriptor", Error{errno, "fcntl"});
        return OpenGuest{.device = std::move(device)};
    }

    Opened operator()(const vfio::ReceivedSource& source) const {
        auto device = vfio::receive_device(source.socket);
        if (!device) return complain_of_socket(source.socket, device.error());
        return OpenGuest{.device = std::move(*device)};
    }
};

std::string read_command(pid_t pid, const vfio::Places& places) {
    std::string command{};
    std::ifstream file{fmt::format("{}/{}/comm", places.proc, pid)};
    std::getline(file, command);
    return command;
}

std::string_view explain(vfio::Rejected reason) {
    switch (reason) {
    case vfio::Rejected::answer: return "an answer to another question (argsz, flags or type)";
    case vfio::Rejected::format: return "a format that cannot be shown";
    case vfio::Rejected::modifier: return "a modifier that does not exist";
    case vfio::Rejected::size: return "a size of zero, or beyond what is allowed";
    case vfio::Rejected::stride: return "a stride that does not fit its width";
    case vfio::Rejected::extent: return "a buffer too small for its picture, or too large";
    }
    return "nonsense";
}

GuestPlaneReport
ask_plane(const vfio::GfxDevice& device, PlaneType type, std::vector<std::uint32_t>& opened) {
    const auto raw = device.query(type);
    if (!raw) return {.plane = {}, .problem = fmt::format("no answer now: {}", raw.error())};
    auto plane = vfio::inspect(*raw, type, vfio::Limits{});
    const bool off = plane && !*plane;
    if (!off && std::ranges::find(opened, raw->dmabuf_id) == opened.end())
        opened.push_back(raw->dmabuf_id);
    if (!plane)
        return {.plane = {}, .problem = fmt::format("rejected: {}", explain(plane.error()))};
    return {.plane = *plane, .problem = {}};
}

}  // namespace

void describe_guest(const vfio::GfxDevice& device, GuestReport& report) {
    report.abi = vfio::DisplayAbi{device.dialect(), device.exports()};
    if (device.exports() == vfio::Export::none) {
        report.problem = "its device has no display";
        return;
    }
    std::vector<std::uint32_t> opened{};
    report.primary = ask_plane(device, PlaneType::primary, opened);
    report.cursor = ask_plane(device, PlaneType::cursor, opened);
    // Of a device without dma-bufs these are regions.
    if (device.exports() == vfio::Export::region) return;
    for (const std::uint32_t id : opened)
        device.close_buf(id);
}

Result<OpenGuest, std::string> open_guest(const vfio::GuestSource& source,
                                          const vfio::Places& places) {
    return std::visit(Opener{places}, source);
}

GuestReport look_at_guest(const GuestConfig& config, const vfio::Places& places) {
    GuestReport report{.name = config.name, .source = vfio::to_string(config.source)};
    auto opened = open_guest(config.source, places);
    if (!opened) {
        report.problem = std::move(opened.error());
        return report;
    }
    if (opened->pid)
        report.process =
            ProcessName{.pid = *opened->pid, .command = read_command(*opened->pid, places)};
    const auto device = vfio::GfxDevice::probe(std::move(opened->device), config.abi);
    if (!device) {
        report.problem = fmt::format("{}", device.error());
        return report;
    }
    describe_guest(*device, report);
    return report;
}

}  // namespace scanthru
