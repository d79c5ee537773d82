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
    if (const auto kept = keep_inherited(*config); !kept)
        return log(LogLevel::error, "the configuration stays as it was: {}", kept.error());
    if (config->control != command_.config.control) {
        log(LogLevel::warning, "[control] takes effect when scanthru is started again");
        config->control = command_.config.control;
    }
    set_log_level(config->log_level);
    if (config->metrics != command_.config.metrics) remove_metrics();
    command_.config = *std::move(config);
    // Guests and outputs may change hands: nothing is to stay down where it was.
    for (const auto& screen : screens_)
        take_hands_off(*screen);
    for (const auto& [name, hands] : guest_hands_)
        hands->release_all();
    reload_guests();
    reload_outputs();
    reload_hands();
    for (const auto& guest : guests_)
        show_edid(guest->config().name);
    write_metrics();
    log(LogLevel::info, "the configuration was read again");
}

/// Descriptors are inherited once. The error is a sentence.
Result<void, std::string> App::keep_inherited(Config& config) const {
    for (GuestConfig& guest : config.guests) {
        if (!std::holds_alternative<vfio::InheritedSource>(guest.source)) continue;
        const auto& old = command_.config.guests;
        const auto same = std::ranges::find(old, guest.source, &GuestConfig::source);
        if (same == old.end())
            return tl::unexpected<std::string>{
                fmt::format("guest {}: fd: guests can only be given at the start", guest.name)};
        if (*same != guest)
            log(LogLevel::warning, "guest {}: what has changed takes effect at the next start",
                same->name);
        guest = *same;
    }
    return check_config(config);
}

/// Guests that are configured as before keep their devices.
void App::reload_guests() {
    const auto& wanted = command_.config.guests;
    OldBuffers old;
    std::erase_if(guests_, [&](auto& link) {
        if (std::ranges::find(wanted, link->config()) != wanted.end()) return false;
        const std::string name = link->config().name;
        old.emplace_back(link->buffers());
        monitors_.erase(name);
        guest_hands_.erase(name);
        for (const auto& screen : screens_)
            if (screen->guest() == name) screen->attach(nullptr);
        return true;
    });
    for (const auto& screen : screens_)
        screen->drop_former();
    // One device may be called by several names: a new link waits for all that have been left.
    for (const GuestConfig& config : wanted)
        if (find_guest(config.name) == nullptr) add_guest(config, old);
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
