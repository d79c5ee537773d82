// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>

namespace scanthru::system_test {

/// Runs a shell command. Throws with its output when it fails.
void run_shell(const std::string& command);

/// A real Linux guest in a QEMU inside the VM (tests/vm/guest), on a test vGPU.
class NestedGuest {
public:
    /// Nothing is started yet, but socket() says where its QMP socket will be.
    explicit NestedGuest(std::string name) : name_(std::move(name)) {}
    ~NestedGuest();
    NestedGuest(const NestedGuest&) = delete;
    NestedGuest& operator=(const NestedGuest&) = delete;

    /// Starts it with these options of `tests/vm/guest start`. Throws with its words when that
    /// fails.
    void start(const std::string& options);

    /// Waits until it has said these words so many times; throws when it ends or takes too long.
    void wait_for(const std::string& words, std::chrono::seconds limit, int times = 1) const;

    /// A command for QEMU's second monitor.
    void ask(const std::string& command, const std::string& json = "{}") const;

    /// Presses and releases a key, a "qcode" of QEMU.
    void press(const std::string& key) const;

    /// SIGKILL to its QEMU and forgets it, so that it can be started again; the vGPU stays.
    void kill();

    pid_t pid() const;
    std::string uuid() const;  ///< Of its vGPU.
    std::string socket() const { return file("qmp"); }
    std::string serial() const;       ///< All that the guest said.
    std::string monitor_log() const;  ///< All that QEMU's second monitor said.

private:
    std::string file(const std::string& name) const { return "/run/guest/" + name_ + "/" + name; }

    std::string name_;
};

}  // namespace scanthru::system_test
