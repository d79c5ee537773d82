// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/types.h"

#include <cstddef>
#include <span>

namespace scanthru::kms {

/// A blob in the kernel, such as a MODE_ID. Destroyed with its owner; the kernel keeps what is in
/// use. The DRM descriptor is borrowed and must outlive it.
class PropertyBlob {
public:
    /// Errors: what drmModeCreatePropertyBlob reports.
    static Result<PropertyBlob> create(int drm_fd, std::span<const std::byte> bytes);
    static Result<PropertyBlob> create(int drm_fd, const drmModeModeInfo& mode);

    PropertyBlob(PropertyBlob&& other) noexcept;
    PropertyBlob& operator=(PropertyBlob&& other) noexcept;
    ~PropertyBlob();

    BlobId id() const noexcept { return id_; }

private:
    PropertyBlob(int drm_fd, BlobId id) noexcept : drm_fd_(drm_fd), id_(id) {}

    int drm_fd_;
    BlobId id_;
};

}  // namespace scanthru::kms
