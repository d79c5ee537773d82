// SPDX-License-Identifier: MIT
#include "presenter/screen.h"

#include "base/log.h"
#include "presenter/screenshot.h"

#include <sys/epoll.h>
#include <utility>

namespace scanthru {
namespace {

/// A modeset to black, and a slow one.
constexpr std::chrono::seconds end_limit{2};

}  // namespace

Screen::Screen(EventLoop& loop, OutputConfig config, std::string guest)
    : loop_(loop), config_(std::move(config)), guest_(std::move(guest)) {}

Screen::~Screen() {
    static_cast<void>(end());
}

std::string Screen::name() const {
    return output_ ? output_->name() : title_of(config_);
}

Result<void, NotLit> Screen::light(const Cards& cards) {
    if (output_ && !stopped()) return tl::unexpected{NotLit{.reason = "it is held up in a call"}};
    watch_.reset();
    auto output = Output::light(cards, config_, std::move(output_));
    if (!output) {
        why_dark_ = output.error().reason;
        return tl::unexpected{output.error()};
    }
    output_ = *std::move(output);
    stopping_ = false;
    why_dark_.clear();
    said_ = {};
    said_in_ = {};
    held_ = false;
    told_stalled_ = false;
    attached_.reset();
    chosen_ = false;
    changed_at_ = Clock::now();
    // What a person switched off stays off.
    if (std::exchange(may_wake_, false)) blanked_ = false;
    if (blanked_) output_->frames().blank(true);
    auto watch = loop_.watch(output_->frames().news().fd(), EPOLLIN, [this](auto) { news_(); });
    if (!watch) return tl::unexpected{NotLit{.reason = fmt::format("{}", watch.error())}};
    watch_ = *std::move(watch);
    return {};
}

void Screen::put_out(const std::string& why) {
    why_dark_ = why;
    if (!output_) return;
    log(LogLevel::info, "output {}: dark: {}", name(), why);
    if (!stopped()) return log(LogLevel::error, "output {}: held up in a call", name());
    watch_.reset();
    output_.reset();
}

void Screen::choose(std::string guest) {
    guest_ = std::move(guest);
    chosen_ = true;
    if (std::exchange(held_, false)) said_ = {};
}

void Screen::attach(const std::shared_ptr<GuestBuffers>& buffers, bool may_hold) {
    const auto before = attached_.lock();
    if (!output_ || before == buffers) return;
    if (!buffers && before && may_hold && !chosen_ && config_.idle == Idle::hold) hold();
    if (buffers && std::exchange(held_, false)) said_ = {};
    attached_ = buffers;
    trouble_.clear();
    if (std::exchange(chosen_, false) && buffers)
        output_->frames().switch_to(buffers);
    else
        output_->frames().attach(buffers);
}

/// Its last picture stays, in memory of our own; a message where it cannot be read.
void Screen::hold() {
    FrameThread& frames = output_->frames();
    const OutputView view = frames.view();
    if (!view.primary) return;
    const auto pixels = read_scene(frames.scene(), view.screen);
    if (!pixels) return log(LogLevel::info, "output {}: {}", name(), pixels.error());
    auto still = make_still(output_->card(), *pixels);
    if (!still)
        return log(LogLevel::warning, "output {}: no memory for the last picture: {}", name(),
                   still.error());
    frames.show_instead(*std::move(still));
    held_ = true;
}

void Screen::drop_former() {
    if (!output_ || !output_->frames().shows_former()) return;
    output_->frames().attach(attached_.lock());
}

void Screen::say(const std::string& detail) {
    if (!output_ || config_.idle == Idle::black || held_) return;
    Message message{
        .title = guest_, .detail = trouble_.empty() ? detail : trouble_, .image = config_.image};
    const Size size = output_->frames().view().screen;
    if (message == said_ && size == said_in_) return;
    auto picture = make_message(output_->card(), size, message);
    if (!picture)
        return log(LogLevel::warning, "output {}: no memory for a message: {}", name(),
                   picture.error());
    said_ = std::move(message);
    said_in_ = size;
    output_->frames().show_instead(*std::move(picture));
}

bool Screen::said_is_stale() const {
    return output_ && said_in_ != output_->frames().view().screen;
}

void Screen::blank(bool off) {
    may_wake_ = false;
    changed_at_ = Clock::now();
    blanked_ = off;
    if (output_) output_->frames().blank(off);
}

void Screen::used() {
    changed_at_ = Clock::now();
    if (blanked_) blank(false);
    if (output_) output_->frames().poke();
}

bool Screen::woken() const {
    return blanked_ && may_wake_ && output_ && output_->frames().changed_while_blank();
}

void Screen::check_blanking(Clock::time_point now) {
    if (!output_ || blanked_ || config_.blank_after == std::chrono::seconds::zero()) return;
    const FrameCounters& counters = output_->frames().counters();
    const std::uint64_t changes = counters.flips.get() + counters.copies.get();
    if (std::exchange(changes_, changes) != changes) changed_at_ = now;
    if (now - changed_at_ < config_.blank_after) return;
    blank(true);
    may_wake_ = true;
}

bool Screen::check_progress(std::chrono::seconds since) {
    if (!output_) return true;
    const bool progress = output_->made_progress();
    if (!progress && !told_stalled_)
        log(LogLevel::error,
            "output {}: held up for {} s in a call to its driver or to its guest's device", name(),
            since.count());
    if (progress && told_stalled_) log(LogLevel::info, "output {}: goes on", name());
    told_stalled_ = !progress;
    return progress;
}

void Screen::request_end() {
    if (output_) output_->frames().request_stop();
}

bool Screen::stopped() {
    const auto limit = std::exchange(stopping_, true) ? std::chrono::seconds::zero() : end_limit;
    output_->frames().request_stop();
    return output_->frames().wait_stopped(limit);
}

bool Screen::end() {
    if (!output_) return true;
    watch_.reset();
    if (stopped()) {
        output_.reset();
        return true;
    }
    log(LogLevel::error, "output {}: held up in a call; it is left as it is", name());
    static_cast<void>(output_.release());
    return false;
}

}  // namespace scanthru
