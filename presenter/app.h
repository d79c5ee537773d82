// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "presenter/control.h"
#include "presenter/guest_link.h"
#include "presenter/guest_monitor.h"
#include "presenter/message.h"
#include "presenter/options.h"
#include "presenter/output.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace scanthru {

/// `scanthru run`: the main thread. Everything but frames.
class App {
public:
    /// Opens cards, lights outputs, serves the control socket. The error is a sentence.
    static Result<std::unique_ptr<App>, std::string> create(RunCommand command);

    App(const App&) = delete;
    App& operator=(const App&) = delete;
    ~App();

    /// Presents until SIGTERM, SIGINT or SIGHUP. Returns the exit code.
    int run();

private:
    /// A configured output and the guest that it shows.
    struct Screen {
        std::unique_ptr<Output> output;
        std::string guest;
        Message said;  ///< On screen where no guest is to be seen,
        Size said_in;  ///< drawn for a screen of this size.
        EventLoop::Watch news;
        bool told_stalled = false;
    };

    App(RunCommand command, std::unique_ptr<EventLoop> loop) noexcept
        : command_(std::move(command)), loop_(std::move(loop)) {}

    Result<void, std::string> set_up();
    Result<void, std::string> watch_signals();
    Result<void, std::string> serve_control();
    Result<void, std::string> light_all();
    Result<void, std::string> light(const OutputConfig& config);
    void add_guest(const GuestConfig& config);
    void attach(const std::string& guest, const std::shared_ptr<GuestBuffers>& buffers);
    void show_edid(const GuestConfig& guest, const std::shared_ptr<GuestBuffers>& buffers);
    void read_news(Screen& screen);
    void say(Screen& screen);
    void say_of(const std::string& guest);
    void check_progress();
    void put_out();

    ControlAnswer answer(const nlohmann::json& request);
    nlohmann::json status() const;
    ControlAnswer flips(const nlohmann::json& request) const;
    ControlAnswer screenshot(const nlohmann::json& request);
    ControlAnswer release(const nlohmann::json& request);
    const Screen* find_output(const nlohmann::json& request) const;

    RunCommand command_;
    std::unique_ptr<EventLoop> loop_;
    UniqueFd signals_;
    EventLoop::Watch signal_watch_;
    Cards cards_;
    std::vector<std::unique_ptr<Screen>> screens_;
    std::vector<std::unique_ptr<GuestLink>> guests_;
    std::map<std::string, GuestMonitor, std::less<>> monitors_;  ///< By guest.
    std::unique_ptr<ControlServer> control_;
    EventLoop::Timer progress_timer_;
    int exit_code_ = 0;
};

}  // namespace scanthru
