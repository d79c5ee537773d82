// SPDX-License-Identifier: MIT
// The display alone: two pictures of ours in turn.
#include "base/real_time.h"
#include "presenter/bench.h"
#include "presenter/bench_figures.h"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <future>
#include <poll.h>
#include <sys/prctl.h>
#include <thread>
#include <unistd.h>

namespace scanthru {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

double micro(nanoseconds duration) {
    return static_cast<double>(duration.count()) / 1000;
}

/// Flips between two pictures, on the frame thread.
class Flipper {
public:
    Flipper(kms::Card& card,
            const kms::Pipeline& pipeline,
            std::array<kms::HostPicture, 2> pictures)
        : card_(card), pipeline_(pipeline), pictures_(std::move(pictures)) {}

    /// The request for the other picture.
    const kms::AtomicRequest& next() {
        shown_ = 1 - shown_;
        const auto& framebuffer = pictures_.at(shown_).framebuffer();
        const Rect all{.size = framebuffer.size()};
        request_.clear();
        request_.show(pipeline_.primary, pipeline_.crtc.id,
                      {.framebuffer = framebuffer.id(), .source = all, .target = all});
        return request_;
    }

    Result<kms::Vblank> vblank() const { return kms::read_vblank(card_.fd(), pipeline_.crtc.id); }
    int fd() const { return card_.fd(); }

    /// One blocking flip `margin` before a vblank; whether it was shown at that one.
    Result<bool> flip_before(kms::VblankClock& clock, nanoseconds margin) {
        const auto target = clock.next_after(Clock::now() + margin + microseconds{200});
        std::this_thread::sleep_until(target.when - margin);
        if (const auto done = next().commit(fd()); !done) return fail(done.error());
        const auto seen = vblank();
        if (!seen) return fail(seen.error());
        clock.sync(*seen);
        return seen->when < target.when + clock.period() / 2;
    }

private:
    kms::Card& card_;
    const kms::Pipeline& pipeline_;
    std::array<kms::HostPicture, 2> pictures_;
    kms::AtomicRequest request_;
    std::size_t shown_ = 0;
};

/// Waits for the event of the flip in flight: its timestamp.
Result<kms::Timestamp> read_event(int fd) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 1000) <= 0) return fail(ETIMEDOUT, "waiting for a flip's event");
    alignas(drm_event_vblank) std::array<char, 1024> buffer{};
    if (::read(fd, buffer.data(), buffer.size()) < static_cast<ssize_t>(sizeof(drm_event_vblank)))
        return fail(EIO, "reading a flip's event");
    drm_event_vblank event{};
    std::memcpy(&event, buffer.data(), sizeof(event));
    return kms::Timestamp{std::chrono::seconds{event.tv_sec} + microseconds{event.tv_usec}};
}

struct Measured {
    std::vector<double> commit, page_flip, event_delay, interval;
    double smallest_margin_us = 0;
    std::optional<Error> fault{};
};

/// Nonblocking flips with events, one at every vblank.
Result<void> measure_events(Flipper& flipper,
                            nanoseconds duration,
                            const std::atomic<bool>& stop,
                            Measured& into) {
    kms::Timestamp last{};
    for (const auto end = Clock::now() + duration; Clock::now() < end && !stop;) {
        const auto& request = flipper.next();
        const auto entered = Clock::now();
        if (const auto done = request.commit_later(flipper.fd(), 1); !done)
            return fail(done.error());
        const auto left = Clock::now();
        const auto shown = read_event(flipper.fd());
        const auto read = Clock::now();
        if (!shown) return fail(shown.error());
        into.commit.push_back(micro(left - entered));
        into.page_flip.push_back(micro(*shown - entered) / 1000);
        into.event_delay.push_back(micro(read - *shown));
        if (last != kms::Timestamp{}) into.interval.push_back(micro(*shown - last) / 1000);
        last = *shown;
    }
    return {};
}

/// The smallest margin with which none of `tries` flips missed, by halving.
Result<void> search_margin(Flipper& flipper,
                           nanoseconds period,
                           unsigned tries,
                           const std::atomic<bool>& stop,
                           Measured& into) {
    kms::VblankClock clock{period};
    if (const auto seen = flipper.vblank()) clock.sync(*seen);
    nanoseconds bad{};
    nanoseconds good = period / 2;
    while (good - bad > microseconds{10} && !stop) {
        const nanoseconds tried = (good + bad) / 2;
        bool missed = false;
        for (unsigned i = 0; i < tries && !missed && !stop; ++i) {
            const auto shown = flipper.flip_before(clock, tried);
            if (!shown) return fail(shown.error());
            missed = !*shown;
        }
        (missed ? bad : good) = tried;
    }
    into.smallest_margin_us = micro(good);
    return {};
}

constexpr unsigned margin_tries = 200;

Measured measure(kms::Card& card,
                 const kms::Pipeline& pipeline,
                 nanoseconds duration,
                 bool real_time,
                 const std::atomic<bool>& stop) {
    Measured measured;
    auto a = kms::HostPicture::create(card, kms::size_of(pipeline.mode));
    auto b = kms::HostPicture::create(card, kms::size_of(pipeline.mode));
    if (!a || !b) {
        measured.fault = a ? b.error() : a.error();
        return measured;
    }
    if (real_time) static_cast<void>(make_real_time(pthread_self()));
    Flipper flipper{card, pipeline, {*std::move(a), *std::move(b)}};
    auto done = measure_events(flipper, duration, stop, measured);
    if (done)
        done =
            search_margin(flipper, kms::frame_period(pipeline.mode), margin_tries, stop, measured);
    if (!done) measured.fault = done.error();
    return measured;
}

}  // namespace

Result<void, std::string> bench_flip(Bench& bench) {
    const auto& command = bench.command();
    const auto search = 12 * margin_tries * bench.period();
    bench.say(
        fmt::format("takes at most {} s: {} s of flips, then the search for the smallest margin",
                    std::chrono::ceil<std::chrono::seconds>(command.duration + search).count(),
                    command.duration.count()));
    struct Shared {
        std::atomic<bool> stop{false};
        std::promise<Measured> promise;
    };
    const auto shared = std::make_shared<Shared>();
    auto future = shared->promise.get_future();
    const bool real_time = command.config.outputs.front().trial.real_time;
    bench.output().frames().run([shared, real_time, duration = command.duration](
                                    kms::Card& card, const kms::Pipeline& pipeline) {
        shared->promise.set_value(measure(card, pipeline, duration, real_time, shared->stop));
    });
    while (future.wait_for(std::chrono::seconds::zero()) != std::future_status::ready) {
        if (!bench.sleep(std::chrono::milliseconds{200})) shared->stop = true;
        if (shared->stop) future.wait();
    }
    Measured measured = future.get();
    if (measured.fault && measured.commit.empty())
        return tl::unexpected{fmt::format("{}", *measured.fault)};
    json& report = bench.report();
    json& figures = report["figures"];
    report["counts"]["flips"] = measured.commit.size();
    report["counts"]["smallest_margin_us"] = measured.smallest_margin_us;
    figures.push_back(make_figure("commit", "us", "a nonblocking commit's time in the kernel",
                                  std::move(measured.commit)));
    figures.push_back(make_figure("page_flip", "ms", "from the commit to the flip's timestamp",
                                  std::move(measured.page_flip)));
    figures.push_back(make_figure("event_delay", "us",
                                  "from the flip's timestamp to its event being read",
                                  std::move(measured.event_delay)));
    figures.push_back(make_figure("vblank_interval", "ms", "between two flips' timestamps",
                                  std::move(measured.interval)));
    return {};
}

}  // namespace scanthru
