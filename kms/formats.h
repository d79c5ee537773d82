// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace scanthru::kms {

/// A DRM_FORMAT_* with one DRM_FORMAT_MOD_*.
struct FormatModifier {
    std::uint32_t format = 0;
    std::uint64_t modifier = 0;
    bool operator==(const FormatModifier&) const = default;
};

/// What a plane says it can scan out.
class FormatSet {
public:
    FormatSet() = default;

    /// From an IN_FORMATS blob (drm_format_modifier_blob of drm_mode.h). Pure; never reads outside.
    ///
    /// Errors: EINVAL when counts or offsets do not fit the blob.
    static Result<FormatSet> parse_in_formats(std::span<const std::byte> blob);

    /// From the plain list of a plane without IN_FORMATS: every format, linear.
    static FormatSet linear(std::span<const std::uint32_t> formats);

    bool contains(std::uint32_t format, std::uint64_t modifier) const noexcept;
    std::span<const FormatModifier> all() const noexcept { return sorted_; }

private:
    std::vector<FormatModifier> sorted_;  // By format, then modifier.
};

/// "XR24" for DRM_FORMAT_XRGB8888; bytes that do not print become '?'.
std::string format_name(std::uint32_t format);

/// "LINEAR", "INTEL_X_TILED", … as libdrm names vendor and modifier, else the number in hex.
std::string modifier_name(std::uint64_t modifier);

}  // namespace scanthru::kms
