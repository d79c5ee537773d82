// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/composer.h"
#include "presenter/scanout.h"
#include "presenter/settings.h"
#include "presenter/telemetry.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

namespace scanthru {

/// One frame, from the guest to the screen: query, inspect, decide, commit.
///
/// Of one frame thread; knows nothing of waiting. Everything it has to say goes into `counters`,
/// `notes` and view().
class Presenter {
public:
    enum class Frame {
        unchanged,     ///< The guest shows what is on screen; nothing was committed.
        refreshed,     ///< The same picture was committed again; a vblank has passed.
        shown,         ///< A commit has returned: a vblank has passed.
        mode_changed,  ///< The same, and the vblank clock starts anew.
        kept,          ///< Nothing new could be shown; the last good picture stays.
        device_gone,   ///< The guest's device is no more (ENODEV); it wants to be let go.
        card_gone,     ///< The card is no more.
    };

    Presenter(Scanout scanout,
              const PresenterSettings& settings,
              FrameCounters& counters,
              NoteQueue& notes);

    /// Shows this guest from the next frame on; null: none. The screen is black, and everything of
    /// the old guest is let go, when this returns (invariant 9). One commit where it was not black.
    void attach(std::shared_ptr<GuestBuffers> guest, kms::Timestamp now);

    /// The same, but the old guest's picture stays on screen, and its buffers stay with it, until
    /// the next frame: that shows the new guest's picture or what is said instead.
    void switch_to(std::shared_ptr<GuestBuffers> guest);

    /// What is shown where no guest is to be seen: none is attached, or it shows nothing. Null, or
    /// of another size than the screen: black. Shown at once where it is its turn.
    void show_instead(SharedPicture picture, kms::Timestamp now);

    /// Between frames, where there are none: what had to wait.
    void idle(kms::Timestamp now);

    /// Asks the guest and shows what it says. `now` is the sampling time. Without a guest: kept.
    Frame frame(kms::Timestamp now);

    /// Somebody else had the card meanwhile: what is to be seen comes by a modeset, with the next
    /// frame or when idle.
    void come_back();

    /// Switches the CRTC off (DPMS) or on again, with what its planes show. What passes is tried
    /// again at the next call; blank() tells how it is.
    void set_blank(bool off, kms::Timestamp now);
    bool blank() const noexcept { return blank_; }

    /// Asks the guest without showing it: unchanged, device_gone, or shown when it shows another
    /// picture than the last time it was asked.
    Frame peek(kms::Timestamp now);

    /// Takes the processor time of the frames' commits from now on; see Scanout::measure().
    void measure_commits(bool on) noexcept { scanout_.measure(on); }

    bool has_guest() const noexcept { return composer_.has_guest(); }
    const Scanout& scanout() const noexcept { return scanout_; }

    /// What is on screen, for status. Any thread.
    OutputView view() const;

    /// What is on the planes, shared with the caller: framebuffers and imports stay until it lets
    /// go. Any thread.
    Scene scene() const;

private:
    /// One plane of the guest.
    struct GuestSide {
        std::optional<std::uint32_t> unfetched;  ///< An id that GuestBuffers keeps to close.
        // What the log has been told already; it is told again when it was right in between.
        bool told_failure = false;
        std::optional<vfio::Rejected> told_rejected;
    };

    std::optional<vfio::GuestPlane>& shown_on(vfio::PlaneType type) noexcept;
    GuestSide& side_of(vfio::PlaneType type) noexcept;
    bool ask(vfio::PlaneType type, kms::Timestamp now);
    void start_over(std::shared_ptr<GuestBuffers> guest);
    Frame present(kms::Timestamp now);
    void leave_unfetched(vfio::PlaneType type, std::uint32_t id);
    const kms::Mode* mode_to_follow() const;
    Frame follow(const kms::Mode& mode, kms::Timestamp now);
    Composer::Composition compose(Size screen, kms::Timestamp now);
    Frame conclude(const Scene& scene, const Verdict& verdict, kms::Timestamp now);
    void note(const Note& note, kms::Timestamp now);
    void publish();
    void publish_locked();

    Scene instead() const;
    void say(kms::Timestamp now);

    Scanout scanout_;
    PresenterSettings settings_;
    FrameCounters& counters_;
    NoteQueue& notes_;
    Composer composer_;
    Composer::Planes planes_;  ///< The newest good answers.
    GuestSide primary_;
    GuestSide cursor_;
    SharedPicture instead_;
    bool instead_due_ = false;
    bool device_gone_ = false;
    bool blank_ = false;

    std::optional<kms::Timestamp> last_modeset_;
    std::optional<kms::Mode> refused_mode_;

    mutable std::mutex
        published_mutex_;  ///< A frame only tries it, and publishes later if need be.
    bool unpublished_ = true;
    OutputView view_;
    Scene scene_;
};

}  // namespace scanthru
