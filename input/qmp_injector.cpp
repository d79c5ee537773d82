// SPDX-License-Identifier: MIT
#include "input/qmp_injector.h"

#include "input/key_table.h"
#include "input/pressed.h"

#include <algorithm>
#include <cmath>
#include <linux/input-event-codes.h>
#include <nlohmann/json.hpp>

namespace scanthru::input {
namespace {

using nlohmann::json;

/// Between two attempts to release what QEMU refused to.
constexpr std::chrono::milliseconds debt_interval{250};
constexpr std::chrono::seconds mice_interval{2};
constexpr std::size_t max_events = 40;  // Of a list; virtio's queue has 64 places.
constexpr int notch = 120;
constexpr int notches_at_once = 8;

bool insert(std::vector<HeldId>& ids, HeldId id) {
    const auto place = std::lower_bound(ids.begin(), ids.end(), id);
    if (place != ids.end() && *place == id) return false;
    ids.insert(place, id);
    return true;
}

std::vector<HeldId> without(const std::vector<HeldId>& ids, const std::vector<HeldId>& others) {
    std::vector<HeldId> rest;
    std::set_difference(ids.begin(), ids.end(), others.begin(), others.end(),
                        std::back_inserter(rest));
    return rest;
}

std::vector<HeldId> with(const std::vector<HeldId>& ids, const std::vector<HeldId>& others) {
    std::vector<HeldId> all;
    std::set_union(ids.begin(), ids.end(), others.begin(), others.end(), std::back_inserter(all));
    return all;
}

/// Whether there is a way into any guest for it.
bool is_known(const Step& step) {
    if (const auto* key = std::get_if<Key>(&step)) return !qcode_of(key->code).empty();
    if (const auto* button = std::get_if<Button>(&step)) return !button_name(button->code).empty();
    if (const auto* touch = std::get_if<Touch>(&step)) return touch->slot < max_touches;
    return true;
}

bool is_finite(const Event& event) {
    if (const auto* motion = std::get_if<RelativeMotion>(&event))
        return std::isfinite(motion->dx) && std::isfinite(motion->dy);
    if (const auto* motion = std::get_if<AbsoluteMotion>(&event))
        return std::isfinite(motion->x) && std::isfinite(motion->y);
    if (const auto* touch = std::get_if<Touch>(&event))
        return std::isfinite(touch->x) && std::isfinite(touch->y);
    return true;
}

/// Whole notches of `sum`, which keeps the rest.
int take_notches(int& sum, int more) {
    // A wheel that turns a hundred times within an event is broken.
    sum += std::clamp(more, -100 * notch, 100 * notch);
    const int whole = sum / notch;
    sum %= notch;
    return whole;
}

}  // namespace

QmpInjector::QmpInjector(EventLoop& loop, Pacing pacing)
    : loop_(loop), bucket_(pacing.burst, pacing.interval) {}

bool QmpInjector::is_wanted(HeldId id) const {
    return std::binary_search(wanted_.begin(), wanted_.end(), id);
}

void QmpInjector::connected(QmpClient& client) {
    if (client_ != nullptr) disconnected();
    client_ = &client;
    connection_ = std::make_shared<int>();
    if (running_) opened();
    ask_mice();
}

void QmpInjector::disconnected() {
    if (client_ == nullptr) return;
    client_ = nullptr;
    connection_.reset();
    timer_.reset();
    if (phase_ == Phase::sent || phase_ == Phase::retrying) {
        // Whether QEMU has read it, nobody knows. A release too many harms nobody.
        auto& guest = translator_.guest;
        guest.down = with(guest.down, before_.down);
        if (!guest.finger) guest.finger = before_.finger;
    }
    phase_ = Phase::idle;
    list_.clear();
    mice_known_ = false;
    mice_asked_ = false;
    schema_ = Schema::unknown;
    translator_.offers = {};
    closed();
}

void QmpInjector::set_running(bool running) {
    if (running == running_) return;
    running_ = running;
    if (client_ == nullptr) return;
    if (running) {
        opened();
    } else {
        closed();
    }
}

/// The guest takes input again: what it is owed goes first.
void QmpInjector::opened() {
    for (const HeldId id : without(translator_.guest.down, wanted_))
        queue_.add(release_of(id));
    flush();
}

/// The guest takes no input: presses that wait are lost, releases of what it has down are owed.
void QmpInjector::closed() {
    queue_.clear();
    wheel_ = {};
    std::erase_if(wanted_, [&](HeldId id) { return !translator_.is_down(id); });
}

void QmpInjector::send(const Event& event) {
    if (!is_finite(event)) return;
    if (const auto* wheel = std::get_if<Wheel>(&event)) {
        send_wheel(*wheel);
        return;
    }
    const Step step = std::visit(
        [](const auto& what) -> Step {
            if constexpr (std::is_same_v<std::decay_t<decltype(what)>, Wheel>)
                return Notches{};
            else
                return what;
        },
        event);
    if (const auto change = switch_of(step)) {
        send_switch(step, *change);
        return;
    }
    const auto* const touch = std::get_if<Touch>(&step);
    if (open() && (touch == nullptr || is_wanted(touch_id(touch->slot)))) add(step);
}

void QmpInjector::send_switch(const Step& step, Switch change) {
    if (!change.down) {
        // Of a press that was dropped, the release is too.
        if (std::erase(wanted_, change.id) != 0 && open()) add(step);
        return;
    }
    if (is_wanted(change.id)) return;
    if (!open() || !is_known(step) || queue_.is_full()) {
        ++statistics_.dropped;
        return;
    }
    insert(wanted_, change.id);
    add(step);
}

void QmpInjector::send_wheel(const Wheel& wheel) {
    if (!open()) return;
    const int x = take_notches(wheel_.x120, wheel.x120);
    const int y = take_notches(wheel_.y120, wheel.y120);
    if (x != 0 || y != 0) add(Notches{x, y});
}

void QmpInjector::add(const Step& step) {
    switch (queue_.add(step)) {
    case InjectionQueue::Added::appended: break;
    case InjectionQueue::Added::coalesced: ++statistics_.coalesced; break;
    case InjectionQueue::Added::full:
        if (!is_motion(step)) ++statistics_.dropped;
        break;
    }
}

void QmpInjector::flush() {
    queue_.commit();
    pump();
}

void QmpInjector::release_all() {
    if (open())
        for (const HeldId id : with(wanted_, translator_.guest.down))
            queue_.add(release_of(id));
    wanted_.clear();
    flush();
}

void QmpInjector::distrust() {
    for (const KeyEntry& key : key_table())
        if (!key.qcode.empty() && !is_newer_than_qemu_7_2(key.code))
            insert(translator_.guest.down, key.code);
    for (const HeldId button : {BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA})
        insert(translator_.guest.down, button);
    if (open()) opened();
}

void QmpInjector::forget() {
    queue_.clear();
    wheel_ = {};
    wanted_.clear();
    translator_.guest = {};
    before_ = {};
    // A command under way may come after the reboot: what it presses is released again.
    for (const Step& step : std::exchange(list_, {})) {
        const auto change = switch_of(step);
        if (!change || !change->down) continue;
        insert(translator_.guest.down, change->id);
        queue_.add(release_of(change->id));
    }
    flush();
}

QmpInjector::Statistics QmpInjector::statistics() const {
    Statistics now = statistics_;
    // A release under way is not done before QEMU says so.
    const auto maybe_down =
        phase_ == Phase::idle ? translator_.guest.down : with(translator_.guest.down, before_.down);
    now.owed = without(maybe_down, wanted_).size();
    return now;
}

void QmpInjector::pump() {
    if (!open()) return;
    while (phase_ == Phase::idle && queue_.front() != nullptr) {
        before_ = translator_.guest;
        list_.clear();
        json events = compose();
        if (!events.empty()) {
            send_list(std::move(events), Phase::sent);
        } else if (list_.empty()) {
            return;
        }
    }
}

/// The next list: as many steps as one sync can carry without losing any of them.
json QmpInjector::compose() {
    json events = json::array();
    const auto now = Clock::now();  // One moment for the whole list, however long composing takes.
    while (const Step* const step = queue_.front()) {
        if (events.size() >= max_events || !may_join(*step)) break;
        if (!has_what_it_needs(*step) || !has_token(*step, now)) break;
        if (std::holds_alternative<Notches>(*step)) {
            list_.emplace_back(queue_.take_notches(notches_at_once));
        } else {
            list_.push_back(*step);
            queue_.pop();
        }
        translator_.append(list_.back(), events);
    }
    return events;
}

/// Whether `step` may be synced with those in list_.
bool QmpInjector::may_join(const Step& step) const {
    return std::none_of(list_.begin(), list_.end(), [&](const Step& earlier) {
        return must_part(earlier, step, translator_.offers.touch);
    });
}

bool QmpInjector::has_what_it_needs(const Step& step) {
    if (QmpTranslator::needs_offers(step) && schema_ != Schema::known) {
        ask_schema();
        return false;
    }
    return !QmpTranslator::needs_mice(step) || mice_known_;
}

/// Takes a place in the guest's queue for a press or release, or sees to it that we come back.
bool QmpInjector::has_token(const Step& step, Clock::time_point now) {
    if (!switch_of(step) || bucket_.take(now)) return true;
    timer_ = loop_.after(bucket_.wait(now), [this] { pump(); });
    return false;
}

/// Calls `handler` with the reply, unless the connection or this has ended by then.
template <class Handler>
void QmpInjector::execute(const char* command, const json& arguments, Handler handler) {
    client_->execute(command, arguments,
                     [connection = std::weak_ptr<int>{connection_},
                      handler](const Result<json, std::string>& reply) {
                         if (!connection.expired()) handler(reply);
                     });
}

void QmpInjector::send_list(json events, Phase phase) {
    phase_ = phase;
    ++statistics_.commands;
    execute("input-send-event", {{"events", std::move(events)}},
            [this](const Result<json, std::string>& reply) { answered(reply); });
    const bool has_pointer = std::any_of(list_.begin(), list_.end(), QmpTranslator::needs_mice);
    if (has_pointer && Clock::now() - mice_time_ >= mice_interval) ask_mice();
}

void QmpInjector::answered(const Result<json, std::string>& reply) {
    const bool was_retry = phase_ == Phase::retrying;
    if (reply) {
        finish();
        return;
    }
    // Nothing of a list that is refused has been done.
    ++statistics_.rejected;
    translator_.guest = before_;
    if (was_retry) {
        finish();
        pay_later();
        return;
    }
    // QEMU may know of touch while the guest has no touch screen.
    if (reply.error().find("mtt") != std::string::npos) translator_.offers.touch = false;
    phase_ = Phase::refused;
    ask_mice();
}

/// Sends the keys, buttons, wheel and fingers of a refused list once more, without its motion.
void QmpInjector::retry() {
    json events = json::array();
    // What a hand has let go of meanwhile is not pressed again.
    std::erase_if(list_, [this](const Step& step) {
        const auto change = switch_of(step);
        return is_motion(step) || (change && change->down && !is_wanted(change->id));
    });
    if (running_)
        for (const Step& step : list_)
            translator_.append(step, events);
    if (events.empty()) {
        finish();
    } else {
        send_list(std::move(events), Phase::retrying);
    }
}

/// Releases that QEMU refused are owed for as long as the guest runs.
void QmpInjector::pay_later() {
    if (without(translator_.guest.down, wanted_).empty()) return;
    debt_timer_ = loop_.after(debt_interval, [this] {
        if (open() && phase_ == Phase::idle && queue_.empty()) return opened();
        pay_later();
    });
}

void QmpInjector::finish() {
    phase_ = Phase::idle;
    list_.clear();
    pump();
}

void QmpInjector::ask_mice() {
    if (mice_asked_) return;
    mice_asked_ = true;
    mice_time_ = Clock::now();
    execute("query-mice", {}, [this](const Result<json, std::string>& reply) {
        mice_asked_ = false;
        mice_known_ = true;
        // Not asked for nothing: a QEMU that does not tell gets what there is.
        translator_.mice = reply ? read_mice(*reply) : Mice{true, true};
        if (phase_ == Phase::refused) {
            retry();
        } else {
            pump();
        }
    });
}

void QmpInjector::ask_schema() {
    if (schema_ != Schema::unknown) return;
    schema_ = Schema::asked;
    execute("query-qmp-schema", {}, [this](const Result<json, std::string>& reply) {
        schema_ = Schema::known;
        if (reply) translator_.offers = read_offers(*reply);
        pump();
    });
}

}  // namespace scanthru::input
