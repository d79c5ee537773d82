// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace scanthru::system_test {

/// Children that burn 1 to 5 ms and sleep 0.2 to 3 ms; plain busy loops hurt nobody.
class Hogs {
public:
    explicit Hogs(unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            const pid_t child = ::fork();
            if (child == 0) burn(i);
            children_.push_back(child);
        }
    }

    ~Hogs() {
        for (const pid_t child : children_) {
            ::kill(child, SIGKILL);
            ::waitpid(child, nullptr, 0);
        }
    }
    Hogs(const Hogs&) = delete;
    Hogs& operator=(const Hogs&) = delete;

private:
    [[noreturn]] static void burn(unsigned seed) {
        using namespace std::chrono_literals;
        for (unsigned random = seed + 1;; random = random * 1'664'525 + 1'013'904'223) {
            const auto until = std::chrono::steady_clock::now() + 1ms + random % 4000 * 1us;
            while (std::chrono::steady_clock::now() < until) {
            }
            std::this_thread::sleep_for(200us + random / 4096 % 2800 * 1us);
        }
    }

    std::vector<pid_t> children_;
};

}  // namespace scanthru::system_test
