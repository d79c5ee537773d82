// SPDX-License-Identifier: MIT
#include "presenter/flip_trials.h"

#include "base/clock.h"
#include "base/real_time.h"
#include "kms/atomic_request.h"
#include "kms/host_picture.h"
#include "kms/properties.h"
#include "kms/vblank_clock.h"
#include "presenter/margin_search.h"
#include "presenter/thread_costs.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace scanthru {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using Step = FlipProgress::Step;

constexpr std::chrono::seconds event_limit{1};

double micro(nanoseconds duration) {
    return static_cast<double>(duration.count()) / 1000;
}

/// The flips to come until an end, or until the other thread has enough.
class Turns {
public:
    Turns(const FlipProgress& progress, nanoseconds duration)
        : progress_(progress), end_(Clock::now() + duration) {}
    bool more() const { return !progress_.stop && Clock::now() < end_; }

private:
    const FlipProgress& progress_;
    kms::Timestamp end_;
};

/// Two pictures that take turns on the primary plane, and a cursor.
class Flipper {
public:
    static Result<Flipper> create(kms::Card& card, const kms::Pipeline& pipeline) {
        const Size size = kms::rotated(kms::size_of(pipeline.mode), pipeline.rotation);
        auto a = kms::HostPicture::create(card, size);
        auto b = kms::HostPicture::create(card, size);
        if (!a || !b) return fail(a ? b.error() : a.error());
        Flipper flipper{card, pipeline, {*std::move(a), *std::move(b)}};
        const auto was =
            kms::read_properties(card.fd(), pipeline.primary.id, DRM_MODE_OBJECT_PLANE);
        if (!was) return fail(was.error());
        if (const auto found = was->find("FB_ID"); found != was->end())
            flipper.before_ = kms::FramebufferId{static_cast<std::uint32_t>(found->second.value)};
        if (!pipeline.cursor) return flipper;
        if (auto cursor =
                kms::HostPicture::create(card, card.capabilities().cursor, DRM_FORMAT_ARGB8888))
            flipper.cursor_ = *std::move(cursor);
        return flipper;
    }

    bool has_cursor() const { return cursor_.has_value(); }
    int fd() const { return card_->fd(); }

    /// A request for the other picture, the next place of the cursor, or both.
    const kms::AtomicRequest& next(bool picture, bool cursor) {
        request_.clear();
        if (picture) {
            shown_ = 1 - shown_;
            show(pictures_.at(shown_).framebuffer().id());
        }
        if (cursor) {
            place_ = (place_ + 7) % 256;
            const Size size = cursor_->framebuffer().size();
            request_.show(*pipeline_->cursor, pipeline_->crtc.id,
                          {.framebuffer = cursor_->framebuffer().id(),
                           .source = {.size = size},
                           .target = {.x = place_, .y = place_, .size = size}});
        }
        return request_;
    }

    Result<void> hide_cursor() {
        request_.clear();
        request_.hide(*pipeline_->cursor);
        return request_.commit(fd());
    }

    /// What was there before: our own pictures must not be on a plane when they go.
    Result<void> put_back() {
        request_.clear();
        show(before_);
        if (has_cursor()) request_.hide(*pipeline_->cursor);
        return request_.commit(fd());
    }

    Result<kms::Vblank> vblank() const { return kms::read_vblank(fd(), pipeline_->crtc.id); }

private:
    Flipper(kms::Card& card,
            const kms::Pipeline& pipeline,
            std::array<kms::HostPicture, 2> pictures)
        : card_(&card), pipeline_(&pipeline), pictures_(std::move(pictures)) {}

    void show(kms::FramebufferId framebuffer) {
        request_.show(pipeline_->primary, pipeline_->crtc.id,
                      {.framebuffer = framebuffer,
                       .source = {.size = pictures_[0].framebuffer().size()},
                       .target = {.size = kms::size_of(pipeline_->mode)}});
    }

    kms::Card* card_;
    const kms::Pipeline* pipeline_;
    std::array<kms::HostPicture, 2> pictures_;
    std::optional<kms::HostPicture> cursor_;
    kms::FramebufferId before_{};
    kms::AtomicRequest request_;
    std::size_t shown_ = 0;
    int place_ = 0;
};

/// Waits for the event of the flip in flight.
Result<kms::Vblank> read_event(int fd) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds{event_limit}.count())) <= 0)
        return fail(ETIMEDOUT, "waiting for a flip's event");
    // One and no more: there may be two.
    drm_event_vblank event{};
    if (::read(fd, &event, sizeof(event)) != sizeof(event))
        return fail(EIO, "reading a flip's event");
    return kms::Vblank{
        .sequence = event.sequence,
        .when = kms::Timestamp{std::chrono::seconds{event.tv_sec} + microseconds{event.tv_usec}}};
}

Result<void> flip_at_every_vblank(Flipper& flipper, const Turns& turns, FlipSamples& into) {
    kms::Vblank last;
    while (turns.more()) {
        const auto& request = flipper.next(true, false);
        const auto entered = Clock::now();
        if (const auto done = request.commit_later(flipper.fd(), 1); !done)
            return fail(done.error());
        const auto left = Clock::now();
        const auto shown = read_event(flipper.fd());
        const auto read = Clock::now();
        if (!shown) return fail(shown.error());
        into.commit_us.push_back(micro(left - entered));
        into.page_flip_ms.push_back(micro(shown->when - entered) / 1000);
        into.event_delay_us.push_back(micro(read - shown->when));
        const auto vblanks = static_cast<std::uint32_t>(shown->sequence - last.sequence);
        if (last.when != kms::Timestamp{} && vblanks > 0)
            into.interval_ms.push_back(micro(shown->when - last.when) / 1000 / vblanks);
        last = *shown;
    }
    return {};
}

/// Processor time of one blocking commit.
Result<void> cost_of(Flipper& flipper, bool picture, bool cursor, std::vector<double>& samples_us) {
    const auto& request = flipper.next(picture, cursor);
    const auto before = processor_time();
    if (const auto done = request.commit(flipper.fd()); !done) return fail(done.error());
    samples_us.push_back(micro(processor_time() - before));
    return {};
}

/// Nonblocking, a move of the cursor and then a flip: whether both reach the same vblank.
Result<void> move_then_flip(Flipper& flipper, FlipSamples& into) {
    if (const auto done = flipper.next(false, true).commit_later(flipper.fd(), 1); !done)
        return fail(done.error());
    ++into.cursor_moves;
    const auto flipped = flipper.next(true, false).commit_later(flipper.fd(), 2);
    if (!flipped && flipped.error().code != EBUSY) return fail(flipped.error());
    into.flips_busy += flipped ? 0 : 1;
    if (!flipped) static_cast<void>(flipper.next(true, false));  // It is still the other's turn.
    for (int events = flipped ? 2 : 1; events > 0; --events)
        if (const auto shown = read_event(flipper.fd()); !shown) return fail(shown.error());
    return {};
}

Result<void>
move_the_cursor(Flipper& flipper, unsigned moves, const FlipProgress& progress, FlipSamples& into) {
    if (!flipper.has_cursor()) return {};
    // Switched on before it is measured.
    if (const auto done = flipper.next(true, true).commit(flipper.fd()); !done)
        return fail(done.error());
    for (unsigned i = 0; i < moves && !progress.stop; ++i) {
        auto done = cost_of(flipper, true, false, into.flip_us);
        if (done) done = cost_of(flipper, false, true, into.cursor_us);
        if (done) done = cost_of(flipper, true, true, into.both_us);
        if (done && i % 10 == 0) done = move_then_flip(flipper, into);
        if (!done) return done;
    }
    return flipper.hide_cursor();
}

struct SharedMemory {
    UniqueFd dmabuf;
    std::uint32_t stride = 0;
};

/// A dumb buffer's memory of which only the dma-buf is left: with its handle still open the card
/// would answer an import with that.
Result<SharedMemory> share_memory(const kms::Card& card, Size size) {
    std::uint32_t handle = 0;
    std::uint32_t stride = 0;
    std::uint64_t bytes = 0;
    if (const int ret = drmModeCreateDumbBuffer(card.fd(), size.width, size.height, 32, 0, &handle,
                                                &stride, &bytes);
        ret != 0)
        return fail(-ret, "drmModeCreateDumbBuffer");
    int fd = -1;
    const int shared = drmPrimeHandleToFD(card.fd(), handle, DRM_CLOEXEC, &fd) == 0 ? 0 : errno;
    drmModeDestroyDumbBuffer(card.fd(), handle);
    if (shared != 0) return fail(shared, "drmPrimeHandleToFD");
    return SharedMemory{.dmabuf = UniqueFd{fd}, .stride = stride};
}

Result<void> import_often(kms::Card& card,
                          Size size,
                          unsigned times,
                          const FlipProgress& progress,
                          FlipSamples::Imports& into) {
    const auto memory = share_memory(card, size);
    if (!memory) return fail(memory.error());
    const kms::DmabufImage image{.fd = memory->dmabuf.get(),
                                 .format = DRM_FORMAT_XRGB8888,
                                 .modifier = DRM_FORMAT_MOD_LINEAR,
                                 .size = size,
                                 .stride = memory->stride};
    for (unsigned i = 0; i < times && !progress.stop; ++i) {
        const auto begun = Clock::now();
        auto framebuffer = kms::Framebuffer::import(card, image);
        if (!framebuffer) return fail(framebuffer.error());
        const auto imported = Clock::now();
        { const kms::Framebuffer gone = *std::move(framebuffer); }
        into.import_us.push_back(micro(imported - begun));
        into.remove_us.push_back(micro(Clock::now() - imported));
    }
    return {};
}

/// Blocking flips so long before a vblank: whether one missed it.
Result<bool> any_misses(Flipper& flipper,
                        kms::VblankClock& clock,
                        const MarginSearch::Trial& trial,
                        const FlipProgress& progress) {
    for (unsigned i = 0; i < trial.flips && !progress.stop; ++i) {
        const auto target = clock.next_after(Clock::now() + trial.margin + microseconds{200});
        std::this_thread::sleep_until(target.when - trial.margin);
        if (const auto done = flipper.next(true, false).commit(flipper.fd()); !done)
            return fail(done.error());
        const auto seen = flipper.vblank();
        if (!seen) return fail(seen.error());
        clock.sync(*seen);
        if (seen->when >= target.when + clock.period() / 2) return true;
    }
    return false;
}

Result<void> search_margin(Flipper& flipper,
                           nanoseconds period,
                           unsigned flips,
                           const FlipProgress& progress,
                           FlipSamples& into) {
    kms::VblankClock clock{period};
    const auto seen = flipper.vblank();
    if (!seen && seen.error().code == EOPNOTSUPP) return {};  // There is no vblank to miss.
    if (!seen) return fail(seen.error());
    clock.sync(*seen);
    MarginSearch search{period / 2, flips};
    while (const auto trial = search.next()) {
        const auto missed = any_misses(flipper, clock, *trial, progress);
        if (!missed) return fail(missed.error());
        if (progress.stop) return {};
        search.tell(*missed);
    }
    if (const auto found = search.found()) into.smallest_margin_us = micro(*found);
    return {};
}

Result<void> try_all(kms::Card& card,
                     Flipper& flipper,
                     nanoseconds period,
                     const FlipPlan& plan,
                     FlipProgress& progress,
                     FlipSamples& into) {
    FlipSamples unused;
    auto done = flip_at_every_vblank(flipper, {progress, plan.warm_up}, unused);
    progress.step = Step::flipping;
    if (done) done = flip_at_every_vblank(flipper, {progress, plan.duration}, into);
    progress.step = Step::moving_the_cursor;
    if (done) done = move_the_cursor(flipper, plan.moves, progress, into);
    progress.step = Step::importing;
    for (std::size_t i = 0; done && i < imported_sizes.size(); ++i) {
        const auto imported =
            import_often(card, imported_sizes.at(i), plan.imports, progress, into.imports.at(i));
        // A card may be too small for a size, or export nothing; that says nothing of the rest.
        if (!imported && (imported.error().code == ENODEV || imported.error().code == EACCES))
            done = fail(imported.error());
    }
    progress.step = Step::searching;
    if (done) done = search_margin(flipper, period, plan.margin_flips, progress, into);
    return done;
}

}  // namespace

nanoseconds expected_duration(const FlipPlan& plan, nanoseconds period) {
    const MarginSearch search{period / 2, plan.margin_flips};
    // Three costs for each move; a flip in ten waits for a move and for itself.
    const unsigned vblanks = 3 * plan.moves + plan.moves / 10 + search.expected_flips();
    return plan.warm_up + plan.duration + vblanks * period;
}

FlipSamples try_flips(kms::Card& card,
                      const kms::Pipeline& pipeline,
                      const FlipPlan& plan,
                      FlipProgress& progress) {
    FlipSamples samples;
    if (plan.real_time) static_cast<void>(make_real_time(pthread_self()));
    auto flipper = Flipper::create(card, pipeline);
    if (flipper) {
        auto done =
            try_all(card, *flipper, kms::frame_period(pipeline.mode), plan, progress, samples);
        if (const auto back = flipper->put_back(); done && !back) done = fail(back.error());
        if (!done) samples.fault = done.error();
    } else {
        samples.fault = flipper.error();
    }
    progress.step = Step::done;
    return samples;
}

}  // namespace scanthru
