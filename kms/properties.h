// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/types.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scanthru::kms {

/// One property of one object as it was when read.
struct PropertyValue {
    PropertyId id{};
    std::uint64_t value = 0;
    std::uint32_t flags = 0;  ///< DRM_MODE_PROP_* (IMMUTABLE, ATOMIC, BLOB, RANGE, …).
    /// Of enum and bitmask properties, as the kernel lists them: of a bitmask the bit's number.
    std::map<std::string, std::uint64_t, std::less<>> enums{};
    std::uint64_t min = 0;  ///< Of ranges; of signed ranges sign-extended.
    std::uint64_t max = 0;

    /// Whether the kernel takes other values from us (drm_mode_atomic_ioctl: EINVAL if not).
    bool writable() const noexcept;

    /// The value that sets `name`: of an enum its number, of a bitmask the bit itself.
    std::optional<std::uint64_t> named(std::string_view name) const;
};

/// All properties of one object, by name.
using PropertyMap = std::map<std::string, PropertyValue, std::less<>>;

/// Errors: what drmModeObjectGetProperties or drmModeGetProperty reports.
Result<PropertyMap> read_properties(int drm_fd, ObjectId object, std::uint32_t object_type);

/// A copy of a blob property's content. Errors: what drmModeGetPropertyBlob reports, ENOENT if
/// gone.
Result<std::vector<std::byte>> read_blob(int drm_fd, BlobId blob);

/// Property ids of one plane. What every atomic driver has is a PropertyId; what a driver may lack
/// is an optional, and the compiler makes the caller ask.
struct PlaneProperties {
    PropertyId fb_id{}, crtc_id{};
    PropertyId src_x{}, src_y{}, src_w{}, src_h{};      // 16.16 fixed point
    PropertyId crtc_x{}, crtc_y{}, crtc_w{}, crtc_h{};  // whole pixels, x and y signed
    std::optional<PropertyId> in_formats;
    std::optional<PropertyId> damage_clips;          ///< FB_DAMAGE_CLIPS
    std::optional<PropertyId> hotspot_x, hotspot_y;  ///< Paravirtual cursors, Linux 6.8.

    /// Errors: ENOENT, naming the required property that is missing.
    static Result<PlaneProperties> lookup(const PropertyMap& properties);
};

struct CrtcProperties {
    PropertyId active{}, mode_id{};
    std::optional<PropertyId> vrr_enabled;

    static Result<CrtcProperties> lookup(const PropertyMap& properties);
};

struct ConnectorProperties {
    PropertyId crtc_id{};
    std::optional<PropertyId> link_status;
    std::optional<PropertyId> writeback_fb_id, writeback_out_fence_ptr;

    static Result<ConnectorProperties> lookup(const PropertyMap& properties);
};

}  // namespace scanthru::kms
