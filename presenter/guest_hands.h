// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "base/qmp.h"
#include "input/qmp_injector.h"
#include "input/uinput_sink.h"
#include "presenter/config.h"

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace scanthru {

/// One guest's end of the hands: where its input goes, whatever the way. Main thread.
class GuestHands {
public:
    /// The guest has switched the lights of its keyboard.
    using OnLeds = std::function<void(input::UinputSink::Leds)>;

    /// Begins to connect where the configuration names a monitor for input, and makes the devices
    /// of a guest that reads them; what fails is logged.
    GuestHands(EventLoop& loop, const GuestConfig& config, OnLeds on_leds = {});
    GuestHands(const GuestHands&) = delete;
    GuestHands& operator=(const GuestHands&) = delete;
    ~GuestHands();

    /// The monitor of its source is connected; null: no more. Not used where another way is
    /// configured.
    void source_monitor(QmpClient* client);

    /// Whether it runs, as its source's monitor says.
    void source_runs(bool running);

    /// It has rebooted, or its QEMU is another one: nothing is down in it.
    void forget();

    /// Size of its picture in pixels.
    void set_picture(Size size);

    /// Collects until flush().
    void send(const input::Event& event);
    void flush();

    /// Lets go of all that is down in it, now or as soon as it listens again.
    void release_all();

    /// Whether what is sent now gets there.
    bool listens() const noexcept { return uinput_ || (connected_ && runs_); }

    /// For `status`.
    nlohmann::json describe() const;

private:
    void make_devices();
    void connect();
    void connect_later();
    void on_ready();
    void complain(const std::string& why);
    void on_event(const std::string& name);
    void set_running(bool running);

    EventLoop& loop_;
    std::string name_;
    GuestInput way_;
    input::QmpInjector injector_;
    bool connected_ = false;
    bool runs_ = true;

    // By devices of ours.
    std::optional<input::UinputSink> uinput_;
    EventLoop::Watch leds_watch_;
    OnLeds on_leds_;

    // With a monitor of its own.
    std::unique_ptr<QmpClient> monitor_;
    std::string trouble_;  ///< What the log was told last.
    EventLoop::Timer retry_;
};

}  // namespace scanthru
