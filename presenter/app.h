// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "base/session.h"
#include "input/devices.h"
#include "kms/hotplug.h"
#include "presenter/cards.h"
#include "presenter/control.h"
#include "presenter/guest_hands.h"
#include "presenter/guest_link.h"
#include "presenter/guest_monitor.h"
#include "presenter/hands.h"
#include "presenter/options.h"
#include "presenter/screen.h"

#include <map>
#include <memory>
#include <optional>
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

    /// Presents until SIGTERM or SIGINT. Returns the exit code.
    int run();

private:
    App(RunCommand command, std::unique_ptr<EventLoop> loop) noexcept
        : command_(std::move(command)), loop_(std::move(loop)) {}

    // app.cpp: beginning and end.
    Result<void, std::string> set_up();
    Result<void, std::string> watch_signals();
    std::string control_path() const;
    Result<void, std::string> serve_control();
    void on_signal();
    void check_progress();
    void put_out();

    // app_config.cpp: what is configured, and SIGHUP.
    void reload();
    Result<void, std::string> keep_inherited(Config& config) const;
    void reload_outputs();
    void reload_guests();
    std::string first_guest_of(const OutputConfig& output) const;

    // app_screens.cpp: outputs whose monitors come and go.
    Screen& add_screen(const OutputConfig& config);
    Result<void, std::string> light_all();
    void refresh_cards();
    void watch_hotplug();
    void replug_soon();
    void replug();
    void light(Screen& screen);
    void read_news(Screen& screen);
    void present_on(Screen& screen);
    void present(const std::string& guest);
    void say(Screen& screen);

    // app_guests.cpp: guests and what their monitors tell them.
    void add_guest(const GuestConfig& config, OldBuffers before = {});
    void on_lost(const std::string& guest);
    void tell_whether_it_runs(const std::string& guest);
    GuestLink* find_guest(const std::string& name) const;
    void show_edid(const std::string& guest);

    // app_hands.cpp: the seat, its devices, and what hands do.
    void open_seat();
    void lose_seat(const std::string& why);
    void stand_aside();
    void come_back();
    void start_hands();
    void reload_hands();
    Screen* find_screen(const std::string& output) const;
    GuestHands* hands_of(const std::string& guest) const;
    std::optional<PictureOnScreen> picture_on(const std::string& output) const;
    void on_use(const std::string& output);
    void take_hands_off(const Screen& screen);
    void act(const input::HostAction& action, const std::string& output);
    void focus_next();
    void go_to_vt(int number);
    Result<void, std::string> press(const std::string& guest,
                                    const std::vector<std::uint16_t>& keys);
    void save_screenshot(Screen& screen);
    void show_leds(const std::string& guest, const input::UinputSink::Leds& leds);

    // app_metrics.cpp: the file for node_exporter.
    void write_metrics();
    void remove_metrics() const;

    // app_control.cpp
    ControlAnswer answer(const nlohmann::json& request);
    nlohmann::json status() const;
    ControlAnswer flips(const nlohmann::json& request) const;
    ControlAnswer screenshot(const nlohmann::json& request);
    ControlAnswer release(const nlohmann::json& request);
    ControlAnswer switch_guest(const nlohmann::json& request);
    void show_guest(Screen& screen, const std::string& name);
    ControlAnswer send_keys(const nlohmann::json& request);
    ControlAnswer blank(const nlohmann::json& request, bool off);
    Result<Screen*, std::string> find_output(const nlohmann::json& request) const;

    RunCommand command_;
    std::unique_ptr<EventLoop> loop_;
    UniqueFd signals_;
    EventLoop::Watch signal_watch_;
    std::unique_ptr<Session> session_;
    bool away_ = false;  ///< Another VT has the seat.
    Cards cards_;
    std::vector<std::unique_ptr<Screen>> screens_;
    std::optional<kms::HotplugMonitor> hotplug_;
    EventLoop::Watch hotplug_watch_;
    EventLoop::Timer replug_timer_;
    std::vector<std::unique_ptr<GuestLink>> guests_;
    std::map<std::string, GuestMonitor, std::less<>> monitors_;                    ///< By guest.
    std::map<std::string, std::unique_ptr<GuestHands>, std::less<>> guest_hands_;  ///< By guest.
    std::optional<Hands> hands_;
    std::unique_ptr<input::Devices> devices_;
    std::string focus_;  ///< The output with the keyboard; empty: the first.
    std::unique_ptr<ControlServer> control_;
    EventLoop::Timer progress_timer_;
    EventLoop::Timer metrics_timer_;
    bool metrics_failed_ = false;  ///< And the log has said so.
    int exit_code_ = 0;
};

}  // namespace scanthru
