// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "kms/mode.h"
#include "kms/types.h"

#include <cstddef>
#include <cstdint>
#include <drm_fourcc.h>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scanthru::testing {

/// A mode with plausible blanking whose refresh is as near to `refresh_hz` as a clock in kHz gets.
kms::Mode make_mode(std::uint16_t width,
                    std::uint16_t height,
                    unsigned refresh_hz = 60,
                    bool preferred = false);

/// What kind of card it is. The defaults are vkms of Linux 6.1 with a monitor: strict and complete.
struct FakeDrmOptions {
    std::string driver = "vkms";
    unsigned outputs = 1;    ///< Each a connector "Virtual-N", an encoder, a CRTC and planes.
    bool connected = true;   ///< Whether a monitor is plugged into each.
    bool cursor = true;      ///< One cursor plane per output.
    bool overlay = true;     ///< One overlay plane per output.
    bool writeback = false;  ///< A connector "Writeback-1" that every CRTC can feed.
    bool atomic = true;
    bool modifiers = true;         ///< DRM_CAP_ADDFB2_MODIFIERS and IN_FORMATS.
    bool vblank = true;            ///< Without: CRTC_GET_SEQUENCE is EOPNOTSUPP (virtio-gpu).
    bool vrr = false;              ///< The connectors' vrr_capable, which no connector has without.
    bool async_flips = false;      ///< DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP, Linux 6.8.
    bool monotonic = true;         ///< DRM_CAP_TIMESTAMP_MONOTONIC.
    bool cursor_hotspots = false;  ///< The cursor plane hides from clients without the cap (6).
    bool primary_must_cover = true;  ///< A primary plane that leaves part of the mode bare: EINVAL.
    bool scaling = false;            ///< Without: a plane that scales is ERANGE.
    /// Commits take until the next vblank of the real clock. Without, time stands still but for
    /// commits, which take one frame each.
    bool real_time = false;
    Size cursor_size{64, 64};
    std::vector<kms::Mode> modes{make_mode(1024, 768, 60, true), make_mode(800, 600),
                                 make_mode(1920, 1080)};
    std::vector<std::uint32_t> primary_formats{DRM_FORMAT_XRGB8888};
    std::vector<std::uint32_t> cursor_formats{DRM_FORMAT_ARGB8888};
    std::vector<std::uint32_t> overlay_formats{DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888};
    std::vector<std::uint64_t> plane_modifiers{DRM_FORMAT_MOD_LINEAR};
    std::set<std::string, std::less<>> missing{};    ///< Properties that no object has.
    std::set<std::string, std::less<>> immutable{};  ///< Properties that cannot be set.
};

/// A property as DRM_IOCTL_MODE_GETPROPERTY describes it.
struct FakeProperty {
    std::string name;
    std::uint32_t flags = 0;  ///< DRM_MODE_PROP_*
    std::vector<std::uint64_t> values{};
    std::vector<std::pair<std::string, std::uint64_t>> enums{};
};

struct FakeConnector {
    std::uint32_t type = 0;  ///< DRM_MODE_CONNECTOR_*
    std::uint32_t type_id = 0;
    std::uint32_t encoder = 0;
    std::uint32_t possible_crtcs = 0;
    bool connected = false;
    std::vector<kms::Mode> modes{};
};

struct FakePlane {
    std::uint32_t kind = 0;  ///< DRM_PLANE_TYPE_*
    std::uint32_t possible_crtcs = 0;
    std::vector<std::uint32_t> formats{};
};

/// The value of every property of every object: object id, property id, value.
using FakeState = std::map<std::uint32_t, std::map<std::uint32_t, std::uint64_t>>;

/// Which objects a card has, and what they look like when it boots: all dark.
struct FakeDrmModel {
    explicit FakeDrmModel(const FakeDrmOptions& options);

    std::uint32_t property_id(std::uint32_t object, std::string_view name) const;  ///< 0: none.
    std::uint32_t crtc_index(std::uint32_t crtc) const;
    std::uint32_t type_of(std::uint32_t object) const;  ///< DRM_MODE_OBJECT_*, 0 if unknown.

    std::map<std::uint32_t, FakeProperty> properties;
    std::map<std::uint32_t, FakeConnector> connectors;
    std::map<std::uint32_t, std::uint32_t> encoders;  ///< Id to possible CRTCs.
    std::vector<std::uint32_t> crtcs;
    std::map<std::uint32_t, FakePlane> planes;
    std::map<std::uint32_t, std::vector<std::byte>> blobs;  ///< IN_FORMATS.
    FakeState state;

private:
    std::uint32_t shared(FakeProperty property);
    void add(std::uint32_t object, FakeProperty property, std::uint64_t value = 0);
    void add_connector(std::uint32_t id, FakeConnector connector);
    void add_crtc(std::uint32_t id);
    void add_plane(std::uint32_t id, FakePlane plane);

    FakeDrmOptions options_;
};

}  // namespace scanthru::testing
