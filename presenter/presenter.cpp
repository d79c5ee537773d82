// SPDX-License-Identifier: MIT
#include "presenter/presenter.h"

#include <cerrno>
#include <utility>

namespace scanthru {
namespace {

using vfio::PlaneType;

constexpr int attach_attempts = 10;

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
    : scanout_(std::move(scanout)),
      settings_(settings),
      counters_(counters),
      notes_(notes),
      composer_(scanout_, settings_, counters_, notes_) {
    publish();
}

void Presenter::attach(std::shared_ptr<GuestBuffers> guest, kms::Timestamp now) {
    Verdict black = scanout_.show(instead());
    // What passes may pass: otherwise the planes go off with the guest's framebuffers.
    for (int i = 0; i < attach_attempts && black.outcome == Verdict::Outcome::later; ++i)
        black = scanout_.show(instead());
    // Black has its memory already, what the host says may not get it.
    if (black.fault && instead_) black = scanout_.show(Scene{});
    if (black.outcome == Verdict::Outcome::shown) ++counters_.flips;
    if (black.fault) {
        note({.kind = Note::Kind::abandoned, .error = *black.fault}, now);
        scanout_.abandon();
    }
    start_over(std::move(guest));
    const std::lock_guard lock{published_mutex_};
    publish_locked();
}

void Presenter::switch_to(std::shared_ptr<GuestBuffers> guest) {
    scanout_.disown();
    start_over(std::move(guest));
}

void Presenter::start_over(std::shared_ptr<GuestBuffers> guest) {
    planes_ = {};
    primary_ = {};
    cursor_ = {};
    refused_mode_.reset();
    device_gone_ = false;
    composer_.attach(std::move(guest));
}

/// The scene without a guest.
Scene Presenter::instead() const {
    Scene scene;
    if (!instead_ || instead_->framebuffer().size() != scanout_.screen()) return scene;
    scene.primary = instead_;
    scene.placement = scene.guest = place_centred(scanout_.screen(), scanout_.screen());
    return scene;
}

void Presenter::show_instead(SharedPicture picture, kms::Timestamp now) {
    instead_ = std::move(picture);
    const SharedPicture& shown = scanout_.on_screen().primary;
    // Also behind a guest of whose pictures none could be shown yet.
    if (!scanout_.disowned() && (!shown || shown->rung == Rung::message)) say(now);
}

void Presenter::idle(kms::Timestamp now) {
    if (instead_due_ && !blank_) say(now);
    if (unpublished_) publish();
}

/// Brings on screen what is shown without a guest; what passes is tried again when idle.
void Presenter::say(kms::Timestamp now) {
    const Verdict verdict = scanout_.show(instead());
    if (verdict.fault) note({.kind = Note::Kind::commit_failed, .error = *verdict.fault}, now);
    if (verdict.outcome == Verdict::Outcome::refused) instead_.reset();
    instead_due_ = verdict.outcome == Verdict::Outcome::later ||
                   verdict.outcome == Verdict::Outcome::not_master;
    if (verdict.outcome == Verdict::Outcome::shown) ++counters_.flips;
    publish();
}

Presenter::Frame Presenter::frame(kms::Timestamp now) {
    const Frame frame = present(now);
    // Of the guest that was switched to there is nothing to be seen yet.
    if (scanout_.disowned()) say(now);
    return frame;
}

Presenter::Frame Presenter::present(kms::Timestamp now) {
    if (!composer_.has_guest() || device_gone_) return Frame::kept;
    ++counters_.frames;
    const bool asked = ask(PlaneType::primary, now);
    if (!device_gone_) ask(PlaneType::cursor, now);
    if (device_gone_) return Frame::device_gone;

    if (const kms::Mode* const mode = mode_to_follow()) return follow(*mode, now);
    auto made = compose(scanout_.screen(), now);
    if (!planes_.primary || (made.no_primary && scanout_.disowned())) made.scene = instead();
    const bool refresh = settings_.refresh && asked && made.in_place;
    const Verdict verdict = scanout_.show(made.scene, refresh);
    if (!planes_.primary && verdict.outcome == Verdict::Outcome::refused) instead_.reset();
    return conclude(made.scene, verdict, now);
}

void Presenter::come_back() {
    scanout_.abandon();
    composer_.forget_refusals();
    refused_mode_.reset();
    blank_ = false;
    instead_due_ = true;
}

void Presenter::set_blank(bool off, kms::Timestamp now) {
    if (!off && scanout_.abandoned()) {
        // There may be no mode to switch on: what is shown next brings it.
        blank_ = false;
        instead_due_ = true;
        return publish();
    }
    const auto done = scanout_.set_active(!off);
    if (done)
        blank_ = off;
    else
        note({.kind = Note::Kind::commit_failed, .error = done.error()}, now);
    publish();
}

Presenter::Frame Presenter::peek(kms::Timestamp now) {
    if (!composer_.has_guest() || device_gone_) return Frame::unchanged;
    const Composer::Planes before = planes_;
    ask(PlaneType::primary, now);
    if (!device_gone_) ask(PlaneType::cursor, now);
    if (device_gone_) return Frame::device_gone;
    // In the draft dialect this has opened what it names.
    if (planes_.primary) leave_unfetched(PlaneType::primary, planes_.primary->buffer.dmabuf_id);
    if (planes_.cursor) leave_unfetched(PlaneType::cursor, planes_.cursor->buffer.dmabuf_id);
    const bool same = planes_.primary == before.primary && planes_.cursor == before.cursor;
    return same ? Frame::unchanged : Frame::shown;
}

std::optional<vfio::GuestPlane>& Presenter::shown_on(PlaneType type) noexcept {
    return type == PlaneType::primary ? planes_.primary : planes_.cursor;
}

Presenter::GuestSide& Presenter::side_of(PlaneType type) noexcept {
    return type == PlaneType::primary ? primary_ : cursor_;
}

/// Whether the guest answered with something that holds.
bool Presenter::ask(PlaneType type, kms::Timestamp now) {
    GuestSide& side = side_of(type);
    const auto raw = composer_.guest().device().query(type);
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
        leave_unfetched(type, raw->dmabuf_id);
        if (std::exchange(side.told_rejected, plane.error()) != plane.error())
            note({.kind = pick(type, Note::Kind::rejected_primary, Note::Kind::rejected_cursor),
                  .rejected = plane.error(),
                  .raw = *raw},
                 now);
        return false;
    }
    side.told_rejected.reset();
    if (side.unfetched && (!*plane || (*plane)->buffer.dmabuf_id != *side.unfetched)) {
        composer_.moved_on(type, *side.unfetched);
        side.unfetched.reset();
    }
    shown_on(type) = *plane;
    return true;
}

void Presenter::leave_unfetched(PlaneType type, std::uint32_t id) {
    composer_.guest().leave_unfetched(type, id);
    side_of(type).unfetched = id;
}

Composer::Composition Presenter::compose(Size screen, kms::Timestamp now) {
    auto made = composer_.compose(planes_, screen, now);
    if (const auto id = composer_.take_unfetched()) primary_.unfetched = id;
    if (made.no_primary) leave_unfetched(PlaneType::primary, planes_.primary->buffer.dmabuf_id);
    if (made.no_cursor) leave_unfetched(PlaneType::cursor, planes_.cursor->buffer.dmabuf_id);
    composer_.count();
    return made;
}

/// The mode that equals the guest's size, where that is not the mode already.
const kms::Mode* Presenter::mode_to_follow() const {
    if (settings_.fit != Fit::follow || !planes_.primary) return nullptr;
    const Size guest = planes_.primary->buffer.geometry.size;
    if (guest == scanout_.screen()) return nullptr;
    const Size size = kms::rotated(guest, scanout_.pipeline().rotation);
    const auto& modes = scanout_.pipeline().modes;
    const bool wished = settings_.mode.size == size;
    const kms::Mode* mode = wished ? kms::choose_mode(modes, settings_.mode) : nullptr;
    if (mode == nullptr) mode = kms::choose_mode(modes, {.size = size});
    if (mode != nullptr && refused_mode_ && same_mode(*mode, *refused_mode_)) return nullptr;
    return mode;
}

Presenter::Frame Presenter::follow(const kms::Mode& mode, kms::Timestamp now) {
    if (last_modeset_ && now - *last_modeset_ < settings_.mode_interval) {
        // Its turn has not come: neither the old mode nor a part of the picture would be right.
        leave_unfetched(PlaneType::primary, planes_.primary->buffer.dmabuf_id);
        if (planes_.cursor) leave_unfetched(PlaneType::cursor, planes_.cursor->buffer.dmabuf_id);
        return Frame::kept;
    }
    const auto made = compose(scanout_.upright(mode), now);
    if (made.no_primary) return Frame::kept;
    const Scene& scene = made.scene;
    last_modeset_ = now;  // Attempts disturb the card's other outputs too.
    const Verdict verdict = scanout_.show_in_mode(mode, scene);
    if (verdict.outcome == Verdict::Outcome::shown) {
        ++counters_.modesets;
        composer_.forget_refusals();
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
    composer_.learn(scene, verdict, now);
    if (verdict.async_refused)
        note({.kind = Note::Kind::async_refused, .error = *verdict.async_refused}, now);
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

void Presenter::note(const Note& note, kms::Timestamp now) {
    notes_.push(note, now);
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
    view_ = {.screen = scanout_.screen(),
             .mode = kms::size_of(mode),
             .refresh_mhz = kms::refresh_mhz(mode)};
    view_.guest = composer_.has_guest();
    view_.blank = blank_;
    view_.vrr = scanout_.pipeline().vrr;
    view_.async = scanout_.async();
    view_.message = scene_.primary && scene_.primary->rung == Rung::message;
    if (scene_.primary && !view_.message) {
        view_.primary = scene_.primary->key;
        view_.rung = scene_.primary->rung;
        view_.placement = scene_.guest;
        if (view_.rung != Rung::direct) view_.obstacle = composer_.obstacle(scene_.primary->key);
    }
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
