// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/copier.h"
#include "presenter/scanout.h"
#include "presenter/settings.h"
#include "presenter/telemetry.h"

#include <memory>
#include <optional>
#include <utility>

namespace scanthru {

/// Makes of what a guest shows a scene that the planes can show: which rung each picture takes,
/// where it goes, and what the kernel's refusals teach about both.
///
/// Of one frame thread; `scanout` and the others must outlive it.
class Composer {
public:
    Composer(Scanout& scanout,
             const PresenterSettings& settings,
             FrameCounters& counters,
             NoteQueue& notes);

    /// Forgets the old guest with everything of it. Null: there is none now.
    void attach(std::shared_ptr<GuestBuffers> guest);

    bool has_guest() const noexcept { return cache_.has_value(); }
    GuestBuffers& guest() const noexcept { return cache_->guest(); }

    /// What a guest shows: each plane as inspected, empty when it is off.
    struct Planes {
        std::optional<vfio::GuestPlane> primary;
        std::optional<vfio::GuestPlane> cursor;
    };

    struct Composition {
        Scene scene;
        bool no_primary = false;  ///< No picture was to be had of it; the last one stays.
        bool no_cursor = false;   ///< Likewise; there is none in the scene.
        bool in_place = false;    ///< The primary is the guest's own memory.
    };

    /// The scene for `planes` on a screen of this size. A copy is made here, and the guest asked
    /// again after it: `planes.primary` is then what the guest showed last.
    Composition compose(Planes& planes, Size screen, kms::Timestamp now);

    /// The primary's id that GuestBuffers keeps to close since the guest was asked after a copy.
    std::optional<std::uint32_t> take_unfetched() noexcept {
        return std::exchange(left_unfetched_, std::nullopt);
    }

    /// What the kernel said to the scene that was composed last.
    void learn(const Scene& scene, const Verdict& verdict, kms::Timestamp now);

    /// After a modeset everything may be tried again.
    void forget_refusals();

    /// A plane shows another buffer than the one that was left unfetched.
    void moved_on(vfio::PlaneType type, std::uint32_t unfetched);

    /// Why the primary picture is not the guest's own memory; empty where it is.
    std::optional<Error> obstacle(const vfio::BufferKey& key) noexcept;

    void count();

private:
    /// One way to bring a picture of another size than the screen's on screen.
    struct Way {
        Fit fit{};
        bool canvas = false;  ///< Through a host picture of the screen's size.
    };

    /// The search for the way that works, for one size of picture and screen.
    struct Fitting {
        Size picture;
        Size screen;
        std::size_t step = 0;
        bool proven = false;
    };

    const Way* way_for(Size picture, Size screen);
    void primary_picture(Planes& planes, Size screen, Composition& made, kms::Timestamp now);
    void keep_last_primary(Composition& made);
    Result<Composition> bring(const Way& way,
                              const Result<SharedPicture>& direct,
                              const vfio::GuestPlane& asked,
                              Planes& planes,
                              Size screen,
                              kms::Timestamp now);
    Result<SharedPicture> copy_primary(const vfio::GuestPlane& asked,
                                       Planes& planes,
                                       const Canvas& canvas,
                                       kms::Timestamp now);
    Result<SharedPicture>
    copy_once(const vfio::GuestPlane& plane, const Canvas& canvas, kms::Timestamp now);
    bool copy_is_due(const vfio::BufferKey& key, const Canvas& canvas, kms::Timestamp now) const;
    void tell_of_copying(const vfio::BufferKey& key, kms::Timestamp now);
    bool left_meanwhile(Planes& planes);
    void cursor_picture(const vfio::GuestPlane& plane,
                        Size screen,
                        Composition& made,
                        kms::Timestamp now);
    void cursor_unshowable(const vfio::GuestPlane& plane,
                           const Error& error,
                           const Error& copy_error,
                           Composition& made,
                           kms::Timestamp now);
    Result<SharedPicture> copy_cursor(const vfio::GuestPlane& plane, const Rect& part);
    bool wants_cursor(const Planes& planes) const noexcept;
    bool has_plane_for(const vfio::GuestPlane& cursor) noexcept;
    Result<void> read_cursor(const vfio::GuestPlane& plane, kms::Timestamp now);
    void place_sprite(const Canvas& canvas);
    void complain(vfio::PlaneType type,
                  const vfio::BufferKey& key,
                  const Error& error,
                  const Error& copy_error,
                  kms::Timestamp now);
    void learn_primary(const Scene& scene, const Error& reason);
    void learn_cursor(const Scene& scene, const Error& reason);
    void note(const Note& note, kms::Timestamp now) { notes_.push(note, now); }

    Scanout& scanout_;
    const PresenterSettings& settings_;
    FrameCounters& counters_;
    NoteQueue& notes_;
    std::optional<FramebufferCache> cache_;
    Copier primary_copier_;
    std::optional<Copier> cursor_copier_;
    Sprite sprite_;                          ///< The cursor that is drawn into copies,
    std::optional<vfio::GuestPlane> drawn_;  ///< as the guest has it; empty: none is.
    Fitting fitting_;
    CacheCounts earlier_;  ///< Of the guests before this one.
    std::uint64_t earlier_gets_ = 0;

    SharedPicture copied_;  ///< The newest copy of the primary,
    Canvas copied_canvas_;  ///< and what it was made for.
    /// A copy that could not be made.
    struct FailedCopy {
        vfio::BufferKey key;
        Canvas canvas;
        Error error;
        kms::Timestamp retry;
    };
    std::optional<FailedCopy> failed_copy_;
    std::optional<std::uint32_t> left_unfetched_;  ///< What was asked after a copy named this.
    std::optional<vfio::Geometry> refused_copy_;   ///< The driver does not show copies of these.
    kms::Timestamp copied_at_;
    kms::Timestamp changed_at_;

    // What the log has been told already; it is told again when it was right in between.
    std::optional<vfio::BufferKey> told_primary_;
    std::optional<vfio::BufferKey> told_cursor_;
    std::optional<vfio::Geometry> told_copying_;

    std::optional<vfio::BufferKey> good_cursor_;      ///< Was on screen: its image is not to blame.
    std::optional<vfio::GuestPlane> asked_cursor_;    ///< What the scene's cursor was made of.
    std::optional<vfio::GuestPlane> refused_cursor_;  ///< Not asked for again while it stays so.
};

}  // namespace scanthru
