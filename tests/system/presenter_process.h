// SPDX-License-Identifier: MIT
#pragma once

#include "ordinary_user.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/types.h>
#include <vector>

namespace scanthru::system_test {

/// A flip as the presenter logged it.
struct Flip {
    std::uint64_t number = 0;
    std::uint64_t sequence = 0;
    std::int64_t asked_ns = 0;
    std::int64_t sampled_ns = 0;
    std::int64_t entered_ns = 0;
    std::int64_t aimed_ns = 0;
    std::int64_t shown_ns = 0;
    std::int64_t returned_ns = 0;
    std::uint32_t primary_id = 0;
    std::uint32_t cursor_id = 0;
    std::int32_t cursor_x = 0;
    std::int32_t cursor_y = 0;
};

/// `scanthru run` as a child process, asked through its control socket.
class PresenterProcess {
public:
    /// Starts it with these arguments after `run`; returns when it answers. Throws when it does not
    /// within `limit` or ends. Its standard error goes to log().
    /// Without a guest's picture the screen is black, and guests that stand still are asked at
    /// every vblank, unless `arguments` say otherwise. `environment` is added to ours, as
    /// NAME=VALUE.
    explicit PresenterProcess(const std::vector<std::string>& arguments,
                              const std::vector<std::string>& environment = {},
                              std::chrono::seconds limit = std::chrono::seconds{60});
    /// The same as this user, with the control socket that is its own by default.
    PresenterProcess(const OrdinaryUser& user, const std::vector<std::string>& arguments);
    ~PresenterProcess();
    PresenterProcess(const PresenterProcess&) = delete;
    PresenterProcess& operator=(const PresenterProcess&) = delete;

    /// SIGTERM, and its exit code; -signal when a signal ended it.
    int stop();
    void kill();
    bool alive();

    pid_t pid() const noexcept { return pid_; }
    const std::string& socket() const noexcept { return socket_; }

    nlohmann::json status() const;
    nlohmann::json output(std::size_t index = 0) const { return status()["outputs"][index]; }
    std::uint64_t counter(const std::string& name) const;

    /// Waits until it has looked at its guest so many times more; fails the test when it does not.
    void wait_frames(std::uint64_t more) const;

    /// Flips that were not asked for before; call often enough (4096 are kept).
    void collect_flips();
    const std::vector<Flip>& flips() const noexcept { return flips_; }

    /// The answer to a control request; throws when there is none.
    nlohmann::json ask(const nlohmann::json& request) const;

    /// Polls `done` every few milliseconds; false after `limit`.
    static bool wait(const std::function<bool()>& done, std::chrono::milliseconds limit);

    /// Waits until its first guest is attached; prints its log and fails the test when it is not.
    void wait_attached() const;

    std::size_t descriptors() const;    ///< Open ones (/proc/PID/fd) but for its control socket's.
    std::uint64_t resident_kb() const;  ///< VmRSS.
    std::vector<pid_t> threads() const;
    pid_t frame_thread(const std::string& name = "Virtual-1") const;
    std::string log() const;

private:
    void start(std::vector<std::string> words,
               const std::vector<std::string>& environment,
               std::chrono::seconds limit,
               const OrdinaryUser* user);

    pid_t pid_ = -1;
    std::string socket_;
    std::string log_file_;
    std::vector<Flip> flips_;
};

/// What scanthru with these words, as this user, writes until it ends.
std::string output_of(const OrdinaryUser& user, std::vector<std::string> words);

/// The vkms card of the VM.
std::string vkms_card();

/// Whether this VM's clock counts instructions: only then may a test assert times.
bool virtual_time();

/// `whole` when every count is asked for (SCANTHRU_FULL), else a tenth.
unsigned count_of(unsigned whole);

/// "modeline" of a 320x240 mode with exactly this refresh in Hz (htotal 400, vtotal 250).
std::string small_modeline(unsigned hz);

}  // namespace scanthru::system_test
