// SPDX-License-Identifier: MIT
#include "presenter/hands.h"

#include <tuple>
#include <utility>

namespace scanthru {
namespace {

using input::AbsoluteMotion;
using input::Event;
using input::Key;
using input::Touch;

/// Releases are none: they may be of the very keys that switched the screen off.
bool is_use(const Event& event) {
    if (const auto* const key = std::get_if<Key>(&event)) return key->down;
    if (const auto* const button = std::get_if<input::Button>(&event)) return button->down;
    if (const auto* const touch = std::get_if<Touch>(&event))
        return touch->phase == Touch::Phase::down || touch->phase == Touch::Phase::move;
    return true;
}

/// A guest's own device goes with it from screen to screen.
std::string desk_key(const input::DeviceInfo& device) {
    if (!device.guest.empty()) return "guest " + device.guest;
    return device.output.empty() ? std::string{} : "output " + device.output;
}

}  // namespace

void Hands::set_chords(std::vector<input::HostChord> chords) {
    chords_ = std::move(chords);
    for (auto& [key, desk] : desks_)
        desk.keys.set_chords(chords_);
}

void Hands::device_added(const input::DeviceInfo& device) {
    const std::string key = desk_key(device);
    devices_[device.id] = device;
    if (desks_.contains(key)) return;
    desks_.emplace(key, Desk{.output = device.output,
                             .guest = device.guest,
                             .pressed = {},
                             .keys = input::HostKeys{chords_}});
}

void Hands::device_removed(std::uint32_t device) {
    // Devices let go of what is held before they go; this is for what they forgot.
    if (!devices_.contains(device)) return;
    Desk& desk = desk_of(device);
    for (const Event& release : desk.pressed.releases_of(device)) {
        if (const auto* const key = std::get_if<Key>(&release))
            serve_key(desk, *key);
        else
            give(desk, release);
    }
    devices_.erase(device);
}

Hands::Desk& Hands::desk_of(std::uint32_t device) {
    return desks_.at(desk_key(devices_.at(device)));
}

GuestHands* Hands::guest_of(const Desk& desk) const {
    return desk.guest.empty() ? host_.on_output(desk.output) : host_.guest(desk.guest);
}

/// Where its guest is to be seen: there its places are, and its host keys act.
std::string Hands::output_of(const Desk& desk) const {
    return desk.guest.empty() || !desk.output.empty() ? desk.output : host_.seen_on(desk.guest);
}

void Hands::event(std::uint32_t device, const Event& event) {
    if (!devices_.contains(device)) return;
    Desk& desk = desk_of(device);
    if (is_use(event)) host_.used(output_of(desk));
    serve(desk, device, event);
}

void Hands::serve(Desk& desk, std::uint32_t device, const Event& event) {
    const auto placed = place(desk, event);
    if (!placed) return;
    const auto news = desk.pressed.take(device, *placed);
    if (!news) return;
    if (const auto* const key = std::get_if<Key>(&*news)) return serve_key(desk, *key);
    give(desk, *news);
}

void Hands::serve_key(Desk& desk, Key key) {
    const auto answer = desk.keys.feed(key);
    for (const Key& one : answer.to_guest)
        give(desk, one);
    if (!answer.action) return;
    batch_end();  // What the guest is to let go of comes before all that the action does.
    host_.act(*answer.action, output_of(desk));
}

/// On the guest's picture; nothing where a finger comes down beside it.
std::optional<Event> Hands::place(const Desk& desk, const Event& event) const {
    const auto* const motion = std::get_if<AbsoluteMotion>(&event);
    const auto* const touch = std::get_if<Touch>(&event);
    // Its size is told by asking: steps may have to become places in the guest.
    if (std::holds_alternative<input::RelativeMotion>(event))
        static_cast<void>(host_.picture(output_of(desk)));
    if (motion == nullptr && touch == nullptr) return event;
    const auto shown = host_.picture(output_of(desk));
    if (!shown) return event;
    if (motion != nullptr) return clamped(to_guest(*motion, *shown));
    const AbsoluteMotion place = to_guest({touch->x, touch->y}, *shown);
    if (touch->phase == Touch::Phase::down && !is_on_picture(place)) return std::nullopt;
    Touch moved = *touch;
    std::tie(moved.x, moved.y) = std::pair{clamped(place).x, clamped(place).y};
    return moved;
}

void Hands::give(const Desk& desk, const Event& event) {
    GuestHands* const guest = guest_of(desk);
    if (guest == nullptr) return;
    guest->send(event);
    touched_.insert(guest);
}

void Hands::batch_end() {
    for (GuestHands* const guest : std::exchange(touched_, {}))
        guest->flush();
}

void Hands::leave(const std::function<bool(const std::string& output)>& there, GuestHands* before) {
    for (auto& [key, desk] : desks_)
        if (!desk.guest.empty() || there(desk.output)) desk.keys.guest_changed();
    if (before == nullptr) return;
    touched_.erase(before);
    before->release_all();
}

}  // namespace scanthru
