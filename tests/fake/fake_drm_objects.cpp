// SPDX-License-Identifier: MIT
// The fake card's objects and properties, and the kernel's way of counting: ask with room for none,
// then again with room for all.
#include "fake/fake_drm.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace scanthru::testing {
namespace {

template <class T>
T* user(std::uint64_t address) {
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

/// GETRESOURCES fills what there is room for and tells how much there is.
void copy_some(const std::vector<std::uint32_t>& ids, std::uint64_t address, std::uint32_t& count) {
    const auto room = std::min<std::size_t>(count, ids.size());
    std::copy_n(ids.begin(), room, user<std::uint32_t>(address));
    count = static_cast<std::uint32_t>(ids.size());
}

/// The other getters fill all or nothing.
template <class T>
void copy_all(const std::vector<T>& values, std::uint64_t address, std::uint32_t& count) {
    if (count >= values.size()) std::ranges::copy(values, user<T>(address));
    count = static_cast<std::uint32_t>(values.size());
}

template <class Map>
std::vector<std::uint32_t> keys(const Map& map) {
    std::vector<std::uint32_t> ids;
    for (const auto& entry : map)
        ids.push_back(entry.first);
    return ids;
}

}  // namespace

std::optional<int> FakeDrm::answer_about_objects(unsigned long request, void* argument) {
    switch (request) {
    case DRM_IOCTL_MODE_GETRESOURCES:
        return get_resources(*static_cast<drm_mode_card_res*>(argument));
    case DRM_IOCTL_MODE_GETCONNECTOR:
        return get_connector(*static_cast<drm_mode_get_connector*>(argument));
    case DRM_IOCTL_MODE_GETENCODER:
        return get_encoder(*static_cast<drm_mode_get_encoder*>(argument));
    case DRM_IOCTL_MODE_GETCRTC: return get_crtc(*static_cast<drm_mode_crtc*>(argument));
    case DRM_IOCTL_MODE_GETPLANERESOURCES:
        return get_plane_resources(*static_cast<drm_mode_get_plane_res*>(argument));
    case DRM_IOCTL_MODE_GETPLANE: return get_plane(*static_cast<drm_mode_get_plane*>(argument));
    case DRM_IOCTL_MODE_OBJ_GETPROPERTIES:
        return get_object_properties(*static_cast<drm_mode_obj_get_properties*>(argument));
    case DRM_IOCTL_MODE_GETPROPERTY:
        return get_property(*static_cast<drm_mode_get_property*>(argument));
    default: return std::nullopt;
    }
}

std::vector<std::uint32_t> FakeDrm::visible_connectors() const {
    const auto cap = client_caps_.find(DRM_CLIENT_CAP_WRITEBACK_CONNECTORS);
    const bool all = cap != client_caps_.end() && cap->second != 0;
    std::vector<std::uint32_t> ids;
    for (const auto& [number, connector] : model_.connectors)
        if (all || connector.type != DRM_MODE_CONNECTOR_WRITEBACK) ids.push_back(number);
    return ids;
}

std::vector<std::uint32_t> FakeDrm::visible_planes() const {
    const auto granted = [this](std::uint64_t cap) {
        const auto found = client_caps_.find(cap);
        return found != client_caps_.end() && found->second != 0;
    };
    constexpr std::uint64_t cursor_plane_hotspot = 6;
    std::vector<std::uint32_t> ids;
    for (const auto& [number, plane] : model_.planes) {
        if (plane.kind != DRM_PLANE_TYPE_OVERLAY && !granted(DRM_CLIENT_CAP_UNIVERSAL_PLANES))
            continue;
        if (plane.kind == DRM_PLANE_TYPE_CURSOR && options_.cursor_hotspots &&
            !granted(cursor_plane_hotspot))
            continue;
        ids.push_back(number);
    }
    return ids;
}

int FakeDrm::get_resources(drm_mode_card_res& query) const {
    copy_some({}, query.fb_id_ptr, query.count_fbs);
    copy_some(model_.crtcs, query.crtc_id_ptr, query.count_crtcs);
    copy_some(visible_connectors(), query.connector_id_ptr, query.count_connectors);
    copy_some(keys(model_.encoders), query.encoder_id_ptr, query.count_encoders);
    query.min_width = query.min_height = 20;
    query.max_width = query.max_height = 8192;
    return 0;
}

int FakeDrm::get_connector(drm_mode_get_connector& query) const {
    const auto found = model_.connectors.find(query.connector_id);
    if (found == model_.connectors.end()) return -ENOENT;
    const FakeConnector& connector = found->second;
    std::vector<std::uint32_t> ids;
    std::vector<std::uint64_t> values;
    for (const auto& [property, value] : model_.state.at(query.connector_id)) {
        ids.push_back(property);
        values.push_back(value);
    }
    std::uint32_t room_for_values = query.count_props;
    copy_all(values, query.prop_values_ptr, room_for_values);
    copy_all(ids, query.props_ptr, query.count_props);
    std::vector<drm_mode_modeinfo> modes(connector.modes.size());
    for (std::size_t i = 0; i < modes.size(); ++i)
        std::memcpy(&modes[i], &connector.modes[i], sizeof(modes[i]));
    copy_all(modes, query.modes_ptr, query.count_modes);
    copy_all(std::vector{connector.encoder}, query.encoders_ptr, query.count_encoders);
    query.encoder_id = connector.encoder;
    query.connector_type = connector.type;
    query.connector_type_id = connector.type_id;
    query.connection = connector.connected ? DRM_MODE_CONNECTED : DRM_MODE_DISCONNECTED;
    // Nobody can plug into a writeback connector (drm_writeback.c leaves it unknown).
    if (connector.type == DRM_MODE_CONNECTOR_WRITEBACK)
        query.connection = DRM_MODE_UNKNOWNCONNECTION;
    query.mm_width = connector.connected ? 520 : 0;
    query.mm_height = connector.connected ? 320 : 0;
    query.subpixel = 1;
    return 0;
}

int FakeDrm::get_encoder(drm_mode_get_encoder& query) const {
    const auto found = model_.encoders.find(query.encoder_id);
    if (found == model_.encoders.end()) return -ENOENT;
    query.encoder_type = DRM_MODE_ENCODER_VIRTUAL;
    query.crtc_id = 0;
    query.possible_crtcs = found->second;
    query.possible_clones = 0;
    return 0;
}

int FakeDrm::get_crtc(drm_mode_crtc& query) const {
    if (model_.type_of(query.crtc_id) != DRM_MODE_OBJECT_CRTC) return -ENOENT;
    const auto mode = mode_in(model_.state, query.crtc_id);
    query.mode_valid = mode ? 1 : 0;
    if (mode) std::memcpy(&query.mode, &*mode, sizeof(query.mode));
    query.x = query.y = query.fb_id = query.gamma_size = 0;
    return 0;
}

int FakeDrm::get_plane_resources(drm_mode_get_plane_res& query) const {
    copy_some(visible_planes(), query.plane_id_ptr, query.count_planes);
    return 0;
}

int FakeDrm::get_plane(drm_mode_get_plane& query) const {
    const auto found = model_.planes.find(query.plane_id);
    if (found == model_.planes.end()) return -ENOENT;
    copy_all(found->second.formats, query.format_type_ptr, query.count_format_types);
    query.possible_crtcs = found->second.possible_crtcs;
    query.crtc_id = static_cast<std::uint32_t>(value_in(model_.state, query.plane_id, "CRTC_ID"));
    query.fb_id = static_cast<std::uint32_t>(value_in(model_.state, query.plane_id, "FB_ID"));
    query.gamma_size = 0;
    return 0;
}

int FakeDrm::get_object_properties(drm_mode_obj_get_properties& query) const {
    const auto found = model_.state.find(query.obj_id);
    if (found == model_.state.end()) return -ENOENT;
    if (query.obj_type != DRM_MODE_OBJECT_ANY && query.obj_type != model_.type_of(query.obj_id))
        return -ENOENT;
    std::vector<std::uint32_t> ids;
    std::vector<std::uint64_t> values;
    for (const auto& [property, value] : found->second) {
        ids.push_back(property);
        values.push_back(value);
    }
    std::uint32_t room_for_values = query.count_props;
    copy_all(values, query.prop_values_ptr, room_for_values);
    copy_all(ids, query.props_ptr, query.count_props);
    return 0;
}

int FakeDrm::get_property(drm_mode_get_property& query) const {
    const auto found = model_.properties.find(query.prop_id);
    if (found == model_.properties.end()) return -ENOENT;
    const FakeProperty& property = found->second;
    std::memset(query.name, 0, sizeof(query.name));
    property.name.copy(std::data(query.name), sizeof(query.name) - 1);
    query.flags = property.flags;
    copy_all(property.values, query.values_ptr, query.count_values);
    std::vector<drm_mode_property_enum> enums;
    for (const auto& [name, value] : property.enums) {
        drm_mode_property_enum entry{};
        entry.value = value;
        name.copy(std::data(entry.name), sizeof(entry.name) - 1);
        enums.push_back(entry);
    }
    copy_all(enums, query.enum_blob_ptr, query.count_enum_blobs);
    return 0;
}

}  // namespace scanthru::testing
