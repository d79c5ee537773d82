// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.h"
#include "ordinary_user.h"
#include "vgpu/test/test_vgpu.h"

#include <chrono>
#include <string>
#include <sys/types.h>

namespace scanthru::system_test {

/// A process that looks like a QEMU from outside: it has a vGPU open and serves QMP, and does what
/// the test says. The vGPU's own guest plays the guest.
class ScriptedQemu {
public:
    /// Starts it; its QMP socket, `socket`, is there when this returns. The vGPU must be closed.
    /// `user`: whose process it is; null: root's. The vGPU's group must be that user's.
    ScriptedQemu(vgpu::TestVgpu& vgpu,
                 const std::string& socket,
                 const OrdinaryUser* user = nullptr);
    ~ScriptedQemu() { kill(); }
    ScriptedQemu(const ScriptedQemu&) = delete;
    ScriptedQemu& operator=(const ScriptedQemu&) = delete;

    pid_t pid() const noexcept { return pid_; }

    /// Sends this QMP event; STOP and RESUME change what query-status answers.
    void event(const std::string& name) const { say("event " + name); }

    // What input-send-event brought is in the file SOCKET.input, a line for each event:
    // "key a 1", "btn left 0", "abs x 32767", "rel y -3".

    /// The guest's pointers, as query-mice names them from now on: "tablet" (at first), "mouse", or
    /// "mouse tablet".
    void mice(const std::string& kinds) const { say("mice " + kinds); }

    /// From now on with the time (CLOCK_MONOTONIC) in nanoseconds before each line, when the
    /// command was read.
    void stamp() const { say("stamp"); }

    /// From now on it does nothing for so long before it takes up a command, as a busy QEMU.
    void dawdle(std::chrono::milliseconds time) const {
        say("dawdle " + std::to_string(time.count()));
    }

    /// Its monitor breaks off, and is there again.
    void hang_up() const { say("hang-up"); }

    /// device_del: closes the vGPU, then sends DEVICE_DELETED.
    void unplug() const { say("unplug"); }

    /// SIGKILL, and waits until the process is gone.
    void kill();

private:
    void say(const std::string& line) const;

    pid_t pid_ = -1;
    UniqueFd script_;
};

}  // namespace scanthru::system_test
