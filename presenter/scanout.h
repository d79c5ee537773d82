// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/atomic_request.h"
#include "kms/card.h"
#include "kms/host_picture.h"
#include "kms/property_blob.h"
#include "kms/topology.h"
#include "kms/vblank_clock.h"
#include "presenter/layout.h"
#include "presenter/picture.h"

#include <chrono>
#include <optional>
#include <vector>

namespace scanthru {

/// What is to be seen on one output.
struct Scene {
    SharedPicture primary{};  ///< Null: black.
    Placement placement{};    ///< Of its framebuffer.
    Placement guest{};        ///< Of the guest's picture, which may be a part of it.
    SharedPicture cursor{};   ///< Null: none. Never shown without a primary.
    Rect cursor_target{};     ///< Of its framebuffer, on the screen; shown in its own size.
    Point cursor_position{};  ///< As the guest says: its upper left corner, on the guest's screen.
};

/// What the kernel said to a scene.
struct Verdict {
    enum class Outcome {
        unchanged,   ///< This is on screen already; nothing was asked.
        refreshed,   ///< This is on screen already and was committed again.
        shown,       ///< On screen now, if need be without what is named below.
        later,       ///< Nothing changed, by a fault that passes (EBUSY, ENOMEM): try again.
        not_master,  ///< Nothing changed: somebody else drives the card (EACCES, EPERM).
        gone,        ///< The card is no more (ENODEV).
        refused,     ///< Nothing changed: the driver cannot show this.
    };

    Outcome outcome = Outcome::unchanged;
    std::optional<Error> fault{};            ///< The first error of this scene, whatever it was.
    std::optional<Error> primary_refused{};  ///< The new primary picture cannot be shown, and why.
    std::optional<Error> cursor_refused{};   ///< The new cursor picture cannot be shown, and why.
    std::optional<Error> async_refused{};    ///< Flips wait for vblanks from now on, and why.
};

/// The planes of one output: what is on them, and the commits that change it.
///
/// Of one frame thread. Owns what is on screen until a commit away from it has returned. A refused
/// commit changes nothing on the screen (invariant 7).
class Scanout {
public:
    /// Takes a pipeline that is lit (kms::light_up) with `black` on its primary plane. `async`:
    /// where only the primary's framebuffer changes it is shown at once, torn.
    Scanout(kms::Card& card, kms::Pipeline pipeline, kms::HostPicture black, bool async = false);

    /// Brings `scene` on screen: primary and cursor in one blocking commit; only what differs is
    /// named in it. `refresh` commits the primary again even when nothing differs, for drivers that
    /// copy at commit.
    ///
    /// When the driver refuses, the ladder tells which plane is to blame: first the scene without
    /// its new cursor, then the old primary with the new cursor.
    Verdict show(const Scene& scene, bool refresh = false);

    /// The same in another mode of the same monitor, by modeset. What the driver refuses is told
    /// apart: the mode is shown without the cursor, then black, and is to blame only if that is
    /// refused too.
    Verdict show_in_mode(const kms::Mode& mode, const Scene& scene);

    /// What is on screen is of a guest that is shown no more. It stays until the next commit, but
    /// no refusal falls back to it.
    void disown() noexcept { disowned_ = true; }
    bool disowned() const noexcept { return disowned_; }

    /// Lets go of the guest's framebuffers even though no commit took them off the planes: the
    /// kernel does, by switching the planes off, maybe the CRTC too. For a card that takes no
    /// commits. What is shown next comes by a modeset.
    void abandon();
    bool abandoned() const noexcept { return abandoned_; }

    /// Asks whether the primary plane would show a framebuffer this way (TEST_ONLY): shown,
    /// refused, or a fault that says nothing about it. After abandon() nothing can be asked: shown.
    Verdict::Outcome test(const Picture& primary, const Placement& placement);

    /// Whether flips need not wait for a vblank: wished for, and the driver has refused none since
    /// the last modeset.
    bool async() const noexcept { return async_ && !async_refused_; }

    /// Whether the newest commit did not wait for one.
    bool flipped_async() const noexcept { return flipped_async_; }

    /// Switches the CRTC off, with its mode and planes kept, or on again. Errors: those of
    /// AtomicRequest::commit_modeset().
    Result<void> set_active(bool active);

    /// When the newest commit entered the kernel.
    kms::Timestamp entered() const noexcept { return entered_; }

    /// Takes the processor time of commits from now on, for two system calls each; or no more.
    void measure(bool on) noexcept { measures_ = on; }

    /// Processor time of the newest commit; zero where it was not taken.
    std::chrono::nanoseconds commit_cost() const noexcept { return commit_cost_; }

    /// Whether the cursor plane shows something.
    bool shows_cursor() const noexcept { return layers_.cursor.has_value(); }

    /// The screen as the guest has it: upright, before the planes turn it. All scenes are laid out
    /// on it.
    Size screen() const noexcept { return upright(pipeline_.mode); }
    Size upright(const kms::Mode& mode) const noexcept {
        return kms::rotated(kms::size_of(mode), pipeline_.rotation);
    }

    const kms::Pipeline& pipeline() const noexcept { return pipeline_; }
    const Scene& on_screen() const noexcept { return on_screen_; }
    kms::Card& card() const noexcept { return card_; }

private:
    /// A scene as the planes get it.
    struct Layers {
        kms::PlaneState primary;
        std::optional<kms::PlaneState> cursor;
        bool operator==(const Layers&) const = default;
    };

    Layers lay_out(const Scene& scene) const;
    Rect turned(const Rect& target) const;
    Result<void> commit(const Scene& scene, const Layers& layers, bool refresh);
    bool may_flip_async(const Scene& scene, const Layers& layers) const;
    Result<void> flip_async(const Layers& layers);
    void accept(const Scene& scene, const Layers& layers);
    Verdict enter_mode(const kms::Mode& mode, const Scene& scene);
    Verdict descend(const Scene& scene, const Error& first);
    Verdict try_next(const Scene& scene, const Error& first);

    kms::Card& card_;
    kms::Pipeline pipeline_;
    kms::HostPicture black_;
    std::optional<kms::PropertyBlob> mode_blob_;
    kms::AtomicRequest request_;
    Scene on_screen_;
    Layers layers_;
    kms::Timestamp entered_;
    std::chrono::nanoseconds commit_cost_{};
    std::optional<Error> async_refused_;
    bool async_;
    bool flipped_async_ = false;
    bool measures_ = false;
    bool abandoned_ = false;
    bool disowned_ = false;
};

}  // namespace scanthru
