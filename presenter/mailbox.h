// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <cerrno>
#include <cstdint>
#include <mutex>
#include <sys/eventfd.h>
#include <utility>

namespace scanthru {

/// A bell between threads: any number of rings are one wake-up.
class Bell {
public:
    /// Errors: those of eventfd(2).
    static Result<Bell> create() {
        UniqueFd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (!fd) return fail(errno, "eventfd");
        return Bell{std::move(fd)};
    }

    /// Readable after a ring, until quieten().
    int fd() const noexcept { return fd_.get(); }

    // Neither call can fail in a way that matters: a full counter is a bell that rings already, an
    // empty one is quiet.
    void ring() const noexcept { static_cast<void>(::eventfd_write(fd_.get(), 1)); }

    void quieten() const noexcept {
        eventfd_t count = 0;
        static_cast<void>(::eventfd_read(fd_.get(), &count));
    }

private:
    explicit Bell(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

    UniqueFd fd_;
};

/// The one thing a thread is to do next: the newest letter replaces an unread one.
template <class Letter>
class Mailbox {
public:
    explicit Mailbox(Bell bell) noexcept : bell_(std::move(bell)) {}

    /// From any thread.
    void post(Letter letter) {
        {
            const std::lock_guard lock{mutex_};
            letter_ = std::move(letter);
        }
        bell_.ring();
    }

    /// The newest letter; to be called after the bell rang.
    Letter take() {
        bell_.quieten();
        const std::lock_guard lock{mutex_};
        return letter_;
    }

    const Bell& bell() const noexcept { return bell_; }

private:
    Bell bell_;
    std::mutex mutex_;
    Letter letter_{};
};

}  // namespace scanthru
