// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <unistd.h>
#include <utility>

namespace scanthru {

/// Sole owner of a file descriptor.
class UniqueFd {
public:
    UniqueFd() = default;

    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}

    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(other.release());
        return *this;
    }

    ~UniqueFd() { reset(); }

    explicit operator bool() const noexcept { return fd_ >= 0; }

    [[nodiscard]] int get() const noexcept { return fd_; }

    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    void reset(int fd = -1) noexcept {
        // Never retried: Linux frees the number even when close() reports EINTR.
        if (const int old = std::exchange(fd_, fd); old >= 0) ::close(old);
    }

private:
    int fd_ = -1;
};

/// Copies all that is to be read from one descriptor to another. Errors: those of read(2) and
/// write(2).
Result<void> copy_all(int from, int to);

}  // namespace scanthru
