// SPDX-License-Identifier: MIT
#include "kms/property_blob.h"

#include <utility>

namespace scanthru::kms {
namespace {

constexpr BlobId none{0};

}  // namespace

Result<PropertyBlob> PropertyBlob::create(int drm_fd, std::span<const std::byte> bytes) {
    std::uint32_t id = 0;
    if (const int ret = drmModeCreatePropertyBlob(drm_fd, bytes.data(), bytes.size(), &id);
        ret != 0)
        return fail(-ret, "drmModeCreatePropertyBlob");
    return PropertyBlob{drm_fd, BlobId{id}};
}

Result<PropertyBlob> PropertyBlob::create(int drm_fd, const drmModeModeInfo& mode) {
    return create(drm_fd, std::as_bytes(std::span{&mode, 1}));
}

PropertyBlob::PropertyBlob(PropertyBlob&& other) noexcept
    : drm_fd_(other.drm_fd_), id_(std::exchange(other.id_, none)) {}

PropertyBlob& PropertyBlob::operator=(PropertyBlob&& other) noexcept {
    PropertyBlob taken{std::move(other)};
    std::swap(drm_fd_, taken.drm_fd_);
    std::swap(id_, taken.id_);
    return *this;
}

PropertyBlob::~PropertyBlob() {
    if (id_ != none) drmModeDestroyPropertyBlob(drm_fd_, raw(id_));
}

}  // namespace scanthru::kms
