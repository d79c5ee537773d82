// SPDX-License-Identifier: MIT
#include "kms/edid.h"
#include "kms/topology.h"

#include <algorithm>
#include <bit>
#include <drm_fourcc.h>

namespace scanthru::kms {
namespace {

/// The search for one wish, over one topology.
class Search {
public:
    Search(const Topology& topology, const Wish& wish) : topology_(topology), wish_(wish) {}

    Result<const Connector*, NoPipeline> connector() const;
    std::vector<const Crtc*> crtcs(const Connector& connector) const;
    const Plane* plane(const Crtc& crtc, PlaneKind kind) const;
    const Connector* writeback(const Crtc& crtc) const;

private:
    bool is_free(ObjectId object) const {
        return std::ranges::find(wish_.taken, object) == wish_.taken.end();
    }

    bool drives_another(const Crtc& crtc, const Connector& connector) const {
        return std::ranges::any_of(topology_.connectors, [&](const Connector& other) {
            return other.id != connector.id && other.crtc == crtc.id;
        });
    }

    const Topology& topology_;
    const Wish& wish_;
};

bool reaches(std::uint32_t possible_crtcs, const Crtc& crtc) {
    return crtc.index < 32 && (possible_crtcs >> crtc.index & 1U) != 0;
}

Result<const Connector*, NoPipeline> Search::connector() const {
    const bool named = !wish_.connector.empty();
    const bool known = !wish_.monitor.empty();
    bool found = false;
    for (const Connector& connector : topology_.connectors) {
        if (connector.writeback || (named && connector.name != wish_.connector)) continue;
        found = true;
        if (known && !is_monitor(connector.monitor, wish_.monitor)) continue;
        if (named && !known) return &connector;
        if (connector.connected && is_free(connector.id) && (named || is_free(connector.crtc)))
            return &connector;
    }
    if (named && !found) return tl::unexpected{NoPipeline::no_such_connector};
    return tl::unexpected{known ? NoPipeline::no_such_monitor : NoPipeline::no_connected_output};
}

/// Best first: the one that drives it already, then those that drive nobody else.
std::vector<const Crtc*> Search::crtcs(const Connector& connector) const {
    std::vector<const Crtc*> usable;
    for (const Crtc& crtc : topology_.crtcs)
        if (reaches(connector.possible_crtcs, crtc) && is_free(crtc.id)) usable.push_back(&crtc);
    const auto effort = [&](const Crtc* crtc) {
        if (crtc->id == connector.crtc) return 0;
        return drives_another(*crtc, connector) ? 2 : 1;
    };
    std::ranges::stable_sort(usable, {}, effort);
    return usable;
}

const Plane* Search::plane(const Crtc& crtc, PlaneKind kind) const {
    const Plane* best = nullptr;
    for (const Plane& plane : topology_.planes) {
        if (plane.kind != kind || !reaches(plane.possible_crtcs, crtc) || !is_free(plane.id))
            continue;
        // A plane that can serve other CRTCs too is left to them where there is a choice.
        if (best == nullptr ||
            std::popcount(plane.possible_crtcs) < std::popcount(best->possible_crtcs))
            best = &plane;
    }
    return best;
}

const Connector* Search::writeback(const Crtc& crtc) const {
    const auto found = std::ranges::find_if(topology_.connectors, [&](const Connector& connector) {
        return connector.writeback && reaches(connector.possible_crtcs, crtc) &&
               is_free(connector.id);
    });
    return found != topology_.connectors.end() ? &*found : nullptr;
}

Result<Mode, NoPipeline> choose_mode_for(std::span<const Mode> modes, const ModeWish& wish) {
    const Mode* chosen = choose_mode(modes, wish);
    // A rate that there is not gives way to the size: a picture is better than none.
    if (chosen == nullptr && wish.size) chosen = choose_mode(modes, {.size = wish.size});
    if (chosen == nullptr && !wish.size) chosen = choose_mode(modes, ModeWish{});
    if (chosen == nullptr) return tl::unexpected{NoPipeline::no_mode};
    return *chosen;
}

bool turns(const Plane& plane, Rotation rotation) {
    return (plane.rotations & rotation_bit(rotation)) != 0;
}

template <class T>
std::optional<T> copied(const T* value) {
    return value != nullptr ? std::optional{*value} : std::nullopt;
}

void fill_way(Pipeline& pipeline,
              const Search& search,
              const Crtc& crtc,
              const Plane& primary,
              Rotation rotation) {
    pipeline.crtc = crtc;
    pipeline.primary = primary;
    pipeline.rotation = rotation;
    for (const PlaneKind kind : {PlaneKind::cursor, PlaneKind::overlay}) {
        const Plane* const plane = search.plane(crtc, kind);
        if (plane == nullptr || !turns(*plane, rotation)) continue;
        const bool blends = plane->formats.contains(DRM_FORMAT_ARGB8888, DRM_FORMAT_MOD_LINEAR);
        if (kind == PlaneKind::overlay && !blends) continue;
        pipeline.cursor = *plane;
        break;
    }
    pipeline.writeback = copied(search.writeback(crtc));
}

}  // namespace

std::string_view to_string(NoPipeline reason) {
    switch (reason) {
    case NoPipeline::no_such_connector: return "this card has no connector of that name";
    case NoPipeline::no_such_monitor: return "no such monitor is plugged in";
    case NoPipeline::no_connected_output: return "nothing is plugged in";
    case NoPipeline::no_mode: return "the output has no such mode";
    case NoPipeline::no_free_crtc: return "no CRTC is left for this output";
    case NoPipeline::no_rotation: return "its plane does not turn pictures by that angle";
    case NoPipeline::no_primary_plane: return "no primary plane is left for this output";
    }
    return "unknown reason";
}

Result<Pipeline, NoPipeline> choose(const Topology& topology, const Wish& wish) {
    const Search search{topology, wish};
    const auto connector = search.connector();
    if (!connector) return tl::unexpected{connector.error()};

    Pipeline pipeline;
    pipeline.connector = **connector;
    pipeline.modes = wish.extra_modes;
    pipeline.modes.insert(pipeline.modes.end(), pipeline.connector.modes.begin(),
                          pipeline.connector.modes.end());
    if (pipeline.modes.empty() && !pipeline.connector.connected)
        return tl::unexpected{NoPipeline::no_connected_output};
    const auto mode = choose_mode_for(pipeline.modes, wish.mode);
    if (!mode) return tl::unexpected{mode.error()};
    pipeline.mode = *mode;

    const auto crtcs = search.crtcs(pipeline.connector);
    if (crtcs.empty()) return tl::unexpected{NoPipeline::no_free_crtc};
    for (const Crtc* const crtc : crtcs) {
        const Plane* const primary = search.plane(*crtc, PlaneKind::primary);
        if (primary == nullptr) continue;
        if (!turns(*primary, wish.rotation)) return tl::unexpected{NoPipeline::no_rotation};
        fill_way(pipeline, search, *crtc, *primary, wish.rotation);
        pipeline.vrr =
            wish.vrr && pipeline.connector.vrr_capable && crtc->properties.vrr_enabled.has_value();
        return pipeline;
    }
    return tl::unexpected{NoPipeline::no_primary_plane};
}

}  // namespace scanthru::kms
