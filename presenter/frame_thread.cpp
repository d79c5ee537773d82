// SPDX-License-Identifier: MIT
#include "presenter/frame_thread.h"

#include "base/real_time.h"

#include <csignal>
#include <pthread.h>
#include <system_error>

namespace scanthru {

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
    if (pacing.real_time)
        if (const auto taken = make_real_time(self->thread_.native_handle()); !taken)
            self->ordinary_ = taken.error();
    // 15 characters are all the kernel takes.
    pthread_setname_np(self->thread_.native_handle(), name.substr(0, 15).c_str());
    return self;
}

FrameThread::FrameThread(
    Scanout scanout, const PresenterSettings& settings, const Pacing& pacing, Bell mail, Bell news)
    : refreshes_(settings.refresh),
      refresh_idle_(settings.refresh_idle),
      presenter_(std::move(scanout), settings, counters_, notes_),
      clock_(presenter_.scanout().pipeline().mode, pacing),
      mailbox_(std::move(mail)),
      news_(std::move(news)) {}

void FrameThread::post() {
    ++newest_.serial;
    mailbox_.post(newest_);
}

void FrameThread::poke() noexcept {
    poked_ = true;
    if (dozing_) mailbox_.bell().ring();
}

void FrameThread::request_stop() {
    newest_.guest = nullptr;
    newest_.switched = false;
    ++newest_.number;
    newest_.instead = nullptr;
    ++newest_.instead_number;
    newest_.blank = false;
    newest_.stop = true;
    post();
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
    post();
}

void FrameThread::switch_to(std::shared_ptr<GuestBuffers> guest) {
    if (newest_.stop) return;
    newest_.guest = std::move(guest);
    newest_.switched = true;
    ++newest_.number;
    post();
}

void FrameThread::show_instead(SharedPicture picture) {
    if (newest_.stop) return;
    newest_.instead = std::move(picture);
    ++newest_.instead_number;
    post();
}

void FrameThread::blank(bool off) {
    if (newest_.stop) return;
    newest_.blank = off;
    post();
}

void FrameThread::pause(bool paused) {
    if (newest_.stop) return;
    if (newest_.paused && !paused) ++newest_.returns;
    newest_.paused = paused;
    post();
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
    post();
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

}  // namespace scanthru
