// SPDX-License-Identifier: MIT
#include "seatd.h"

#include "presenter_process.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace scanthru::system_test {

Seatd::Seatd(const std::string& group) : pid_(::fork()) {
    if (pid_ == 0) {
        ::execlp("seatd", "seatd", "-g", group.c_str(), nullptr);
        ::_exit(127);
    }
    EXPECT_TRUE(PresenterProcess::wait([] { return std::filesystem::exists("/run/seatd.sock"); },
                                       std::chrono::seconds{20}));
}

void Seatd::end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

}  // namespace scanthru::system_test
