// SPDX-License-Identifier: MIT
#include "kms/topology.h"

#include "kms/edid.h"
#include "kms/types.h"

#include <cerrno>
#include <fmt/format.h>
#include <span>

namespace scanthru::kms {
namespace {

/// The value of a property that every object of its kind has; 0 where a driver lacks it.
std::uint64_t value_of(const PropertyMap& properties, std::string_view name) {
    const auto found = properties.find(name);
    return found != properties.end() ? found->second.value : 0;
}

std::string name_of(const drmModeConnector& connector) {
    const char* const type = drmModeGetConnectorTypeName(connector.connector_type);
    return fmt::format("{}-{}", type != nullptr ? type : "Unknown", connector.connector_type_id);
}

Result<Connector> describe(int fd, const drmModeConnector& raw_connector) {
    const ObjectId id{raw_connector.connector_id};
    const auto properties = read_properties(fd, id, DRM_MODE_OBJECT_CONNECTOR);
    if (!properties) return fail(properties.error());
    const auto ids = ConnectorProperties::lookup(*properties);
    if (!ids) return fail(ids.error());

    Connector connector;
    connector.id = id;
    connector.name = name_of(raw_connector);
    connector.connected = raw_connector.connection == DRM_MODE_CONNECTED;
    connector.writeback = raw_connector.connector_type == DRM_MODE_CONNECTOR_WRITEBACK;
    connector.vrr_capable = value_of(*properties, "vrr_capable") != 0;
    connector.crtc = ObjectId{static_cast<std::uint32_t>(value_of(*properties, "CRTC_ID"))};
    connector.possible_crtcs = drmModeConnectorGetPossibleCrtcs(fd, &raw_connector);
    connector.millimetres = {raw_connector.mmWidth, raw_connector.mmHeight};
    const std::span modes{raw_connector.modes, static_cast<std::size_t>(raw_connector.count_modes)};
    connector.modes.assign(modes.begin(), modes.end());
    connector.properties = *ids;
    // A monitor that cannot say who it is gets a picture all the same.
    if (connector.connected) connector.monitor = name_monitor(read_edid(fd, id).value_or(Edid{}));
    return connector;
}

Result<std::vector<Connector>> read_connectors(int fd, const drmModeRes& resources) {
    std::vector<Connector> connectors;
    const std::span ids{resources.connectors, static_cast<std::size_t>(resources.count_connectors)};
    for (const std::uint32_t id : ids) {
        const ConnectorPtr probed{drmModeGetConnector(fd, id)};
        // The connectors of a dock come and go, also between the list and this question.
        if (!probed && errno == ENOENT) continue;
        if (!probed) return fail(errno, "drmModeGetConnector");
        auto connector = describe(fd, *probed);
        if (!connector && connector.error().code == ENOENT &&
            connector.error().call.starts_with("drm"))
            continue;
        if (!connector) return fail(connector.error());
        connectors.push_back(std::move(*connector));
    }
    return connectors;
}

Result<std::vector<Crtc>> read_crtcs(int fd, const drmModeRes& resources) {
    std::vector<Crtc> crtcs;
    const std::span ids{resources.crtcs, static_cast<std::size_t>(resources.count_crtcs)};
    for (const std::uint32_t id : ids) {
        const auto properties = read_properties(fd, ObjectId{id}, DRM_MODE_OBJECT_CRTC);
        if (!properties) return fail(properties.error());
        const auto names = CrtcProperties::lookup(*properties);
        if (!names) return fail(names.error());
        crtcs.push_back({.id = ObjectId{id},
                         .index = static_cast<std::uint32_t>(crtcs.size()),
                         .active = value_of(*properties, "ACTIVE") != 0,
                         .properties = *names});
    }
    return crtcs;
}

PlaneKind kind_of(const PropertyMap& properties) {
    switch (value_of(properties, "type")) {
    case DRM_PLANE_TYPE_PRIMARY: return PlaneKind::primary;
    case DRM_PLANE_TYPE_CURSOR: return PlaneKind::cursor;
    default: return PlaneKind::overlay;
    }
}

Result<FormatSet> read_formats(int fd, const drmModePlane& plane, const PropertyMap& properties) {
    if (const auto blob = value_of(properties, "IN_FORMATS"); blob != 0) {
        const auto bytes = read_blob(fd, BlobId{static_cast<std::uint32_t>(blob)});
        if (!bytes) return fail(bytes.error());
        // A blob that makes no sense says no more than none: what is listed is at least linear.
        if (auto formats = FormatSet::parse_in_formats(*bytes)) return formats;
    }
    return FormatSet::linear({plane.formats, plane.count_formats});
}

Result<Plane> read_plane(int fd, std::uint32_t id) {
    const PlanePtr described{drmModeGetPlane(fd, id)};
    if (!described) return fail(errno, "drmModeGetPlane");
    const auto properties = read_properties(fd, ObjectId{id}, DRM_MODE_OBJECT_PLANE);
    if (!properties) return fail(properties.error());
    const auto ids = PlaneProperties::lookup(*properties);
    if (!ids) return fail(ids.error());
    std::uint64_t rotations = rotation_bit(Rotation::by_0);
    if (const auto found = properties->find("rotation"); found != properties->end())
        for (const char* const name : {"rotate-90", "rotate-180", "rotate-270"})
            rotations |= found->second.writable() ? found->second.named(name).value_or(0) : 0;
    auto formats = read_formats(fd, *described, *properties);
    if (!formats) return fail(formats.error());
    return Plane{.id = ObjectId{id},
                 .kind = kind_of(*properties),
                 .possible_crtcs = described->possible_crtcs,
                 .formats = std::move(*formats),
                 .properties = *ids,
                 .rotations = rotations};
}

}  // namespace

Result<Topology> Topology::read(const Card& card) {
    const int fd = card.fd();
    const ResourcesPtr resources{drmModeGetResources(fd)};
    if (!resources) return fail(errno, "drmModeGetResources");
    const PlaneResourcesPtr planes{drmModeGetPlaneResources(fd)};
    if (!planes) return fail(errno, "drmModeGetPlaneResources");

    Topology topology;
    auto connectors = read_connectors(fd, *resources);
    if (!connectors) return fail(connectors.error());
    topology.connectors = std::move(*connectors);
    auto crtcs = read_crtcs(fd, *resources);
    if (!crtcs) return fail(crtcs.error());
    topology.crtcs = std::move(*crtcs);
    for (const std::uint32_t id : std::span{planes->planes, planes->count_planes}) {
        auto plane = read_plane(fd, id);
        if (!plane) return fail(plane.error());
        topology.planes.push_back(std::move(*plane));
    }
    return topology;
}

}  // namespace scanthru::kms
