// SPDX-License-Identifier: MIT
// The answers of a running scanthru on its control socket.
#include "presenter/app.h"
#include "presenter/screenshot.h"
#include "presenter/status.h"
#include "presenter/writeback.h"

#include <algorithm>
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
    FrameThread& frames = screen->output->frames();
    auto pixels = read_scene(frames.scene(), frames.view().screen);
    if (!pixels) {
        auto captured = capture(frames);
        if (!captured) return refusal(fmt::format("{}; and {}", pixels.error(), captured.error()));
        pixels = std::move(captured);
    }
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
