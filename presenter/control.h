// SPDX-License-Identifier: MIT
#pragma once

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "base/unique_fd.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace scanthru {

/// What the control socket answers: one line of JSON, and maybe a descriptor along with it.
///
/// Requests are objects with "command", a string, in a line of at most 64 KiB; answers have "ok":
/// true and the result's members, or "ok": false and "error", a sentence. One line each way.
struct ControlAnswer {  // NOLINT(bugprone-exception-escape): only broken JSON throws when moved.
    nlohmann::json json;
    UniqueFd fd;
};

/// Answers a request. It may read members as whatever type it expects: the exception that
/// nlohmann-json throws for another one becomes an answer.
using ControlHandler = std::function<ControlAnswer(const nlohmann::json& request)>;

/// Serves the control socket on the main thread's loop, up to 16 clients at a time.
///
/// One request of a client is answered per turn of the loop, so that a client with many cannot keep
/// it. A client that does not take its answer within a second is let go, and where there is no room
/// for another one, who has been silent for longest.
class ControlServer {
public:
    /// `path` and its folder are created. The socket is 0600, or 0660 for `group` when not empty.
    /// It is removed when the server goes; `loop` must outlive that.
    ///
    /// The error is a sentence: another scanthru serves there, no such group, no rights.
    static Result<std::unique_ptr<ControlServer>, std::string> listen(EventLoop& loop,
                                                                      const std::string& path,
                                                                      const std::string& group,
                                                                      ControlHandler handler);

    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    ~ControlServer();

private:
    struct Client {
        UniqueFd socket;
        std::string received;
        EventLoop::Watch watch;
        EventLoop::Timer more;  ///< Set while whole lines wait in `received`.
        Clock::time_point heard = Clock::now();
    };

    ControlServer(EventLoop& loop, std::string path, ControlHandler handler);
    Result<void> start_accepting();
    void accept();
    void read(int fd);
    /// Answers one line of what was received, and the next one at the next turn of the loop.
    void serve(int fd);
    bool make_room();
    bool refuse_long(int fd);

    EventLoop& loop_;
    std::string path_;
    ControlHandler handler_;
    UniqueFd listener_;
    EventLoop::Watch watch_;
    EventLoop::Timer retry_;
    std::map<int, Client> clients_;
};

/// Asks a running scanthru: one request, one answer. Waits at most `timeout`.
///
/// The error is a sentence: nobody serves there, no rights, no answer in time, nonsense, or the
/// "error" of an answer that is not "ok".
Result<ControlAnswer, std::string> ask_control(const std::string& path,
                                               const nlohmann::json& request,
                                               std::chrono::milliseconds timeout);

}  // namespace scanthru
