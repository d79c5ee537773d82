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
/// Asked right after a vblank, the next one can still be reached when there is so much time left.
constexpr std::chrono::milliseconds early_margin{1};

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

/// How long before the vblank's timestamp the guest is asked.
std::chrono::nanoseconds FrameThread::lead() const {
    const auto period = clock_.period();
    const auto margin = std::min(pacing_.margin.value_or(pacer_.margin()), period / 2);
    if (!pacing_.stamped_after_blanking) return margin;
    const auto blanking = kms::vertical_blanking(presenter_.scanout().pipeline().mode);
    return std::min(margin + blanking, period * 3 / 4);
}

void FrameThread::loop() {
    read_clock();
    while (true) {
        const bool asks = presenter_.has_guest() && !device_gone_ && !card_gone_ && !paused_;
        const bool busy = asks && !presenter_.blank();
        const auto now = Clock::now();
        if (!paused_) keep_blank(now);
        if (busy) aim(now);
        if (wait(busy ? asked_ : now + (asks ? blank_sleep : idle_sleep), busy)) {
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

/// Chooses the vblank to sample for: the next one whose sampling time has not passed, so that one
/// that was just served or slept through is not served again. An idle guest's comes later.
void FrameThread::aim(kms::Timestamp now) {
    const auto before = pacing_.early ? early_margin : lead();
    const auto earliest = idle_.earliest(target_.when, now, refresh_interval());
    // next_after() is strictly later; the one that was served must not come again, any other may.
    const auto after = idle_.idle(now) ? earliest - nanoseconds{1} : earliest;
    target_ = clock_.next_after(std::max(now + before, after));
    asked_ = target_.when - (pacing_.early ? clock_.period() : before);
    margin_ns_.set(static_cast<std::uint64_t>(nanoseconds{target_.when - asked_}.count()));
}

/// How often a picture is looked at that may change without our knowing.
std::optional<nanoseconds> FrameThread::refresh_interval() const {
    const SharedPicture& primary = presenter_.scanout().on_screen().primary;
    const bool copied = primary && primary->rung == Rung::copy;
    return copied || refreshes_ ? std::optional{refresh_idle_} : std::nullopt;
}

/// Whether there is mail; false when the time has come. `dozing`: a poke is mail too.
bool FrameThread::wait(kms::Timestamp until, bool dozing) {
    dozing_ = dozing && idle_.idle(Clock::now());
    const auto ns = std::max(nanoseconds{until - Clock::now()}, nanoseconds{0}).count();
    const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    pollfd mail{.fd = mailbox_.bell().fd(), .events = POLLIN, .revents = 0};
    // A poke rings where it sees a dozing thread; one that came just before is seen here.
    const bool rang = (dozing_ && poked_) || ::ppoll(&mail, 1, &timeout, nullptr) > 0;
    if (dozing_) dozing_ = false;
    if (poked_ && poked_.exchange(false)) idle_.active(Clock::now());
    return rang;
}

bool FrameThread::read_mail() {
    const Letter letter = mailbox_.take();
    idle_.active(Clock::now());
    target_ = {};  // Of an idle guest, too far away; and what follows may wait for a vblank.
    if (letter.serial == serial_read_) return true;  // A poke.
    serial_read_ = letter.serial;
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
        pacer_.settle();
    }
    carried_out_ = letter.number;  // An errand takes its time.
    read_state(letter);
    if (letter.errand && letter.errand_number != errands_run_) {
        const OrdinaryPriority while_it_takes;
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
    if (std::exchange(returns_seen_, letter.returns) != letter.returns) presenter_.come_back();
    if (!paused_) keep_blank(Clock::now());
}

void FrameThread::present() {
    const auto sampled = Clock::now();
    const std::uint64_t framebuffers = counters_.framebuffers.get();
    const std::uint64_t put_off = counters_.put_off.get();
    presenter_.measure_commits(!pacing_.margin && !pacing_.early && pacer_.wants_commit_cost());
    const auto frame = presenter_.frame(sampled);
    const bool novel = counters_.framebuffers.get() != framebuffers;
    shows_former_ = presenter_.scanout().disowned();
    switch (frame) {
    case Presenter::Frame::shown:
        log_flip(sampled, land(sampled, novel));
        idle_.active(sampled);
        break;
    case Presenter::Frame::refreshed: land(sampled, novel); break;
    case Presenter::Frame::mode_changed:
        clock_ = kms::VblankClock{kms::frame_period(presenter_.scanout().pipeline().mode)};
        pacer_.restart(clock_.period());
        target_ = {};
        log_flip(sampled, {.aimed = {}, .seen = read_clock()});
        idle_.active(sampled);
        break;
    case Presenter::Frame::device_gone: device_gone_ = true; break;
    case Presenter::Frame::card_gone: card_gone_ = true; break;
    case Presenter::Frame::kept:
        // Something new waits for its turn.
        if (counters_.put_off.get() != put_off) idle_.active(sampled);
        keep_time(sampled);
        break;
    case Presenter::Frame::unchanged: keep_time(sampled); break;
    }
    if (notes_.unannounced() || device_gone_ || card_gone_) news_.ring();
}

/// A commit has returned: where it came to, and what is to be learnt of it.
FrameThread::Landing FrameThread::land(kms::Timestamp sampled, bool novel) {
    const Landing landing{.aimed = target_, .seen = read_clock()};
    // Later than half a frame after the vblank aimed at: the flip missed it.
    const bool missed = has_vblank_ && landing.aimed.sequence != 0 &&
                        landing.seen.when > landing.aimed.when + clock_.period() / 2;
    if (missed) ++counters_.late_flips;
    if (pacing_.margin || pacing_.early) return landing;
    const Scanout& scanout = presenter_.scanout();
    pacer_.learn({.late = sampled - asked_,
                  .prepared = scanout.entered() - sampled,
                  .commit = scanout.commit_cost(),
                  .missed = missed,
                  .novel = novel},
                 sampled);
    return landing;
}

/// What could not be switched off or on is tried again once a second.
void FrameThread::keep_blank(kms::Timestamp now) {
    if (blank_wished_ == presenter_.blank() || now - blank_tried_ < idle_sleep) return;
    blank_tried_ = now;
    presenter_.set_blank(blank_wished_, now);
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
                 .asked_ns = since_boot(asked_),
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
    if (!has_vblank_ || now - clock_read_ < pacing_.resync) return;
    ++counters_.clock_reads;
    read_clock();
}

/// The newest vblank of the CRTC, by which the clock is set. Where there is none to be had, this
/// moment without a sequence; a driver without vblank (virtio-gpu) is paced from the first such
/// moment on by the mode's period alone.
kms::Vblank FrameThread::read_clock() {
    clock_read_ = Clock::now();
    const Scanout& scanout = presenter_.scanout();
    if (has_vblank_) {
        const auto seen = kms::read_vblank(scanout.card().fd(), scanout.pipeline().crtc.id);
        if (seen) {
            clock_.sync(*seen);
            return *seen;
        }
        if (seen.error().code == EOPNOTSUPP) has_vblank_ = false;
        if (seen.error().code == ENODEV && !card_gone_.exchange(true)) news_.ring();
    }
    const kms::Vblank now{.sequence = 0, .when = clock_read_};
    if (clock_.last().when == kms::Timestamp{}) clock_.sync(now);
    return now;
}

}  // namespace scanthru
