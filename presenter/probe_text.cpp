// SPDX-License-Identifier: MIT
#include "presenter/probe_report.h"
#include "presenter/words.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <map>

namespace scanthru {
namespace {

constexpr std::size_t label_width = 12;

/// Text that grows line by line: a headline, and below it labelled lines.
class Page {
public:
    template <class... Args>
    void headline(fmt::format_string<Args...> format, Args&&... args) {
        if (!text_.empty()) text_ += '\n';
        text_ += fmt::format(format, std::forward<Args>(args)...) + '\n';
    }

    void line(std::string_view label, std::string_view words) {
        text_ += fmt::format("  {:<{}} {}\n", label, label_width, words);
    }

    /// The label stands before the first only.
    void lines(std::string_view label, const std::vector<std::string>& all) {
        for (const std::string& words : all) {
            line(label, words);
            label = {};
        }
    }

    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

std::string name(const ProcessName& process) {
    return fmt::format("{} (pid {})", process.command, process.pid);
}

std::string name_all(const std::vector<ProcessName>& processes) {
    std::vector<std::string> names;
    std::ranges::transform(processes, std::back_inserter(names), name);
    return fmt::format("{}", fmt::join(names, ", "));
}

void render_host(Page& page, const ProbeReport& report) {
    std::string rights = report.can_trace_all ? "CAP_SYS_PTRACE" : "no CAP_SYS_PTRACE";
    if (report.yama_scope) rights += fmt::format(", ptrace_scope {}", *report.yama_scope);
    page.headline("Linux {}, uid {}, {}", report.kernel, report.uid, rights);
    if (!report.seat.empty()) page.line("seat", "by " + report.seat);
    page.lines("missing", report.problems);
}

std::string describe_master(const CardReport& card) {
    if (card.master == MasterState::free) return "nobody now";
    if (card.holders.empty()) return "somebody who cannot be seen from here";
    return fmt::format("{}{}", card.holders_certain ? "" : "one of ", name_all(card.holders));
}

void render_capabilities(Page& page, const CardReport& card) {
    const kms::Capabilities& has = card.capabilities;
    std::vector<std::string_view> can;
    std::vector<std::string_view> cannot;
    const auto sort = [&](bool there, std::string_view what) {
        (there ? can : cannot).push_back(what);
    };
    sort(has.prime_import, "import dma-bufs");
    sort(has.fb_modifiers, "modifiers");
    sort(has.dumb_buffers, "dumb buffers");
    sort(has.writeback, "writeback");
    sort(has.async_flips, "async flips");
    sort(card.has_vblank, "vblank");
    if (!can.empty()) page.line("can", fmt::format("{}", fmt::join(can, ", ")));
    if (!cannot.empty()) page.line("cannot", fmt::format("{}", fmt::join(cannot, ", ")));
    page.line("cursor", fmt::format("{}x{}", has.cursor.width, has.cursor.height));
}

std::string describe_pipeline(const kms::Pipeline& pipeline) {
    std::string words =
        fmt::format("would show {} by CRTC {}, primary plane {}", kms::to_string(pipeline.mode),
                    raw(pipeline.crtc.id), raw(pipeline.primary.id));
    words += pipeline.cursor ? fmt::format(", cursor plane {}", raw(pipeline.cursor->id))
                             : ", no cursor plane";
    if (pipeline.writeback) words += fmt::format(", {}", pipeline.writeback->name);
    return words;
}

void render_connector(Page& page, const kms::Connector& connector, const CardReport& card) {
    if (connector.writeback) return page.line(connector.name, "for screenshots (writeback)");
    if (!connector.connected) return page.line(connector.name, "not connected");
    std::string words = fmt::format("connected, {} mode{}", connector.modes.size(),
                                    connector.modes.size() == 1 ? "" : "s");
    if (const kms::Mode* const mode = kms::choose_mode(connector.modes, {}))
        words += fmt::format(", preferred {}", kms::to_string(*mode));
    if (connector.millimetres != Size{})
        words +=
            fmt::format(", {}x{} mm", connector.millimetres.width, connector.millimetres.height);
    if (connector.vrr_capable) words += ", variable refresh rate";
    if (!connector.monitor.empty()) words += fmt::format(", monitor \"{}\"", connector.monitor);
    page.line(connector.name, words);
    for (const OutputReport& output : card.outputs)
        if (output.connector == connector.name)
            page.line("", output.pipeline ? describe_pipeline(*output.pipeline)
                                          : fmt::format("cannot be used: {}",
                                                        kms::to_string(output.pipeline.error())));
}

std::string_view kind_name(kms::PlaneKind kind) {
    switch (kind) {
    case kms::PlaneKind::primary: return "primary";
    case kms::PlaneKind::cursor: return "cursor";
    case kms::PlaneKind::overlay: return "overlay";
    }
    return "?";
}

/// "XR24 AR24: LINEAR, I915_X_TILED; C8: LINEAR": formats with the same modifiers together.
std::string describe_formats(const kms::FormatSet& formats) {
    std::map<std::string, std::vector<std::string>> modifiers_of;
    std::vector<std::string> order;
    for (const kms::FormatModifier& pair : formats.all()) {
        const std::string format = kms::format_name(pair.format);
        if (!modifiers_of.contains(format)) order.push_back(format);
        modifiers_of[format].push_back(kms::modifier_name(pair.modifier));
    }
    std::vector<std::pair<std::string, std::string>> groups;  // Modifiers, formats.
    for (const std::string& format : order) {
        const std::string modifiers = fmt::format("{}", fmt::join(modifiers_of[format], ", "));
        const auto same =
            std::ranges::find(groups, modifiers, &std::pair<std::string, std::string>::first);
        if (same == groups.end())
            groups.emplace_back(modifiers, format);
        else
            same->second += ' ' + format;
    }
    std::vector<std::string> words;
    words.reserve(groups.size());
    for (const auto& [modifiers, names] : groups)
        words.push_back(fmt::format("{}: {}", names, modifiers));
    return words.empty() ? "no formats" : fmt::format("{}", fmt::join(words, "; "));
}

void render_planes(Page& page, const kms::Topology& topology) {
    std::vector<std::string> crtcs;
    for (const kms::Crtc& crtc : topology.crtcs)
        crtcs.push_back(fmt::format("{}{}", raw(crtc.id), crtc.active ? " (on)" : ""));
    page.line("CRTCs", fmt::format("{}", fmt::join(crtcs, ", ")));
    for (const kms::Plane& plane : topology.planes) {
        std::vector<std::uint32_t> reached;
        for (const kms::Crtc& crtc : topology.crtcs)
            if (crtc.index < 32 && (plane.possible_crtcs >> crtc.index & 1U) != 0)
                reached.push_back(raw(crtc.id));
        page.line(fmt::format("plane {}", raw(plane.id)),
                  fmt::format("{:<7} on CRTC {}, {}", kind_name(plane.kind),
                              fmt::join(reached, ", "), describe_formats(plane.formats)));
    }
}

void render_card(Page& page, const CardReport& card) {
    const kms::Capabilities& has = card.capabilities;
    page.headline("card {}{}", card.path,
                  has.driver.empty() ? std::string{}
                                     : fmt::format(": {} {}", has.driver, has.driver_version));
    if (!card.problem.empty()) return page.line("unusable", card.problem);
    render_capabilities(page, card);
    page.line("master", describe_master(card));
    page.lines("note", card.notes);
    for (const kms::Connector& connector : card.topology.connectors)
        render_connector(page, connector, card);
    render_planes(page, card.topology);
}

void render_mdev(Page& page, const MdevReport& mdev) {
    page.headline("mdev {}: {} of {}{}", mdev.uuid, mdev.type.empty() ? "?" : mdev.type,
                  mdev.parent, mdev.group.empty() ? "" : ", IOMMU group " + mdev.group);
    if (!mdev.problem.empty()) page.line("problem", mdev.problem);
    page.line("used by", mdev.users.empty() ? "nobody who can be seen" : name_all(mdev.users));
}

void render_process(Page& page, const ProcessReport& process) {
    page.headline("process {}, uid {}", name(process.process), process.uid);
    if (process.visible)
        page.line("holds", fmt::format("{} VFIO device{}, IOMMU groups: {}", process.devices,
                                       process.devices == 1 ? "" : "s",
                                       process.groups.empty()
                                           ? std::string{"none"}
                                           : fmt::format("{}", fmt::join(process.groups, ", "))));
    page.lines("mdev", process.mdevs);
    page.line("takeable", process.obstacle.empty() ? "yes, by its QMP socket (qmp:SOCKET)"
                                                   : "no: " + process.obstacle);
}

std::string describe_plane(const GuestPlaneReport& report, bool cursor) {
    if (!report.problem.empty()) return report.problem;
    if (!report.plane) return "off";
    const vfio::GuestPlane& plane = *report.plane;
    std::string words = to_string(plane.buffer.geometry);
    if (cursor) {
        words += fmt::format(", at {},{}", plane.position.x, plane.position.y);
        if (plane.hotspot)
            words += fmt::format(", hotspot {},{}", plane.hotspot->x, plane.hotspot->y);
    }
    return words + fmt::format(", id {} (not imported)", plane.buffer.dmabuf_id);
}

std::string_view verdict(Outlook outlook) {
    switch (outlook) {
    case Outlook::works: return "would work";
    case Outlook::copied: return "would work by copying";
    case Outlook::without_cursor: return "would work without its cursor";
    case Outlook::unknown: return "cannot be told now";
    case Outlook::fails: return "would not work";
    }
    return "?";
}

void render_guest(Page& page, const GuestReport& guest) {
    page.headline("guest {}{}",
                  guest.name.empty() || guest.name == guest.source ? std::string{}
                                                                   : guest.name + ": ",
                  guest.source);
    if (guest.process) page.line("process", name(*guest.process));
    if (guest.abi)
        page.line("display", fmt::format("{}, {} dialect", vfio::to_string(guest.abi->exports),
                                         vfio::to_string(guest.abi->dialect)));
    if (!guest.problem.empty()) return page.line("problem", guest.problem);
    page.line("primary", describe_plane(guest.primary, false));
    page.line("cursor", describe_plane(guest.cursor, true));
    if (guest.outputs.empty()) page.line("outputs", "there is none to show it on");
    for (const OutlookReport& output : guest.outputs) {
        page.line(output.connector, fmt::format("{} ({})", verdict(output.outlook), output.card));
        page.lines("", output.reasons);
    }
}

}  // namespace

std::string render_text(const ProbeReport& report) {
    Page page;
    render_host(page, report);
    for (const CardReport& card : report.cards)
        render_card(page, card);
    for (const MdevReport& mdev : report.mdevs)
        render_mdev(page, mdev);
    for (const ProcessReport& process : report.processes)
        render_process(page, process);
    for (const GuestReport& guest : report.guests)
        render_guest(page, guest);
    return page.take();
}

}  // namespace scanthru
