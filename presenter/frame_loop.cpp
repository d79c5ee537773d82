// SPDX-License-Identifier: MIT
// What the thread of one output does.
#include "base/real_time.h"
#include "presenter/frame_thread.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <poll.h>
#include <unistd.h>

namespace scanthru {
namespace {

using std::chrono::nanoseconds;

/// How long a thread without anything to present sleeps; its mailbox wakes it.
constexpr std::chrono::seconds idle_sleep{1};
/// How often the guest is asked whose screen is switched off.
constexpr std::chrono::milliseconds blank_sleep{500};

std::int64_t since_boot(kms::Timestamp when) {
    return std::chrono::duration_cast<nanoseconds>(when.time_since_epoch()).count();
}

}  // namespace

void FrameThread::run_loop() noexcept {
    thread_id_ = ::gettid();
    try {
        loop();
    } catch (const std::bad_alloc&) {
        out_of_memory_ = true;
    }
    ended_ = true;
    news_.ring();
}

void FrameThread::loop() {
    read_clock();
    while (true) {
        const bool asks = presenter_.has_guest() && !device_gone_ && !card_gone_ && !paused_;
        const bool busy = asks && !presenter_.blank();
        const auto now = Clock::now();
        if (!paused_) keep_blank(now);
        const auto until = busy ? aim(now) : now + (asks ? blank_sleep : idle_sleep);
        if (wait(until, busy)) {
            if (!read_mail()) return;
        } else if (busy) {
            present();
        } else if (asks) {
            peek();
        } else if (!paused_) {
            presenter_.idle(Clock::now());
            keep_time(Clock::now());
        }
        ++turns_;
    }
}

/// When the guest is to be asked next.
kms::Timestamp FrameThread::aim(kms::Timestamp now) {
    const Scanout& scanout = presenter_.scanout();
    // After a flip that waited for its vblank the next one may wait too: it is asked for as late as
    // it can be.
    if (clock_.variable() || (scanout.async() && scanout.flipped_async()))
        clock_.aim_at_none(now, refresh_interval());
    else
        clock_.aim(now, refresh_interval());
    const nanoseconds margin = clock_.target().when - clock_.asked();
    margin_ns_.set(static_cast<std::uint64_t>(margin.count()));
    return clock_.asked();
}

/// How often a picture is looked at that may change without our knowing.
std::optional<nanoseconds> FrameThread::refresh_interval() const {
    const SharedPicture& primary = presenter_.scanout().on_screen().primary;
    const bool copied = primary && primary->rung == Rung::copy;
    return copied || refreshes_ ? std::optional{refresh_idle_} : std::nullopt;
}

/// Whether there is mail; false when the time has come. `dozing`: a poke is mail too.
bool FrameThread::wait(kms::Timestamp until, bool dozing) {
    dozing_ = dozing && clock_.idle(Clock::now());
    const auto ns = std::max(nanoseconds{until - Clock::now()}, nanoseconds{0}).count();
    const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    pollfd mail{.fd = mailbox_.bell().fd(), .events = POLLIN, .revents = 0};
    // A poke rings where it sees a dozing thread; one that came just before is seen here.
    const bool rang = (dozing_ && poked_) || ::ppoll(&mail, 1, &timeout, nullptr) > 0;
    if (dozing_) dozing_ = false;
    if (poked_ && poked_.exchange(false)) clock_.active(Clock::now());
    return rang;
}

bool FrameThread::read_mail() {
    const Letter letter = mailbox_.take();
    clock_.active(Clock::now());
    // An idle guest's is too far away; and what follows may wait for a vblank.
    clock_.forget_target();
    if (letter.serial == serial_read_) return true;  // A poke.
    serial_read_ = letter.serial;
    // Attaching, letting go, another mode, a capture: none of it is a frame.
    const OrdinaryPriority while_it_takes;
    if (letter.instead_number != instead_shown_) {
        presenter_.show_instead(letter.instead, Clock::now());
        instead_shown_ = letter.instead_number;
    }
    if (letter.number != carried_out_) {
        // Before the old device is let go of: a new one may be attached as soon as it is.
        device_gone_ = false;
        // While blank there is no frame to take the old guest off the screen.
        if (letter.switched && !presenter_.blank())
            presenter_.switch_to(letter.guest);
        else
            presenter_.attach(letter.guest, Clock::now());
        shows_former_ = presenter_.scanout().disowned();
        clock_.settle();
    }
    carried_out_ = letter.number;  // An errand takes its time.
    read_state(letter);
    if (letter.errand && letter.errand_number != errands_run_) {
        const Scanout& scanout = presenter_.scanout();
        (*letter.errand)(scanout.card(), scanout.pipeline());
        errands_run_ = letter.errand_number;
    }
    read_clock();
    news_.ring();
    return !letter.stop;
}

/// Whether the screen is to be off, and the card somebody else's.
void FrameThread::read_state(const Letter& letter) {
    if (letter.blank != blank_wished_) {
        blank_wished_ = letter.blank;
        blank_tried_ = {};
        changed_while_blank_ = false;
    }
    paused_ = letter.paused;
    // Also where the letter that said to pause was never read.
    if (std::exchange(returns_seen_, letter.returns) != letter.returns) {
        presenter_.come_back();
        clock_.settle();
    }
    if (!paused_) keep_blank(Clock::now());
}

void FrameThread::present() {
    const auto sampled = Clock::now();
    const std::uint64_t framebuffers = counters_.framebuffers.get();
    const std::uint64_t put_off = counters_.put_off.get();
    presenter_.measure_commits(clock_.wants_commit_cost());
    const auto frame = presenter_.frame(sampled);
    const bool novel = counters_.framebuffers.get() != framebuffers;
    shows_former_ = presenter_.scanout().disowned();
    switch (frame) {
    case Presenter::Frame::shown:
        log_flip(sampled, land(sampled, novel));
        clock_.active(sampled);
        break;
    case Presenter::Frame::refreshed: land(sampled, novel); break;
    case Presenter::Frame::mode_changed:
        clock_.restart(presenter_.scanout().pipeline().mode);
        log_flip(sampled, {.aimed = {}, .seen = read_clock()});
        clock_.active(sampled);
        break;
    case Presenter::Frame::device_gone: device_gone_ = true; break;
    case Presenter::Frame::card_gone: card_gone_ = true; break;
    case Presenter::Frame::kept:
        // Something new waits for its turn.
        if (counters_.put_off.get() != put_off) clock_.active(sampled);
        keep_time(sampled);
        break;
    case Presenter::Frame::unchanged: keep_time(sampled); break;
    }
    if (notes_.unannounced() || device_gone_ || card_gone_) news_.ring();
}

/// A commit has returned: where it came to, and what is to be learnt of it.
FrameThread::Landing FrameThread::land(kms::Timestamp sampled, bool novel) {
    Landing landing{.aimed = clock_.target(), .seen = read_clock()};
    const Scanout& scanout = presenter_.scanout();
    const FrameCost cost{.late = sampled - clock_.asked(),
                         .prepared = scanout.entered() - sampled,
                         .commit = scanout.commit_cost(),
                         .novel = novel};
    if (clock_.land(landing.seen, cost, sampled)) ++counters_.late_flips;
    // The last vblank was before it.
    if (scanout.flipped_async()) landing.seen.when = clock_read_;
    if (!clock_.aims()) landing.aimed = landing.seen;
    return landing;
}

/// What could not be switched off or on is tried again once a second.
void FrameThread::keep_blank(kms::Timestamp now) {
    if (blank_wished_ == presenter_.blank() || now - blank_tried_ < idle_sleep) return;
    blank_tried_ = now;
    presenter_.set_blank(blank_wished_, now);
    if (!blank_wished_) read_clock();  // Its vblanks come at other moments than before.
}

void FrameThread::peek() {
    switch (presenter_.peek(Clock::now())) {
    case Presenter::Frame::unchanged: return;
    case Presenter::Frame::device_gone: device_gone_ = true; break;
    default: changed_while_blank_ = true; break;
    }
    news_.ring();
}

void FrameThread::log_flip(kms::Timestamp sampled, const Landing& landing) {
    const Scene& scene = presenter_.scanout().on_screen();
    flips_.push({.number = ++flip_number_,
                 .sequence = landing.seen.sequence,
                 .asked_ns = since_boot(clock_.asked()),
                 .sampled_ns = since_boot(sampled),
                 .entered_ns = since_boot(presenter_.scanout().entered()),
                 .aimed_ns = since_boot(landing.aimed.when),
                 .shown_ns = since_boot(landing.seen.when),
                 .returned_ns = since_boot(clock_read_),
                 .primary_id = scene.primary ? scene.primary->key.dmabuf_id : 0,
                 .cursor_id = scene.cursor ? scene.cursor->key.dmabuf_id : 0,
                 .cursor_position = scene.cursor_position});
}

void FrameThread::keep_time(kms::Timestamp now) {
    if (!clock_.wants_reading(now)) return;
    ++counters_.clock_reads;
    read_clock();
}

/// The newest vblank of the CRTC; where there is none to be had, this moment without a sequence.
kms::Vblank FrameThread::read_clock() {
    clock_read_ = Clock::now();
    if (!clock_.has_vblank()) return {.sequence = 0, .when = clock_read_};
    const Scanout& scanout = presenter_.scanout();
    const auto seen = kms::read_vblank(scanout.card().fd(), scanout.pipeline().crtc.id);
    if (!seen && seen.error().code == ENODEV && !card_gone_.exchange(true)) news_.ring();
    return clock_.read(seen, clock_read_);
}

}  // namespace scanthru
