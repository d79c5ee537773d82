// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "presenter/cards.h"
#include "presenter/message.h"
#include "presenter/output.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace scanthru {

/// A configured output for as long as scanthru runs: lit while its monitor is there, dark while it
/// is not; it shows one guest at a time. Main thread.
class Screen {
public:
    Screen(EventLoop& loop, OutputConfig config, std::string guest);
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen();

    /// Called when its frame thread has something to tell.
    void on_news(std::function<void()> action) { news_ = std::move(action); }

    const OutputConfig& config() const noexcept { return config_; }

    /// Takes effect when it is lit the next time.
    void configure(OutputConfig config) { config_ = std::move(config); }

    /// The connector's name; while dark what the configuration calls it.
    std::string name() const;

    /// Name of the guest that is to be seen here.
    const std::string& guest() const noexcept { return guest_; }

    /// Null while dark.
    Output* output() const noexcept { return output_.get(); }

    /// Why it is dark; empty while lit.
    const std::string& why_dark() const noexcept { return why_dark_; }

    /// Lights it, anew if it is lit. `cards` must have been refreshed. Dark afterwards if that
    /// fails, but for an output that hangs in its driver.
    Result<void, NotLit> light(const Cards& cards);

    /// Dark, for this reason. Whatever showed before us is back. Says so in the log.
    void put_out(const std::string& why);

    /// This guest is to be seen here from now on; say() and attach() bring it. Until then the old
    /// one's picture stays; no vblank shows a mix of the two.
    void choose(std::string guest);

    /// Nothing of a guest that was shown before is to be on screen any more, not even for as long
    /// as the new one's picture takes.
    void drop_former();

    bool is_switching() const noexcept { return chosen_; }

    /// The guest's device came (or null: is to be let go of at once). Nothing where it is the one
    /// that is shown already.
    ///
    /// `may_hold`: null says that it has gone, and its last picture may stay (`idle = "hold"`).
    void attach(const std::shared_ptr<GuestBuffers>& buffers, bool may_hold = true);

    /// Keeps what is to be seen without a picture up to date: why its picture cannot be shown, else
    /// how the guest stands, a sentence.
    void say(const std::string& detail);

    /// Why the guest's picture cannot be shown; forgotten when another guest is attached.
    void complain(std::string trouble) { trouble_ = std::move(trouble); }

    /// What is to be seen without a picture; no title where that is black.
    const Message& said() const noexcept { return said_; }

    /// Whether what was said was drawn for another size of screen.
    bool said_is_stale() const;

    /// Switches the monitor off (DPMS) or on again.
    void blank(bool off);
    bool blanked() const noexcept { return blanked_; }

    /// A hand is at work before it: it is lit, and stays so for `blank_after`.
    void used();

    /// Whether it has been blanked for want of change (`blank_after`), and there was one.
    bool woken() const;

    /// Blanks it when its time has come.
    void check_blanking(Clock::time_point now);

    /// Whether its thread was last seen held up.
    bool is_stalled() const noexcept { return told_stalled_ || stopping_; }

    /// Whether its thread has got on since the last time, or there is none; says so in the log when
    /// that changes.
    bool check_progress(std::chrono::seconds since);

    /// Tells its thread to end; end() then need not wait long.
    void request_end();

    /// Ends it. False: it hangs in its driver and was left as it is, with its thread; only _Exit()
    /// ends the process now.
    bool end();

private:
    bool stopped();
    void hold();

    EventLoop& loop_;
    OutputConfig config_;
    std::string guest_;
    bool chosen_ = false;  ///< And not attached yet.
    std::weak_ptr<GuestBuffers> attached_;
    std::function<void()> news_;
    std::unique_ptr<Output> output_;
    EventLoop::Watch watch_;
    std::string why_dark_;
    std::string trouble_;
    Message said_;       ///< On screen where no guest is to be seen,
    Size said_in_;       ///< drawn for a screen of this size.
    bool held_ = false;  ///< What is shown instead is the last picture of its guest.
    bool told_stalled_ = false;
    bool stopping_ = false;
    bool blanked_ = false;
    bool may_wake_ = false;  ///< Blanked for want of change.
    std::uint64_t changes_ = 0;
    Clock::time_point changed_at_ = Clock::now();
};

}  // namespace scanthru
