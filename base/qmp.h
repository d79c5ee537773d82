// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "base/result.h"
#include "base/unique_fd.h"

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <sys/types.h>

namespace scanthru {

/// A connection to QEMU's machine protocol, on the main thread's loop.
///
/// After the greeting it negotiates capabilities by itself; commands given earlier wait. QEMU
/// answers commands one by one and in order. Callbacks come from the loop, never from within
/// execute(), and may destroy the client.
class QmpClient {
public:
    using Reply =
        std::function<void(Result<nlohmann::json, std::string>)>;  ///< `return`, or why not.

    struct Listener {
        std::function<void()> ready;  ///< Greeting and capabilities are done.
        /// `name` as in the QMP reference ("RESET"), `data` its object, maybe empty.
        std::function<void(const std::string& name, const nlohmann::json& data)> event;
        /// The connection is over; called once, last. The sentence says why: refused, closed by
        /// QEMU, no greeting within two seconds (another client holds this monitor), nonsense.
        std::function<void(const std::string& why)> closed;
    };

    /// Connects and returns at once; the greeting must come within `patience`. Errors: those of
    /// connect_unix(), EAGAIN (QEMU's backlog is full: somebody else holds the monitor).
    static Result<std::unique_ptr<QmpClient>>
    connect(EventLoop& loop,
            const std::string& path,
            Listener listener,
            std::chrono::milliseconds patience = std::chrono::seconds{2});

    ~QmpClient();

    /// Sends a command; `reply` is called once, or never when the connection ends first. It may be
    /// empty. The arguments are left out when they are empty or null.
    void execute(std::string command, const nlohmann::json& arguments, Reply reply);

    /// The process at the other end of the socket. Errors: EBADF when the connection is over.
    Result<pid_t> peer() const;

private:
    class State;
    explicit QmpClient(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;  ///< Shared with a callback that is running.
};

}  // namespace scanthru
