// SPDX-License-Identifier: MIT
#include "presenter/presenter.h"

#include <cerrno>
#include <utility>

namespace scanthru {
namespace {

using vfio::PlaneType;

Note::Kind pick(PlaneType type, Note::Kind primary, Note::Kind cursor) {
    return type == PlaneType::primary ? primary : cursor;
}

bool same_mode(const kms::Mode& a, const kms::Mode& b) {
    return kms::size_of(a) == kms::size_of(b) && a.clock == b.clock && a.htotal == b.htotal &&
           a.vtotal == b.vtotal && a.flags == b.flags;
}

}  // namespace

Presenter::Presenter(Scanout scanout,
                     const PresenterSettings& settings,
                     FrameCounters& counters,
                     NoteQueue& notes)
    : scanout_(std::move(scanout)), settings_(settings), counters_(counters), notes_(notes) {
    publish();
}

void Presenter::attach(std::shared_ptr<GuestBuffers> guest, kms::Timestamp now) {
    const Verdict black = scanout_.show(Scene{});
    if (black.outcome == Verdict::Outcome::shown) ++counters_.flips;
    if (black.fault) {
        note({.kind = Note::Kind::commit_failed, .error = *black.fault}, now);
        scanout_.abandon();
    }
    if (cache_) {
        count_cache();
        earlier_ = {.hits = counters_.cache_hits.get(),
                    .misses = counters_.cache_misses.get(),
                    .framebuffers = counters_.framebuffers.get(),
                    .evictions = counters_.evictions.get()};
        earlier_gets_ = counters_.gets.get();
    }
    primary_ = {};
    cursor_ = {};
    good_cursor_.reset();
    refused_cursor_.reset();
    refused_mode_.reset();
    device_gone_ = false;
    cache_.reset();
    if (guest) cache_.emplace(scanout_.card(), std::move(guest), settings_.bounds);
    const std::lock_guard lock{published_mutex_};
    publish_locked();
}

Presenter::Frame Presenter::frame(kms::Timestamp now) {
    if (!cache_ || device_gone_) return Frame::kept;
    ++counters_.frames;
    const bool asked = ask(PlaneType::primary, primary_, now);
    if (!device_gone_) ask(PlaneType::cursor, cursor_, now);
    if (device_gone_) return Frame::device_gone;

    const Scene scene = wanted(now);
    count_cache();
    if (const kms::Mode* const mode = mode_to_follow(scene)) return follow(*mode, scene, now);
    return conclude(scene, scanout_.show(scene, settings_.refresh && asked), now);
}

/// Whether the guest answered with something that holds.
bool Presenter::ask(PlaneType type, GuestSide& side, kms::Timestamp now) {
    const auto raw = cache_->guest().device().query(type);
    if (!raw) {
        ++counters_.no_news;
        device_gone_ = raw.error().code == ENODEV;
        const auto kind = device_gone_ ? Note::Kind::device_gone : Note::Kind::query_failed;
        if (!std::exchange(side.told_failure, true))
            note({.kind = kind, .error = raw.error()}, now);
        return false;
    }
    side.told_failure = false;
    const auto plane = vfio::inspect(*raw, type, settings_.limits);
    if (!plane) {
        auto& counters =
            type == PlaneType::primary ? counters_.rejected_primary : counters_.rejected_cursor;
        ++counters.at(static_cast<std::size_t>(plane.error()));
        leave_unfetched(type, side, raw->dmabuf_id);
        if (std::exchange(side.told_rejected, plane.error()) != plane.error())
            note({.kind = pick(type, Note::Kind::rejected_primary, Note::Kind::rejected_cursor),
                  .rejected = plane.error(),
                  .raw = *raw},
                 now);
        return false;
    }
    side.told_rejected.reset();
    if (side.unfetched && (!*plane || (*plane)->buffer.dmabuf_id != *side.unfetched)) {
        cache_->guest().moved_on(type);
        side.unfetched.reset();
    }
    side.shows = *plane;
    return true;
}

Scene Presenter::wanted(kms::Timestamp now) {
    Scene scene;
    // Importing a new primary may evict, but not what the cursor's answer has just named.
    if (has_cursor()) cache_->keep(cursor_.shows->buffer);
    if (primary_.shows) {
        scene.primary = fetch(PlaneType::primary, primary_, now);
        if (!scene.primary) scene.primary = scanout_.on_screen().primary;
    }
    if (has_cursor()) {
        scene.cursor = fetch(PlaneType::cursor, cursor_, now);
        scene.cursor_position = cursor_.shows->position;
    }
    return scene;
}

bool Presenter::has_cursor() const noexcept {
    if (!scanout_.pipeline().cursor) return false;
    if (!cursor_.shows || cursor_.shows == refused_cursor_) return false;
    // Asked for the cursor, mdpy answers with the primary's data: the desktop would be the cursor.
    return !primary_.shows || cursor_.shows->buffer != primary_.shows->buffer;
}

SharedFramebuffer Presenter::fetch(PlaneType type, GuestSide& side, kms::Timestamp now) {
    const vfio::GuestPlane& plane = *side.shows;
    auto framebuffer = cache_->acquire(plane, now);
    if (framebuffer) {
        side.told_unshowable.reset();
        return *std::move(framebuffer);
    }
    ++counters_.unshowable;
    leave_unfetched(type, side, plane.buffer.dmabuf_id);
    if (std::exchange(side.told_unshowable, plane.buffer) != plane.buffer)
        note({.kind = pick(type, Note::Kind::unshowable_primary, Note::Kind::unshowable_cursor),
              .error = framebuffer.error(),
              .geometry = plane.buffer.geometry},
             now);
    return nullptr;
}

void Presenter::leave_unfetched(PlaneType type, GuestSide& side, std::uint32_t id) {
    cache_->guest().leave_unfetched(type, id);
    side.unfetched = id;
}

const kms::Mode* Presenter::mode_to_follow(const Scene& scene) const {
    if (!settings_.follow || !scene.primary) return nullptr;
    const Size size = scene.primary->framebuffer.size();
    if (scanout_.fits(size) || scene.primary == scanout_.on_screen().primary) return nullptr;
    const kms::Mode* const mode = kms::choose_mode(scanout_.pipeline().modes, {.size = size});
    if (mode != nullptr && refused_mode_ && same_mode(*mode, *refused_mode_)) return nullptr;
    return mode;
}

Presenter::Frame Presenter::follow(const kms::Mode& mode, const Scene& scene, kms::Timestamp now) {
    if (last_modeset_ && now - *last_modeset_ < settings_.mode_interval) {
        // Its turn has not come: neither the old mode nor a part of the picture would be right.
        return Frame::kept;
    }
    const Verdict verdict = scanout_.show_in_mode(mode, scene);
    if (verdict.outcome == Verdict::Outcome::shown) {
        last_modeset_ = now;
        ++counters_.modesets;
        cache_->forget_refusals();
        refused_cursor_.reset();
        refused_mode_.reset();
        note({.kind = Note::Kind::mode_changed, .mode = mode}, now);
        conclude(scene, verdict, now);
        return Frame::mode_changed;
    }
    if (verdict.outcome == Verdict::Outcome::refused) {
        refused_mode_ = mode;
        note({.kind = Note::Kind::refused_mode, .error = *verdict.fault, .mode = mode}, now);
        return Frame::kept;
    }
    return conclude(scene, verdict, now);
}

Presenter::Frame
Presenter::conclude(const Scene& scene, const Verdict& verdict, kms::Timestamp now) {
    blame(scene, verdict, now);
    switch (verdict.outcome) {
    case Verdict::Outcome::unchanged:
        if (unpublished_) publish();
        return Frame::unchanged;
    case Verdict::Outcome::refreshed:
        ++counters_.refreshes;
        if (unpublished_) publish();
        return Frame::refreshed;
    case Verdict::Outcome::shown:
        ++counters_.flips;
        if (scanout_.on_screen().cursor) good_cursor_ = scanout_.on_screen().cursor->key;
        publish();
        return Frame::shown;
    case Verdict::Outcome::later:
        ++counters_.put_off;
        note({.kind = Note::Kind::commit_failed, .error = *verdict.fault}, now);
        return Frame::kept;
    case Verdict::Outcome::not_master:
        ++counters_.put_off;
        note({.kind = Note::Kind::not_master, .error = *verdict.fault}, now);
        return Frame::kept;
    case Verdict::Outcome::gone:
        note({.kind = Note::Kind::card_gone, .error = *verdict.fault}, now);
        return Frame::card_gone;
    case Verdict::Outcome::refused:
        if (!scene.primary) note({.kind = Note::Kind::commit_failed, .error = *verdict.fault}, now);
        return Frame::kept;
    }
    return Frame::kept;
}

void Presenter::blame(const Scene& scene, const Verdict& verdict, kms::Timestamp now) {
    const auto refused = [&](Note::Kind kind, const Error& error, const SharedFramebuffer& which) {
        note({.kind = kind, .error = error, .geometry = which->key.geometry}, now);
    };
    if (verdict.primary_refused || verdict.cursor_refused ||
        verdict.outcome == Verdict::Outcome::refused)
        ++counters_.refused_commits;
    if (verdict.primary_refused && scene.primary) {
        cache_->refuse(scene.primary->key, *verdict.primary_refused);
        primary_.told_unshowable = scene.primary->key;
        refused(Note::Kind::refused_primary, *verdict.primary_refused, scene.primary);
    }
    if (verdict.cursor_refused && scene.cursor) {
        // An image that was on screen before is good: only this place is not.
        if (good_cursor_ != scene.cursor->key)
            cache_->refuse(scene.cursor->key, *verdict.cursor_refused);
        cursor_.told_unshowable = scene.cursor->key;
        refused_cursor_ = cursor_.shows;
        refused(Note::Kind::refused_cursor, *verdict.cursor_refused, scene.cursor);
    }
}

void Presenter::note(const Note& note, kms::Timestamp now) {
    notes_.push(note, now);
}

void Presenter::count_cache() {
    const CacheCounts& counts = cache_->counts();
    if (counters_.cache_misses.get() != earlier_.misses + counts.misses)
        counters_.gets.set(earlier_gets_ + cache_->guest().gets());
    counters_.cache_hits.set(earlier_.hits + counts.hits);
    counters_.cache_misses.set(earlier_.misses + counts.misses);
    counters_.framebuffers.set(earlier_.framebuffers + counts.framebuffers);
    counters_.evictions.set(earlier_.evictions + counts.evictions);
}

void Presenter::publish() {
    const std::unique_lock lock{published_mutex_, std::try_to_lock};
    unpublished_ = !lock.owns_lock();
    if (lock.owns_lock()) publish_locked();
}

void Presenter::publish_locked() {
    unpublished_ = false;
    scene_ = scanout_.on_screen();
    const kms::Mode& mode = scanout_.pipeline().mode;
    view_ = {.screen = kms::size_of(mode), .refresh_mhz = kms::refresh_mhz(mode)};
    view_.guest = cache_.has_value();
    if (scene_.primary) view_.primary = scene_.primary->key;
    if (scene_.cursor) view_.cursor = scene_.cursor->key;
    view_.cursor_position = scene_.cursor_position;
}

OutputView Presenter::view() const {
    const std::lock_guard lock{published_mutex_};
    return view_;
}

Scene Presenter::scene() const {
    const std::lock_guard lock{published_mutex_};
    return scene_;
}

}  // namespace scanthru
