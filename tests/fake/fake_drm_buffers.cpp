// SPDX-License-Identifier: MIT
// The fake card's memory: GEM handles, framebuffers, dumb buffers, blobs.
#include "fake/fake_drm.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace scanthru::testing {
namespace {

/// Bytes of a pixel of the formats that vkms and the guests have; 0 for others.
std::uint32_t bytes_per_pixel(std::uint32_t format) {
    switch (format) {
    case DRM_FORMAT_XRGB8888:
    case DRM_FORMAT_ARGB8888:
    case DRM_FORMAT_XBGR8888:
    case DRM_FORMAT_ABGR8888:
    case DRM_FORMAT_XRGB2101010:
    case DRM_FORMAT_ARGB2101010: return 4;
    case DRM_FORMAT_RGB565: return 2;
    default: return 0;
    }
}

}  // namespace

std::optional<int> FakeDrm::answer_about_buffers(unsigned long request, void* argument) {
    switch (request) {
    case DRM_IOCTL_PRIME_FD_TO_HANDLE: return import(*static_cast<drm_prime_handle*>(argument));
    case DRM_IOCTL_GEM_CLOSE: return close_handle(static_cast<drm_gem_close*>(argument)->handle);
    case DRM_IOCTL_MODE_CREATE_DUMB:
        return create_dumb(*static_cast<drm_mode_create_dumb*>(argument));
    case DRM_IOCTL_MODE_MAP_DUMB: return map_dumb(*static_cast<drm_mode_map_dumb*>(argument));
    case DRM_IOCTL_MODE_DESTROY_DUMB:
        return destroy_dumb(static_cast<drm_mode_destroy_dumb*>(argument)->handle);
    case DRM_IOCTL_MODE_ADDFB2: return add_framebuffer(*static_cast<drm_mode_fb_cmd2*>(argument));
    case DRM_IOCTL_MODE_RMFB: return remove_framebuffer(*static_cast<std::uint32_t*>(argument));
    case DRM_IOCTL_MODE_DIRTYFB:
        return framebuffers_.contains(static_cast<drm_mode_fb_dirty_cmd*>(argument)->fb_id)
                   ? 0
                   : -ENOENT;
    case DRM_IOCTL_MODE_CREATEPROPBLOB:
        return create_blob(*static_cast<drm_mode_create_blob*>(argument));
    case DRM_IOCTL_MODE_DESTROYPROPBLOB:
        return destroy_blob(static_cast<drm_mode_destroy_blob*>(argument)->blob_id);
    case DRM_IOCTL_MODE_GETPROPBLOB: return get_blob(*static_cast<drm_mode_get_blob*>(argument));
    default: return std::nullopt;
    }
}

int FakeDrm::import(drm_prime_handle& request) {
    struct stat status {};
    if (::fstat(request.fd, &status) != 0) return -EBADF;
    if (status.st_size == 0) return -EINVAL;
    // The same buffer gets the same handle again, and nobody counts.
    for (const auto& [handle, memory] : handles_) {
        if (!memory->dumb && memory->inode == status.st_ino && memory->device == status.st_dev) {
            request.handle = handle;
            return 0;
        }
    }
    request.handle = next_id_++;
    handles_[request.handle] =
        std::make_shared<GemObject>(GemObject{.device = status.st_dev,
                                              .inode = status.st_ino,
                                              .bytes = static_cast<std::uint64_t>(status.st_size)});
    return 0;
}

int FakeDrm::close_handle(std::uint32_t handle) {
    const bool closed = handles_.erase(handle) == 1;
    EXPECT_TRUE(closed) << "GEM handle " << handle << " closed twice";
    dumb_offsets_.erase(handle);
    return closed ? 0 : -EINVAL;
}

int FakeDrm::create_dumb(drm_mode_create_dumb& request) {
    if (request.width == 0 || request.height == 0 || request.bpp == 0) return -EINVAL;
    request.pitch = (request.width * ((request.bpp + 7) / 8) + 63) / 64 * 64;
    request.size = (std::uint64_t{request.pitch} * request.height + 4095) / 4096 * 4096;
    request.handle = next_id_++;
    handles_[request.handle] =
        std::make_shared<GemObject>(GemObject{.bytes = request.size, .dumb = true});
    dumb_offsets_[request.handle] = file_size_;
    file_size_ += request.size;
    return ::ftruncate(file_.get(), static_cast<off_t>(file_size_)) == 0 ? 0 : -ENOMEM;
}

int FakeDrm::map_dumb(drm_mode_map_dumb& request) const {
    const auto found = dumb_offsets_.find(request.handle);
    if (found == dumb_offsets_.end()) return -ENOENT;
    request.offset = found->second;
    return 0;
}

int FakeDrm::destroy_dumb(std::uint32_t handle) {
    EXPECT_TRUE(dumb_offsets_.contains(handle)) << handle << " is no dumb buffer";
    return close_handle(handle);
}

bool FakeDrm::any_plane_has(std::uint32_t format,
                            std::uint64_t modifier,
                            bool with_modifier) const {
    if (with_modifier &&
        std::ranges::find(options_.plane_modifiers, modifier) == options_.plane_modifiers.end())
        return false;
    return std::ranges::any_of(model_.planes, [format](const auto& plane) {
        return std::ranges::find(plane.second.formats, format) != plane.second.formats.end();
    });
}

/// framebuffer_check() and drm_gem_fb_init_with_funcs() in the kernel.
int FakeDrm::check_framebuffer(const drm_mode_fb_cmd2& request) const {
    const bool with_modifier = (request.flags & DRM_MODE_FB_MODIFIERS) != 0;
    if ((request.flags & ~std::uint32_t{DRM_MODE_FB_MODIFIERS}) != 0) return -EINVAL;
    if (with_modifier && !options_.modifiers) return -EINVAL;
    if (request.width < 20 || request.width > 8192) return -EINVAL;
    if (request.height < 20 || request.height > 8192) return -EINVAL;
    const std::uint32_t pixel = bytes_per_pixel(request.pixel_format);
    if (pixel == 0 || request.handles[0] == 0) return -EINVAL;
    if (request.pitches[0] < std::uint64_t{request.width} * pixel) return -EINVAL;
    if (!with_modifier && request.modifier[0] != 0) return -EINVAL;
    for (int unused = 1; unused < 4; ++unused)
        if ((request.handles[unused] | request.pitches[unused] | request.offsets[unused] |
             request.modifier[unused]) != 0)
            return -EINVAL;
    if (!any_plane_has(request.pixel_format, request.modifier[0], with_modifier)) return -EINVAL;
    const auto memory = handles_.find(request.handles[0]);
    if (memory == handles_.end()) return -ENOENT;
    const std::uint64_t needed = std::uint64_t{request.height - 1} * request.pitches[0] +
                                 std::uint64_t{request.width} * pixel + request.offsets[0];
    return needed <= memory->second->bytes ? 0 : -EINVAL;
}

int FakeDrm::add_framebuffer(drm_mode_fb_cmd2& request) {
    if (const int wrong = check_framebuffer(request); wrong != 0) return wrong;
    const auto& memory = handles_.at(request.handles[0]);
    request.fb_id = next_id_++;
    framebuffers_[request.fb_id] = {
        .what = {.size = {request.width, request.height},
                 .format = request.pixel_format,
                 .modifier = request.modifier[0],
                 .stride = request.pitches[0],
                 .has_modifier = (request.flags & DRM_MODE_FB_MODIFIERS) != 0,
                 .inode = memory->inode},
        .memory = memory};
    return 0;
}

void FakeDrm::turn_off_planes_with(std::uint32_t framebuffer) {
    for (const auto& [plane, what] : model_.planes) {
        if (value_in(model_.state, plane, "FB_ID") != framebuffer) continue;
        model_.state[plane][model_.property_id(plane, "FB_ID")] = 0;
        model_.state[plane][model_.property_id(plane, "CRTC_ID")] = 0;
    }
}

int FakeDrm::remove_framebuffer(std::uint32_t framebuffer) {
    const auto found = framebuffers_.find(framebuffer);
    if (found == framebuffers_.end() || found->second.what.of_others) return -ENOENT;
    const bool on_screen = std::ranges::any_of(model_.planes, [&](const auto& plane) {
        return value_in(model_.state, plane.first, "FB_ID") == framebuffer;
    });
    EXPECT_TRUE(!on_screen || removal_on_screen_allowed_)
        << "RMFB of framebuffer " << framebuffer << " on screen turns its plane off";
    turn_off_planes_with(framebuffer);
    framebuffers_.erase(found);
    return 0;
}

int FakeDrm::create_blob(drm_mode_create_blob& request) {
    if (request.length == 0) return -EINVAL;
    const auto* const from =
        reinterpret_cast<const std::byte*>(static_cast<std::uintptr_t>(request.data));
    request.blob_id = next_id_++;
    blobs_[request.blob_id] = {.bytes = {from, from + request.length}, .of_program = true};
    return 0;
}

int FakeDrm::destroy_blob(std::uint32_t blob) {
    const auto found = blobs_.find(blob);
    if (found == blobs_.end()) return model_.blobs.contains(blob) ? -EPERM : -ENOENT;
    if (!found->second.of_program) return -EPERM;
    found->second.of_program = false;
    drop_unused_blobs();
    return 0;
}

int FakeDrm::get_blob(drm_mode_get_blob& query) const {
    const auto* const bytes = blob_bytes(query.blob_id);
    if (bytes == nullptr) return -ENOENT;
    if (query.length == bytes->size())
        std::ranges::copy(*bytes,
                          reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(query.data)));
    query.length = static_cast<std::uint32_t>(bytes->size());
    return 0;
}

/// A blob lives as long as its creator or a state refers to it.
void FakeDrm::drop_unused_blobs() {
    std::set<std::uint64_t> used;
    for (const auto& [object, values] : model_.state)
        for (const auto& [property, value] : values)
            if ((model_.properties.at(property).flags & DRM_MODE_PROP_BLOB) != 0)
                used.insert(value);
    std::erase_if(blobs_, [&used](const auto& entry) {
        const Blob& blob = entry.second;
        return !blob.of_program && !blob.of_others && !used.contains(entry.first);
    });
}

const std::vector<std::byte>* FakeDrm::blob_bytes(std::uint64_t blob) const {
    const auto number = static_cast<std::uint32_t>(blob);
    if (const auto found = blobs_.find(number); found != blobs_.end()) return &found->second.bytes;
    const auto found = model_.blobs.find(number);
    return found != model_.blobs.end() ? &found->second : nullptr;
}

}  // namespace scanthru::testing
