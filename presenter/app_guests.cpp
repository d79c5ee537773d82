// SPDX-License-Identifier: MIT
// The main thread's guests.
#include "presenter/app.h"

#include <algorithm>

namespace scanthru {

void App::add_guest(const GuestConfig& config, OldBuffers before) {
    const std::string& name = config.name;
    const GuestLink::Listener listener{.attached =
                                           [this, name](const auto&) {
                                               present(name);
                                               show_edid(name);
                                           },
                                       .lost = [this, name] { on_lost(name); },
                                       .changed =
                                           [this, name] {
                                               tell_whether_it_runs(name);
                                               present(name);
                                           },
                                       .monitor =
                                           [this, name](QmpClient* monitor) {
                                               if (auto* const hands = hands_of(name))
                                                   hands->source_monitor(monitor);
                                           },
                                       .rebooted =
                                           [this, name] {
                                               if (auto* const hands = hands_of(name))
                                                   hands->forget();
                                           }};
    guest_hands_[name] = std::make_unique<GuestHands>(
        *loop_, config, [this, name](input::UinputSink::Leds leds) { show_leds(name, leds); });
    guests_.push_back(std::make_unique<GuestLink>(*loop_, config, listener));
    guests_.back()->start(std::move(before));
    present(name);
}

void App::tell_whether_it_runs(const std::string& guest) {
    const GuestLink* const link = find_guest(guest);
    GuestHands* const hands = hands_of(guest);
    if (link != nullptr && hands != nullptr) hands->source_runs(!link->paused());
}

/// Its device is to be let go of, also where another guest has taken its place.
void App::on_lost(const std::string& guest) {
    present(guest);
    for (const auto& screen : screens_)
        screen->drop_former();
    if (const auto monitor = monitors_.find(guest); monitor != monitors_.end())
        monitor->second.forget();
}

GuestLink* App::find_guest(const std::string& name) const {
    const auto found = std::ranges::find_if(
        guests_, [&name](const auto& link) { return link->config().name == name; });
    return found != guests_.end() ? found->get() : nullptr;
}

/// Lets the guest believe in the monitor on which it is to be seen: the first of several; in none
/// while all of them are dark.
void App::show_edid(const std::string& guest) {
    const GuestLink* const link = find_guest(guest);
    if (link == nullptr || !link->buffers() || link->config().edid.off) return;
    const Screen* lit = nullptr;
    bool any = false;
    for (const auto& screen : screens_) {
        if (screen->guest() != guest) continue;
        any = true;
        if (lit == nullptr && screen->output() != nullptr) lit = screen.get();
    }
    auto& monitor = monitors_.try_emplace(guest, *loop_, guest).first->second;
    if (!any) return monitor.show(link->buffers(), {});
    if (lit == nullptr) return monitor.unplug(link->buffers());
    const auto& mode = link->config().edid.mode;
    monitor.show(link->buffers(), mode ? kms::generate_edid(*mode, {}) : lit->output()->edid());
}

}  // namespace scanthru
