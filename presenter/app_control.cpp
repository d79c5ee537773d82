// SPDX-License-Identifier: MIT
// The answers of a running scanthru on its control socket.
#include "presenter/app.h"
#include "presenter/screenshot.h"
#include "presenter/status.h"

#include <algorithm>
#include <unistd.h>

namespace scanthru {
namespace {

using nlohmann::json;

/// Two vblanks and the closing of a device; anything longer is a driver that hangs.
constexpr std::chrono::milliseconds let_go_limit{1000};

ControlAnswer refusal(const std::string& why) {
    return {.json = {{"ok", false}, {"error", why}}, .fd = UniqueFd{}};
}

std::string text_of(const json& request, const char* key) {
    const auto found = request.find(key);
    return found != request.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

ControlAnswer App::answer(const json& request) {
    const std::string command = text_of(request, "command");
    if (command == "status") return {.json = status(), .fd = UniqueFd{}};
    if (command == "flips") return flips(request);
    if (command == "screenshot") return screenshot(request);
    if (command == "release") return release(request);
    return refusal(fmt::format(
        "unknown command \"{}\": expected status, flips, screenshot or release", command));
}

json App::status() const {
    json outputs = json::array();
    for (const auto& screen : screens_)
        outputs.push_back(describe(*screen->output, screen->guest));
    json guests = json::array();
    for (const auto& guest : guests_)
        guests.push_back(describe(*guest));
    return {{"ok", true},        {"version", 1},       {"scanthru", SCANTHRU_VERSION},
            {"pid", ::getpid()}, {"outputs", outputs}, {"guests", guests}};
}

const App::Screen* App::find_output(const json& request) const {
    const std::string name = text_of(request, "output");
    const auto found = std::ranges::find_if(screens_, [&name](const auto& screen) {
        return name.empty() || screen->output->name() == name;
    });
    return found == screens_.end() ? nullptr : found->get();
}

ControlAnswer App::flips(const json& request) const {
    const Screen* const screen = find_output(request);
    if (screen == nullptr) return refusal("there is no such output");
    const auto after = request.find("after");
    json records = json::array();
    for (const FlipRecord& flip : screen->output->frames().flips().since(
             after != request.end() && after->is_number_unsigned() ? after->get<std::uint64_t>()
                                                                   : 0))
        records.push_back(describe(flip));
    return {.json = {{"ok", true}, {"flips", records}}, .fd = UniqueFd{}};
}

ControlAnswer App::screenshot(const json& request) {
    const Screen* const screen = find_output(request);
    if (screen == nullptr) return refusal("there is no such output");
    const FrameThread& frames = screen->output->frames();
    const auto pixels = read_scene(frames.scene(), frames.view().screen);
    if (!pixels) return refusal(pixels.error());
    auto png = encode_png(*pixels);
    if (!png) return refusal(png.error());
    return {.json = {{"ok", true}, {"width", pixels->size.width}, {"height", pixels->size.height}},
            .fd = *std::move(png)};
}

ControlAnswer App::release(const json& request) {
    const std::string name = text_of(request, "guest");
    const auto guest = std::ranges::find_if(
        guests_, [&name](const auto& link) { return link->config().name == name; });
    if (guest == guests_.end()) return refusal(fmt::format("there is no guest \"{}\"", name));
    (*guest)->release();
    for (const auto& screen : screens_)
        if (screen->guest == name && !screen->output->frames().wait_attached(let_go_limit))
            return refusal(fmt::format("output {} is held up in a call and has not let go yet",
                                       screen->output->name()));
    return {.json = {{"ok", true}}, .fd = UniqueFd{}};
}

}  // namespace scanthru
