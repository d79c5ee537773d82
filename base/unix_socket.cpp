// SPDX-License-Identifier: MIT
#include "base/unix_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace scanthru {
namespace {

Result<sockaddr_un> address_of(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return fail(ENAMETOOLONG, "Unix socket path");
    std::ranges::copy(path, std::begin(address.sun_path));
    return address;
}

UniqueFd open_socket() {
    return UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

union ControlSpace {
    cmsghdr header;
    std::array<char, CMSG_SPACE(sizeof(int) * 8)> bytes;
};

/// A kernel without full preemption lets a frame thread wait until all of a system call is copied.
constexpr std::size_t most_at_once = std::size_t{16} * 1024;

}  // namespace

Result<UniqueFd> connect_unix(std::string_view path) {
    const auto address = address_of(path);
    if (!address) return fail(address.error());
    UniqueFd socket = open_socket();
    if (!socket) return fail(errno, "socket");
    if (::connect(socket.get(), generic(*address), sizeof(*address)) != 0)
        return fail(errno, "connect");
    return socket;
}

Result<UniqueFd> listen_unix(const std::string& path, mode_t mode) {
    const auto address = address_of(path);
    if (!address) return fail(address.error());
    // Only a refused connection tells that nobody serves there; EAGAIN is a full backlog.
    const auto answered = connect_unix(path);
    if (answered || answered.error().code == EAGAIN) return fail(EADDRINUSE, "bind");
    struct stat status {};
    if (answered.error().code == ECONNREFUSED && ::lstat(path.c_str(), &status) == 0 &&
        S_ISSOCK(status.st_mode))
        ::unlink(path.c_str());

    UniqueFd socket = open_socket();
    if (!socket) return fail(errno, "socket");
    // The mode is set before anybody can connect: bind creates the file, listen opens the door.
    if (::bind(socket.get(), generic(*address), sizeof(*address)) != 0) return fail(errno, "bind");
    if (::chmod(path.c_str(), mode) != 0) return fail(errno, "chmod");
    if (::listen(socket.get(), SOMAXCONN) != 0) return fail(errno, "listen");
    return socket;
}

Result<UniqueFd> accept_unix(int listener) {
    UniqueFd socket{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket) return fail(errno, "accept4");
    return socket;
}

Result<pid_t> peer_pid(int socket) {
    ucred credentials{};
    socklen_t length = sizeof(credentials);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
        return fail(errno, "SO_PEERCRED");
    return credentials.pid;
}

Result<void> send_all(int socket, std::string_view bytes, int fd) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{1};
    while (!bytes.empty()) {
        iovec part{.iov_base = const_cast<char*>(bytes.data()),
                   .iov_len = std::min(bytes.size(), most_at_once)};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        ControlSpace control{};
        if (fd >= 0) {
            message.msg_control = control.bytes.data();
            message.msg_controllen = CMSG_SPACE(sizeof(fd));
            cmsghdr* const header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(fd));
            std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
        }
        const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            fd = -1;
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail(errno, "sendmsg");
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd wait{.fd = socket, .events = POLLOUT, .revents = 0};
        if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) == 0)
            return fail(ETIMEDOUT, "sendmsg");
    }
    return {};
}

Result<Received> receive(int socket) {
    Received received;
    received.bytes.resize(std::size_t{64} * 1024);
    iovec part{.iov_base = received.bytes.data(), .iov_len = received.bytes.size()};
    ControlSpace control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    ssize_t length = 0;
    do {
        length = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (length < 0 && errno == EINTR);
    if (length < 0) return fail(errno, "recvmsg");
    received.bytes.resize(static_cast<std::size_t>(length));

    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
            UniqueFd owned{fd};
            if (!received.fd) received.fd = std::move(owned);
        }
    }
    return received;
}

}  // namespace scanthru
