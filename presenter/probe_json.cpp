// SPDX-License-Identifier: MIT
#include "presenter/probe_report.h"

namespace scanthru {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::string& sentence) {
    return sentence.empty() ? Json(nullptr) : Json(sentence);
}

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json render(Size size) {
    return {{"width", size.width}, {"height", size.height}};
}

Json render(const ProcessName& process) {
    return {{"pid", process.pid}, {"command", process.command}};
}

template <class Items, class Render>
Json render_all(const Items& items, Render render_one) {
    Json all = Json::array();
    for (const auto& item : items)
        all.push_back(render_one(item));
    return all;
}

Json render_processes(const std::vector<ProcessName>& processes) {
    return render_all(processes, [](const ProcessName& process) { return render(process); });
}

Json id_or_null(bool there, kms::ObjectId id) {
    return there ? Json(raw(id)) : Json(nullptr);
}

Json render(const kms::Pipeline& pipeline) {
    return {
        {"crtc", raw(pipeline.crtc.id)},
        {"primary", raw(pipeline.primary.id)},
        {"cursor", id_or_null(pipeline.cursor.has_value(),
                              pipeline.cursor ? pipeline.cursor->id : kms::ObjectId{})},
        {"writeback", id_or_null(pipeline.writeback.has_value(),
                                 pipeline.writeback ? pipeline.writeback->id : kms::ObjectId{})},
        {"mode", kms::to_string(pipeline.mode)}};
}

Json render_connector(const kms::Connector& connector, const CardReport& card) {
    Json json{{"id", raw(connector.id)},
              {"name", connector.name},
              {"connected", connector.connected},
              {"monitor", connector.monitor},
              {"writeback", connector.writeback},
              {"millimetres", render(connector.millimetres)},
              {"vrr", connector.vrr_capable},
              {"modes", connector.modes.size()},
              {"preferred", nullptr},
              {"pipeline", nullptr},
              {"problem", nullptr}};
    if (const kms::Mode* const mode = kms::choose_mode(connector.modes, {}))
        json["preferred"] = kms::to_string(*mode);
    for (const OutputReport& output : card.outputs) {
        if (output.connector != connector.name) continue;
        if (output.pipeline)
            json["pipeline"] = render(*output.pipeline);
        else
            json["problem"] = kms::to_string(output.pipeline.error());
    }
    return json;
}

std::string_view kind_name(kms::PlaneKind kind) {
    switch (kind) {
    case kms::PlaneKind::primary: return "primary";
    case kms::PlaneKind::cursor: return "cursor";
    case kms::PlaneKind::overlay: return "overlay";
    }
    return "?";
}

Json render_plane(const kms::Plane& plane, const kms::Topology& topology) {
    Json crtcs = Json::array();
    for (const kms::Crtc& crtc : topology.crtcs)
        if (crtc.index < 32 && (plane.possible_crtcs >> crtc.index & 1U) != 0)
            crtcs.push_back(raw(crtc.id));
    Json formats = Json::array();
    std::optional<std::uint32_t> last;
    for (const kms::FormatModifier& pair : plane.formats.all()) {
        if (last != pair.format)
            formats.push_back(
                {{"format", kms::format_name(pair.format)}, {"modifiers", Json::array()}});
        formats.back()["modifiers"].push_back(kms::modifier_name(pair.modifier));
        last = pair.format;
    }
    return {{"id", raw(plane.id)},
            {"kind", kind_name(plane.kind)},
            {"crtcs", std::move(crtcs)},
            {"formats", std::move(formats)}};
}

Json render_capabilities(const CardReport& card) {
    const kms::Capabilities& capabilities = card.capabilities;
    return {
        {"prime_import", capabilities.prime_import}, {"fb_modifiers", capabilities.fb_modifiers},
        {"dumb_buffers", capabilities.dumb_buffers}, {"writeback", capabilities.writeback},
        {"async_flips", capabilities.async_flips},   {"vblank", card.has_vblank},
        {"cursor", render(capabilities.cursor)}};
}

Json render_card(const CardReport& card) {
    const kms::Topology& topology = card.topology;
    return {
        {"path", card.path},
        {"problem", or_null(card.problem)},
        {"driver", or_null(card.capabilities.driver)},
        {"driver_version", or_null(card.capabilities.driver_version)},
        {"capabilities", render_capabilities(card)},
        {"master",
         {{"state", card.master == MasterState::free ? "free" : "held"},
          {"certain", card.holders_certain},
          {"processes", render_processes(card.holders)}}},
        {"notes", card.notes},
        {"connectors", render_all(topology.connectors,
                                  [&](const kms::Connector& connector) {
                                      return render_connector(connector, card);
                                  })},
        {"crtcs",
         render_all(
             topology.crtcs,
             [](const kms::Crtc& crtc) {
                 return Json{{"id", raw(crtc.id)}, {"index", crtc.index}, {"active", crtc.active}};
             })},
        {"planes", render_all(topology.planes, [&](const kms::Plane& plane) {
             return render_plane(plane, topology);
         })}};
}

Json render_mdev(const MdevReport& mdev) {
    return {{"uuid", mdev.uuid},
            {"type", or_null(mdev.type)},
            {"parent", or_null(mdev.parent)},
            {"iommu_group", or_null(mdev.group)},
            {"users", render_processes(mdev.users)},
            {"problem", or_null(mdev.problem)}};
}

Json render_process(const ProcessReport& process) {
    return {{"pid", process.process.pid},
            {"command", process.process.command},
            {"uid", process.uid},
            {"visible", process.visible},
            {"devices", process.devices},
            {"iommu_groups", process.groups},
            {"mdevs", process.mdevs},
            {"can_take", process.obstacle.empty()},
            {"obstacle", or_null(process.obstacle)}};
}

Json render_guest_plane(const GuestPlaneReport& report) {
    if (!report.plane)
        return {{"state", report.problem.empty() ? "off" : "problem"},
                {"problem", or_null(report.problem)}};
    const vfio::GuestPlane& plane = *report.plane;
    const vfio::Geometry& geometry = plane.buffer.geometry;
    Json json{{"state", "on"},
              {"problem", nullptr},
              {"id", plane.buffer.dmabuf_id},
              {"format", kms::format_name(geometry.format)},
              {"modifier", kms::modifier_name(geometry.modifier)},
              {"width", geometry.size.width},
              {"height", geometry.size.height},
              {"stride", geometry.stride},
              {"bytes", plane.bytes},
              {"x", plane.position.x},
              {"y", plane.position.y},
              {"hotspot", nullptr}};
    if (plane.hotspot) json["hotspot"] = {{"x", plane.hotspot->x}, {"y", plane.hotspot->y}};
    return json;
}

Json render_guest(const GuestReport& guest) {
    Json json{
        {"name", guest.name}, {"source", guest.source},      {"problem", or_null(guest.problem)},
        {"process", nullptr}, {"works", guest.would_work()}, {"dialect", nullptr},
        {"export", nullptr},  {"primary", nullptr},          {"cursor", nullptr}};
    if (guest.process) json["process"] = render(*guest.process);
    if (guest.abi) {
        json["dialect"] = vfio::to_string(guest.abi->dialect);
        json["export"] = vfio::to_string(guest.abi->exports);
        if (guest.abi->exports != vfio::Export::none) {
            json["primary"] = render_guest_plane(guest.primary);
            json["cursor"] = render_guest_plane(guest.cursor);
        }
    }
    json["outputs"] = render_all(guest.outputs, [](const OutlookReport& output) {
        return Json{{"card", output.card},
                    {"connector", output.connector},
                    {"outlook", to_string(output.outlook)},
                    {"reasons", output.reasons}};
    });
    return json;
}

}  // namespace

nlohmann::ordered_json render_json(const ProbeReport& report) {
    return {{"version", 1},
            {"ok", report.ok()},
            {"host",
             {{"kernel", report.kernel},
              {"uid", report.uid},
              {"cap_sys_ptrace", report.can_trace_all},
              {"yama_ptrace_scope", or_null(report.yama_scope)},
              {"seat", or_null(report.seat)}}},
            {"problems", report.problems},
            {"cards", render_all(report.cards, render_card)},
            {"mdevs", render_all(report.mdevs, render_mdev)},
            {"processes", render_all(report.processes, render_process)},
            {"guests", render_all(report.guests, render_guest)}};
}

}  // namespace scanthru
