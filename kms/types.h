// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <xf86drm.h>
#include <xf86drmMode.h>

namespace scanthru::kms {

// One type per number space, so that a CRTC id cannot be passed where a property id is meant.
enum class ObjectId : std::uint32_t {};
enum class PropertyId : std::uint32_t {};
enum class FramebufferId : std::uint32_t {};
enum class BlobId : std::uint32_t {};

template <class Id>
constexpr std::underlying_type_t<Id> raw(Id id) noexcept {
    return static_cast<std::underlying_type_t<Id>>(id);
}

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using VersionPtr = std::unique_ptr<drmVersion, Freed<drmFreeVersion>>;
using ResourcesPtr = std::unique_ptr<drmModeRes, Freed<drmModeFreeResources>>;
using PlaneResourcesPtr = std::unique_ptr<drmModePlaneRes, Freed<drmModeFreePlaneResources>>;
using ConnectorPtr = std::unique_ptr<drmModeConnector, Freed<drmModeFreeConnector>>;
using EncoderPtr = std::unique_ptr<drmModeEncoder, Freed<drmModeFreeEncoder>>;
using PlanePtr = std::unique_ptr<drmModePlane, Freed<drmModeFreePlane>>;
using ObjectPropertiesPtr =
    std::unique_ptr<drmModeObjectProperties, Freed<drmModeFreeObjectProperties>>;
using PropertyPtr = std::unique_ptr<drmModePropertyRes, Freed<drmModeFreeProperty>>;
using BlobPtr = std::unique_ptr<drmModePropertyBlobRes, Freed<drmModeFreePropertyBlob>>;

}  // namespace scanthru::kms
