// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <string>
#include <sys/types.h>

namespace scanthru::system_test {

/// seatd, as a distribution starts it: its socket is there while this lives.
class Seatd {
public:
    /// `group`: whose members may have a seat.
    explicit Seatd(const std::string& group = "root");
    ~Seatd() { end(); }
    Seatd(const Seatd&) = delete;
    Seatd& operator=(const Seatd&) = delete;

    /// Returns when it has ended. After a SIGKILL its socket is left.
    void end(int signal = SIGTERM);

private:
    pid_t pid_;
};

}  // namespace scanthru::system_test
