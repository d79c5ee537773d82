// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "kms/card.h"
#include "kms/types.h"

namespace scanthru::kms {

/// One linear or tiled image in one dma-buf, as drm_fourcc.h describes it.
struct DmabufImage {
    int fd = -1;                 ///< Borrowed for the call.
    std::uint32_t format = 0;    ///< DRM_FORMAT_*.
    std::uint64_t modifier = 0;  ///< DRM_FORMAT_MOD_*, explicit: never DRM_FORMAT_MOD_INVALID.
    Size size;
    std::uint32_t stride = 0;  ///< Bytes from one row to the next.
};

/// A KMS framebuffer. Removed from the kernel when destroyed.
///
/// Removing a framebuffer that a plane is scanning out turns that plane off (RMFB, see
/// drm_mode_rmfb in the kernel) and blocks for a frame, so whoever shows it keeps it until a commit
/// away from it has returned. The card is borrowed and must outlive the framebuffer.
class Framebuffer {
public:
    /// Creates a framebuffer that shows `image` without copying it.
    ///
    /// The memory stays alive through the framebuffer; `image.fd` may be closed afterwards.
    /// DRM_MODE_FB_MODIFIERS is set whenever the driver has the cap; without it only LINEAR passes.
    /// Errors: whatever drmPrimeFDToHandle or drmModeAddFB2 reports; EINVAL when the driver cannot
    /// scan out this format, modifier, size or stride.
    static Result<Framebuffer> import(Card& card, const DmabufImage& image);

    /// Shows a GEM object of `card` that the caller owns (a dumb buffer). Errors: as import().
    static Result<Framebuffer> wrap(Card& card, std::uint32_t gem_handle, const DmabufImage& image);

    Framebuffer(Framebuffer&& other) noexcept;
    Framebuffer& operator=(Framebuffer&& other) noexcept;
    ~Framebuffer();

    FramebufferId id() const noexcept { return id_; }
    Size size() const noexcept { return size_; }

private:
    Framebuffer(int drm_fd, FramebufferId id, Size size) noexcept
        : drm_fd_(drm_fd), id_(id), size_(size) {}

    int drm_fd_;
    FramebufferId id_;
    Size size_;
};

}  // namespace scanthru::kms
