// SPDX-License-Identifier: MIT
#include "presenter/app.h"

#include "base/log.h"
#include "presenter/words.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace scanthru {
namespace {

constexpr std::chrono::seconds progress_interval{2};
/// A modeset to black, and a slow one.
constexpr std::chrono::seconds stop_limit{2};

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
    control_.reset();
    monitors_.clear();
    guests_.clear();
    put_out();
}

/// Ends the outputs. One that hangs in its driver must not keep the others from being put back.
void App::put_out() {
    for (const auto& screen : screens_)
        screen->output->frames().request_stop();
    bool stuck = false;
    // Newest first: what an output was lit from may be what the one before it left.
    for (; !screens_.empty(); screens_.pop_back()) {
        Output& output = *screens_.back()->output;
        if (output.frames().wait_stopped(stop_limit)) continue;
        log(LogLevel::error, "output {}: held up in a call; it is left as it is", output.name());
        stuck = true;
        static_cast<void>(screens_.back().release());
    }
    if (stuck) std::_Exit(1);
}

Result<void, std::string> App::set_up() {
    // Before any thread starts: all of them inherit the mask.
    if (auto watched = watch_signals(); !watched) return watched;

    // First, so that a second scanthru stops here and touches no screen.
    if (auto served = serve_control(); !served) return served;
    if (auto lit = light_all(); !lit) return lit;
    for (const GuestConfig& guest : command_.config.guests)
        add_guest(guest);
    progress_timer_ = loop_->after(progress_interval, [this] { check_progress(); });
    return {};
}

Result<void, std::string> App::serve_control() {
    const ControlConfig& config = command_.config.control;
    const std::string path = config.socket.empty() ? default_control_socket() : config.socket;
    auto control = ControlServer::listen(*loop_, path, config.group,
                                         [this](const auto& request) { return answer(request); });
    if (!control) return sentence(control.error());
    control_ = *std::move(control);
    return {};
}

Result<void, std::string> App::light_all() {
    std::vector<OutputConfig> outputs = command_.config.outputs;
    if (outputs.empty()) outputs.emplace_back();
    // One card may have several names (/dev/dri/by-path/…), and only its first opener drives it.
    for (OutputConfig& output : outputs) {
        std::error_code error;
        if (auto path = std::filesystem::canonical(output.card, error); !error) output.card = path;
    }
    std::vector<std::string> paths;
    if (std::ranges::any_of(outputs, [](const auto& output) { return output.card.empty(); }))
        paths = Cards::paths();
    for (const OutputConfig& output : outputs)
        if (!output.card.empty() && std::ranges::find(paths, output.card) == paths.end())
            paths.push_back(output.card);
    cards_ = Cards::open(paths);
    for (const OutputConfig& output : outputs)
        if (auto lit = light(output); !lit) return lit;
    // Not to stay master of cards that others may want to drive.
    std::erase_if(cards_.opened, [](const auto& opened) { return opened.taken.empty(); });
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
    auto watch = loop_->watch(signals_.get(), EPOLLIN, [this](auto) { loop_->stop(); });
    if (!watch) return sentence(fmt::format("{}", watch.error()));
    signal_watch_ = *std::move(watch);
    return {};
}

Result<void, std::string> App::light(const OutputConfig& config) {
    auto output = Output::light(cards_, config);
    if (!output) return sentence(output.error());
    auto screen = std::make_unique<Screen>();
    screen->output = *std::move(output);
    screen->guest = config.guest;
    if (screen->guest.empty() && !command_.config.guests.empty())
        screen->guest = command_.config.guests.front().name;
    auto watch = loop_->watch(screen->output->frames().news().fd(), EPOLLIN,
                              [this, it = screen.get()](auto) { read_news(*it); });
    if (!watch) return sentence(fmt::format("{}", watch.error()));
    screen->news = *std::move(watch);
    screens_.push_back(std::move(screen));
    return {};
}

void App::add_guest(const GuestConfig& config) {
    const std::string& name = config.name;
    guests_.push_back(std::make_unique<GuestLink>(
        *loop_, config,
        GuestLink::Listener{.attached =
                                [this, config](const auto& buffers) {
                                    attach(config.name, buffers);
                                    show_edid(config, buffers);
                                },
                            .lost =
                                [this, name] {
                                    attach(name, nullptr);
                                    if (const auto monitor = monitors_.find(name);
                                        monitor != monitors_.end())
                                        monitor->second.forget();
                                },
                            .changed =
                                [this, name] {
                                    say_of(name);
                                }}));
    guests_.back()->start();
    say_of(name);
}

void App::attach(const std::string& guest, const std::shared_ptr<GuestBuffers>& buffers) {
    for (const auto& screen : screens_)
        if (screen->guest == guest) screen->output->frames().attach(buffers);
}

void App::say_of(const std::string& guest) {
    for (const auto& screen : screens_)
        if (screen->guest == guest) say(*screen);
}

/// Keeps what is to be seen without a guest's picture up to date.
void App::say(Screen& screen) {
    const OutputConfig& config = screen.output->config();
    if (config.idle == Idle::black) return;
    const auto guest = std::ranges::find_if(
        guests_, [&screen](const auto& one) { return one->config().name == screen.guest; });
    Message message{.title = screen.guest, .detail = "", .image = config.image};
    if (guest != guests_.end()) message.detail = describe_state(**guest);
    FrameThread& frames = screen.output->frames();
    const Size size = frames.view().screen;
    if (message == screen.said && size == screen.said_in) return;
    auto picture = make_message(screen.output->card(), size, message);
    if (!picture)
        return log(LogLevel::warning, "output {}: no memory for a message: {}",
                   screen.output->name(), picture.error());
    screen.said = std::move(message);
    screen.said_in = size;
    frames.show_instead(*std::move(picture));
}

/// Of the first output that shows this guest.
void App::show_edid(const GuestConfig& guest, const std::shared_ptr<GuestBuffers>& buffers) {
    if (guest.edid.off) return;
    const auto screen = std::ranges::find_if(
        screens_, [&guest](const auto& one) { return one->guest == guest.name; });
    if (screen == screens_.end()) return;
    auto& monitor = monitors_.try_emplace(guest.name, *loop_, guest.name).first->second;
    monitor.show(buffers, guest.edid.mode ? kms::generate_edid(*guest.edid.mode, {})
                                          : (*screen)->output->edid());
}

int App::run() {
    sd_notify(0, "READY=1");
    if (const auto served = loop_->run(); !served) {
        log(LogLevel::error, "{}", served.error());
        return 1;
    }
    return exit_code_;
}

void App::read_news(Screen& screen) {
    FrameThread& frames = screen.output->frames();
    frames.news().quieten();
    while (const auto note = frames.notes().pop())
        log(urgency(note->kind), "output {}: {}", screen.output->name(), to_string(*note));
    if (screen.said_in != frames.view().screen) say(screen);
    if (frames.out_of_memory())
        log(LogLevel::error, "output {}: out of memory", screen.output->name());
    if (frames.card_gone() || frames.out_of_memory()) {
        exit_code_ = 1;
        loop_->stop();
        return;
    }
    if (!frames.device_gone()) return;
    for (const auto& guest : guests_)
        if (guest->config().name == screen.guest) guest->device_gone();
}

void App::check_progress() {
    bool any = screens_.empty();
    for (const auto& screen : screens_) {
        const bool progress = screen->output->made_progress();
        any |= progress;
        if (!progress && !screen->told_stalled)
            log(LogLevel::error,
                "output {}: held up for {} s in a call to its driver or to its guest's device",
                screen->output->name(), progress_interval.count());
        if (progress && screen->told_stalled)
            log(LogLevel::info, "output {}: goes on", screen->output->name());
        screen->told_stalled = !progress;
    }
    // Others must not go dark with one that hangs, so one that gets on is enough.
    if (any) sd_notify(0, "WATCHDOG=1");
    progress_timer_ = loop_->after(progress_interval, [this] { check_progress(); });
}

}  // namespace scanthru
