// SPDX-License-Identifier: MIT
#include "kms/framebuffer.h"

#include <array>
#include <cerrno>
#include <drm_fourcc.h>
#include <utility>

namespace scanthru::kms {
namespace {

constexpr FramebufferId no_framebuffer{0};
constexpr std::uint32_t no_handle = 0;

/// A GEM handle, closed at the end of the import it was opened for.
///
/// The kernel hands out the same handle for the same buffer on the same DRM fd and does not count
/// how often it did. A handle that lives for one call, under one lock, cannot be closed twice.
class GemHandle {
public:
    GemHandle(int drm_fd, std::uint32_t handle) noexcept : drm_fd_(drm_fd), handle_(handle) {}

    GemHandle(const GemHandle&) = delete;
    GemHandle& operator=(const GemHandle&) = delete;

    ~GemHandle() { drmCloseBufferHandle(drm_fd_, handle_); }

    std::uint32_t get() const noexcept { return handle_; }

private:
    int drm_fd_;
    std::uint32_t handle_;
};

}  // namespace

Result<Framebuffer> Framebuffer::import(Card& card, const DmabufImage& image) {
    const std::scoped_lock importing{card.import_mutex()};
    std::uint32_t handle = no_handle;
    if (drmPrimeFDToHandle(card.fd(), image.fd, &handle) != 0)
        return fail(errno, "drmPrimeFDToHandle");
    const GemHandle gem{card.fd(), handle};
    return wrap(card, gem.get(), image);
}

Result<Framebuffer>
Framebuffer::wrap(Card& card, std::uint32_t gem_handle, const DmabufImage& image) {
    // One memory plane; the kernel insists on zeros in the slots that are not used.
    const std::array<std::uint32_t, 4> handles{gem_handle};
    const std::array<std::uint32_t, 4> strides{image.stride};
    const std::array<std::uint32_t, 4> offsets{};
    const std::array<std::uint64_t, 4> modifiers{image.modifier};
    std::uint32_t id = 0;
    if (card.capabilities().fb_modifiers) {
        const int ret = drmModeAddFB2WithModifiers(
            card.fd(), image.size.width, image.size.height, image.format, handles.data(),
            strides.data(), offsets.data(), modifiers.data(), &id, DRM_MODE_FB_MODIFIERS);
        if (ret != 0) return fail(-ret, "drmModeAddFB2WithModifiers");
    } else {
        if (image.modifier != DRM_FORMAT_MOD_LINEAR)
            return fail(EINVAL, "modifier without DRM_CAP_ADDFB2_MODIFIERS");
        const int ret = drmModeAddFB2(card.fd(), image.size.width, image.size.height, image.format,
                                      handles.data(), strides.data(), offsets.data(), &id, 0);
        if (ret != 0) return fail(-ret, "drmModeAddFB2");
    }
    return Framebuffer{card.fd(), FramebufferId{id}, image.size};
}

Framebuffer::Framebuffer(Framebuffer&& other) noexcept
    : drm_fd_(other.drm_fd_), id_(std::exchange(other.id_, no_framebuffer)), size_(other.size_) {}

Framebuffer& Framebuffer::operator=(Framebuffer&& other) noexcept {
    // What was held here goes now and not with `other`: callers count on when RMFB happens.
    Framebuffer taken{std::move(other)};
    std::swap(drm_fd_, taken.drm_fd_);
    std::swap(id_, taken.id_);
    std::swap(size_, taken.size_);
    return *this;
}

Framebuffer::~Framebuffer() {
    if (id_ != no_framebuffer) drmModeRmFB(drm_fd_, raw(id_));
}

}  // namespace scanthru::kms
