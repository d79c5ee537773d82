// SPDX-License-Identifier: MIT
#include "presenter/composer.h"

#include "base/real_time.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace scanthru {
namespace {

using vfio::PlaneType;

/// A guest that draws in place is looked at at every vblank for this long after a change.
constexpr std::chrono::seconds active_time{1};

/// What is tried here does not work; something else may.
constexpr Error another_way{ENOTSUP, "another way to show it"};

/// A copy that failed is tried again after this.
constexpr std::chrono::seconds copy_retry{1};

/// Says nothing of the way that was tried; nor does memory that went while it was read.
bool passes(const Error& error) {
    return is_transient(error) || error.code == EFAULT;
}

Canvas canvas_for(Size picture) {
    return {.size = picture, .source = {.x = 0, .y = 0, .size = picture}, .at = {}};
}

Canvas canvas_for(const Placement& placement, Size screen) {
    return {
        .size = screen, .source = placement.source, .at = {placement.target.x, placement.target.y}};
}

Placement whole(Size size) {
    return place_centred(size, size);
}

}  // namespace

Composer::Composer(Scanout& scanout,
                   const PresenterSettings& settings,
                   FrameCounters& counters,
                   NoteQueue& notes)
    : scanout_(scanout),
      settings_(settings),
      counters_(counters),
      notes_(notes),
      primary_copier_(scanout.card(), scanout.pipeline().primary.formats, false, settings.gbm) {
    // Not from gbm: cursors are small, and its driver need not be loaded for one.
    if (const auto& cursor = scanout.pipeline().cursor)
        cursor_copier_.emplace(scanout.card(), cursor->formats, true, false);
}

void Composer::attach(std::shared_ptr<GuestBuffers> guest) {
    if (cache_) {
        count();
        earlier_ = {.hits = counters_.cache_hits.get(),
                    .misses = counters_.cache_misses.get(),
                    .framebuffers = counters_.framebuffers.get(),
                    .evictions = counters_.evictions.get()};
        earlier_gets_ = counters_.gets.get();
    }
    forget_refusals();
    copied_.reset();
    primary_copier_.clear();
    if (cursor_copier_) cursor_copier_->clear();
    told_primary_.reset();
    told_cursor_.reset();
    told_copying_.reset();
    good_cursor_.reset();
    asked_cursor_.reset();
    cache_.reset();
    if (guest)
        cache_.emplace(scanout_.card(), scanout_.pipeline().primary.formats, std::move(guest),
                       settings_.bounds);
}

void Composer::forget_refusals() {
    if (cache_) cache_->forget_refusals();
    refused_cursor_.reset();
    refused_copy_.reset();
    failed_copy_.reset();
    fitting_ = {};
}

void Composer::moved_on(PlaneType type, std::uint32_t unfetched) {
    guest().moved_on(type);
    cache_->forget_unfetched(unfetched);
}

std::optional<Error> Composer::obstacle(const vfio::BufferKey& key) noexcept {
    return cache_ ? cache_->obstacle(key) : std::nullopt;
}

Composer::Composition Composer::compose(Planes& planes, Size screen, kms::Timestamp now) {
    Composition made;
    const bool cursor = wants_cursor(planes);
    // Importing a new primary may evict, but not what the cursor's answer has just named.
    if (cursor) cache_->keep(planes.cursor->buffer);
    drawn_.reset();
    sprite_.size = {};
    if (!cursor || has_plane_for(*planes.cursor)) {
        if (planes.primary) primary_picture(planes, screen, made, now);
        if (cursor) cursor_picture(*planes.cursor, screen, made, now);
        return made;
    }
    auto drawn = read_cursor(*planes.cursor, now);
    if (planes.primary) primary_picture(planes, screen, made, now);
    const SharedPicture& primary = made.scene.primary;
    if (drawn && (!primary || primary->rung != Rung::copy))
        drawn = fail(EOPNOTSUPP, "a picture of our own to draw it into");
    made.scene.cursor_position = planes.cursor->position;
    if (drawn)
        told_cursor_.reset();
    else
        cursor_unshowable(*planes.cursor, {EOPNOTSUPP, "a plane for this cursor"}, drawn.error(),
                          made, now);
    return made;
}

/// Whether a plane may show it, with its own memory or in a host picture.
bool Composer::has_plane_for(const vfio::GuestPlane& cursor) noexcept {
    if (!cursor_copier_) return false;
    const auto& plane = *scanout_.pipeline().cursor;
    const Size size = cursor.buffer.geometry.size;
    const Size largest = scanout_.card().capabilities().cursor;
    return plane.kind == kms::PlaneKind::overlay ||
           (size.width <= largest.width && size.height <= largest.height) ||
           !cache_->obstacle(cursor.buffer);
}

/// The cursor's image, to be drawn into the copy that is made next.
Result<void> Composer::read_cursor(const vfio::GuestPlane& plane, kms::Timestamp now) {
    static_cast<void>(cache_->acquire(plane, PlaneType::cursor, now));
    const auto memory = cache_->memory(plane);
    if (!memory) return fail(memory.error());
    if (auto read = read_sprite(sprite_, plane.buffer.geometry, **memory); !read) return read;
    drawn_ = plane;
    return {};
}

void Composer::place_sprite(const Canvas& canvas) {
    if (!drawn_) return;
    const Placement guest{
        .source = canvas.source,
        .target = {.x = canvas.at.x, .y = canvas.at.y, .size = canvas.source.size}};
    const Rect target =
        place_cursor(drawn_->position, sprite_.size, guest, drawn_->hotspot.value_or(Point{}));
    sprite_.at = {target.x, target.y};
}

bool Composer::wants_cursor(const Planes& planes) const noexcept {
    if (!planes.cursor || planes.cursor == refused_cursor_) return false;
    // Asked for the cursor, mdpy answers with the primary's data: the desktop would be the cursor.
    return !planes.primary || planes.cursor->buffer != planes.primary->buffer;
}

/// The way to try next for a picture of this size; null when none works.
const Composer::Way* Composer::way_for(Size picture, Size screen) {
    static constexpr std::array<Way, 6> ways{{{Fit::follow, false},
                                              {Fit::scale, false},
                                              {Fit::center, false},
                                              {Fit::center, true},
                                              {Fit::crop, false},
                                              {Fit::crop, true}}};
    if (picture == screen) return ways.data();
    if (fitting_.picture != picture || fitting_.screen != screen)
        fitting_ = {.picture = picture, .screen = screen};
    for (; fitting_.step < ways.size(); ++fitting_.step) {
        const Way& way = ways.at(fitting_.step);
        if (way.fit >= settings_.fit && place(way.fit, picture, screen)) return &way;
    }
    return nullptr;
}

void Composer::primary_picture(Planes& planes, Size screen, Composition& made, kms::Timestamp now) {
    // What was asked for; `planes` may know something newer after a copy.
    const vfio::GuestPlane asked = *planes.primary;
    const vfio::BufferKey& key = asked.buffer;
    const bool fitted = key.geometry.size != screen;
    auto direct = cache_->acquire(asked, PlaneType::primary, now);
    if (settings_.copy) direct = fail(EOPNOTSUPP, "showing directly what is to be copied");
    Error copy_error;
    while (const Way* const way = way_for(key.geometry.size, screen)) {
        auto brought = bring(*way, direct, asked, planes, screen, now);
        if (brought) {
            made = *std::move(brought);
            if (fitted) fitting_.proven = true;
            if (!made.in_place) tell_of_copying(key, now);
            told_primary_.reset();
            return;
        }
        copy_error = brought.error();
        if (passes(copy_error)) break;
        // The other ways need a copy too, and this one could have been made anywhere.
        const bool hopeless = !direct && (way->canvas || !fitted) && copy_error != another_way;
        if (hopeless) break;
        ++fitting_.step;
        fitting_.proven = false;
    }
    const Error fit_error{EINVAL, "every way to fit this size to the screen"};
    complain(PlaneType::primary, key, direct ? fit_error : direct.error(), copy_error, now);
    keep_last_primary(made);
}

void Composer::keep_last_primary(Composition& made) {
    made.no_primary = true;
    ++counters_.unshowable;
    const Scene& old = scanout_.on_screen();  // Maybe what the host says.
    made.scene.primary = old.primary;
    made.scene.placement = old.placement;
    made.scene.guest = old.guest;
}

/// The guest's picture by one way. Errors: `another_way`; why it cannot be copied; one that passes.
Result<Composer::Composition> Composer::bring(const Way& way,
                                              const Result<SharedPicture>& direct,
                                              const vfio::GuestPlane& asked,
                                              Planes& planes,
                                              Size screen,
                                              kms::Timestamp now) {
    const Size size = asked.buffer.geometry.size;
    const Placement placement = *place(way.fit, size, screen);
    const bool fitted = size != screen;
    // What is copied anyway goes straight to where every driver can show it.
    if (!direct && fitted && way.fit >= Fit::center && !way.canvas) return fail(another_way);

    Composition made;
    made.in_place = direct && !way.canvas;
    const Canvas canvas = way.canvas ? canvas_for(placement, screen) : canvas_for(size);
    const auto picture = made.in_place ? *direct : copy_primary(asked, planes, canvas, now);
    if (!picture) return fail(picture.error());
    made.scene.primary = *picture;
    made.scene.placement = way.canvas ? whole(screen) : placement;
    made.scene.guest = placement;
    if (!fitted || way.canvas || fitting_.proven) return made;
    switch (scanout_.test(**picture, placement)) {
    case Verdict::Outcome::shown: return made;
    case Verdict::Outcome::refused: return fail(another_way);
    default: return fail(EBUSY, "asking whether a plane can show it");
    }
}

void Composer::tell_of_copying(const vfio::BufferKey& key, kms::Timestamp now) {
    if (std::exchange(told_copying_, key.geometry) == key.geometry) return;
    const auto obstacle = cache_->obstacle(key);
    note({.kind = Note::Kind::copying,
          .error = obstacle.value_or(Error{0, "fitting its size to the screen"}),
          .geometry = key.geometry},
         now);
}

bool Composer::copy_is_due(const vfio::BufferKey& key,
                           const Canvas& canvas,
                           kms::Timestamp now) const {
    if (!copied_ || copied_->key != key || copied_canvas_ != canvas) return true;
    if (!primary_copier_.has_drawn(sprite_)) return true;
    return now - changed_at_ < active_time || now - copied_at_ >= settings_.refresh_idle;
}

Result<SharedPicture> Composer::copy_primary(const vfio::GuestPlane& asked,
                                             Planes& planes,
                                             const Canvas& canvas,
                                             kms::Timestamp now) {
    const vfio::Geometry& geometry = asked.buffer.geometry;
    place_sprite(canvas);
    if (refused_copy_ == geometry) return fail(EINVAL, "a commit that shows a copy");
    if (!copy_is_due(asked.buffer, canvas, now)) return copied_;
    if (failed_copy_ && failed_copy_->key == asked.buffer && failed_copy_->canvas == canvas &&
        now < failed_copy_->retry)
        return fail(failed_copy_->error);
    auto copied = copy_once(asked, canvas, now);
    if (!copied) failed_copy_ = {asked.buffer, canvas, copied.error(), now + copy_retry};
    if (!copied || !left_meanwhile(planes)) return copied;
    // What was copied may hold parts of what the guest draws there next.
    if (planes.primary->buffer.geometry == geometry &&
        (cache_->acquire(*planes.primary, PlaneType::primary, now), true)) {
        if (auto again = copy_once(*planes.primary, canvas, now)) copied = std::move(again);
        if (!left_meanwhile(planes)) return copied;
    }
    ++counters_.torn;
    return copied;
}

Result<SharedPicture>
Composer::copy_once(const vfio::GuestPlane& plane, const Canvas& canvas, kms::Timestamp now) {
    const auto memory = cache_->memory(plane);
    if (!memory) return fail(memory.error());
    // Megabytes: other outputs are not to wait for them.
    const OrdinaryPriority while_it_takes;
    auto copied = primary_copier_.copy(plane.buffer, **memory, canvas, sprite_);
    if (!copied) return fail(copied.error());
    copied_at_ = now;
    copied_canvas_ = canvas;
    if (copied->changed) {
        changed_at_ = now;
        ++counters_.copies;
    }
    copied_ = std::move(copied->picture);
    return copied_;
}

/// Whether the guest shows another buffer by now; `planes` then names it.
bool Composer::left_meanwhile(Planes& planes) {
    if (guest().device().exports() == vfio::Export::region) return false;
    const auto raw = guest().device().query(PlaneType::primary);
    if (!raw) return false;
    // In the draft dialect this has opened what it names.
    guest().leave_unfetched(PlaneType::primary, raw->dmabuf_id);
    left_unfetched_ = raw->dmabuf_id;
    const auto plane = vfio::inspect(*raw, PlaneType::primary, settings_.limits);
    if (!plane || !*plane || (*plane)->buffer == planes.primary->buffer) return false;
    planes.primary = *plane;
    return true;
}

void Composer::cursor_picture(const vfio::GuestPlane& plane,
                              Size screen,
                              Composition& made,
                              kms::Timestamp now) {
    Scene& scene = made.scene;
    const Size size = plane.buffer.geometry.size;
    asked_cursor_ = plane;
    scene.cursor_position = plane.position;
    // Without a picture it has no place, but its buffer is held all the same.
    if (!scene.primary) scene.guest = whole(screen);
    const Rect target =
        place_cursor(plane.position, size, scene.guest, plane.hotspot.value_or(Point{}));
    const Rect visible = intersect(target, scene.guest.target);
    const bool cut = visible != target && scene.guest.target.size != screen;
    const bool hidden = visible.size.width == 0 || visible.size.height == 0;

    const auto direct = cache_->acquire(plane, PlaneType::cursor, now);
    auto picture = direct;
    scene.cursor_target = target;
    if (cut && hidden) {
        told_cursor_.reset();
        return;  // Its buffer is held, if it could be had; there is nothing of it to be seen.
    }
    if (!direct || cut) {
        const Rect part = cut ? Rect{visible.x - target.x, visible.y - target.y, visible.size}
                              : Rect{.size = size};
        picture = copy_cursor(plane, part);
        if (picture && cut) {
            scene.cursor_target.x = visible.x;
            scene.cursor_target.y = visible.y;
        }
        if (picture) scene.cursor_target.size = (*picture)->framebuffer().size();
    }
    if (picture) {
        told_cursor_.reset();
        scene.cursor = *picture;
        return;
    }
    cursor_unshowable(plane, direct ? picture.error() : direct.error(), picture.error(), made, now);
}

void Composer::cursor_unshowable(const vfio::GuestPlane& plane,
                                 const Error& error,
                                 const Error& copy_error,
                                 Composition& made,
                                 kms::Timestamp now) {
    made.no_cursor = true;
    ++counters_.unshowable;
    complain(PlaneType::cursor, plane.buffer, error, copy_error, now);
}

/// A part of the cursor's image in a host picture of the size that the hardware has for cursors.
Result<SharedPicture> Composer::copy_cursor(const vfio::GuestPlane& plane, const Rect& part) {
    // An overlay plane that stands in for one takes any size.
    const bool overlay = scanout_.pipeline().cursor->kind == kms::PlaneKind::overlay;
    const Size size = overlay ? part.size : scanout_.card().capabilities().cursor;
    if (part.size.width > size.width || part.size.height > size.height)
        return fail(EFBIG, "a cursor larger than the hardware's");
    const auto memory = cache_->memory(plane);
    if (!memory) return fail(memory.error());
    const auto copied =
        cursor_copier_->copy(plane.buffer, **memory, {.size = size, .source = part, .at = {}});
    if (!copied) return fail(copied.error());
    return copied->picture;
}

void Composer::complain(PlaneType type,
                        const vfio::BufferKey& key,
                        const Error& error,
                        const Error& copy_error,
                        kms::Timestamp now) {
    const bool primary = type == PlaneType::primary;
    if (std::exchange(primary ? told_primary_ : told_cursor_, key) == key) return;
    note({.kind = primary ? Note::Kind::unshowable_primary : Note::Kind::unshowable_cursor,
          .error = error,
          .copy_error = copy_error,
          .geometry = key.geometry},
         now);
}

void Composer::learn(const Scene& scene, const Verdict& verdict, kms::Timestamp now) {
    const auto refused = [&](Note::Kind kind, const Error& error, const SharedPicture& which) {
        note({.kind = kind, .error = error, .geometry = which->key.geometry}, now);
    };
    if (verdict.primary_refused || verdict.cursor_refused ||
        verdict.outcome == Verdict::Outcome::refused)
        ++counters_.refused_commits;
    if (verdict.primary_refused && scene.primary) {
        refused(Note::Kind::refused_primary, *verdict.primary_refused, scene.primary);
        learn_primary(scene, *verdict.primary_refused);
    }
    if (verdict.cursor_refused && scene.cursor) {
        refused(Note::Kind::refused_cursor, *verdict.cursor_refused, scene.cursor);
        learn_cursor(scene, *verdict.cursor_refused);
    }
    if (verdict.outcome == Verdict::Outcome::shown && scanout_.shows_cursor())
        good_cursor_ = scanout_.on_screen().cursor->key;
}

void Composer::learn_primary(const Scene& scene, const Error& reason) {
    const vfio::BufferKey& key = scene.primary->key;
    const bool fitted = scene.guest != whole(scanout_.screen());
    if (fitted && scene.placement == scene.guest && fitting_.proven) {
        // The place is to blame before the buffer is.
        ++fitting_.step;
        fitting_.proven = false;
    } else if (scene.primary->rung == Rung::copy) {
        refused_copy_ = key.geometry;
    } else {
        cache_->refuse(key, reason);
    }
}

void Composer::learn_cursor(const Scene& scene, const Error& reason) {
    const vfio::BufferKey& key = scene.cursor->key;
    // An image that was on screen before is good: only this place is not.
    const bool image_to_blame = good_cursor_ != key && scene.cursor->rung != Rung::copy;
    if (image_to_blame)
        cache_->refuse(key, reason);
    else
        refused_cursor_ = asked_cursor_;
}

void Composer::count() {
    const CacheCounts& counts = cache_->counts();
    if (counters_.cache_misses.get() != earlier_.misses + counts.misses)
        counters_.gets.set(earlier_gets_ + cache_->guest().gets());
    counters_.cache_hits.set(earlier_.hits + counts.hits);
    counters_.cache_misses.set(earlier_.misses + counts.misses);
    counters_.framebuffers.set(earlier_.framebuffers + counts.framebuffers);
    counters_.evictions.set(earlier_.evictions + counts.evictions);
}

}  // namespace scanthru
