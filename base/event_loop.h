// SPDX-License-Identifier: MIT
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace scanthru {

/// The main thread's loop: file descriptors, deadlines, and nothing else.
///
/// Not for frame threads. Handlers run on the thread that calls run(); they may add and remove
/// watches and timers, their own included.
class EventLoop {
public:
    using Handler = std::function<void(std::uint32_t events)>;  ///< EPOLLIN, EPOLLHUP, …
    using Action = std::function<void()>;

    /// Stops watching when destroyed. The loop must outlive it.
    class Watch {
    public:
        Watch() = default;
        Watch(Watch&& other) noexcept;
        Watch& operator=(Watch&& other) noexcept;
        ~Watch() { reset(); }
        void reset() noexcept;
        explicit operator bool() const noexcept { return loop_ != nullptr; }

    private:
        friend class EventLoop;
        Watch(EventLoop* loop, int fd, std::uint64_t id) noexcept : loop_(loop), fd_(fd), id_(id) {}
        EventLoop* loop_ = nullptr;
        int fd_ = -1;
        std::uint64_t id_ = 0;
    };

    /// Cancels its action when destroyed. The loop must outlive it.
    class Timer {
    public:
        Timer() = default;
        Timer(Timer&& other) noexcept;
        Timer& operator=(Timer&& other) noexcept;
        ~Timer() { reset(); }
        void reset() noexcept;
        explicit operator bool() const noexcept { return loop_ != nullptr; }

    private:
        friend class EventLoop;
        Timer(EventLoop* loop, std::uint64_t id) noexcept : loop_(loop), id_(id) {}
        EventLoop* loop_ = nullptr;
        std::uint64_t id_ = 0;
    };

    /// Errors: those of epoll_create1(2).
    static Result<std::unique_ptr<EventLoop>> create();

    /// Calls `handler` whenever `fd` (borrowed, must outlive the watch) has one of `events`.
    ///
    /// Errors: those of epoll_ctl(2).
    Result<Watch> watch(int fd, std::uint32_t events, Handler handler);

    /// Calls `action` once, `delay` from now or as soon after it as the thread is free.
    [[nodiscard]] Timer after(Clock::duration delay, Action action);

    /// Serves until stop(). Errors: those of epoll_pwait2(2), except EINTR.
    Result<void> run();

    /// One turn: waits at most `limit` for the next event or deadline and serves what is due.
    Result<void> turn(Clock::duration limit);

    /// Makes run() return after the handler that is running.
    void stop() noexcept { stopped_ = true; }

private:
    struct Deadline {
        std::uint64_t id;
        Action action;
    };

    explicit EventLoop(UniqueFd epoll) noexcept : epoll_(std::move(epoll)) {}
    void run_due_timers();

    UniqueFd epoll_;
    /// By number, not by descriptor: one that is closed and opened anew within a turn must not get
    /// the events of the old one.
    std::map<std::uint64_t, std::shared_ptr<Handler>> handlers_;
    std::uint64_t last_watch_ = 0;
    std::multimap<Clock::time_point, Deadline> deadlines_;
    std::uint64_t last_timer_ = 0;
    bool stopped_ = false;
};

}  // namespace scanthru
