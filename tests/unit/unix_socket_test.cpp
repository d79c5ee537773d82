// SPDX-License-Identifier: MIT
#include "base/unix_socket.h"
#include "unit/temporary_directory.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace scanthru {
namespace {

class UnixSocketTest : public ::testing::Test {
protected:
    /// Makes `client` and `server` the two ends of a connection.
    void connect() {
        listener = *listen_unix(path, 0600);
        client = *connect_unix(path);
        server = *accept_unix(listener.get());
    }

    testing::TemporaryDirectory directory;
    const std::string path = directory / "socket";
    UniqueFd listener;
    UniqueFd client;
    UniqueFd server;
};

bool is_private_and_nonblocking(int fd) {
    return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 && (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

TEST_F(UnixSocketTest, EveryDescriptorIsPrivateAndNonblocking) {
    connect();
    EXPECT_TRUE(is_private_and_nonblocking(listener.get()));
    EXPECT_TRUE(is_private_and_nonblocking(client.get()));
    EXPECT_TRUE(is_private_and_nonblocking(server.get()));
}

TEST_F(UnixSocketTest, TheSocketHasTheModeThatWasAskedFor) {
    const mode_t before = ::umask(0);
    listener = *listen_unix(path, 0620);
    ::umask(before);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0620U);
}

TEST_F(UnixSocketTest, ASocketThatNobodyServesIsReplaced) {
    listener = *listen_unix(path, 0600);
    listener.reset();
    EXPECT_TRUE(listen_unix(path, 0600));
}

TEST_F(UnixSocketTest, ASocketThatIsServedIsLeftAlone) {
    listener = *listen_unix(path, 0600);
    const auto second = listen_unix(path, 0600);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), (Error{EADDRINUSE, "bind"}));
    EXPECT_TRUE(connect_unix(path));
}

TEST_F(UnixSocketTest, AFileThatIsNoSocketIsNotDeleted) {
    const UniqueFd file{::open(path.c_str(), O_CREAT | O_CLOEXEC | O_WRONLY, 0600)};
    ASSERT_TRUE(file);
    EXPECT_EQ(listen_unix(path, 0600).error(), (Error{EADDRINUSE, "bind"}));
    EXPECT_EQ(::access(path.c_str(), F_OK), 0);
}

TEST_F(UnixSocketTest, APathThatDoesNotFitIsAnError) {
    const std::string longest(107, 'x');
    EXPECT_EQ(connect_unix(longest).error(), (Error{ENOENT, "connect"}));
    EXPECT_EQ(connect_unix(longest + 'x').error().code, ENAMETOOLONG);
    EXPECT_EQ(listen_unix(longest + 'x', 0600).error().code, ENAMETOOLONG);
}

TEST_F(UnixSocketTest, WithoutAVisitorThereIsNothingToAccept) {
    listener = *listen_unix(path, 0600);
    EXPECT_EQ(accept_unix(listener.get()).error(), (Error{EAGAIN, "accept4"}));
}

TEST_F(UnixSocketTest, BothEndsKnowTheProcessAtTheOther) {
    connect();
    EXPECT_EQ(peer_pid(client.get()), ::getpid());
    EXPECT_EQ(peer_pid(server.get()), ::getpid());
}

TEST_F(UnixSocketTest, WhatIsSentArrives) {
    connect();
    ASSERT_TRUE(send_all(client.get(), "hello"));
    const auto received = receive(server.get());
    ASSERT_TRUE(received);
    EXPECT_EQ(received->bytes, "hello");
    EXPECT_FALSE(received->fd);
}

TEST_F(UnixSocketTest, NothingYetIsNotTheEnd) {
    connect();
    EXPECT_EQ(receive(server.get()).error(), (Error{EAGAIN, "recvmsg"}));
    client.reset();
    const auto received = receive(server.get());
    ASSERT_TRUE(received);
    EXPECT_EQ(received->bytes, "");
}

TEST_F(UnixSocketTest, ADescriptorTravelsAlongAndIsPrivate) {
    connect();
    const UniqueFd file{::memfd_create("sent", 0)};
    ASSERT_TRUE(send_all(client.get(), "x", file.get()));
    const auto received = receive(server.get());
    ASSERT_TRUE(received);
    ASSERT_TRUE(received->fd);
    struct stat sent {};
    struct stat arrived {};
    ASSERT_EQ(::fstat(file.get(), &sent), 0);
    ASSERT_EQ(::fstat(received->fd->get(), &arrived), 0);
    EXPECT_EQ(arrived.st_ino, sent.st_ino);
    EXPECT_NE(::fcntl(received->fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

/// Sends one byte with `count` copies of `fd`.
void send_copies(int socket, int fd, std::size_t count) {
    char byte = 'x';
    iovec part{.iov_base = &byte, .iov_len = 1};
    std::vector<char> control(CMSG_SPACE(sizeof(int) * count));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (std::size_t i = 0; i < count; ++i)
        std::memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof(fd));
    ASSERT_EQ(::sendmsg(socket, &message, MSG_NOSIGNAL), 1);
}

TEST_F(UnixSocketTest, OfSeveralDescriptorsTheFirstIsKeptAndNoneLeaks) {
    connect();
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd read{ends[0]};
    UniqueFd write{ends[1]};
    send_copies(client.get(), write.get(), 12);  // More than receive() has room for.
    write.reset();
    {
        const auto received = receive(server.get());
        ASSERT_TRUE(received);
        EXPECT_TRUE(received->fd);
        char byte = 0;
        EXPECT_EQ(::read(read.get(), &byte, 1), -1) << "one copy must still live";
    }
    char byte = 0;
    EXPECT_EQ(::read(read.get(), &byte, 1), 0) << "a copy of the writing end is still open";
}

TEST_F(UnixSocketTest, AReaderThatHasGoneIsAnErrorAndNoSignal) {
    connect();
    server.reset();
    EXPECT_EQ(send_all(client.get(), "x").error(), (Error{EPIPE, "sendmsg"}));
}

TEST_F(UnixSocketTest, AReaderThatNeverReadsIsGivenUp) {
    connect();
    const std::string much(std::size_t{8} << 20, 'x');
    EXPECT_EQ(send_all(client.get(), much).error(), (Error{ETIMEDOUT, "sendmsg"}));
}

TEST_F(UnixSocketTest, ASlowReaderGetsEverything) {
    connect();
    const std::string much(std::size_t{1} << 20, 'x');
    std::size_t arrived = 0;
    std::thread reader{[&] {
        while (arrived < much.size()) {
            const auto received = receive(server.get());
            if (received && received->bytes.empty()) break;
            if (received) arrived += received->bytes.size();
        }
    }};
    EXPECT_TRUE(send_all(client.get(), much));
    client.reset();
    reader.join();
    EXPECT_EQ(arrived, much.size());
}

}  // namespace
}  // namespace scanthru
