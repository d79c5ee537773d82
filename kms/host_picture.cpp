// SPDX-License-Identifier: MIT
#include "kms/host_picture.h"

#include <algorithm>
#include <cerrno>
#include <gbm.h>
#include <sys/mman.h>
#include <utility>

namespace scanthru::kms {
namespace {

constexpr std::uint32_t no_handle = 0;

/// A dumb buffer that belongs to nobody yet.
class DumbBuffer {
public:
    DumbBuffer(int drm_fd, std::uint32_t handle) noexcept : drm_fd_(drm_fd), handle_(handle) {}

    DumbBuffer(const DumbBuffer&) = delete;
    DumbBuffer& operator=(const DumbBuffer&) = delete;

    ~DumbBuffer() {
        if (handle_ != no_handle) drmModeDestroyDumbBuffer(drm_fd_, handle_);
    }

    std::uint32_t get() const noexcept { return handle_; }
    std::uint32_t release() noexcept { return std::exchange(handle_, no_handle); }

private:
    int drm_fd_;
    std::uint32_t handle_;
};

struct DestroyBo {
    void operator()(gbm_bo* bo) const noexcept { gbm_bo_destroy(bo); }
};

std::uint32_t bits_per_pixel(std::uint32_t format) {
    return format == DRM_FORMAT_RGB565 ? 16 : 32;
}

}  // namespace

Result<HostPicture> HostPicture::create(Card& card, Size size, std::uint32_t format) {
    std::uint32_t handle = no_handle;
    std::uint32_t pitch = 0;
    std::uint64_t bytes = 0;
    if (const int ret = drmModeCreateDumbBuffer(card.fd(), size.width, size.height,
                                                bits_per_pixel(format), 0, &handle, &pitch, &bytes);
        ret != 0)
        return fail(-ret, "drmModeCreateDumbBuffer");
    DumbBuffer dumb{card.fd(), handle};
    auto framebuffer = Framebuffer::wrap(
        card, dumb.get(),
        {.format = format, .modifier = DRM_FORMAT_MOD_LINEAR, .size = size, .stride = pitch});
    if (!framebuffer) return fail(framebuffer.error());
    HostPicture picture{card.fd(), format, *std::move(framebuffer)};
    picture.dumb_handle_ = dumb.release();
    picture.stride_ = pitch;
    return picture;
}

Result<HostPicture>
HostPicture::allocate(Card& card, gbm_device* gbm, Size size, std::uint32_t format) {
    if (gbm == nullptr) return create(card, size, format);
    // WRITE asks for memory that a CPU writes in place: what is mapped is what is scanned out.
    std::unique_ptr<gbm_bo, DestroyBo> owned{
        gbm_bo_create(gbm, size.width, size.height, format, GBM_BO_USE_SCANOUT | GBM_BO_USE_WRITE)};
    gbm_bo* const bo = owned.get();
    if (bo == nullptr || gbm_bo_get_plane_count(bo) != 1) return create(card, size, format);
    std::uint32_t map_stride = 0;
    void* mapping = nullptr;
    void* const memory = gbm_bo_map(bo, 0, 0, size.width, size.height, GBM_BO_TRANSFER_READ_WRITE,
                                    &map_stride, &mapping);
    // Another stride: a staging copy, which would have to be flushed.
    if (memory == nullptr || memory == MAP_FAILED || map_stride != gbm_bo_get_stride(bo)) {
        if (memory != nullptr && memory != MAP_FAILED) gbm_bo_unmap(bo, mapping);
        return create(card, size, format);
    }
    auto framebuffer = Framebuffer::wrap(
        card, gbm_bo_get_handle(bo).u32,
        {.format = format, .modifier = DRM_FORMAT_MOD_LINEAR, .size = size, .stride = map_stride});
    if (!framebuffer) {
        gbm_bo_unmap(bo, mapping);
        return create(card, size, format);
    }
    HostPicture picture{card.fd(), format, *std::move(framebuffer)};
    const std::size_t bytes = std::size_t{map_stride} * size.height;
    picture.memory_ = {static_cast<std::byte*>(memory), bytes};
    picture.bo_mapping_ = mapping;
    picture.bo_ = owned.release();
    picture.stride_ = map_stride;
    std::ranges::fill(picture.memory_, std::byte{0});
    return picture;
}

Result<std::span<std::byte>> HostPicture::map() {
    if (memory_.empty())
        if (const auto mapped = map_dumb(); !mapped) return fail(mapped.error());
    return memory_;
}

Result<void> HostPicture::map_dumb() {
    std::uint64_t offset = 0;
    if (const int ret = drmModeMapDumbBuffer(drm_fd_, dumb_handle_, &offset); ret != 0)
        return fail(-ret, "drmModeMapDumbBuffer");
    auto mapping = Mapping::create(drm_fd_, std::size_t{stride_} * framebuffer_.size().height,
                                   PROT_READ | PROT_WRITE, static_cast<off_t>(offset));
    if (!mapping) return fail(mapping.error());
    dumb_mapping_ = *std::move(mapping);
    memory_ = dumb_mapping_.memory();
    return {};
}

HostPicture::HostPicture(HostPicture&& other) noexcept
    : drm_fd_(other.drm_fd_),
      format_(other.format_),
      stride_(other.stride_),
      framebuffer_(std::move(other.framebuffer_)),
      dumb_handle_(std::exchange(other.dumb_handle_, no_handle)),
      bo_(std::exchange(other.bo_, nullptr)),
      bo_mapping_(std::exchange(other.bo_mapping_, nullptr)),
      dumb_mapping_(std::move(other.dumb_mapping_)),
      memory_(std::exchange(other.memory_, {})) {}

HostPicture& HostPicture::operator=(HostPicture&& other) noexcept {
    HostPicture taken{std::move(other)};
    std::swap(drm_fd_, taken.drm_fd_);
    std::swap(format_, taken.format_);
    std::swap(stride_, taken.stride_);
    std::swap(framebuffer_, taken.framebuffer_);
    std::swap(dumb_handle_, taken.dumb_handle_);
    std::swap(bo_, taken.bo_);
    std::swap(bo_mapping_, taken.bo_mapping_);
    std::swap(dumb_mapping_, taken.dumb_mapping_);
    std::swap(memory_, taken.memory_);
    return *this;
}

HostPicture::~HostPicture() {
    // The framebuffer first: it refers to the memory.
    { const Framebuffer gone = std::move(framebuffer_); }
    if (bo_ != nullptr) {
        if (bo_mapping_ != nullptr) gbm_bo_unmap(bo_, bo_mapping_);
        gbm_bo_destroy(bo_);
    }
    dumb_mapping_ = {};
    if (dumb_handle_ != no_handle) drmModeDestroyDumbBuffer(drm_fd_, dumb_handle_);
}

}  // namespace scanthru::kms
