// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "base/result.h"
#include "base/unique_fd.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>

struct libseat;

namespace scanthru {

/// The connection to the seat manager, shared by the session and its devices.
struct SeatConnection;

/// A card or an input device that the seat opened for us; closes it through the session.
///
/// May outlive its session: what the seat manager held is closed by then, and this closes the rest.
class SeatDevice {
public:
    SeatDevice() = default;
    SeatDevice(SeatDevice&& other) noexcept;
    SeatDevice& operator=(SeatDevice&& other) noexcept;
    ~SeatDevice() { reset(); }
    void reset() noexcept;

    explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
    /// Borrowed, nonblocking. The seat manager holds the same open file: it drops and takes DRM
    /// master on it, and revokes an input device for good.
    int fd() const noexcept { return fd_.get(); }

    /// A descriptor of one's own for the same open file, for who closes it by itself. To be closed
    /// before this is. Errors: those of fcntl(2).
    Result<UniqueFd> duplicate() const;

private:
    friend class Session;
    SeatDevice(std::shared_ptr<SeatConnection> seat, int id, UniqueFd fd) noexcept;
    std::shared_ptr<SeatConnection> seat_;
    int id_ = -1;
    UniqueFd fd_;
};

/// The seat, by libseat: who may use the screens and the input devices now. Main thread.
///
/// To be opened before any thread starts and before what must not be inherited is open: libseat's
/// own server is a fork of this process.
class Session {
public:
    /// Called from the event loop, never from within open_device() or the end of a device. None of
    /// them may destroy the Session.
    struct Listener {
        /// We have the seat again: cards are master once more, input devices must be opened anew.
        std::function<void()> enabled;
        /// We lose it: on return nothing of it is in use. Cards are not master any more already.
        std::function<void()> disabled;
        /// The seat manager has gone; after `disabled`, if it was active. Nothing comes after this.
        std::function<void(const std::string& why)> lost;
    };

    /// Takes the seat and waits, at most 5 s, until it is active. The error is a sentence without
    /// a full stop that names what is missing.
    static Result<std::unique_ptr<Session>, std::string> open(EventLoop& loop, Listener listener);

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    /// Gives the seat back; its VT is in text mode then. Tells the listener nothing.
    ~Session();

    /// Opens a card or an input device by its path.
    ///
    /// Errors: EPERM while the seat is not ours, ENOTCONN when it is lost, those of open(2).
    Result<SeatDevice> open_device(const std::string& path);

    /// Asks for another VT (1, 2, …); `disabled` follows when it comes to it.
    ///
    /// Errors: EPERM while the seat is not ours, ENOTCONN when it is lost; EIO for what the seat
    /// manager does not explain.
    Result<void> switch_vt(int number);

    /// Whether the seat is ours now.
    bool active() const noexcept { return active_; }
    /// "seat0"
    std::string name() const;
    /// "seatd", "logind" or "builtin", as libseat's log tells it; "unknown" when it does not.
    const std::string& backend() const noexcept { return backend_; }

private:
    Session(EventLoop& loop, Listener listener, std::shared_ptr<SeatConnection> seat) noexcept;
    Result<void, std::string> wait_until_active();
    Result<void> watch();
    void dispatch(bool ended);
    void dispatch_soon();
    void act();
    void lose(int error);

    EventLoop& loop_;
    Listener listener_;
    std::shared_ptr<SeatConnection> seat_;
    std::string backend_;
    bool active_ = false;
    EventLoop::Watch watch_;
    EventLoop::Timer soon_;
};

}  // namespace scanthru
