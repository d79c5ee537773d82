// SPDX-License-Identifier: MIT
#include "kms/takeover.h"

#include "kms/modeset.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace scanthru::kms {
namespace {

constexpr std::array<std::string_view, 2> crtc_state{"ACTIVE", "VRR_ENABLED"};
constexpr std::array<std::string_view, 4> crtc_blobs{"MODE_ID", "CTM", "GAMMA_LUT", "DEGAMMA_LUT"};
constexpr std::array<std::string_view, 14> plane_state{
    "FB_ID",
    "CRTC_ID",
    "SRC_X",
    "SRC_Y",
    "SRC_W",
    "SRC_H",
    "CRTC_X",
    "CRTC_Y",
    "CRTC_W",
    "CRTC_H",
    "rotation",
    "alpha",
    "pixel blend mode",
    "zpos",
};

/// A property that exists and takes other values, or null.
const PropertyValue* writable(const PropertyMap& properties, std::string_view name) {
    const auto found = properties.find(name);
    return found != properties.end() && found->second.writable() ? &found->second : nullptr;
}

bool is_ours(const Plane& plane, const Pipeline& pipeline) {
    return plane.id == pipeline.primary.id || (pipeline.cursor && plane.id == pipeline.cursor->id);
}

bool is_on(const PropertyMap& plane, ObjectId crtc) {
    const auto found = plane.find("CRTC_ID");
    return found != plane.end() && found->second.value == raw(crtc);
}

/// Whether a commit was refused for what it asks and not for who asks.
bool cannot_show(const Error& error) {
    constexpr std::array refusals{EINVAL, ENOENT, ERANGE, ENOSPC, E2BIG};
    return std::ranges::find(refusals, error.code) != refusals.end();
}

void set_if_writable(AtomicRequest& request,
                     ObjectId object,
                     const PropertyMap& properties,
                     std::string_view name,
                     std::uint64_t value) {
    if (const auto* const property = writable(properties, name))
        request.set(object, property->id, value);
}

void set_named(AtomicRequest& request,
               ObjectId object,
               const PropertyMap& properties,
               std::string_view property_name,
               std::string_view value_name) {
    const auto* const property = writable(properties, property_name);
    if (property == nullptr) return;
    if (const auto value = property->named(value_name)) request.set(object, property->id, *value);
}

void set_plane_defaults(AtomicRequest& request,
                        const Plane& plane,
                        const PropertyMap& properties,
                        const Pipeline& pipeline) {
    set_if_writable(request, plane.id, properties, "rotation", rotation_bit(pipeline.rotation));
    set_named(request, plane.id, properties, "pixel blend mode", "Pre-multiplied");
    if (const auto* const alpha = writable(properties, "alpha"))
        request.set(plane.id, alpha->id, alpha->max);
    // The kernel's initial zpos is not to be read back: the primary lowest and the cursor on top is
    // what every driver starts with.
    if (const auto* const zpos = writable(properties, "zpos"))
        request.set(plane.id, zpos->id, plane.id == pipeline.primary.id ? zpos->min : zpos->max);
}

void set_crtc_defaults(AtomicRequest& request, ObjectId crtc, const PropertyMap& properties) {
    for (const std::string_view name : {"CTM", "GAMMA_LUT", "DEGAMMA_LUT"})
        set_if_writable(request, crtc, properties, name, 0);
}

}  // namespace

void SavedState::save(ObjectId object, const PropertyMap& properties, std::string_view name) {
    if (const auto* const property = writable(properties, name))
        saved_.push_back({.object = object, .property = property->id, .value = property->value});
}

Result<void> SavedState::save_blob(const Card& card,
                                   ObjectId object,
                                   const PropertyMap& properties,
                                   std::string_view name) {
    const auto* const property = writable(properties, name);
    if (property == nullptr) return {};
    std::uint64_t value = 0;
    if (property->value != 0) {
        const BlobId original{static_cast<std::uint32_t>(property->value)};
        const auto bytes = read_blob(card.fd(), original);
        if (!bytes) return fail(bytes.error());
        auto copy = PropertyBlob::create(card.fd(), *bytes);
        if (!copy) return fail(copy.error());
        value = raw(copy->id());
        blobs_.push_back(std::move(*copy));
    }
    saved_.push_back({.object = object, .property = property->id, .value = value});
    return {};
}

Result<void>
SavedState::save_planes(const Card& card, const Topology& topology, const Pipeline& pipeline) {
    for (const Plane& plane : topology.planes) {
        const auto properties = read_properties(card.fd(), plane.id, DRM_MODE_OBJECT_PLANE);
        if (!properties) return fail(properties.error());
        if (!is_ours(plane, pipeline) && !is_on(*properties, pipeline.crtc.id)) continue;
        for (const std::string_view name : plane_state)
            save(plane.id, *properties, name);
        off_.push_back({.object = plane.id, .property = plane.properties.fb_id, .value = 0});
        off_.push_back({.object = plane.id, .property = plane.properties.crtc_id, .value = 0});
    }
    return {};
}

Result<SavedState>
SavedState::capture(const Card& card, const Topology& topology, const Pipeline& pipeline) {
    SavedState state;
    for (const Connector& connector : topology.connectors) {
        const auto properties = read_properties(card.fd(), connector.id, DRM_MODE_OBJECT_CONNECTOR);
        if (!properties) return fail(properties.error());
        // A connector that shares the CRTC is let go by light_up().
        if (connector.id != pipeline.connector.id && !is_on(*properties, pipeline.crtc.id))
            continue;
        state.save(connector.id, *properties, "CRTC_ID");
        state.off_.push_back(
            {.object = connector.id, .property = connector.properties.crtc_id, .value = 0});
    }

    const ObjectId crtc = pipeline.crtc.id;
    const auto properties = read_properties(card.fd(), crtc, DRM_MODE_OBJECT_CRTC);
    if (!properties) return fail(properties.error());
    for (const std::string_view name : crtc_state)
        state.save(crtc, *properties, name);
    for (const std::string_view name : crtc_blobs)
        if (const auto saved = state.save_blob(card, crtc, *properties, name); !saved)
            return fail(saved.error());
    state.off_.push_back({.object = crtc, .property = pipeline.crtc.properties.active, .value = 0});
    state.off_.push_back(
        {.object = crtc, .property = pipeline.crtc.properties.mode_id, .value = 0});
    if (const auto& vrr = pipeline.crtc.properties.vrr_enabled)
        state.off_.push_back({.object = crtc, .property = *vrr, .value = 0});

    if (const auto saved = state.save_planes(card, topology, pipeline); !saved)
        return fail(saved.error());
    return state;
}

Result<void> SavedState::restore(const Card& card) const {
    const auto commit = [&card](const std::vector<Saved>& values) {
        AtomicRequest request;
        for (const Saved& saved : values)
            request.set(saved.object, saved.property, saved.value);
        return request.commit_modeset(card.fd());
    };
    const auto restored = commit(saved_);
    if (restored || !cannot_show(restored.error())) return restored;
    return commit(off_);
}

Result<void> light_up(const Card& card,
                      const Topology& topology,
                      const Pipeline& pipeline,
                      const Framebuffer& first) {
    const auto mode = PropertyBlob::create(card.fd(), pipeline.mode);
    if (!mode) return fail(mode.error());
    AtomicRequest request;
    for (const Connector& connector : topology.connectors)
        if (connector.id != pipeline.connector.id && connector.crtc == pipeline.crtc.id)
            request.set(connector.id, connector.properties.crtc_id, 0);
    fill_modeset(request, pipeline, mode->id());

    const auto crtc = read_properties(card.fd(), pipeline.crtc.id, DRM_MODE_OBJECT_CRTC);
    if (!crtc) return fail(crtc.error());
    set_crtc_defaults(request, pipeline.crtc.id, *crtc);
    for (const Plane& plane : topology.planes) {
        const auto properties = read_properties(card.fd(), plane.id, DRM_MODE_OBJECT_PLANE);
        if (!properties) return fail(properties.error());
        const bool ours = is_ours(plane, pipeline);
        if (ours) set_plane_defaults(request, plane, *properties, pipeline);
        if (plane.id != pipeline.primary.id && (ours || is_on(*properties, pipeline.crtc.id)))
            request.hide(plane);
    }

    const Size screen = size_of(pipeline.mode);
    const Size upright = rotated(screen, pipeline.rotation);
    const Size shown{std::min(upright.width, first.size().width),
                     std::min(upright.height, first.size().height)};
    request.show(pipeline.primary, pipeline.crtc.id,
                 {.framebuffer = first.id(),
                  .source = {.x = 0, .y = 0, .size = shown},
                  .target = rotated(Rect{.size = shown}, upright, pipeline.rotation)});
    return request.commit_modeset(card.fd());
}

}  // namespace scanthru::kms
