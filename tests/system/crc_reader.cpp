// SPDX-License-Identifier: MIT
#include "crc_reader.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>

namespace scanthru::system_test {

CrcReader::CrcReader(const std::string& card) {
    const std::string folder = "/sys/kernel/debug/dri/" +
                               card.substr(card.find_last_not_of("0123456789") + 1) +
                               "/crtc-0/crc/";
    const UniqueFd control{::open((folder + "control").c_str(), O_WRONLY | O_CLOEXEC)};
    if (!control || ::write(control.get(), "auto", 4) != 4)
        throw std::runtime_error(folder + "control: " + std::strerror(errno));
    data_.reset(::open((folder + "data").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!data_) throw std::runtime_error(folder + "data: " + std::strerror(errno));
    thread_ = std::thread{&CrcReader::read, this};
}

CrcReader::~CrcReader() {
    stop();
}

std::map<std::uint64_t, std::uint32_t> CrcReader::stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    data_.reset();
    return frames_;
}

bool CrcReader::wait_frames(std::uint64_t more) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    const std::uint64_t until = read_frames_ + more;
    while (read_frames_ < until && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    return read_frames_ >= until;
}

bool CrcReader::wait_for(std::uint32_t expected, std::chrono::milliseconds limit) const {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < deadline) {
        if (newest_ == expected) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return newest_ == expected;
}

void CrcReader::read() {
    std::array<char, 4096> buffer{};
    while (!stop_) {
        pollfd ready{.fd = data_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, 50) <= 0) continue;
        const ssize_t length = ::read(data_.get(), buffer.data(), buffer.size() - 1);
        if (length <= 0) continue;
        // Whole lines "0xFRAME 0xCRC".
        buffer.at(static_cast<std::size_t>(length)) = '\0';
        char* at = buffer.data();
        while (*at != '\0') {
            const std::uint64_t frame = std::strtoull(at, &at, 16);
            const std::uint64_t crc = std::strtoull(at, &at, 16);
            frames_[frame] = static_cast<std::uint32_t>(crc);
            newest_ = static_cast<std::uint32_t>(crc);
            ++read_frames_;
            while (*at == '\n' || *at == ' ')
                ++at;
        }
    }
}

}  // namespace scanthru::system_test
