// SPDX-License-Identifier: MIT
#include "presenter/scanout.h"

#include "base/clock.h"
#include "base/real_time.h"
#include "kms/modeset.h"
#include "presenter/thread_costs.h"

#include <algorithm>
#include <cerrno>

namespace scanthru {
namespace {

using Outcome = Verdict::Outcome;

/// What an error of a commit means for the loop (kms.md, "Commits").
Outcome meaning(const Error& error) {
    switch (error.code) {
    case EINVAL:
    case ERANGE:
    case ENOSPC:
    case E2BIG:
    case EREMOTE:
    case EOPNOTSUPP: return Outcome::refused;
    case EACCES:
    case EPERM: return Outcome::not_master;
    case ENODEV: return Outcome::gone;
    default: return Outcome::later;
    }
}

}  // namespace

Scanout::Scanout(kms::Card& card, kms::Pipeline pipeline, kms::HostPicture black, bool async)
    : card_(card),
      pipeline_(std::move(pipeline)),
      black_(std::move(black)),
      layers_(lay_out(Scene{})),
      async_(async) {}

Scanout::Layers Scanout::lay_out(const Scene& scene) const {
    Layers layers;
    if (!scene.primary) {
        const Placement all = place_centred(black_.framebuffer().size(), screen());
        layers.primary = {.framebuffer = black_.framebuffer().id(),
                          .source = all.source,
                          .target = turned(all.target)};
        return layers;
    }
    layers.primary = {.framebuffer = scene.primary->framebuffer().id(),
                      .source = scene.placement.source,
                      .target = turned(scene.placement.target)};
    // A cursor off screen is switched off: some drivers refuse far positions with ERANGE.
    if (scene.cursor && pipeline_.cursor && touches(scene.cursor_target, screen()))
        layers.cursor = kms::PlaneState{.framebuffer = scene.cursor->framebuffer().id(),
                                        .source = {.size = scene.cursor_target.size},
                                        .target = turned(scene.cursor_target)};
    return layers;
}

/// From the upright screen to the CRTC.
Rect Scanout::turned(const Rect& target) const {
    return kms::rotated(target, screen(), pipeline_.rotation);
}

Outcome Scanout::test(const Picture& primary, const Placement& placement) {
    if (abandoned_) return Outcome::shown;
    request_.clear();
    request_.show(pipeline_.primary, pipeline_.crtc.id,
                  {.framebuffer = primary.framebuffer().id(),
                   .source = placement.source,
                   .target = turned(placement.target)});
    const auto tested = request_.test(card_.fd());
    return tested ? Outcome::shown : meaning(tested.error());
}

/// The kernel takes nothing but a new framebuffer on a primary plane (drm_atomic_set_property), and
/// drivers only one like the last: refused between two kinds, that would say nothing of those that
/// follow.
bool Scanout::may_flip_async(const Scene& scene, const Layers& layers) const {
    const SharedPicture& last = on_screen_.primary;
    const SharedPicture& next = scene.primary;
    const bool alike = last && next && next->rung != Rung::message && last->rung == next->rung &&
                       last->key.geometry == next->key.geometry;
    return alike && async() && layers.cursor == layers_.cursor &&
           layers.primary.framebuffer != layers_.primary.framebuffer &&
           layers.primary.source == layers_.primary.source &&
           layers.primary.target == layers_.primary.target;
}

Result<void> Scanout::flip_async(const Layers& layers) {
    request_.clear();
    request_.set(pipeline_.primary.id, pipeline_.primary.properties.fb_id,
                 raw(layers.primary.framebuffer));
    commit_cost_ = {};
    entered_ = Clock::now();
    auto done = request_.commit_async(card_.fd());
    flipped_async_ = done.has_value();
    return done;
}

Result<void> Scanout::commit(const Scene& scene, const Layers& layers, bool refresh) {
    flipped_async_ = false;
    std::optional<Error> refused;
    if (may_flip_async(scene, layers)) {
        const auto done = flip_async(layers);
        if (done || meaning(done.error()) != Outcome::refused) return done;
        refused = done.error();
    }
    request_.clear();
    if (refresh || layers.primary != layers_.primary)
        request_.show(pipeline_.primary, pipeline_.crtc.id, layers.primary);
    if (pipeline_.cursor && layers.cursor != layers_.cursor) {
        if (layers.cursor)
            request_.show(*pipeline_.cursor, pipeline_.crtc.id, *layers.cursor);
        else
            request_.hide(*pipeline_.cursor);
    }
    const auto before = measures_ ? processor_time() : std::chrono::nanoseconds{};
    entered_ = Clock::now();
    auto done = request_.commit(card_.fd());
    commit_cost_ = measures_ ? processor_time() - before : std::chrono::nanoseconds{};
    // Where this is refused too, the picture is to blame.
    if (done && refused) async_refused_ = refused;
    return done;
}

void Scanout::accept(const Scene& scene, const Layers& layers) {
    layers_ = layers;
    disowned_ = false;
    on_screen_ = scene;  // Lets go of the old framebuffers, which no plane shows any more.
}

void Scanout::abandon() {
    abandoned_ = true;
    accept(Scene{}, lay_out(Scene{}));
}

Result<void> Scanout::set_active(bool active) {
    const OrdinaryPriority while_it_takes;
    request_.clear();
    request_.set(pipeline_.crtc.id, pipeline_.crtc.properties.active, active ? 1 : 0);
    return request_.commit_modeset(card_.fd());
}

Verdict Scanout::show(const Scene& scene, bool refresh) {
    if (abandoned_) return show_in_mode(pipeline_.mode, scene);
    const Layers layers = lay_out(scene);
    const bool same = layers == layers_;
    if (same && !refresh) {
        disowned_ = false;
        on_screen_ = scene;  // A cursor that is off screen may have changed.
        return {};
    }
    const bool was_async = async();
    const auto done = commit(scene, layers, refresh);
    Verdict verdict{.outcome = same ? Outcome::refreshed : Outcome::shown};
    if (!done) {
        const Outcome outcome = meaning(done.error());
        verdict = outcome == Outcome::refused ? descend(scene, done.error())
                                              : Verdict{.outcome = outcome, .fault = done.error()};
    } else {
        accept(scene, layers);
    }
    if (was_async && !async()) verdict.async_refused = async_refused_;
    return verdict;
}

Verdict Scanout::descend(const Scene& scene, const Error& first) {
    Verdict verdict{.outcome = Outcome::refused, .fault = first};
    if (lay_out(scene).cursor) {
        // Is the cursor to blame? Then the picture is shown without it.
        Scene bare = scene;
        bare.cursor.reset();
        verdict = try_next(bare, first);
        if (verdict.outcome == Outcome::shown || verdict.outcome == Outcome::unchanged)
            verdict.cursor_refused = first;
        if (verdict.outcome != Outcome::refused) return verdict;
    }
    if (scene.primary == on_screen_.primary || disowned_) return verdict;

    // The last good picture stays; the cursor may still move on it.
    Scene old = on_screen_;
    old.cursor = scene.cursor;
    old.cursor_target = scene.cursor_target;
    old.cursor_position = scene.cursor_position;
    const bool tries_cursor = lay_out(old).cursor && lay_out(old) != layers_;
    verdict = try_next(old, first);
    verdict.primary_refused = first;
    if (verdict.outcome == Outcome::refused && tries_cursor) verdict.cursor_refused = first;
    if (verdict.outcome == Outcome::unchanged) verdict.outcome = Outcome::refused;
    return verdict;
}

/// The next rung: brings `scene` on screen, or says what the kernel means by not doing so.
Verdict Scanout::try_next(const Scene& scene, const Error& first) {
    const Layers layers = lay_out(scene);
    if (layers == layers_) return {.outcome = Outcome::unchanged, .fault = first};
    if (const auto done = commit(scene, layers, false); !done)
        return {.outcome = meaning(done.error()), .fault = done.error()};
    accept(scene, layers);
    return {.outcome = Outcome::shown, .fault = first};
}

Verdict Scanout::show_in_mode(const kms::Mode& mode, const Scene& scene) {
    const OrdinaryPriority while_it_takes;
    const Verdict whole = enter_mode(mode, scene);
    if (whole.outcome != Outcome::refused) return whole;
    Verdict verdict = whole;
    if (scene.cursor) {
        Scene bare = scene;
        bare.cursor.reset();
        verdict = enter_mode(mode, bare);
        verdict.fault = whole.fault;
        if (verdict.outcome == Outcome::shown) verdict.cursor_refused = whole.fault;
        if (verdict.outcome != Outcome::refused) return verdict;
    }
    if (!scene.primary) return verdict;
    verdict = enter_mode(mode, Scene{});
    if (verdict.outcome == Outcome::shown) verdict.primary_refused = whole.fault;
    return verdict;
}

Verdict Scanout::enter_mode(const kms::Mode& mode, const Scene& scene) {
    const auto failed = [](const Error& error) {
        return Verdict{.outcome = meaning(error), .fault = error};
    };
    auto blob = kms::PropertyBlob::create(card_.fd(), mode);
    if (!blob) return failed(blob.error());
    auto black = kms::HostPicture::create(card_, upright(mode));
    if (!black) return failed(black.error());

    // The layout asks for the mode and the black picture; both go back if the kernel refuses.
    const kms::Mode old_mode = pipeline_.mode;
    pipeline_.mode = mode;
    std::swap(black_, *black);
    const Layers layers = lay_out(scene);
    request_.clear();
    kms::fill_modeset(request_, pipeline_, blob->id());
    request_.show(pipeline_.primary, pipeline_.crtc.id, layers.primary);
    if (pipeline_.cursor && layers.cursor)
        request_.show(*pipeline_.cursor, pipeline_.crtc.id, *layers.cursor);
    else if (pipeline_.cursor)
        request_.hide(*pipeline_.cursor);
    if (const auto done = request_.commit_modeset(card_.fd()); !done) {
        pipeline_.mode = old_mode;
        std::swap(black_, *black);
        return failed(done.error());
    }
    accept(scene, layers);
    mode_blob_ = *std::move(blob);
    async_refused_.reset();
    flipped_async_ = false;
    abandoned_ = false;
    return {.outcome = Outcome::shown};
}

}  // namespace scanthru
