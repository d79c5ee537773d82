// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace scanthru {

/// Connects to the Unix stream socket at `path`. The descriptor is CLOEXEC and nonblocking.
///
/// Errors: ENAMETOOLONG when the path does not fit a sockaddr_un (107 bytes), else connect(2)'s.
Result<UniqueFd> connect_unix(std::string_view path);

/// Listens at `path` with `mode` (permission bits), replacing a socket that nobody serves.
///
/// Errors: EADDRINUSE when another process answers there; ENAMETOOLONG; those of bind(2).
Result<UniqueFd> listen_unix(const std::string& path, mode_t mode);

/// The next connection waiting at `listener`, CLOEXEC and nonblocking; EAGAIN when there is none.
Result<UniqueFd> accept_unix(int listener);

/// Who is at the other end: the process that connected, or the one that called listen(2).
Result<pid_t> peer_pid(int socket);

/// Sends all of `bytes`, with `fd` (borrowed) attached to the first of them unless it is negative.
///
/// Waits up to a second in all for a slow reader. Errors: ETIMEDOUT; those of sendmsg(2).
Result<void> send_all(int socket, std::string_view bytes, int fd = -1);

/// What one read gave.
struct Received {
    std::string bytes;           ///< Empty at the end of the stream.
    std::optional<UniqueFd> fd;  ///< The first descriptor that came along; others are closed.
};

/// Takes what is waiting, up to 64 KiB. Errors: EAGAIN when nothing is; those of recvmsg(2).
Result<Received> receive(int socket);

}  // namespace scanthru
