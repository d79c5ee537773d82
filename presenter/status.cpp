// SPDX-License-Identifier: MIT
#include "presenter/status.h"

#include "base/clock.h"
#include "kms/formats.h"
#include "presenter/metrics.h"

#include <array>

namespace scanthru {
namespace {

using nlohmann::json;

json describe(const vfio::BufferKey& key) {
    const vfio::Geometry& geometry = key.geometry;
    return {{"id", key.dmabuf_id},
            {"width", geometry.size.width},
            {"height", geometry.size.height},
            {"stride", geometry.stride},
            {"format", kms::format_name(geometry.format)},
            {"modifier", kms::modifier_name(geometry.modifier)}};
}

json describe(const Rect& rect) {
    return {{"x", rect.x}, {"y", rect.y}, {"width", rect.size.width}, {"height", rect.size.height}};
}

json describe(const RejectedCounters& counters) {
    json reasons = json::object();
    for (std::size_t i = 0; i < counters.size(); ++i)
        reasons[std::string{vfio::to_string(static_cast<vfio::Rejected>(i))}] =
            counters.at(i).get();
    return reasons;
}

struct NamedCounter {
    const char* name;
    Counter FrameCounters::*counter;
};

constexpr std::array<NamedCounter, 17> named_counters{{
    {"frames", &FrameCounters::frames},
    {"flips", &FrameCounters::flips},
    {"refreshes", &FrameCounters::refreshes},
    {"modesets", &FrameCounters::modesets},
    {"late_flips", &FrameCounters::late_flips},
    {"gets", &FrameCounters::gets},
    {"framebuffers", &FrameCounters::framebuffers},
    {"cache_hits", &FrameCounters::cache_hits},
    {"cache_misses", &FrameCounters::cache_misses},
    {"evictions", &FrameCounters::evictions},
    {"no_news", &FrameCounters::no_news},
    {"copies", &FrameCounters::copies},
    {"torn", &FrameCounters::torn},
    {"unshowable", &FrameCounters::unshowable},
    {"refused_commits", &FrameCounters::refused_commits},
    {"put_off", &FrameCounters::put_off},
    {"clock_reads", &FrameCounters::clock_reads},
}};

const char* name_of(GuestLink::State state) {
    switch (state) {
    case GuestLink::State::waiting: return "waiting";
    case GuestLink::State::attached: return "attached";
    case GuestLink::State::released: return "released";
    }
    return "?";
}

std::string picture_text(const json& picture) {
    return fmt::format("{}x{} {} {}, stride {}, id {}", picture["width"].get<unsigned>(),
                       picture["height"].get<unsigned>(), picture["format"].get<std::string>(),
                       picture["modifier"].get<std::string>(), picture["stride"].get<unsigned>(),
                       picture["id"].get<unsigned>());
}

/// How the picture got on screen, and why not better.
std::string rung_text(const json& picture) {
    const json& target = picture["target"];
    std::string text = fmt::format(
        "{}, at {},{} {}x{}", picture["rung"].get<std::string>(), target["x"].get<int>(),
        target["y"].get<int>(), target["width"].get<unsigned>(), target["height"].get<unsigned>());
    if (!picture["obstacle"].is_null())
        text += fmt::format(" (not directly: {})", picture["obstacle"]["text"].get<std::string>());
    return text;
}

std::string rejected_text(const json& rejected) {
    std::string text;
    for (const auto& [plane, reasons] : rejected.items())
        for (const auto& [reason, count] : reasons.items())
            if (count.get<std::uint64_t>() > 0)
                text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", plane, reason,
                                    count.get<std::uint64_t>());
    return text.empty() ? "none" : text;
}

std::string guest_text(const json& guest) {
    const auto reason = guest["reason"].get<std::string>();
    return fmt::format("\nguest {}: {}{} ({}){}{}\n", guest["name"].get<std::string>(),
                       guest["state"].get<std::string>(),
                       guest["paused"].get<bool>() ? ", paused" : "",
                       guest["source"].get<std::string>(), reason.empty() ? "" : ": ", reason);
}

std::string dark_output_text(const json& output) {
    return fmt::format("\noutput {}: dark, guest {}: {}\n", output["name"].get<std::string>(),
                       output["guest"].get<std::string>(), output["reason"].get<std::string>());
}

/// What is on screen.
std::string pictures_text(const json& output) {
    const json& primary = output["primary"];
    const json& cursor = output["cursor"];
    const char* const nothing = output["message"].get<bool>() ? "a message" : "black";
    std::string text =
        fmt::format("  primary   {}\n", primary.is_null() ? nothing : picture_text(primary));
    if (!primary.is_null()) text += fmt::format("  shown     {}\n", rung_text(primary));
    return text + fmt::format("  cursor    {}\n",
                              cursor.is_null()
                                  ? "none"
                                  : fmt::format("{} at {},{}", picture_text(cursor),
                                                cursor["x"].get<int>(), cursor["y"].get<int>()));
}

std::string last_minute_text(const json& output) {
    const json& minute = output["last_minute"];
    std::string text =
        fmt::format("  {:<16}{} flips, {} missed, asked {:.0f} us before the vblank\n",
                    "last minute", minute["flips"].get<std::uint64_t>(),
                    minute["missed"].get<std::uint64_t>(), output["margin_us"].get<double>());
    for (const json& figure : minute["figures"])
        if (figure.contains("mean"))
            text += fmt::format("    {:<22}mean {:.3f}, p99 {:.3f}, max {:.3f} {}\n",
                                figure["name"].get<std::string>(), figure["mean"].get<double>(),
                                figure["p99"].get<double>(), figure["max"].get<double>(),
                                figure["unit"].get<std::string>());
    return text;
}

std::string lit_output_text(const json& output) {
    std::string text = fmt::format(
        "\noutput {} ({}, {}): {}x{} at {:.3f} Hz, guest {}\n", output["name"].get<std::string>(),
        output["card"].get<std::string>(), output["driver"].get<std::string>(),
        output["width"].get<unsigned>(), output["height"].get<unsigned>(),
        output["refresh_mhz"].get<double>() / 1000, output["guest"].get<std::string>());
    if (output["vrr"].get<bool>()) text += "  variable refresh rate\n";
    if (output["async"].get<bool>()) text += "  flips do not wait for refreshes (async)\n";
    if (output["blank"].get<bool>()) text += "  switched off (blank)\n";
    text += pictures_text(output);
    const json& counters = output["counters"];
    for (const NamedCounter& named : named_counters)
        text += fmt::format("  {:<16}{}\n", named.name, counters[named.name].get<std::uint64_t>());
    text += last_minute_text(output);
    return text + fmt::format("  {:<16}{}\n", "rejected", rejected_text(output["rejected"]));
}

}  // namespace

json describe(const Screen& screen) {
    if (screen.output() == nullptr)
        return {{"name", screen.name()},
                {"guest", screen.guest()},
                {"lit", false},
                {"reason", screen.why_dark()}};
    const Output& output = *screen.output();
    const OutputView view = output.frames().view();
    const FrameCounters& counters = output.frames().counters();
    json result{{"name", output.name()},
                {"lit", true},
                {"blank", view.blank},
                {"card", output.card().path()},
                {"driver", output.card().capabilities().driver},
                {"width", view.mode.width},
                {"height", view.mode.height},
                {"refresh_mhz", view.refresh_mhz},
                {"vrr", view.vrr},
                {"async", view.async},
                {"guest", screen.guest()},
                {"guest_attached", view.guest},
                {"message", view.message},
                {"says", screen.said().detail},
                {"primary", nullptr},
                {"cursor", nullptr}};
    if (view.primary) {
        json& primary = result["primary"] = describe(*view.primary);
        primary["rung"] = to_string(view.rung);
        primary["obstacle"] = nullptr;
        if (view.obstacle)
            primary["obstacle"] = {{"call", view.obstacle->call},
                                   {"errno", view.obstacle->code},
                                   {"text", fmt::format("{}", *view.obstacle)}};
        primary["source"] = describe(view.placement.source);
        primary["target"] = describe(view.placement.target);
    }
    if (view.cursor) {
        result["cursor"] = describe(*view.cursor);
        result["cursor"]["x"] = view.cursor_position.x;
        result["cursor"]["y"] = view.cursor_position.y;
    }
    for (const NamedCounter& named : named_counters)
        result["counters"][named.name] = (counters.*named.counter).get();
    result["margin_us"] = static_cast<double>(output.frames().margin().count()) / 1000;
    result["last_minute"] = last_minute(output.frames().flips().since(0),
                                        Clock::now().time_since_epoch().count(), output.period());
    result["rejected"] = {{"primary", describe(counters.rejected_primary)},
                          {"cursor", describe(counters.rejected_cursor)}};
    return result;
}

json describe(const GuestLink& guest) {
    json result{{"name", guest.config().name},
                {"source", vfio::to_string(guest.config().source)},
                {"state", name_of(guest.state())},
                {"paused", guest.paused()},
                {"reason", guest.reason()},
                {"pid", nullptr},
                {"abi", nullptr}};
    if (guest.pid()) result["pid"] = *guest.pid();
    if (guest.dialect()) result["abi"] = vfio::to_string(*guest.dialect());
    return result;
}

json describe(const input::DeviceInfo& device) {
    json kinds = json::array();
    if (device.kinds.keyboard) kinds.push_back("keyboard");
    if (device.kinds.pointer) kinds.push_back("pointer");
    if (device.kinds.touch) kinds.push_back("touch");
    if (device.kinds.tablet) kinds.push_back("tablet");
    return {{"name", device.name},
            {"node", device.node},
            {"kinds", kinds},
            {"output", device.output},
            {"guest", device.guest}};
}

json describe(const FlipRecord& flip) {
    return {{"number", flip.number},
            {"sequence", flip.sequence},
            {"asked_ns", flip.asked_ns},
            {"sampled_ns", flip.sampled_ns},
            {"entered_ns", flip.entered_ns},
            {"aimed_ns", flip.aimed_ns},
            {"shown_ns", flip.shown_ns},
            {"returned_ns", flip.returned_ns},
            {"primary_id", flip.primary_id},
            {"cursor_id", flip.cursor_id},
            {"cursor_x", flip.cursor_position.x},
            {"cursor_y", flip.cursor_position.y}};
}

std::string status_text(const json& status) {
    std::string text = fmt::format("scanthru {}, pid {}\n", status["scanthru"].get<std::string>(),
                                   status["pid"].get<int>());
    for (const json& guest : status["guests"])
        text += guest_text(guest);
    for (const json& output : status["outputs"])
        text += output["lit"].get<bool>() ? lit_output_text(output) : dark_output_text(output);
    return text;
}

}  // namespace scanthru
