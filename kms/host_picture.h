// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/mapping.h"
#include "base/result.h"
#include "kms/card.h"
#include "kms/framebuffer.h"

#include <cstddef>
#include <cstdint>
#include <drm_fourcc.h>
#include <memory>
#include <span>

struct gbm_bo;
struct gbm_device;

namespace scanthru::kms {

/// A picture of the host's own with its framebuffer, linear, in memory that the CPU can write.
/// Black at first. The card is borrowed and must outlive it.
class HostPicture {
public:
    /// In a DRM dumb buffer. `format`: a DRM_FORMAT_* of one word of 2 or 4 bytes a pixel.
    ///
    /// Errors: what CREATE_DUMB or ADDFB2 reports.
    static Result<HostPicture>
    create(Card& card, Size size, std::uint32_t format = DRM_FORMAT_XRGB8888);

    /// In a buffer of `gbm`'s (SCANOUT, WRITE), mapped; where there is none, or it cannot give one,
    /// as create(). Errors: those of create().
    static Result<HostPicture>
    allocate(Card& card, gbm_device* gbm, Size size, std::uint32_t format);

    HostPicture(HostPicture&& other) noexcept;
    HostPicture& operator=(HostPicture&& other) noexcept;
    ~HostPicture();

    const Framebuffer& framebuffer() const noexcept { return framebuffer_; }
    std::uint32_t format() const noexcept { return format_; }
    std::uint32_t stride() const noexcept { return stride_; }

    /// All of its rows, for writing and (slowly, where memory is write-combined) reading. Maps the
    /// memory at the first call. Errors: what MAP_DUMB or mmap(2) reports.
    Result<std::span<std::byte>> map();

    /// What map() gave; empty before.
    std::span<const std::byte> memory() const noexcept { return memory_; }

private:
    HostPicture(int drm_fd, std::uint32_t format, Framebuffer framebuffer) noexcept
        : drm_fd_(drm_fd), format_(format), framebuffer_(std::move(framebuffer)) {}

    Result<void> map_dumb();

    int drm_fd_;
    std::uint32_t format_;
    std::uint32_t stride_ = 0;
    Framebuffer framebuffer_;
    std::uint32_t dumb_handle_ = 0;  ///< 0: gbm's.
    gbm_bo* bo_ = nullptr;
    void* bo_mapping_ = nullptr;  ///< What gbm_bo_unmap() wants.
    Mapping dumb_mapping_;
    std::span<std::byte> memory_;
};

}  // namespace scanthru::kms
