// SPDX-License-Identifier: MIT
// The answers of a running scanthru on its control socket.
#include "base/log.h"
#include "input/key_table.h"
#include "presenter/app.h"
#include "presenter/screenshot.h"
#include "presenter/status.h"
#include "presenter/writeback.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <future>
#include <memory>
#include <unistd.h>

namespace scanthru {
namespace {

using nlohmann::json;

/// Two vblanks and the closing of a device; anything longer is a driver that hangs.
constexpr std::chrono::milliseconds let_go_limit{1000};

/// Two modesets and a second for the picture.
constexpr std::chrono::seconds capture_limit{3};

ControlAnswer refusal(const std::string& why) {
    return {.json = {{"ok", false}, {"error", why}}, .fd = UniqueFd{}};
}

std::string text_of(const json& request, const char* key) {
    const auto found = request.find(key);
    return found != request.end() && found->is_string() ? found->get<std::string>() : "";
}

/// What the hardware shows, where no CPU can read what is shown. The frame thread does it: it alone
/// commits on its CRTC.
Result<Pixels, std::string> capture(FrameThread& frames) {
    using Captured = Result<kms::HostPicture, std::string>;
    const auto promise = std::make_shared<std::promise<Captured>>();
    auto captured = promise->get_future();
    frames.run([promise](kms::Card& card, const kms::Pipeline& pipeline) {
        promise->set_value(capture_by_writeback(card, pipeline));
    });
    if (captured.wait_for(capture_limit) != std::future_status::ready)
        return tl::unexpected<std::string>{"the output's thread is held up in a call"};
    const auto picture = captured.get();
    if (!picture) return tl::unexpected{picture.error()};
    return read_host_picture(*picture);
}

/// What the CRTC has as the guest has it.
Pixels turn_upright(const Pixels& turned, kms::Rotation rotation) {
    Pixels upright = black_pixels(kms::rotated(turned.size, rotation));
    for (std::uint32_t y = 0; y < upright.size.height; ++y)
        for (std::uint32_t x = 0; x < upright.size.width; ++x) {
            const Rect pixel{static_cast<std::int32_t>(x),
                             static_cast<std::int32_t>(y),
                             {.width = 1, .height = 1}};
            const Rect from = kms::rotated(pixel, upright.size, rotation);
            const std::size_t source = static_cast<std::size_t>(from.y) * turned.size.width +
                                       static_cast<std::size_t>(from.x);
            const std::size_t target = std::size_t{y} * upright.size.width + x;
            std::copy_n(turned.rgb.begin() + static_cast<std::ptrdiff_t>(3 * source), 3,
                        upright.rgb.begin() + static_cast<std::ptrdiff_t>(3 * target));
        }
    return upright;
}

}  // namespace

ControlAnswer App::answer(const json& request) {
    const std::string command = text_of(request, "command");
    if (command == "status") return {.json = status(), .fd = UniqueFd{}};
    if (command == "flips") return flips(request);
    if (command == "screenshot") return screenshot(request);
    if (command == "switch") return switch_guest(request);
    if (command == "blank" || command == "unblank") return blank(request, command == "blank");
    if (command == "release") return release(request);
    if (command == "sendkey") return send_keys(request);
    return refusal(fmt::format("unknown command \"{}\": expected status, flips, screenshot, "
                               "switch, blank, unblank, sendkey or release",
                               command));
}

json App::status() const {
    json outputs = json::array();
    for (const auto& screen : screens_)
        outputs.push_back(describe(*screen));
    json guests = json::array();
    for (const auto& guest : guests_)
        guests.push_back(describe(*guest));
    for (json& guest : guests)
        if (const auto* const hands = hands_of(guest["name"])) guest["input"] = hands->describe();
    json devices = json::array();
    if (hands_)
        for (const auto& [id, device] : hands_->devices())
            devices.push_back(describe(device));
    return {{"ok", true},
            {"version", 1},
            {"scanthru", SCANTHRU_VERSION},
            {"pid", ::getpid()},
            {"outputs", outputs},
            {"guests", guests},
            {"seat", session_ ? json(session_->backend()) : json(nullptr)},
            {"devices", devices}};
}

/// The output that is meant: the first, where none is named.
Result<Screen*, std::string> App::find_output(const json& request) const {
    const std::string name = text_of(request, "output");
    const auto found = std::ranges::find_if(
        screens_, [&name](const auto& screen) { return name.empty() || screen->name() == name; });
    if (found != screens_.end()) return found->get();
    std::vector<std::string> names;
    for (const auto& screen : screens_)
        names.push_back(screen->name());
    return tl::unexpected{
        fmt::format("there is no output \"{}\"; there is {}", name, fmt::join(names, ", "))};
}

ControlAnswer App::flips(const json& request) const {
    const auto screen = find_output(request);
    if (!screen) return refusal(screen.error());
    json records = json::array();
    if (const Output* const output = (*screen)->output()) {
        const auto after = request.find("after");
        const bool given = after != request.end() && after->is_number_unsigned();
        for (const FlipRecord& flip :
             output->frames().flips().since(given ? after->get<std::uint64_t>() : 0))
            records.push_back(describe(flip));
    }
    return {.json = {{"ok", true}, {"flips", records}}, .fd = UniqueFd{}};
}

ControlAnswer App::screenshot(const json& request) {
    const auto screen = find_output(request);
    if (!screen) return refusal(screen.error());
    if ((*screen)->output() == nullptr) return refusal((*screen)->why_dark());
    FrameThread& frames = (*screen)->output()->frames();
    auto pixels = read_scene(frames.scene(), frames.view().screen);
    if (!pixels) {
        auto captured = capture(frames);
        if (!captured) return refusal(fmt::format("{}; and {}", pixels.error(), captured.error()));
        pixels = turn_upright(*captured, (*screen)->config().rotate);
    }
    auto png = encode_png(*pixels);
    if (!png) return refusal(png.error());
    return {.json = {{"ok", true}, {"width", pixels->size.width}, {"height", pixels->size.height}},
            .fd = *std::move(png)};
}

ControlAnswer App::switch_guest(const json& request) {
    const std::string name = text_of(request, "guest");
    const GuestLink* const guest = find_guest(name);
    if (guest == nullptr) return refusal(fmt::format("there is no guest \"{}\"", name));
    const auto found = find_output(request);
    if (!found) return refusal(found.error());
    show_guest(**found, name);
    return {.json = {{"ok", true}}, .fd = UniqueFd{}};
}

void App::show_guest(Screen& screen, const std::string& name) {
    if (screen.guest() == name) return;
    const std::string before = screen.guest();
    take_hands_off(screen);
    screen.choose(name);
    present_on(screen);
    show_edid(name);
    show_edid(before);
    log(LogLevel::info, "output {}: shows guest {}", screen.name(), name);
}

ControlAnswer App::send_keys(const json& request) {
    const auto keys = input::parse_chord(text_of(request, "keys"));
    if (!keys) return refusal(keys.error());
    const Screen* const screen = find_screen({});
    std::string name = text_of(request, "guest");
    if (name.empty() && screen != nullptr) name = screen->guest();
    if (find_guest(name) == nullptr) return refusal(fmt::format("there is no guest \"{}\"", name));
    const auto pressed = press(name, *keys);
    if (!pressed) return refusal(pressed.error());
    return {.json = {{"ok", true}}, .fd = UniqueFd{}};
}

ControlAnswer App::blank(const json& request, bool off) {
    const bool all = text_of(request, "output").empty();
    const auto found = find_output(request);
    if (!found) return refusal(found.error());
    for (const auto& screen : screens_)
        if (all || screen.get() == *found) screen->blank(off);
    return {.json = {{"ok", true}}, .fd = UniqueFd{}};
}

ControlAnswer App::release(const json& request) {
    const std::string name = text_of(request, "guest");
    GuestLink* const guest = find_guest(name);
    if (guest == nullptr) return refusal(fmt::format("there is no guest \"{}\"", name));
    guest->release();
    for (const auto& screen : screens_)
        if (screen->output() != nullptr &&
            (screen->guest() == name || screen->output()->frames().shows_former()) &&
            !screen->output()->frames().wait_attached(let_go_limit))
            return refusal(fmt::format("output {} is held up in a call and has not let go yet",
                                       screen->name()));
    return {.json = {{"ok", true}}, .fd = UniqueFd{}};
}

}  // namespace scanthru
