// SPDX-License-Identifier: MIT
// What is configured, and what of it changes when it is read again.
#include "base/log.h"
#include "presenter/app.h"

#include <algorithm>

namespace scanthru {

std::string App::first_guest_of(const OutputConfig& output) const {
    if (!output.guest.empty()) return output.guest;
    const auto& guests = command_.config.guests;
    return guests.empty() ? std::string{} : guests.front().name;
}

/// SIGHUP. A faulty configuration changes nothing.
void App::reload() {
    auto config = read_again(command_);
    if (!config)
        return log(LogLevel::error, "the configuration stays as it was: {}", config.error());
    if (config->control != command_.config.control) {
        log(LogLevel::warning, "[control] takes effect when scanthru is started again");
        config->control = command_.config.control;
    }
    set_log_level(config->log_level);
    command_.config = *std::move(config);
    reload_guests();
    reload_outputs();
    for (const auto& guest : guests_)
        show_edid(guest->config().name);
    log(LogLevel::info, "the configuration was read again");
}

/// Guests that are configured as before keep their devices.
void App::reload_guests() {
    const auto& wanted = command_.config.guests;
    std::vector<std::pair<vfio::GuestSource, std::weak_ptr<GuestBuffers>>> old;
    std::erase_if(guests_, [&](auto& link) {
        if (std::ranges::find(wanted, link->config()) != wanted.end()) return false;
        const std::string name = link->config().name;
        old.emplace_back(link->config().source, link->buffers());
        monitors_.erase(name);
        for (const auto& screen : screens_)
            if (screen->guest() == name) screen->attach(nullptr);
        return true;
    });
    for (const GuestConfig& config : wanted) {
        if (find_guest(config.name) != nullptr) continue;
        const auto same =
            std::ranges::find(old, config.source, [](const auto& one) { return one.first; });
        add_guest(config, same != old.end() ? same->second : std::weak_ptr<GuestBuffers>{});
    }
}

/// Outputs that are configured as before stay as they are, with the guest they were switched to.
void App::reload_outputs() {
    const auto wanted = outputs_of(command_.config);
    std::erase_if(screens_, [&](const auto& screen) {
        return std::ranges::none_of(wanted, [&](const OutputConfig& config) {
            return is_same_output(config, screen->config());
        });
    });
    std::vector<Screen*> changed;
    for (const OutputConfig& config : wanted) {
        const auto known = std::ranges::find_if(
            screens_, [&](const auto& screen) { return is_same_output(config, screen->config()); });
        if (known == screens_.end()) {
            changed.push_back(&add_screen(config));
            continue;
        }
        Screen& screen = **known;
        const bool other_guest = config.guest != screen.config().guest;
        if (other_guest || find_guest(screen.guest()) == nullptr)
            screen.choose(first_guest_of(config));
        if (screen.config() == config) continue;
        screen.configure(config);
        changed.push_back(&screen);
    }
    refresh_cards();
    for (Screen* const screen : changed)
        light(*screen);
    cards_.drop_unused();
    for (const auto& screen : screens_)
        present_on(*screen);
}

}  // namespace scanthru
