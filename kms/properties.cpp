// SPDX-License-Identifier: MIT
#include "kms/properties.h"

#include <cerrno>
#include <span>
#include <string_view>

namespace scanthru::kms {
namespace {

constexpr std::uint32_t named_values = DRM_MODE_PROP_ENUM | DRM_MODE_PROP_BITMASK;

bool has_range(std::uint32_t flags) {
    return (flags & DRM_MODE_PROP_RANGE) != 0 ||
           (flags & DRM_MODE_PROP_EXTENDED_TYPE) == DRM_MODE_PROP_SIGNED_RANGE;
}

PropertyValue describe(const drmModePropertyRes& property, std::uint64_t value) {
    PropertyValue described{
        .id = PropertyId{property.prop_id}, .value = value, .flags = property.flags};
    if ((property.flags & named_values) != 0) {
        const std::span names{property.enums, static_cast<std::size_t>(property.count_enums)};
        for (const drm_mode_property_enum& name : names)
            described.enums.emplace(name.name, name.value);
    }
    if (has_range(property.flags) && property.count_values == 2) {
        described.min = property.values[0];
        described.max = property.values[1];
    }
    return described;
}

template <class Table, class Id>
struct Row {
    std::string_view name;
    Id Table::*id;
};

template <class Table>
using Required = Row<Table, PropertyId>;
template <class Table>
using Optional = Row<Table, std::optional<PropertyId>>;

template <class Table>
Result<Table> fill(const PropertyMap& properties,
                   std::span<const Required<Table>> required,
                   std::span<const Optional<Table>> optional) {
    Table table;
    for (const auto& row : required) {
        const auto found = properties.find(row.name);
        if (found == properties.end()) return fail(ENOENT, row.name);
        table.*row.id = found->second.id;
    }
    for (const auto& row : optional) {
        if (const auto found = properties.find(row.name); found != properties.end())
            table.*row.id = found->second.id;
    }
    return table;
}

}  // namespace

bool PropertyValue::writable() const noexcept {
    return (flags & DRM_MODE_PROP_IMMUTABLE) == 0;
}

std::optional<std::uint64_t> PropertyValue::named(std::string_view name) const {
    const auto found = enums.find(name);
    if (found == enums.end()) return std::nullopt;
    if ((flags & DRM_MODE_PROP_BITMASK) == 0) return found->second;
    if (found->second >= 64) return std::nullopt;
    return std::uint64_t{1} << found->second;
}

Result<PropertyMap> read_properties(int drm_fd, ObjectId object, std::uint32_t object_type) {
    const ObjectPropertiesPtr list{drmModeObjectGetProperties(drm_fd, raw(object), object_type)};
    if (!list) return fail(errno, "drmModeObjectGetProperties");

    PropertyMap properties;
    const std::span ids{list->props, list->count_props};
    const std::span values{list->prop_values, list->count_props};
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const PropertyPtr property{drmModeGetProperty(drm_fd, ids[i])};
        if (!property) return fail(errno, "drmModeGetProperty");
        properties.emplace(property->name, describe(*property, values[i]));
    }
    return properties;
}

Result<std::vector<std::byte>> read_blob(int drm_fd, BlobId blob) {
    const BlobPtr content{drmModeGetPropertyBlob(drm_fd, raw(blob))};
    if (!content) return fail(errno, "drmModeGetPropertyBlob");
    const auto bytes =
        std::as_bytes(std::span{static_cast<const unsigned char*>(content->data), content->length});
    return std::vector<std::byte>{bytes.begin(), bytes.end()};
}

Result<PlaneProperties> PlaneProperties::lookup(const PropertyMap& properties) {
    using P = PlaneProperties;
    static constexpr Required<P> required[] = {
        {"FB_ID", &P::fb_id},   {"CRTC_ID", &P::crtc_id}, {"SRC_X", &P::src_x},
        {"SRC_Y", &P::src_y},   {"SRC_W", &P::src_w},     {"SRC_H", &P::src_h},
        {"CRTC_X", &P::crtc_x}, {"CRTC_Y", &P::crtc_y},   {"CRTC_W", &P::crtc_w},
        {"CRTC_H", &P::crtc_h},
    };
    static constexpr Optional<P> optional[] = {
        {"IN_FORMATS", &P::in_formats},
        {"FB_DAMAGE_CLIPS", &P::damage_clips},
        {"HOTSPOT_X", &P::hotspot_x},
        {"HOTSPOT_Y", &P::hotspot_y},
    };
    return fill<P>(properties, required, optional);
}

Result<CrtcProperties> CrtcProperties::lookup(const PropertyMap& properties) {
    static constexpr Required<CrtcProperties> required[] = {
        {"ACTIVE", &CrtcProperties::active},
        {"MODE_ID", &CrtcProperties::mode_id},
    };
    static constexpr Optional<CrtcProperties> optional[] = {
        {"VRR_ENABLED", &CrtcProperties::vrr_enabled},
    };
    return fill<CrtcProperties>(properties, required, optional);
}

Result<ConnectorProperties> ConnectorProperties::lookup(const PropertyMap& properties) {
    using P = ConnectorProperties;
    static constexpr Required<P> required[] = {{"CRTC_ID", &P::crtc_id}};
    static constexpr Optional<P> optional[] = {
        {"link-status", &P::link_status},
        {"WRITEBACK_FB_ID", &P::writeback_fb_id},
        {"WRITEBACK_OUT_FENCE_PTR", &P::writeback_out_fence_ptr},
    };
    return fill<P>(properties, required, optional);
}

}  // namespace scanthru::kms
