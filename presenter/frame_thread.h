// SPDX-License-Identifier: MIT
#pragma once

#include "base/clock.h"
#include "presenter/frame_clock.h"
#include "presenter/mailbox.h"
#include "presenter/presenter.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace scanthru {

/// The thread of one output. Waits for the right moment, presents a frame, and nothing else.
///
/// One turn of its loop: ppoll on the mailbox until d before the next vblank, QUERY twice,
/// and if something changed a blocking commit and CRTC_GET_SEQUENCE: five system calls, three
/// without a change.
class FrameThread {
public:
    /// Starts with a lit output and no guest.
    ///
    /// Errors: those of eventfd(2); EAGAIN when there are no more threads.
    static Result<std::unique_ptr<FrameThread>> start(const std::string& name,
                                                      Scanout scanout,
                                                      const PresenterSettings& settings,
                                                      const Pacing& pacing);

    ~FrameThread() { stop(); }

    FrameThread(const FrameThread&) = delete;
    FrameThread& operator=(const FrameThread&) = delete;

    /// Presents this guest from now on; null: black. The newest call wins. Returns at once.
    void attach(std::shared_ptr<GuestBuffers> guest);

    /// The same without black in between: the old guest's picture stays until the new one's is
    /// there, or what is said instead, one vblank later.
    void switch_to(std::shared_ptr<GuestBuffers> guest);

    /// Whether something of the guest before switch_to() is on screen still.
    bool shows_former() const noexcept { return shows_former_.load(); }

    /// Whether it has ended, by request or because it could not go on.
    bool ended() const noexcept { return ended_.load(); }

    /// Whether the newest attach() has been carried out: what was attached before is let go.
    bool attached() const noexcept;

    /// Waits for that, at most `limit`. Main thread, for people who wait for an answer.
    bool wait_attached(std::chrono::milliseconds limit) const;

    /// What is shown where no guest is to be seen; see Presenter::show_instead(). Returns at once.
    void show_instead(SharedPicture picture);

    /// Switches the CRTC off (DPMS) or on again. Meanwhile the guest is asked twice a second, and
    /// nothing of it shown. Returns at once.
    void blank(bool off);

    /// Keeps its hands off the card, whose master somebody else is now (another VT), or lights it
    /// anew with what is to be seen. Returns at once; see wait_paused().
    void pause(bool paused);

    /// Whether pause(true) has been carried out; waits at most `limit`.
    bool wait_paused(std::chrono::milliseconds limit) const;

    /// Whether the guest has shown something else since the screen went blank.
    bool changed_while_blank() const noexcept { return changed_while_blank_.load(); }

    /// A key or pointer of the host has moved: an idle guest is asked at the full rate again, from
    /// the next vblank on. Cheap, for every event. Any thread.
    void poke() noexcept;

    /// Why it has no real-time priority; empty where it has, or should not.
    const std::optional<Error>& ordinary() const noexcept { return ordinary_; }

    /// How long before the hardware takes a flip the guest is asked now.
    std::chrono::nanoseconds margin() const noexcept {
        return std::chrono::nanoseconds{static_cast<std::int64_t>(margin_ns_.get())};
    }

    /// Runs `errand` on the frame thread between two frames, for the rare commit that is no frame
    /// (a capture). Returns at once; a newer call replaces one that was not begun.
    using Errand = std::function<void(kms::Card&, const kms::Pipeline&)>;
    void run(Errand errand);

    /// Tells the thread to go black and end. Returns at once; nothing can be asked of it after
    /// that.
    void request_stop();

    /// Whether it has ended; waits at most `limit`.
    bool wait_stopped(std::chrono::milliseconds limit) const;

    /// Black, then joins the thread. The framebuffers stay until destruction, so that what was on
    /// screen before can be put back first.
    void stop();

    /// Rings when there is something in notes(), after an attach() was carried out, and when the
    /// guest's device or the card has gone.
    const Bell& news() const noexcept { return news_; }

    NoteQueue& notes() noexcept { return notes_; }
    const FrameCounters& counters() const noexcept { return counters_; }
    const FlipLog& flips() const noexcept { return flips_; }
    OutputView view() const { return presenter_.view(); }
    Scene scene() const { return presenter_.scene(); }
    bool device_gone() const noexcept { return device_gone_.load(); }
    bool card_gone() const noexcept { return card_gone_.load(); }

    /// Its number for the kernel; 0 while it has not begun.
    pid_t thread_id() const noexcept { return thread_id_.load(); }

    /// The thread has ended for want of memory.
    bool out_of_memory() const noexcept { return out_of_memory_.load(); }

    /// Turns of the loop so far, whether or not there is a guest. One that stands still for long is
    /// held up by a driver or a device.
    std::uint64_t turns() const noexcept { return turns_.get(); }

private:
    struct Letter {
        std::shared_ptr<GuestBuffers> guest;
        std::uint64_t number = 0;  ///< Of the newest attach.
        bool switched = false;     ///< It was switch_to().
        SharedPicture instead;
        std::uint64_t instead_number = 0;
        std::shared_ptr<const Errand> errand;
        std::uint64_t errand_number = 0;
        bool blank = false;
        bool paused = false;
        std::uint64_t returns = 0;  ///< How often the card has come back.
        bool stop = false;
        std::uint64_t serial = 0;  ///< Of the newest letter, whatever it is about.
    };

    /// What is known of a commit when it has returned.
    struct Landing {
        kms::Vblank aimed;
        kms::Vblank seen;
    };

    FrameThread(Scanout scanout,
                const PresenterSettings& settings,
                const Pacing& pacing,
                Bell mail,
                Bell news);

    // frame_thread.cpp: beginning, end and the main thread's side.
    void post();

    // frame_loop.cpp: the thread.
    void run_loop() noexcept;
    void loop();
    bool wait(kms::Timestamp until, bool dozing);
    bool read_mail();
    void read_state(const Letter& letter);
    void present();
    void peek();
    void keep_blank(kms::Timestamp now);
    kms::Timestamp aim(kms::Timestamp now);
    std::optional<std::chrono::nanoseconds> refresh_interval() const;
    Landing land(kms::Timestamp sampled, bool novel);
    void log_flip(kms::Timestamp sampled, const Landing& landing);
    void keep_time(kms::Timestamp now);
    kms::Vblank read_clock();

    bool refreshes_;
    std::chrono::nanoseconds refresh_idle_;
    FrameCounters counters_;
    NoteQueue notes_;
    FlipLog flips_;
    Presenter presenter_;
    FrameClock clock_;
    Counter margin_ns_;
    kms::Timestamp clock_read_;

    Mailbox<Letter> mailbox_;
    Bell news_;
    Letter newest_;  ///< Main thread: what was posted last.
    kms::Timestamp blank_tried_;
    std::uint64_t errands_run_ = 0;
    std::uint64_t instead_shown_ = 0;
    std::uint64_t serial_read_ = 0;
    std::uint64_t returns_seen_ = 0;
    std::optional<Error> ordinary_;
    std::atomic<std::uint64_t> carried_out_{0};
    std::atomic<pid_t> thread_id_{0};
    bool blank_wished_ = false;
    std::atomic<bool> dozing_{false};  ///< A poke has to ring.
    std::atomic<bool> poked_{false};
    std::atomic<bool> changed_while_blank_{false};
    std::atomic<bool> paused_{false};
    std::atomic<bool> shows_former_{false};
    std::atomic<bool> device_gone_{false};
    std::atomic<bool> card_gone_{false};
    std::atomic<bool> out_of_memory_{false};
    std::atomic<bool> ended_{false};
    Counter turns_;
    std::uint64_t flip_number_ = 0;
    std::thread thread_;
};

}  // namespace scanthru
