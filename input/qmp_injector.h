// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "base/qmp.h"
#include "input/event.h"
#include "input/injection_queue.h"
#include "input/qmp_events.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace scanthru::input {

/// Brings events to a guest by QMP's input-send-event.
///
/// One command is under way at a time; what comes meanwhile waits and motion of it becomes one
/// step. Keys, buttons, wheel and fingers are neither lost nor reordered, but for these cases: the
/// guest is stopped or not connected, the queue is full (InjectionQueue::limit), or QEMU refuses
/// the list twice. Then presses are dropped and releases are owed: what the guest has down and no
/// hand holds any more is released first of all when it runs and is connected again.
///
/// All on the main thread; the loop must outlive it.
class QmpInjector {
public:
    /// For `scanthru status`.
    struct Statistics {
        std::uint64_t commands = 0;   ///< input-send-event, sent.
        std::uint64_t rejected = 0;   ///< Of these, refused by QEMU.
        std::uint64_t coalesced = 0;  ///< Steps that became one with another.
        std::uint64_t dropped = 0;    ///< Presses and wheel that could not be sent.
        std::size_t owed = 0;         ///< Things down in the guest that are to be released.
    };

    /// How fast presses and releases may follow each other: a guest's keyboard drops what does not
    /// fit its queue, 16 places by USB, 64 by virtio.
    struct Pacing {
        unsigned burst = 16;
        Clock::duration interval = std::chrono::milliseconds{1};
    };

    explicit QmpInjector(EventLoop& loop) : QmpInjector(loop, Pacing{}) {}
    QmpInjector(EventLoop& loop, Pacing pacing);
    QmpInjector(const QmpInjector&) = delete;
    QmpInjector& operator=(const QmpInjector&) = delete;

    /// `client` (borrowed until disconnected()) has agreed on capabilities. It is the same QEMU
    /// and guest as before, unless forget() is called first.
    void connected(QmpClient& client);

    /// The connection is over. What was under way is uncertain, and counts as down where it could
    /// be.
    void disconnected();

    /// Whether the guest runs (STOP, RESUME, query-status); true at first. QEMU takes input only
    /// then.
    void set_running(bool running);

    /// Size of the guest's picture in pixels. Needed where the pointers of host and guest differ.
    void set_guest_size(std::uint32_t width, std::uint32_t height) {
        translator_.set_size(width, height);
    }

    /// Collects; nothing is sent before flush().
    void send(const Event& event);

    /// What was collected may go: at once, when no command is under way.
    void flush();

    /// Releases all that the guest has down, now or as soon as it can be.
    void release_all();

    /// Whoever was at this guest before us may have left anything down: all keys and buttons are
    /// taken for down, and are released as soon as it can be.
    void distrust();

    /// The guest has rebooted, or it is another one: it has nothing down, and nothing is owed.
    void forget();

    Statistics statistics() const;

    /// What the guest has down as far as is known: KEY_…, BTN_…, touch_id().
    const std::vector<HeldId>& down() const noexcept { return translator_.guest.down; }

private:
    /// What becomes of the command under way.
    enum class Phase : std::uint8_t {
        idle,      ///< There is none.
        sent,      ///< Its reply is to come.
        refused,   ///< It was; the answer to query-mice is to come.
        retrying,  ///< Its keys and buttons were sent again; the reply is to come.
    };
    enum class Schema : std::uint8_t { unknown, asked, known };

    bool open() const { return client_ != nullptr && running_; }
    bool is_wanted(HeldId id) const;
    void send_switch(const Step& step, Switch change);
    void send_wheel(const Wheel& wheel);
    void add(const Step& step);
    void opened();
    void closed();

    void pump();
    nlohmann::json compose();
    bool may_join(const Step& step) const;
    bool has_what_it_needs(const Step& step);
    bool has_token(const Step& step, Clock::time_point now);
    void send_list(nlohmann::json events, Phase phase);
    void answered(const Result<nlohmann::json, std::string>& reply);
    void retry();
    void pay_later();
    void finish();

    void ask_mice();
    void ask_schema();
    template <class Handler>
    void execute(const char* command, const nlohmann::json& arguments, Handler handler);

    EventLoop& loop_;
    TokenBucket bucket_;
    EventLoop::Timer timer_;
    EventLoop::Timer debt_timer_;
    QmpClient* client_ = nullptr;
    std::shared_ptr<int>
        connection_;  ///< Replies of an earlier one, or after our end, find it gone.
    bool running_ = true;

    InjectionQueue queue_;
    std::vector<HeldId> wanted_;  ///< What is down when all that waits has been sent. Sorted.
    QmpTranslator translator_;
    Wheel wheel_;  ///< Less than a notch that was not queued yet.

    Phase phase_ = Phase::idle;
    std::vector<Step> list_;  ///< Of the command under way.
    QmpTranslator::GuestState before_;

    bool mice_known_ = false;
    bool mice_asked_ = false;
    Clock::time_point mice_time_{};
    Schema schema_ = Schema::unknown;
    Statistics statistics_;
};

}  // namespace scanthru::input
