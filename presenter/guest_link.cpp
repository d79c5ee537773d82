// SPDX-License-Identifier: MIT
#include "presenter/guest_link.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>
#include <utility>

namespace scanthru {
namespace {

using std::chrono::milliseconds;

/// Between two attempts; it doubles up to the other while what is had is lost again at once.
constexpr milliseconds retry_delay{250};
constexpr milliseconds longest_delay{4000};
/// What holds this long was no accident.
constexpr std::chrono::seconds steady_time{5};
/// Who serves a descriptor has it at hand; the main thread waits no longer.
constexpr milliseconds receive_limit{100};
constexpr milliseconds receive_retry_delay{2000};
/// Removal of an mdev waits for us without telling; its entry in sysfs goes first.
constexpr milliseconds mdev_watch_interval{100};
constexpr milliseconds plugged_interval{100};
constexpr int quick_plugged_checks = 5;
constexpr milliseconds slow_plugged_interval{1000};

std::string mdev_path(const std::string& uuid) {
    return "/sys/bus/mdev/devices/" + uuid;
}

/// Tells a device from one that was created later under the same name; 0: there is none.
ino_t inode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

std::string why_no_monitor(const std::string& socket, const Error& error) {
    switch (error.code) {
    case ENOENT:
    case ECONNREFUSED: return fmt::format("no QEMU serves {} yet", socket);
    case EAGAIN:
        return fmt::format("{}: other clients hold this monitor; give scanthru a -qmp socket of "
                           "its own",
                           socket);
    default: return fmt::format("{}: {}", socket, error);
    }
}

milliseconds next_delay(milliseconds delay, Clock::time_point held_since) {
    if (Clock::now() - held_since >= steady_time) return retry_delay;
    return std::min(delay * 2, longest_delay);
}

}  // namespace

GuestLink::GuestLink(EventLoop& loop, GuestConfig config, Listener listener)
    : loop_(loop), config_(std::move(config)), listener_(std::move(listener)) {
    if (const auto* source = std::get_if<vfio::MdevSource>(&config_.source)) mdev_ = source->uuid;
    if (const auto* source = std::get_if<vfio::QmpSource>(&config_.source))
        mdev_ = source->mdev.value_or("");
    if (const auto* source = std::get_if<vfio::InheritedSource>(&config_.source)) {
        // From now on ours to close; no child is to have it.
        inherited_.reset(source->fd);
        ::fcntl(source->fd, F_SETFD, FD_CLOEXEC);
    }
}

GuestLink::~GuestLink() {
    tell_monitor(nullptr);
}

void GuestLink::start(OldBuffers before) {
    old_buffers_ = std::move(before);
    if (!mdev_.empty()) watch_mdev(mdev_);
    if (std::holds_alternative<vfio::QmpSource>(config_.source)) return connect_monitor();
    attempt();
}

void GuestLink::retry(Clock::duration delay) {
    retry_timer_ = loop_.after(delay, [this] { attempt(); });
}

void GuestLink::attempt() {
    if (state_ == State::attached) return;
    std::erase_if(old_buffers_, [](const auto& old) { return old.expired(); });
    if (!old_buffers_.empty() && state_ != State::released) {
        // An output that hangs holds buffers of it: getting those again would be a second GET.
        wait_because("an output has not let go of its old device yet");
        return retry(retry_delay);
    }
    std::visit(
        [this](const auto& source) {
            using Source = std::decay_t<decltype(source)>;
            if constexpr (std::is_same_v<Source, vfio::MdevSource>) {
                attempt_mdev(source);
            } else if (state_ == State::released) {
                // A new QEMU ends this; nothing else does.
            } else if constexpr (std::is_same_v<Source, vfio::QmpSource>) {
                if (pidfd_) take_from_qemu();
            } else if constexpr (std::is_same_v<Source, vfio::InheritedSource>) {
                attempt_inherited();
            } else {
                attempt_received(source);
            }
        },
        config_.source);
}

void GuestLink::attempt_mdev(const vfio::MdevSource& source) {
    if (state_ == State::released) {
        if (inode_of(mdev_path(mdev_)) == released_inode_) return retry(retry_delay);
        state_ = State::waiting;
    }
    auto opened = vfio::open_mdev(source.uuid);
    if (!opened) {
        wait_because(fmt::format("mdev {}: {}", source.uuid, opened.error()));
        return retry(retry_delay);
    }
    container_ = std::move(opened->container);
    group_ = std::move(opened->group);
    attach(std::move(opened->device));
}

void GuestLink::attempt_inherited() {
    if (!inherited_) return;
    UniqueFd copy{::fcntl(inherited_.get(), F_DUPFD_CLOEXEC, 3)};
    if (!copy) return wait_because(fmt::format("{}", Error{errno, "inherited descriptor"}));
    attach(std::move(copy));
    if (state_ == State::attached) inherited_.reset();
}

void GuestLink::attempt_received(const vfio::ReceivedSource& source) {
    auto device = vfio::receive_device(source.socket, receive_limit);
    if (device) return attach(*std::move(device));
    wait_because(fmt::format("{}", device.error()));
    retry(receive_retry_delay);
}

/// In every state: what QEMU has to say matters most while its device is ours.
void GuestLink::connect_monitor() {
    tell_monitor(nullptr);
    qmp_.reset();
    const auto& source = std::get<vfio::QmpSource>(config_.source);
    auto connected = QmpClient::connect(
        loop_, source.socket,
        {.ready = [this] { on_monitor_ready(); },
         .event = [this](const std::string& name, const nlohmann::json&) { on_event(name); },
         .closed =
             [this](const std::string& why) {
                 on_monitor_closed(why);
             }});
    if (connected) {
        qmp_ = *std::move(connected);
        return;
    }
    if (state_ == State::waiting) wait_because(why_no_monitor(source.socket, connected.error()));
    connect_monitor_in(retry_delay);
}

void GuestLink::connect_monitor_in(Clock::duration delay) {
    monitor_timer_ = loop_.after(delay, [this] { connect_monitor(); });
}

void GuestLink::on_monitor_ready() {
    monitor_ready_at_ = Clock::now();
    ask_whether_it_runs();
    const auto pid = pid_;
    if (const auto watched = watch_process(); !watched) {
        if (state_ == State::waiting) wait_because(fmt::format("{}", watched.error()));
        return connect_monitor_in(receive_retry_delay);
    }
    if (pid && pid_ != pid) tell_rebooted();
    tell_monitor(qmp_.get());
    // Events may have been missed while nobody listened.
    if (state_ == State::attached) return check_still_plugged(0);
    attempt();
}

/// Watches the process behind the monitor, unless it is the one that is watched already: then a
/// release holds and an attached device stays.
Result<void> GuestLink::watch_process() {
    const auto& source = std::get<vfio::QmpSource>(config_.source);
    const auto peer = qmp_->peer();
    if (!source.pid && !peer) return fail(peer.error());
    const pid_t pid = source.pid ? *source.pid : *peer;
    if (pid_ == pid && pidfd_) return {};
    let_go("another QEMU serves its monitor");
    auto pidfd = vfio::open_pidfd(pid);
    if (!pidfd) return fail(pidfd.error());
    auto watch = loop_.watch(pidfd->get(), EPOLLIN, [this](auto) { on_process_end(); });
    if (!watch) return fail(watch.error());
    pid_ = pid;
    process_watch_ = *std::move(watch);
    pidfd_ = *std::move(pidfd);
    if (state_ == State::released) state_ = State::waiting;
    return {};
}

void GuestLink::take_from_qemu() {
    auto taken = vfio::take_from_process(*pid_, mdev_);
    if (!taken) {
        wait_because(fmt::format("QEMU (pid {}): {}", *pid_, taken.error()));
        return retry(retry_delay);
    }
    remote_fd_ = taken->remote_fd;
    attach(std::move(taken->device));
}

void GuestLink::attach(UniqueFd device) {
    auto probed = vfio::GfxDevice::probe(std::move(device), config_.abi);
    const bool shows = probed && probed->exports() != vfio::Export::none;
    if (!shows) {
        group_.reset();
        container_.reset();
        wait_because(probed ? "its device has no display" : fmt::format("{}", probed.error()));
        return retry(probed ? receive_retry_delay : retry_delay);
    }
    attached_at_ = Clock::now();
    dialect_ = probed->dialect();
    buffers_ = GuestBuffers::create(*std::move(probed));
    state_ = State::attached;
    reason_.clear();
    log(LogLevel::info, "guest {}: attached ({}, {} dialect{})", config_.name,
        vfio::to_string(config_.source), vfio::to_string(*dialect_),
        buffers_->device().exports() == vfio::Export::region ? ", without dma-bufs" : "");
    listener_.attached(buffers_);
    tell();
}

void GuestLink::let_go(const std::string& why) {
    if (state_ != State::attached) return;
    state_ = State::waiting;
    reason_ = why;
    log(LogLevel::info, "guest {}: let go: {}", config_.name, why);
    old_buffers_.emplace_back(buffers_);
    buffers_.reset();
    listener_.lost();
    tell();
    group_.reset();
    container_.reset();
    remote_fd_ = -1;
    plugged_timer_.reset();
    retry(gone_delay_);
}

void GuestLink::release() {
    released_inode_ = mdev_.empty() ? 0 : inode_of(mdev_path(mdev_));
    let_go("released on request");
    inherited_.reset();
    state_ = State::released;
    const bool comes_back = std::holds_alternative<vfio::MdevSource>(config_.source) ||
                            std::holds_alternative<vfio::QmpSource>(config_.source);
    reason_ = comes_back ? "released on request; taken again when it has gone and come back"
                         : "released on request; taken again when scanthru is started again";
    tell();
}

void GuestLink::device_gone() {
    if (state_ != State::attached) return;
    // A device that answers everything but QUERY would be attached four times a second.
    gone_delay_ = next_delay(gone_delay_, attached_at_);
    let_go("its device has gone");
}

void GuestLink::wait_because(const std::string& why) {
    // Said once per reason, not four times a second.
    if (reason_ != why) log(LogLevel::info, "guest {}: waiting: {}", config_.name, why);
    if (std::exchange(reason_, why) != why) tell();
}

void GuestLink::tell() const {
    if (listener_.changed) listener_.changed();
}

void GuestLink::tell_monitor(QmpClient* monitor) {
    const bool told = std::exchange(monitor_told_, monitor != nullptr);
    if (listener_.monitor && (monitor != nullptr || told)) listener_.monitor(monitor);
}

void GuestLink::tell_rebooted() const {
    if (listener_.rebooted) listener_.rebooted();
}

void GuestLink::on_event(const std::string& name) {
    log(LogLevel::debug, "guest {}: QMP event {}", config_.name, name);
    if (name == "DEVICE_DELETED") return check_still_plugged(0);
    if (name == "RESET") tell_rebooted();
    if (name == "STOP" || name == "RESUME") set_paused(name == "STOP");
    if (name == "SHUTDOWN") {
        // Its QEMU is about to end, or stays without a running guest (-no-shutdown); RESET or
        // RESUME brings it back.
        let_go("it has shut down");
        retry_timer_.reset();
    }
    if ((name == "RESET" || name == "RESUME") && state_ == State::waiting) attempt();
}

/// QEMU deletes a device in several steps; the descriptor goes at some point around the event.
void GuestLink::check_still_plugged(int checks) {
    if (state_ != State::attached) return;
    if (!vfio::same_open_file(buffers_->device().fd(), *pid_, remote_fd_))
        return let_go("its device was unplugged from QEMU");
    const auto interval = checks < quick_plugged_checks ? plugged_interval : slow_plugged_interval;
    plugged_timer_ = loop_.after(interval, [this, checks] { check_still_plugged(checks + 1); });
}

void GuestLink::on_monitor_closed(const std::string& why) {
    // From within the client: it goes at the next turn of the loop.
    tell_monitor(nullptr);
    if (monitor_trouble_ != why) log(LogLevel::warning, "guest {}: QMP: {}", config_.name, why);
    monitor_trouble_ = why;
    if (state_ == State::waiting) {
        reason_ = why;
        tell();
    }
    monitor_delay_ = next_delay(monitor_delay_, monitor_ready_at_);
    connect_monitor_in(monitor_delay_);
}

void GuestLink::on_process_end() {
    process_watch_.reset();
    pidfd_.reset();
    pid_.reset();
    tell_monitor(nullptr);
    tell_rebooted();
    qmp_.reset();
    if (state_ == State::released) state_ = State::waiting;
    paused_ = false;
    let_go("its QEMU has ended");
    reason_ = "its QEMU has ended";
    tell();
    retry_timer_.reset();
    monitor_trouble_.clear();
    connect_monitor_in(retry_delay);
}

void GuestLink::watch_mdev(const std::string& uuid) {
    watch_timer_ = loop_.after(mdev_watch_interval, [this, uuid] {
        if (state_ == State::attached && !mdev_exists()) let_go("its mdev is being removed");
        watch_mdev(uuid);
    });
}

bool GuestLink::mdev_exists() const {
    return ::access(mdev_path(mdev_).c_str(), F_OK) == 0;
}

/// What happened before we listened.
void GuestLink::ask_whether_it_runs() {
    qmp_->execute("query-status", nullptr, [this](const auto& reply) {
        if (!reply) return;
        const auto status = reply->find("status");
        set_paused(status != reply->end() && status->is_string() && *status == "paused");
    });
}

void GuestLink::set_paused(bool paused) {
    if (std::exchange(paused_, paused) != paused) tell();
}

std::string describe_state(const GuestLink& guest) {
    switch (guest.state()) {
    case GuestLink::State::waiting:
        return guest.reason().empty() ? "Waiting for this guest"
                                      : "Waiting for this guest: " + guest.reason();
    case GuestLink::State::attached:
        return guest.paused() ? "This guest is paused"
                              : "This guest is there and shows nothing yet";
    case GuestLink::State::released: return "This guest was released";
    }
    return {};
}

}  // namespace scanthru
