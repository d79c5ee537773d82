// SPDX-License-Identifier: MIT
// The main thread's beginning and end.
#include "presenter/app.h"

#include "base/log.h"
#include "base/real_time.h"
#include "base/unix_socket.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace scanthru {
namespace {

constexpr std::chrono::seconds progress_interval{2};

tl::unexpected<std::string> sentence(std::string text) {
    return tl::unexpected<std::string>{std::move(text)};
}

}  // namespace

Result<std::unique_ptr<App>, std::string> App::create(RunCommand command) {
    set_log_level(command.config.log_level);
    auto loop = EventLoop::create();
    if (!loop) return sentence(fmt::format("{}", loop.error()));
    std::unique_ptr<App> app{new App{std::move(command), *std::move(loop)}};
    if (auto ready = app->set_up(); !ready) return sentence(ready.error());
    return app;
}

App::~App() {
    sd_notify(0, "STOPPING=1");
    remove_metrics();
    control_.reset();
    // Releases what hands hold, as far as it still gets to a guest.
    devices_.reset();
    for (const auto& [name, hands] : guest_hands_)
        hands->release_all();
    monitors_.clear();
    guest_hands_.clear();
    guests_.clear();
    put_out();
}

/// Ends the outputs. One that hangs in its driver must not keep the others from being put back.
void App::put_out() {
    for (const auto& screen : screens_)
        screen->request_end();
    bool stuck = false;
    // Newest first: what an output was lit from may be what the one before it left.
    for (; !screens_.empty(); screens_.pop_back())
        stuck |= !screens_.back()->end();
    if (stuck) std::_Exit(1);
}

Result<void, std::string> App::set_up() {
    // Before any thread starts: all of them inherit the mask.
    if (auto watched = watch_signals(); !watched) return watched;

    // libseat's own server is a fork of us: it is not to have what we open. Where another scanthru
    // is at work, that one keeps the seat.
    if (!connect_unix(control_path())) open_seat();

    // First, so that a second scanthru stops here and touches no screen.
    if (auto served = serve_control(); !served) return served;
    watch_hotplug();
    if (auto lit = light_all(); !lit) return lit;
    if (const auto locked = lock_memory(); !locked)
        log(LogLevel::info, "memory may be paged out: {}", locked.error());
    for (const GuestConfig& guest : command_.config.guests)
        add_guest(guest);
    start_hands();
    progress_timer_ = loop_->after(progress_interval, [this] { check_progress(); });
    write_metrics();
    return {};
}

std::string App::control_path() const {
    const std::string& socket = command_.config.control.socket;
    return socket.empty() ? default_control_socket() : socket;
}

Result<void, std::string> App::serve_control() {
    auto control = ControlServer::listen(*loop_, control_path(), command_.config.control.group,
                                         [this](const auto& request) { return answer(request); });
    if (!control) return sentence(control.error());
    control_ = *std::move(control);
    return {};
}

Result<void, std::string> App::watch_signals() {
    sigset_t ours{};
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ours, nullptr);
    // Whoever read our log or asked us something may go; the screen stays.
    ::signal(SIGPIPE, SIG_IGN);
    signals_.reset(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return sentence(fmt::format("{}", Error{errno, "signalfd"}));
    auto watch = loop_->watch(signals_.get(), EPOLLIN, [this](auto) { on_signal(); });
    if (!watch) return sentence(fmt::format("{}", watch.error()));
    signal_watch_ = *std::move(watch);
    return {};
}

void App::on_signal() {
    signalfd_siginfo signal{};
    if (::read(signals_.get(), &signal, sizeof(signal)) != sizeof(signal)) return;
    if (signal.ssi_signo == SIGHUP) return reload();
    loop_->stop();
}

int App::run() {
    sd_notify(0, "READY=1");
    if (const auto served = loop_->run(); !served) {
        log(LogLevel::error, "{}", served.error());
        return 1;
    }
    return exit_code_;
}

void App::check_progress() {
    bool any = screens_.empty();
    for (const auto& screen : screens_) {
        const bool was_stalled = screen->is_stalled();
        any |= screen->check_progress(progress_interval);
        // Its card was left out of what was looked at meanwhile.
        if (was_stalled && !screen->is_stalled()) replug_soon();
    }
    for (const auto& screen : screens_)
        if (!away_) screen->check_blanking(Clock::now());
    // Others must not go dark with one that hangs, so one that gets on is enough.
    if (any) sd_notify(0, "WATCHDOG=1");
    progress_timer_ = loop_->after(progress_interval, [this] { check_progress(); });
}

}  // namespace scanthru
