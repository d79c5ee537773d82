// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>

namespace scanthru::system_test {

/// Collects the CRC of every frame that a card's first CRTC shows, from debugfs.
///
/// Reads all the time: the kernel's queue holds 128 entries and complains when it overflows.
class CrcReader {
public:
    /// `card` is a path such as /dev/dri/card0. Throws std::runtime_error when there are no CRCs.
    explicit CrcReader(const std::string& card);
    ~CrcReader();
    CrcReader(const CrcReader&) = delete;
    CrcReader& operator=(const CrcReader&) = delete;

    /// Ends the reading and returns frame number → CRC.
    std::map<std::uint64_t, std::uint32_t> stop();

    /// The CRC read last; 0 before the first.
    std::uint32_t newest() const { return newest_.load(); }

    /// How many frames have been shown.
    std::uint64_t frames() const { return read_frames_.load(); }

    /// Waits until so many frames more have been shown; false after 10 s.
    bool wait_frames(std::uint64_t more) const;

    /// Waits until the screen's CRC is `expected`; false after `limit`.
    bool wait_for(std::uint32_t expected, std::chrono::milliseconds limit) const;

private:
    void read();

    UniqueFd data_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint32_t> newest_{0};
    std::atomic<std::uint64_t> read_frames_{0};
    std::map<std::uint64_t, std::uint32_t> frames_;
    std::thread thread_;
};

}  // namespace scanthru::system_test
