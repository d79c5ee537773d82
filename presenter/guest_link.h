// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "base/qmp.h"
#include "presenter/config.h"
#include "presenter/guest_buffers.h"
#include "vfio/acquire.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace scanthru {

/// Devices that are to be gone.
using OldBuffers = std::vector<std::weak_ptr<GuestBuffers>>;

/// One configured guest through its life: waiting for it, taking its device, letting it go.
///
/// On the main thread. Lets go at once when QEMU ends or shuts down, when the device is unplugged
/// (DEVICE_DELETED) or the mdev (where its UUID is known) is being removed, and at release(): while
/// a duplicate of the device lives, its group stays busy for a new QEMU and removal of the mdev
/// blocks (invariant 9).
class GuestLink {
public:
    enum class State {
        waiting,   ///< For its QEMU, its device, or the rights to take it.
        attached,  ///< Its device is ours to query.
        released,  ///< Somebody asked us to let go; taken again when it has gone and come back.
    };

    struct Listener {
        std::function<void(const std::shared_ptr<GuestBuffers>& buffers)> attached;
        /// Every thread is to let go of the buffers now.
        std::function<void()> lost;
        /// Its state or the reason for it is another.
        std::function<void()> changed{};
        /// Its source's monitor listens, or (null) does not any more.
        std::function<void(QmpClient* monitor)> monitor{};
        /// What was down in it is up: it has rebooted, or another QEMU is there.
        std::function<void()> rebooted{};
    };

    GuestLink(EventLoop& loop, GuestConfig config, Listener listener);
    GuestLink(const GuestLink&) = delete;
    GuestLink& operator=(const GuestLink&) = delete;
    ~GuestLink();

    /// Begins; the listener may be called before this returns. `before`: devices that other links
    /// had, maybe this one; it is not taken before they are gone.
    void start(OldBuffers before = {});

    /// Lets go and stays away until the guest has gone and come back.
    void release();

    /// A frame thread saw ENODEV.
    void device_gone();

    const GuestConfig& config() const noexcept { return config_; }
    State state() const noexcept { return state_; }
    const std::string& reason() const noexcept {
        return reason_;
    }  ///< Why it is waiting; a sentence.
    /// Its device; null unless attached.
    const std::shared_ptr<GuestBuffers>& buffers() const noexcept { return buffers_; }

    /// Whether QMP says that its QEMU is stopped.
    bool paused() const noexcept { return paused_; }
    std::optional<pid_t> pid() const noexcept { return pid_; }
    std::optional<vfio::Dialect> dialect() const noexcept { return dialect_; }

private:
    void retry(Clock::duration delay);
    void attempt();
    void attempt_mdev(const vfio::MdevSource& source);
    void attempt_inherited();
    void attempt_received(const vfio::ReceivedSource& source);
    void connect_monitor();
    void connect_monitor_in(Clock::duration delay);
    void take_from_qemu();
    void attach(UniqueFd device);
    void let_go(const std::string& why);
    void wait_because(const std::string& why);
    void tell() const;
    void tell_monitor(QmpClient* monitor);
    void tell_rebooted() const;
    void on_monitor_ready();
    Result<void> watch_process();
    void on_event(const std::string& name);
    void ask_whether_it_runs();
    void set_paused(bool paused);
    void on_monitor_closed(const std::string& why);
    void on_process_end();
    void check_still_plugged(int checks);
    void watch_mdev(const std::string& uuid);
    bool mdev_exists() const;

    EventLoop& loop_;
    GuestConfig config_;
    Listener listener_;
    State state_ = State::waiting;
    std::string reason_;

    std::shared_ptr<GuestBuffers> buffers_;
    OldBuffers old_buffers_;    ///< Of devices before, while outputs have them.
    UniqueFd inherited_;        ///< fd: until it is attached.
    ino_t released_inode_ = 0;  ///< Of the mdev that was released.
    Clock::time_point attached_at_;
    std::chrono::milliseconds gone_delay_{250};
    UniqueFd container_;
    UniqueFd group_;
    std::optional<vfio::Dialect> dialect_;
    std::string mdev_;  ///< UUID that is watched; empty where it is not known.

    std::unique_ptr<QmpClient> qmp_;
    bool monitor_told_ = false;
    std::string monitor_trouble_;  ///< What the log was told last.
    Clock::time_point monitor_ready_at_;
    std::chrono::milliseconds monitor_delay_{250};
    bool paused_ = false;
    std::optional<pid_t> pid_;
    UniqueFd pidfd_;
    int remote_fd_ = -1;
    EventLoop::Watch process_watch_;
    EventLoop::Timer retry_timer_;
    EventLoop::Timer monitor_timer_;
    EventLoop::Timer watch_timer_;
    EventLoop::Timer plugged_timer_;
};

/// How a guest stands, in words for whoever looks at its screen.
std::string describe_state(const GuestLink& guest);

}  // namespace scanthru
