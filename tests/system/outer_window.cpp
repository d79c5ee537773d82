// SPDX-License-Identifier: MIT
// The few messages of RFC 6143 and of its extension ExtendedDesktopSize that this takes.
#include "outer_window.h"

#include <array>
#include <cstdint>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace scanthru::system_test {
namespace {

constexpr const char* port_path = "/dev/virtio-ports/vnc";
constexpr int patience_ms = 20'000;

using Bytes = std::vector<std::uint8_t>;

void write_all(int fd, const Bytes& bytes) {
    if (::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error{std::string{port_path} + ": a message was not taken whole"};
}

Bytes read_exactly(int fd, std::size_t count) {
    Bytes bytes(count);
    for (std::size_t got = 0; got < count;) {
        pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
        if (::poll(&readable, 1, patience_ms) <= 0)
            throw std::runtime_error{std::string{port_path} + ": QEMU's VNC server is silent"};
        const ssize_t more = ::read(fd, bytes.data() + got, count - got);
        if (more <= 0) throw std::runtime_error{std::string{port_path} + ": closed"};
        got += static_cast<std::size_t>(more);
    }
    return bytes;
}

void append(Bytes& message, std::uint32_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;)
        message.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

}  // namespace

OuterWindow::OuterWindow() : port_(::open(port_path, O_RDWR | O_CLOEXEC)) {
    if (!port_) throw std::runtime_error{std::string{port_path} + ": cannot be opened"};
    const int fd = port_.get();
    const Bytes version = read_exactly(fd, 12);
    write_all(fd, version);
    read_exactly(fd, read_exactly(fd, 1)[0]);  // Kinds of security: none will do.
    write_all(fd, {1});
    for (const std::uint8_t byte : read_exactly(fd, 4))
        if (byte != 0) throw std::runtime_error{"QEMU's VNC server wants a password"};
    write_all(fd, {1});  // Shared.
    const Bytes hello = read_exactly(fd, 24);
    read_exactly(fd, std::size_t{hello[22]} << 8 | hello[23]);  // Its name.
    Bytes encodings{2, 0, 0, 1};
    append(encodings, static_cast<std::uint32_t>(-308), 4);  // ExtendedDesktopSize
    write_all(fd, encodings);
}

void OuterWindow::resize(Size size) const {
    Bytes message{251, 0};
    append(message, size.width, 2);
    append(message, size.height, 2);
    append(message, 0x0100, 2);  // One screen.
    append(message, 0, 4);       // Its id,
    append(message, 0, 4);       // its place,
    append(message, size.width, 2);
    append(message, size.height, 2);
    append(message, 0, 4);  // its flags.
    write_all(port_.get(), message);
}

}  // namespace scanthru::system_test
