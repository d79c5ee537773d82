// SPDX-License-Identifier: MIT
// The main thread's outputs, whose monitors and cards come and go.
#include "base/log.h"
#include "presenter/app.h"
#include "presenter/words.h"

#include <algorithm>
#include <sys/epoll.h>

namespace scanthru {
namespace {

/// A dock's connectors come one by one, and a storm of events is looked at so often.
constexpr std::chrono::milliseconds settle_time{200};

}  // namespace

Screen& App::add_screen(const OutputConfig& config) {
    Screen& screen =
        *screens_.emplace_back(std::make_unique<Screen>(*loop_, config, first_guest_of(config)));
    screen.on_news([this, &screen] { read_news(screen); });
    return screen;
}

/// Opens what the outputs need and reads what is plugged in.
void App::refresh_cards() {
    std::vector<std::string> paths;
    for (const auto& screen : screens_)
        if (screen->config().card.empty()) paths = Cards::paths();
    for (const auto& screen : screens_)
        if (const std::string card = card_path(screen->config());
            !card.empty() && std::ranges::find(paths, card) == paths.end())
            paths.push_back(card);
    // To read a card's state waits for a commit that hangs.
    cards_.refresh(paths, [this](const OpenCard& card) {
        return std::ranges::any_of(screens_, [&card](const auto& screen) {
            return screen->output() != nullptr && screen->is_stalled() &&
                   &screen->output()->card() == card.card.get();
        });
    });
}

Result<void, std::string> App::light_all() {
    for (const OutputConfig& output : outputs_of(command_.config))
        add_screen(output);
    refresh_cards();
    for (const auto& screen : screens_) {
        const auto lit = screen->light(cards_);
        if (lit) continue;
        if (!lit.error().unplugged) return tl::unexpected{lit.error().reason};
        log(LogLevel::warning, "{}; waiting for it", lit.error().reason);
    }
    cards_.drop_unused();
    return {};
}

/// Without it nothing of what is shown suffers, so it is no reason not to begin.
void App::watch_hotplug() {
    auto opened = kms::HotplugMonitor::open();
    if (!opened)
        return log(LogLevel::warning, "monitors that come and go will not be noticed: {}",
                   opened.error());
    hotplug_ = *std::move(opened);
    auto watch = loop_->watch(hotplug_->fd(), EPOLLIN, [this](auto) {
        if (hotplug_->drain()) replug_soon();
    });
    if (!watch)
        return log(LogLevel::warning, "monitors that come and go will not be noticed: {}",
                   watch.error());
    hotplug_watch_ = *std::move(watch);
}

void App::replug_soon() {
    if (!replug_timer_) replug_timer_ = loop_->after(settle_time, [this] { replug(); });
}

/// Looks at what is plugged in now.
void App::replug() {
    replug_timer_.reset();
    if (away_) return;  // Nothing can be lit; come_back() looks again.
    refresh_cards();
    // First what goes: it may make room for what comes.
    for (const auto& screen : screens_) {
        if (screen->output() == nullptr || screen->output()->plug(cards_) != Output::Plug::gone)
            continue;
        take_hands_off(*screen);  // While devices still know it by its connector.
        screen->put_out(cards_.has(screen->output()->card()) ? "its monitor was unplugged"
                                                             : "its card has gone");
    }
    for (const auto& screen : screens_)
        if (screen->output() == nullptr || screen->output()->plug(cards_) == Output::Plug::changed)
            light(*screen);
    cards_.drop_unused();
    for (const auto& guest : guests_)
        show_edid(guest->config().name);
}

/// Lights it and brings its guest back; what is in the way, other than that its monitor is not
/// there, is logged when it is something new.
void App::light(Screen& screen) {
    const std::string before = screen.why_dark();
    if (const auto lit = screen.light(cards_); !lit) {
        const NotLit& failure = lit.error();
        if (!failure.unplugged && failure.reason != before)
            log(LogLevel::warning, "{}", failure.reason);
        return;
    }
    present_on(screen);
}

void App::read_news(Screen& screen) {
    FrameThread& frames = screen.output()->frames();
    frames.news().quieten();
    bool complained = false;
    while (const auto note = frames.notes().pop()) {
        log(urgency(note->kind), "output {}: {}", screen.name(), to_string(*note));
        // After a switch it may be the old guest's.
        if (note->kind != Note::Kind::unshowable_primary || !frames.attached()) continue;
        screen.complain("The picture of this guest " + why_unshowable(*note));
        complained = true;
    }
    if (!complained && frames.view().primary) screen.complain({});
    if (complained || screen.said_is_stale()) say(screen);
    if (frames.out_of_memory()) {
        log(LogLevel::error, "output {}: out of memory", screen.name());
        exit_code_ = 1;
        return loop_->stop();
    }
    if (frames.card_gone() || frames.ended()) {
        screen.put_out(frames.card_gone() ? "its card has gone" : "it was held up in a call");
        show_edid(screen.guest());
        return replug_soon();
    }
    if (screen.woken()) screen.blank(false);
    if (!frames.attached() || !frames.device_gone()) return;
    if (GuestLink* const guest = find_guest(screen.guest())) guest->device_gone();
}

/// What this output is to show of its guest, now.
void App::present_on(Screen& screen) {
    const GuestLink* const guest = find_guest(screen.guest());
    const bool hidden =
        guest != nullptr && guest->paused() && screen.config().paused == Paused::message;
    const auto buffers = guest != nullptr && !hidden ? guest->buffers() : nullptr;
    // To let go comes before all; but another guest's words must not appear.
    if (!buffers && screen.is_switching()) say(screen);
    screen.attach(buffers, !hidden);
    say(screen);
}

void App::present(const std::string& guest) {
    for (const auto& screen : screens_)
        if (screen->guest() == guest) present_on(*screen);
}

void App::say(Screen& screen) {
    const GuestLink* const guest = find_guest(screen.guest());
    screen.say(guest != nullptr ? describe_state(*guest) : std::string{});
}

}  // namespace scanthru
