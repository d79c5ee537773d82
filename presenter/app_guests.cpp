// SPDX-License-Identifier: MIT
// The main thread's guests.
#include "presenter/app.h"

#include <algorithm>

namespace scanthru {

void App::add_guest(const GuestConfig& config, std::weak_ptr<GuestBuffers> before) {
    const std::string& name = config.name;
    const GuestLink::Listener listener{.attached =
                                           [this, name](const auto&) {
                                               present(name);
                                               show_edid(name);
                                           },
                                       .lost =
                                           [this, name] {
                                               present(name);
                                               if (const auto monitor = monitors_.find(name);
                                                   monitor != monitors_.end())
                                                   monitor->second.forget();
                                           },
                                       .changed =
                                           [this, name] {
                                               present(name);
                                           }};
    guests_.push_back(std::make_unique<GuestLink>(*loop_, config, listener));
    guests_.back()->start(std::move(before));
    present(name);
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
    if (!any) return;
    auto& monitor = monitors_.try_emplace(guest, *loop_, guest).first->second;
    if (lit == nullptr) return monitor.unplug(link->buffers());
    const auto& mode = link->config().edid.mode;
    monitor.show(link->buffers(), mode ? kms::generate_edid(*mode, {}) : lit->output()->edid());
}

}  // namespace scanthru
