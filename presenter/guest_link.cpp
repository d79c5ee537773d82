// SPDX-License-Identifier: MIT
#include "presenter/guest_link.h"

#include <cerrno>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <type_traits>
#include <unistd.h>

namespace scanthru {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds retry_delay{250};
/// Who serves a descriptor has it at hand; the main thread waits no longer.
constexpr milliseconds receive_limit{100};
constexpr milliseconds receive_retry_delay{2000};
/// Removal of an mdev waits for us without telling; its entry in sysfs goes first.
constexpr milliseconds mdev_watch_interval{100};
constexpr milliseconds plugged_interval{100};
constexpr int plugged_attempts = 5;

std::string mdev_path(const std::string& uuid) {
    return "/sys/bus/mdev/devices/" + uuid;
}

}  // namespace

GuestLink::GuestLink(EventLoop& loop, GuestConfig config, Listener listener)
    : loop_(loop), config_(std::move(config)), listener_(std::move(listener)) {
    if (const auto* source = std::get_if<vfio::MdevSource>(&config_.source)) mdev_ = source->uuid;
    if (const auto* source = std::get_if<vfio::QmpSource>(&config_.source))
        mdev_ = source->mdev.value_or("");
}

GuestLink::~GuestLink() = default;

void GuestLink::start() {
    if (!mdev_.empty()) watch_mdev(mdev_);
    attempt();
}

void GuestLink::retry(Clock::duration delay) {
    retry_timer_ = loop_.after(delay, [this] { attempt(); });
}

void GuestLink::attempt() {
    if (state_ == State::attached) return;
    std::visit(
        [this](const auto& source) {
            using Source = std::decay_t<decltype(source)>;
            if constexpr (std::is_same_v<Source, vfio::MdevSource>) {
                attempt_mdev(source);
            } else if constexpr (std::is_same_v<Source, vfio::QmpSource>) {
                attempt_qmp(source);
            } else if constexpr (std::is_same_v<Source, vfio::InheritedSource>) {
                // A duplicate: after a release the descriptor can be taken up again.
                UniqueFd device{::fcntl(source.fd, F_DUPFD_CLOEXEC, 3)};
                attempt_descriptor(device ? Result<UniqueFd>{std::move(device)}
                                          : fail(errno, "inherited descriptor"));
            } else {
                attempt_descriptor(vfio::receive_device(source.socket, receive_limit));
            }
        },
        config_.source);
}

void GuestLink::attempt_mdev(const vfio::MdevSource& source) {
    if (state_ == State::released) {
        if (mdev_exists()) return retry(retry_delay);
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

void GuestLink::attempt_descriptor(Result<UniqueFd> device) {
    if (state_ == State::released) return;
    if (device) return attach(*std::move(device));
    wait_because(fmt::format("{}", device.error()));
    if (std::holds_alternative<vfio::ReceivedSource>(config_.source)) retry(receive_retry_delay);
}

void GuestLink::attempt_qmp(const vfio::QmpSource& source) {
    if (qmp_) {
        if (!pidfd_) return on_monitor_ready();
        if (state_ == State::waiting) take_from_qemu();
        return;
    }
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
    if (state_ == State::waiting)
        wait_because(fmt::format("{}: {}{}", source.socket, connected.error(),
                                 connected.error().code == EAGAIN
                                     ? ": other clients hold this monitor; give scanthru a -qmp "
                                       "socket of its own"
                                     : ""));
    retry(retry_delay);
}

void GuestLink::on_monitor_ready() {
    monitor_trouble_.clear();
    if (const auto watched = watch_process(); !watched) {
        wait_because(fmt::format("{}", watched.error()));
        return retry(receive_retry_delay);
    }
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
    if (!probed || probed->exports() != vfio::Export::dmabuf) {
        group_.reset();
        container_.reset();
    }
    if (!probed) {
        wait_because(fmt::format("{}", probed.error()));
        return retry(retry_delay);
    }
    if (probed->exports() != vfio::Export::dmabuf) {
        wait_because(probed->exports() == vfio::Export::region
                         ? "its device shows a memory region and no dma-bufs: it would have to be "
                           "copied, which this version cannot do"
                         : "its device has no display");
        return retry(std::chrono::seconds{2});
    }
    dialect_ = probed->dialect();
    buffers_ = GuestBuffers::create(*std::move(probed));
    state_ = State::attached;
    reason_.clear();
    log(LogLevel::info, "guest {}: attached ({}, {} dialect)", config_.name,
        vfio::to_string(config_.source), vfio::to_string(*dialect_));
    listener_.attached(buffers_);
}

void GuestLink::let_go(const std::string& why) {
    if (state_ != State::attached) return;
    state_ = State::waiting;
    reason_ = why;
    log(LogLevel::info, "guest {}: let go: {}", config_.name, why);
    buffers_.reset();
    listener_.lost();
    group_.reset();
    container_.reset();
    remote_fd_ = -1;
    plugged_timer_.reset();
    retry(retry_delay);
}

void GuestLink::release() {
    let_go("released on request");
    state_ = State::released;
    reason_ = "released on request; taken again when it has gone and come back";
}

void GuestLink::device_gone() {
    let_go("its device has gone");
}

void GuestLink::wait_because(const std::string& why) {
    // Said once per reason, not four times a second.
    if (reason_ != why) log(LogLevel::info, "guest {}: waiting: {}", config_.name, why);
    reason_ = why;
}

void GuestLink::on_event(const std::string& name) {
    log(LogLevel::debug, "guest {}: QMP event {}", config_.name, name);
    if (name == "DEVICE_DELETED") return check_still_plugged(plugged_attempts);
    if (name == "SHUTDOWN") {
        // Its QEMU is about to end, or stays without a running guest (-no-shutdown); RESET or
        // RESUME brings it back.
        let_go("it has shut down");
        retry_timer_.reset();
    }
    if ((name == "RESET" || name == "RESUME") && state_ == State::waiting) attempt();
}

/// QEMU deletes a device in several steps; the descriptor goes at some point around the event.
void GuestLink::check_still_plugged(int attempts_left) {
    if (state_ != State::attached) return;
    if (!vfio::same_open_file(buffers_->device().fd(), *pid_, remote_fd_))
        return let_go("its device was unplugged from QEMU");
    if (attempts_left > 0)
        plugged_timer_ = loop_.after(
            plugged_interval, [this, attempts_left] { check_still_plugged(attempts_left - 1); });
}

void GuestLink::on_monitor_closed(const std::string& why) {
    // From within the client: it goes at the next turn of the loop.
    if (monitor_trouble_ != why) log(LogLevel::warning, "guest {}: QMP: {}", config_.name, why);
    monitor_trouble_ = why;
    if (state_ == State::waiting) reason_ = why;
    retry_timer_ = loop_.after(retry_delay, [this] {
        qmp_.reset();
        attempt_qmp(std::get<vfio::QmpSource>(config_.source));
    });
}

void GuestLink::on_process_end() {
    process_watch_.reset();
    pidfd_.reset();
    pid_.reset();
    qmp_.reset();
    if (state_ == State::released) state_ = State::waiting;
    let_go("its QEMU has ended");
    reason_ = "its QEMU has ended";
    retry(retry_delay);
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

}  // namespace scanthru
