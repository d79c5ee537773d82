// SPDX-License-Identifier: MIT
#include "base/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>

namespace scanthru {

EventLoop::Watch::Watch(Watch&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)),
      fd_(std::exchange(other.fd_, -1)),
      id_(other.id_) {}

EventLoop::Watch& EventLoop::Watch::operator=(Watch&& other) noexcept {
    if (this == &other) return *this;
    reset();
    loop_ = std::exchange(other.loop_, nullptr);
    fd_ = std::exchange(other.fd_, -1);
    id_ = other.id_;
    return *this;
}

void EventLoop::Watch::reset() noexcept {
    EventLoop* const loop = std::exchange(loop_, nullptr);
    if (loop == nullptr) return;
    ::epoll_ctl(loop->epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
    loop->handlers_.erase(id_);
}

EventLoop::Timer::Timer(Timer&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), id_(other.id_) {}

EventLoop::Timer& EventLoop::Timer::operator=(Timer&& other) noexcept {
    if (this == &other) return *this;
    reset();
    loop_ = std::exchange(other.loop_, nullptr);
    id_ = other.id_;
    return *this;
}

void EventLoop::Timer::reset() noexcept {
    EventLoop* const loop = std::exchange(loop_, nullptr);
    if (loop == nullptr) return;
    const auto mine = std::ranges::find_if(
        loop->deadlines_, [this](const auto& entry) { return entry.second.id == id_; });
    if (mine != loop->deadlines_.end()) loop->deadlines_.erase(mine);
}

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
    UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll) return fail(errno, "epoll_create1");
    return std::unique_ptr<EventLoop>{new EventLoop{std::move(epoll)}};
}

Result<EventLoop::Watch> EventLoop::watch(int fd, std::uint32_t events, Handler handler) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = ++last_watch_;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail(errno, "epoll_ctl");
    handlers_[last_watch_] = std::make_shared<Handler>(std::move(handler));
    return Watch{this, fd, last_watch_};
}

EventLoop::Timer EventLoop::after(Clock::duration delay, Action action) {
    const std::uint64_t id = ++last_timer_;
    deadlines_.emplace(Clock::now() + delay, Deadline{id, std::move(action)});
    return Timer{this, id};
}

Result<void> EventLoop::run() {
    stopped_ = false;
    while (!stopped_)
        if (auto turned = turn(std::chrono::hours{1}); !turned) return turned;
    return {};
}

Result<void> EventLoop::turn(Clock::duration limit) {
    using std::chrono::nanoseconds;
    auto wait = limit;
    if (!deadlines_.empty()) wait = std::min(wait, deadlines_.begin()->first - Clock::now());
    const auto ns = std::max(std::chrono::duration_cast<nanoseconds>(wait), nanoseconds{0}).count();
    const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};

    std::array<epoll_event, 16> ready{};
    const int count = ::epoll_pwait2(epoll_.get(), ready.data(), static_cast<int>(ready.size()),
                                     &timeout, nullptr);
    if (count < 0 && errno != EINTR) return fail(errno, "epoll_pwait2");
    for (int i = 0; i < count && !stopped_; ++i) {
        const epoll_event& event = ready.at(static_cast<std::size_t>(i));
        // Looked up now: an earlier handler of this turn may have ended this watch.
        const auto found = handlers_.find(event.data.u64);
        if (found == handlers_.end()) continue;
        const auto handler = found->second;  // Kept while it runs; it may end its own watch.
        (*handler)(event.events);
    }
    run_due_timers();
    return {};
}

void EventLoop::run_due_timers() {
    const auto now = Clock::now();
    while (!stopped_ && !deadlines_.empty() && deadlines_.begin()->first <= now) {
        const Action action = std::move(deadlines_.begin()->second.action);
        deadlines_.erase(deadlines_.begin());
        action();
    }
}

}  // namespace scanthru
