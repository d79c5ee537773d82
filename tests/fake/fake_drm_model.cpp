// SPDX-License-Identifier: MIT
#include "fake/fake_drm_model.h"

#include "fake/fake_drm.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <fmt/format.h>
#include <span>

namespace scanthru::testing {
namespace {

constexpr std::uint32_t atomic = DRM_MODE_PROP_ATOMIC;

FakeProperty range(std::string name, std::uint64_t min, std::uint64_t max) {
    return {.name = std::move(name), .flags = DRM_MODE_PROP_RANGE, .values = {min, max}};
}

FakeProperty signed_range(std::string name, std::int64_t min, std::int64_t max) {
    return {.name = std::move(name),
            .flags = atomic | DRM_MODE_PROP_SIGNED_RANGE,
            .values = {static_cast<std::uint64_t>(min), static_cast<std::uint64_t>(max)}};
}

FakeProperty reference(std::string name, std::uint32_t object_type) {
    return {
        .name = std::move(name), .flags = atomic | DRM_MODE_PROP_OBJECT, .values = {object_type}};
}

FakeProperty blob(std::string name, std::uint32_t flags = 0) {
    return {.name = std::move(name), .flags = flags | DRM_MODE_PROP_BLOB};
}

FakeProperty choice(std::string name,
                    std::uint32_t flags,
                    std::vector<std::pair<std::string, std::uint64_t>> enums) {
    FakeProperty property{.name = std::move(name), .flags = flags, .enums = std::move(enums)};
    for (const auto& entry : property.enums)
        property.values.push_back(entry.second);
    return property;
}

template <class T>
void append(std::vector<std::byte>& bytes, std::span<const T> values) {
    const auto raw = std::as_bytes(values);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

/// drm_format_modifier_blob, as create_in_format_blob() in the kernel lays it out.
std::vector<std::byte> in_formats(std::span<const std::uint32_t> formats,
                                  std::span<const std::uint64_t> modifiers) {
    const auto after_formats =
        sizeof(drm_format_modifier_blob) + (formats.size_bytes() + 7) / 8 * 8;
    const drm_format_modifier_blob header{
        .version = FORMAT_BLOB_CURRENT,
        .flags = 0,
        .count_formats = static_cast<std::uint32_t>(formats.size()),
        .formats_offset = sizeof(drm_format_modifier_blob),
        .count_modifiers = static_cast<std::uint32_t>(modifiers.size()),
        .modifiers_offset = static_cast<std::uint32_t>(after_formats)};
    std::vector<std::byte> bytes;
    append(bytes, std::span{&header, 1});
    append(bytes, formats);
    bytes.resize(after_formats);
    for (const std::uint64_t modifier : modifiers) {
        const drm_format_modifier entry{.formats = (std::uint64_t{1} << formats.size()) - 1,
                                        .offset = 0,
                                        .pad = 0,
                                        .modifier = modifier};
        append(bytes, std::span{&entry, 1});
    }
    return bytes;
}

}  // namespace

kms::Mode
make_mode(std::uint16_t width, std::uint16_t height, unsigned refresh_hz, bool preferred) {
    kms::Mode mode{};
    const auto add = [](std::uint16_t to, int pixels) {
        return static_cast<std::uint16_t>(to + pixels);
    };
    mode.hdisplay = width;
    mode.hsync_start = add(width, 48);
    mode.hsync_end = add(width, 80);
    mode.htotal = add(width, 160);
    mode.vdisplay = height;
    mode.vsync_start = add(height, 3);
    mode.vsync_end = add(height, 7);
    mode.vtotal = add(height, 20);
    mode.clock = (mode.htotal * mode.vtotal * refresh_hz + 500) / 1000;
    mode.vrefresh = refresh_hz;
    mode.flags = DRM_MODE_FLAG_PHSYNC | DRM_MODE_FLAG_NVSYNC;
    mode.type = DRM_MODE_TYPE_DRIVER;
    if (preferred) mode.type |= DRM_MODE_TYPE_PREFERRED;
    const std::string name = fmt::format("{}x{}", width, height);
    name.copy(std::data(mode.name), std::size(mode.name) - 1);
    return mode;
}

FakeDrmModel::FakeDrmModel(const FakeDrmOptions& options) : options_(options) {
    const std::uint32_t every_crtc = (1U << options.outputs) - 1;
    for (unsigned output = 0; output < options.outputs; ++output) {
        const std::uint32_t only = 1U << output;
        const std::uint32_t encoder = 21 + output;
        encoders[encoder] = every_crtc;
        add_connector(raw(FakeDrm::connector(output)),
                      {.type = DRM_MODE_CONNECTOR_VIRTUAL,
                       .type_id = output + 1,
                       .encoder = encoder,
                       .possible_crtcs = every_crtc,
                       .connected = options.connected,
                       .modes = options.connected ? options.modes : std::vector<kms::Mode>{}});
        add_crtc(raw(FakeDrm::crtc(output)));
        add_plane(raw(FakeDrm::primary(output)),
                  {DRM_PLANE_TYPE_PRIMARY, only, options.primary_formats});
        if (options.overlay)
            add_plane(raw(FakeDrm::overlay(output)),
                      {DRM_PLANE_TYPE_OVERLAY, every_crtc, options.overlay_formats});
        if (options.cursor)
            add_plane(raw(FakeDrm::cursor(output)),
                      {DRM_PLANE_TYPE_CURSOR, only, options.cursor_formats});
    }
    if (options.writeback) {
        encoders[29] = every_crtc;
        add_connector(raw(FakeDrm::writeback()), {.type = DRM_MODE_CONNECTOR_WRITEBACK,
                                                  .type_id = 1,
                                                  .encoder = 29,
                                                  .possible_crtcs = every_crtc});
    }
}

std::uint32_t FakeDrmModel::property_id(std::uint32_t object, std::string_view name) const {
    const auto values = state.find(object);
    if (values == state.end()) return 0;
    for (const auto& [id, value] : values->second)
        if (properties.at(id).name == name) return id;
    return 0;
}

std::uint32_t FakeDrmModel::crtc_index(std::uint32_t crtc) const {
    return static_cast<std::uint32_t>(std::ranges::find(crtcs, crtc) - crtcs.begin());
}

std::uint32_t FakeDrmModel::type_of(std::uint32_t object) const {
    if (connectors.contains(object)) return DRM_MODE_OBJECT_CONNECTOR;
    if (planes.contains(object)) return DRM_MODE_OBJECT_PLANE;
    if (std::ranges::find(crtcs, object) != crtcs.end()) return DRM_MODE_OBJECT_CRTC;
    if (encoders.contains(object)) return DRM_MODE_OBJECT_ENCODER;
    return 0;
}

/// Objects of one kind share their standard properties, as in the kernel.
std::uint32_t FakeDrmModel::shared(FakeProperty property) {
    for (const auto& [id, known] : properties)
        if (known.name == property.name && known.flags == property.flags &&
            known.values == property.values)
            return id;
    const auto id = static_cast<std::uint32_t>(101 + properties.size());
    properties.emplace(id, std::move(property));
    return id;
}

void FakeDrmModel::add(std::uint32_t object, FakeProperty property, std::uint64_t value) {
    if (options_.missing.contains(property.name)) return;
    if (options_.immutable.contains(property.name)) property.flags |= DRM_MODE_PROP_IMMUTABLE;
    state[object][shared(std::move(property))] = value;
}

void FakeDrmModel::add_connector(std::uint32_t id, FakeConnector connector) {
    const bool is_writeback = connector.type == DRM_MODE_CONNECTOR_WRITEBACK;
    connectors[id] = std::move(connector);
    add(id, blob("EDID", DRM_MODE_PROP_IMMUTABLE));
    add(id, choice("DPMS", DRM_MODE_PROP_ENUM, {{"On", 0}, {"Standby", 1}, {"Off", 3}}));
    add(id, choice("link-status", DRM_MODE_PROP_ENUM, {{"Good", 0}, {"Bad", 1}}));
    add(id, reference("CRTC_ID", DRM_MODE_OBJECT_CRTC));
    if (options_.vrr && !is_writeback) {
        FakeProperty capable = range("vrr_capable", 0, 1);
        capable.flags |= DRM_MODE_PROP_IMMUTABLE;
        add(id, std::move(capable), 1);
    }
    if (!is_writeback) return;
    add(id, reference("WRITEBACK_FB_ID", DRM_MODE_OBJECT_FB));
    FakeProperty fence = range("WRITEBACK_OUT_FENCE_PTR", 0, UINT64_MAX);
    fence.flags |= atomic;
    add(id, std::move(fence));
}

void FakeDrmModel::add_crtc(std::uint32_t id) {
    crtcs.push_back(id);
    FakeProperty active = range("ACTIVE", 0, 1);
    active.flags |= atomic;
    add(id, std::move(active));
    add(id, blob("MODE_ID", atomic));
    add(id, range("VRR_ENABLED", 0, 1));
    add(id, blob("DEGAMMA_LUT"));
    add(id, blob("CTM"));
    add(id, blob("GAMMA_LUT"));
    FakeProperty size = range("GAMMA_LUT_SIZE", 0, UINT_MAX);
    size.flags |= DRM_MODE_PROP_IMMUTABLE;
    add(id, std::move(size), 256);
}

void FakeDrmModel::add_plane(std::uint32_t id, FakePlane plane) {
    const std::uint32_t kind = plane.kind;
    if (options_.modifiers) {
        const std::uint32_t formats = 901 + static_cast<std::uint32_t>(blobs.size());
        blobs[formats] = in_formats(plane.formats, options_.plane_modifiers);
        add(id, blob("IN_FORMATS", DRM_MODE_PROP_IMMUTABLE), formats);
    }
    planes[id] = std::move(plane);
    add(id,
        choice("type", DRM_MODE_PROP_ENUM | DRM_MODE_PROP_IMMUTABLE,
               {{"Overlay", 0}, {"Primary", 1}, {"Cursor", 2}}),
        kind);
    add(id, reference("FB_ID", DRM_MODE_OBJECT_FB));
    add(id, reference("CRTC_ID", DRM_MODE_OBJECT_CRTC));
    add(id, signed_range("CRTC_X", INT_MIN, INT_MAX));
    add(id, signed_range("CRTC_Y", INT_MIN, INT_MAX));
    for (const char* const name : {"CRTC_W", "CRTC_H"}) {
        FakeProperty size = range(name, 0, INT_MAX);
        size.flags |= atomic;
        add(id, std::move(size));
    }
    for (const char* const name : {"SRC_X", "SRC_Y", "SRC_W", "SRC_H"}) {
        FakeProperty source = range(name, 0, UINT_MAX);
        source.flags |= atomic;
        add(id, std::move(source));
    }
    add(id,
        choice("rotation", DRM_MODE_PROP_BITMASK,
               {{"rotate-0", 0}, {"rotate-180", 2}, {"reflect-x", 4}}),
        1);
    add(id, range("alpha", 0, 0xFFFF), 0xFFFF);
    add(id, choice("pixel blend mode", DRM_MODE_PROP_ENUM,
                   {{"None", 2}, {"Pre-multiplied", 0}, {"Coverage", 1}}));
    const std::uint64_t zpos =
        kind == DRM_PLANE_TYPE_CURSOR ? 7 : (kind == DRM_PLANE_TYPE_OVERLAY ? 1 : 0);
    add(id, range("zpos", 0, 7), zpos);
    add(id, blob("FB_DAMAGE_CLIPS", atomic));
    if (kind != DRM_PLANE_TYPE_CURSOR || !options_.cursor_hotspots) return;
    add(id, signed_range("HOTSPOT_X", INT_MIN, INT_MAX));
    add(id, signed_range("HOTSPOT_Y", INT_MIN, INT_MAX));
}

}  // namespace scanthru::testing
