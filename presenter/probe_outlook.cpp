// SPDX-License-Identifier: MIT
#include "presenter/probe_outlook.h"

#include "presenter/pixel_layout.h"
#include "presenter/refresh.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <drm_fourcc.h>
#include <fmt/format.h>

namespace scanthru {
namespace {

/// The judgement on one guest and one pipeline, as it grows.
class Judge {
public:
    Judge(const GuestReport& guest,
          const CardReport& card,
          const kms::Pipeline& pipeline,
          KernelVersion kernel)
        : guest_(guest),
          card_(card),
          pipeline_(pipeline),
          traits_(traits_of(card.capabilities.driver, kernel)) {
        report_.card = card.path;
        report_.connector = pipeline.connector.name;
        report_.outlook = Outlook::works;
    }

    OutlookReport conclude() {
        weigh_export();
        if (report_.outlook == Outlook::fails) return report_;
        weigh_card();
        weigh_primary();
        weigh_cursor();
        warn();
        return report_;
    }

private:
    void weigh_export();
    void weigh_card();
    void weigh_primary();
    void weigh_format(std::string why, const vfio::Geometry& geometry);
    void weigh_size(Size size);
    void weigh_cursor();
    void weigh_cursor_size(Size size);
    void warn();

    void remark(std::string sentence) { report_.reasons.push_back(std::move(sentence)); }

    void worsen(Outlook to, std::string why) {
        report_.outlook = std::max(report_.outlook, to);
        remark(std::move(why));
    }

    void copies(std::string why) {
        worsen(Outlook::copied, std::move(why) + ": the picture is copied, if a CPU can map it");
    }

    const GuestReport& guest_;
    const CardReport& card_;
    const kms::Pipeline& pipeline_;
    DriverTraits traits_;
    OutlookReport report_;
};

/// What keeps `plane` from showing this format; empty when nothing does.
std::string find_format_obstacle(const kms::Plane& plane,
                                 std::string_view kind,
                                 const vfio::Geometry& geometry) {
    if (plane.formats.contains(geometry.format, geometry.modifier)) return {};
    return fmt::format("the {} plane does not take {} with {}", kind,
                       kms::format_name(geometry.format), kms::modifier_name(geometry.modifier));
}

void Judge::weigh_export() {
    if (!guest_.problem.empty() || !guest_.abi) {
        worsen(Outlook::fails, "the guest cannot be asked");
    } else if (guest_.abi->exports == vfio::Export::region) {
        copies("the vGPU offers a memory region and no dma-bufs");
    } else if (guest_.abi->exports == vfio::Export::none) {
        worsen(Outlook::fails, "the device has no display");
    }
}

void Judge::weigh_card() {
    if (!card_.capabilities.prime_import)
        copies(fmt::format("driver {} imports no dma-bufs (DRM_PRIME_CAP_IMPORT)",
                           card_.capabilities.driver));
    if (traits_.refuses_foreign_dmabufs)
        copies(fmt::format("driver {} of this kernel refuses dma-bufs of other devices",
                           card_.capabilities.driver));
}

void Judge::weigh_primary() {
    if (!guest_.primary.problem.empty())
        return worsen(Outlook::fails,
                      fmt::format("the guest's primary plane: {}", guest_.primary.problem));
    if (!guest_.primary.plane)
        return worsen(Outlook::unknown, "the guest's primary plane is off: nothing to judge yet");
    const vfio::Geometry& geometry = guest_.primary.plane->buffer.geometry;
    if (auto why = find_format_obstacle(pipeline_.primary, "primary", geometry); !why.empty())
        weigh_format(std::move(why), geometry);
    else if (report_.outlook == Outlook::copied && geometry.modifier != DRM_FORMAT_MOD_LINEAR)
        worsen(Outlook::fails, "a CPU does not copy a tiled buffer");
    weigh_size(geometry.size);
}

/// For a format that the primary plane lacks.
void Judge::weigh_format(std::string why, const vfio::Geometry& geometry) {
    const std::uint32_t twin = twin_of(geometry.format);
    if (twin != 0 && pipeline_.primary.formats.contains(twin, geometry.modifier))
        return remark(
            fmt::format("{}, but {}, which is shown instead", why, kms::format_name(twin)));
    if (geometry.modifier == DRM_FORMAT_MOD_LINEAR) return copies(std::move(why));
    worsen(Outlook::fails, why + ", and a CPU does not copy a tiled buffer");
}

void Judge::weigh_size(Size size) {
    if (const kms::Mode* const mode = kms::choose_mode(pipeline_.modes, {.size = size}))
        return remark(fmt::format("mode {} has the guest's size", kms::to_string(*mode)));
    const Size screen = kms::size_of(pipeline_.mode);
    const std::string lacks =
        fmt::format("no mode has the guest's size, {}x{}", size.width, size.height);
    const bool smaller = size.width < screen.width || size.height < screen.height;
    if (smaller && traits_.primary_covers_crtc)
        return copies(fmt::format("{}, and driver {} shows no picture smaller than its mode, {}",
                                  lacks, card_.capabilities.driver,
                                  kms::to_string(pipeline_.mode)));
    remark(fmt::format("{}: shown {} {}", lacks,
                       smaller ? "centred, where the hardware can, in" : "in part on",
                       kms::to_string(pipeline_.mode)));
}

void Judge::weigh_cursor() {
    if (!guest_.cursor.problem.empty())
        return worsen(Outlook::without_cursor,
                      fmt::format("the guest's cursor plane: {}", guest_.cursor.problem));
    if (!guest_.cursor.plane) return;
    if (guest_.primary.plane && guest_.primary.plane->buffer == guest_.cursor.plane->buffer)
        return remark("asked for its cursor the vGPU answers with the primary plane: ignored");
    if (!pipeline_.cursor)
        return worsen(Outlook::without_cursor, "this output has no cursor plane");
    const vfio::Geometry& geometry = guest_.cursor.plane->buffer.geometry;
    if (auto why = find_format_obstacle(*pipeline_.cursor, "cursor", geometry); !why.empty())
        remark(why + ": it is copied");
    weigh_cursor_size(geometry.size);
}

void Judge::weigh_cursor_size(Size size) {
    const Size cap = card_.capabilities.cursor;
    const std::string what = fmt::format("the guest's cursor has {}x{}", size.width, size.height);
    if (size.width > cap.width || size.height > cap.height)
        return worsen(Outlook::without_cursor, fmt::format("{}, the hardware shows at most {}x{}",
                                                           what, cap.width, cap.height));
    if (size.width < traits_.min_cursor || size.height < traits_.min_cursor)
        return remark(fmt::format("{}, driver {} refuses less than {}x{}: it is copied", what,
                                  card_.capabilities.driver, traits_.min_cursor,
                                  traits_.min_cursor));
    const bool usual =
        size.width == size.height && (size.width == 64 || size.width == 128 || size.width == 256);
    if (traits_.cursor_sizes_fixed && !usual)
        return remark(fmt::format("{}, driver {} takes 64, 128 or 256 square: it is copied", what,
                                  card_.capabilities.driver));
}

/// What may still come between where nothing known does.
void Judge::warn() {
    if (report_.outlook == Outlook::fails) return;
    if (traits_.needs_vmap)
        remark("only the commit will tell whether the vGPU's buffers can be mapped (vmap)");
    if (card_.master == MasterState::held)
        remark("somebody else is DRM master now and has to let go first");
}

}  // namespace

std::string_view to_string(Outlook outlook) {
    switch (outlook) {
    case Outlook::works: return "works";
    case Outlook::copied: return "copied";
    case Outlook::without_cursor: return "without-cursor";
    case Outlook::unknown: return "unknown";
    case Outlook::fails: return "fails";
    }
    return "?";
}

bool GuestReport::would_work() const {
    return problem.empty() && std::ranges::any_of(outputs, [](const OutlookReport& output) {
               return output.outlook != Outlook::fails;
           });
}

bool ProbeReport::ok() const {
    const bool lit = std::ranges::any_of(cards, [](const CardReport& card) {
        return std::ranges::any_of(
            card.outputs, [](const OutputReport& output) { return output.pipeline.has_value(); });
    });
    return lit && std::ranges::all_of(guests, &GuestReport::would_work);
}

KernelVersion parse_kernel_version(std::string_view release) {
    KernelVersion version;
    const char* const end = release.data() + release.size();
    const auto [dot, error] = std::from_chars(release.data(), end, version.major);
    if (error != std::errc{} || dot == end || *dot != '.') return {};
    if (std::from_chars(dot + 1, end, version.minor).ec != std::errc{}) return {};
    return version;
}

DriverTraits traits_of(std::string_view driver, KernelVersion kernel) {
    DriverTraits traits;
    const auto say = [&traits](std::string note) {
        traits.notes.push_back(std::move(note));
    };
    if (driver == "virtio_gpu") {
        traits.primary_covers_crtc = true;
        traits.refuses_foreign_dmabufs = kernel.is_before({6, 14});
        if (traits.refuses_foreign_dmabufs)
            say("refuses dma-bufs of other devices before Linux 6.14: no guest can be shown "
                "directly");
    }
    if (driver == "vkms") {
        // XRES_MIN and vkms_plane_atomic_check(): so in 6.1, no longer in 6.12.
        const bool old = kernel.is_before({6, 12});
        traits.primary_covers_crtc = old;
        traits.needs_vmap = true;
        traits.min_cursor = old ? 20 : 10;
        say("composes with the CPU: the exporter of a buffer must let the kernel map it (vmap)");
        say(fmt::format("refuses framebuffers under {0}x{0}: smaller cursors are not shown",
                        traits.min_cursor));
    }
    if (driver == "amdgpu" || driver == "i915" || driver == "xe" || driver == "nouveau")
        say("a card with memory of its own may refuse buffers of other devices: only the import "
            "will tell");
    if (driver == "amdgpu") {
        traits.cursor_sizes_fixed = true;
        say("takes cursors of 64, 128 or 256 square only");
    }
    if (needs_refresh(Refresh::automatic, driver))
        say("copies when it commits: an unchanged picture is committed again at every frame");
    return traits;
}

OutlookReport judge(const GuestReport& guest,
                    const CardReport& card,
                    const kms::Pipeline& pipeline,
                    KernelVersion kernel) {
    return Judge{guest, card, pipeline, kernel}.conclude();
}

std::string find_trace_obstacle(const TracerRights& ours, const TraceeIds& theirs) {
    // Yama's last stage spares nobody.
    if (ours.yama_scope == 3)
        return "kernel.yama.ptrace_scope is 3: no process may take another one's descriptors until "
               "the next boot";
    if (ours.can_trace_all) return {};
    const bool same =
        std::ranges::all_of(theirs.uids, [&](uid_t uid) { return uid == ours.uid; }) &&
        std::ranges::all_of(theirs.gids, [&](gid_t gid) { return gid == ours.gid; });
    if (!same) return "it runs as another user or group: be root, or have CAP_SYS_PTRACE";
    if (ours.yama_scope.value_or(0) > 0)
        return fmt::format("kernel.yama.ptrace_scope is {}: be root, or have CAP_SYS_PTRACE, or "
                           "set it to 0",
                           *ours.yama_scope);
    return {};
}

}  // namespace scanthru
