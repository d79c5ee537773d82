// SPDX-License-Identifier: MIT
#include "presenter/frame_thread.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <system_error>

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

Result<std::unique_ptr<FrameThread>> FrameThread::start(const std::string& name,
                                                        Scanout scanout,
                                                        const PresenterSettings& settings,
                                                        const Pacing& pacing) {
    auto mail = Bell::create();
    auto news = Bell::create();
    if (!mail) return fail(mail.error());
    if (!news) return fail(news.error());
    std::unique_ptr<FrameThread> self{
        new FrameThread{std::move(scanout), settings, pacing, *std::move(mail), *std::move(news)}};
    // Signals are the main thread's; a thread inherits the mask of the one that starts it.
    sigset_t all{};
    sigset_t before{};
    sigfillset(&all);
    // Blocked, it would end the process instead of reaching survives_bus_error().
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    try {
        self->thread_ = std::thread{&FrameThread::run_loop, self.get()};
    } catch (const std::system_error& refused) {
        error = refused.code().value();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) return fail(error, "thread");
    // 15 characters are all the kernel takes.
    pthread_setname_np(self->thread_.native_handle(), name.substr(0, 15).c_str());
    return self;
}

FrameThread::FrameThread(
    Scanout scanout, const PresenterSettings& settings, const Pacing& pacing, Bell mail, Bell news)
    : pacing_(pacing),
      presenter_(std::move(scanout), settings, counters_, notes_),
      clock_(kms::frame_period(presenter_.scanout().pipeline().mode)),
      mailbox_(std::move(mail)),
      news_(std::move(news)) {}

void FrameThread::request_stop() {
    newest_.guest = nullptr;
    newest_.switched = false;
    ++newest_.number;
    newest_.instead = nullptr;
    ++newest_.instead_number;
    newest_.blank = false;
    newest_.stop = true;
    mailbox_.post(newest_);
}

bool FrameThread::wait_stopped(std::chrono::milliseconds limit) const {
    const auto deadline = Clock::now() + limit;
    while (!ended_ && Clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    return ended_;
}

void FrameThread::stop() {
    if (!thread_.joinable()) return;
    request_stop();
    thread_.join();
}

void FrameThread::attach(std::shared_ptr<GuestBuffers> guest) {
    if (newest_.stop) return;
    newest_.guest = std::move(guest);
    newest_.switched = false;
    ++newest_.number;
    mailbox_.post(newest_);
}

void FrameThread::switch_to(std::shared_ptr<GuestBuffers> guest) {
    if (newest_.stop) return;
    newest_.guest = std::move(guest);
    newest_.switched = true;
    ++newest_.number;
    mailbox_.post(newest_);
}

void FrameThread::show_instead(SharedPicture picture) {
    if (newest_.stop) return;
    newest_.instead = std::move(picture);
    ++newest_.instead_number;
    mailbox_.post(newest_);
}

void FrameThread::blank(bool off) {
    if (newest_.stop) return;
    newest_.blank = off;
    mailbox_.post(newest_);
}

void FrameThread::pause(bool paused) {
    if (newest_.stop) return;
    newest_.paused = paused;
    mailbox_.post(newest_);
}

bool FrameThread::wait_paused(std::chrono::milliseconds limit) const {
    const auto deadline = Clock::now() + limit;
    while (!paused_ && !ended_ && Clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    return paused_;
}

void FrameThread::run(Errand errand) {
    if (newest_.stop) return;
    newest_.errand = std::make_shared<const Errand>(std::move(errand));
    ++newest_.errand_number;
    mailbox_.post(newest_);
}

bool FrameThread::attached() const noexcept {
    return carried_out_.load() == newest_.number;
}

bool FrameThread::wait_attached(std::chrono::milliseconds limit) const {
    const auto deadline = Clock::now() + limit;
    while (!attached() && Clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    return attached();
}

void FrameThread::run_loop() noexcept {
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
    const auto margin = std::min(pacing_.margin, period / 2);
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
        if (wait(busy ? target_.when - lead() : now + (asks ? blank_sleep : idle_sleep))) {
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
/// that was just served or slept through is not served again.
void FrameThread::aim(kms::Timestamp now) {
    target_ = clock_.next_after(std::max(now + lead(), target_.when));
}

/// Whether there is mail; false when the time has come.
bool FrameThread::wait(kms::Timestamp until) {
    const auto ns = std::max(nanoseconds{until - Clock::now()}, nanoseconds{0}).count();
    const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    pollfd mail{.fd = mailbox_.bell().fd(), .events = POLLIN, .revents = 0};
    return ::ppoll(&mail, 1, &timeout, nullptr) > 0;
}

bool FrameThread::read_mail() {
    const Letter letter = mailbox_.take();
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
    }
    carried_out_ = letter.number;  // An errand takes its time.
    if (letter.blank != blank_wished_) {
        blank_wished_ = letter.blank;
        blank_tried_ = {};
        changed_while_blank_ = false;
    }
    if (paused_.exchange(letter.paused) && !letter.paused) presenter_.come_back();
    if (!paused_) keep_blank(Clock::now());
    if (letter.errand && letter.errand_number != errands_run_) {
        const Scanout& scanout = presenter_.scanout();
        (*letter.errand)(scanout.card(), scanout.pipeline());
        errands_run_ = letter.errand_number;
    }
    target_ = {};  // Either may have waited for a vblank.
    read_clock();
    news_.ring();
    return !letter.stop;
}

void FrameThread::present() {
    const auto sampled = Clock::now();
    const auto frame = presenter_.frame(sampled);
    shows_former_ = presenter_.scanout().disowned();
    switch (frame) {
    case Presenter::Frame::shown: log_flip(sampled); break;
    case Presenter::Frame::refreshed: read_clock(); break;
    case Presenter::Frame::mode_changed:
        clock_ = kms::VblankClock{kms::frame_period(presenter_.scanout().pipeline().mode)};
        target_ = {};
        log_flip(sampled);
        break;
    case Presenter::Frame::device_gone: device_gone_ = true; break;
    case Presenter::Frame::card_gone: card_gone_ = true; break;
    case Presenter::Frame::unchanged:
    case Presenter::Frame::kept: keep_time(sampled); break;
    }
    if (notes_.unannounced() || device_gone_ || card_gone_) news_.ring();
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

void FrameThread::log_flip(kms::Timestamp sampled) {
    const kms::Vblank aimed = target_;
    const kms::Vblank seen = read_clock();
    // Later than half a frame after the vblank aimed at: the flip missed it.
    if (has_vblank_ && aimed.sequence != 0 && seen.when > aimed.when + clock_.period() / 2)
        ++counters_.late_flips;
    const Scene& scene = presenter_.scanout().on_screen();
    flips_.push({.number = ++flip_number_,
                 .sequence = seen.sequence,
                 .sampled_ns = since_boot(sampled),
                 .shown_ns = since_boot(seen.when),
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
