// SPDX-License-Identifier: MIT
#include "kms/atomic_request.h"

#include <cassert>
#include <cerrno>

namespace scanthru::kms {
namespace {

// A frame needs two planes with a dozen properties each, a take-over some hundred: nothing grows.
constexpr std::size_t roomy_objects = 64;
constexpr std::size_t roomy_properties = 512;

std::uint32_t source_pixels(std::int32_t pixels) {
    assert(pixels >= 0);
    return Fixed16::from_pixels(static_cast<std::uint32_t>(pixels)).raw();
}

std::uint64_t user_pointer(const void* data) {
    return reinterpret_cast<std::uintptr_t>(data);
}

}  // namespace

AtomicRequest::AtomicRequest() {
    objects_.reserve(roomy_objects);
    counts_.reserve(roomy_objects);
    properties_.reserve(roomy_properties);
    values_.reserve(roomy_properties);
}

void AtomicRequest::clear() noexcept {
    objects_.clear();
    counts_.clear();
    properties_.clear();
    values_.clear();
}

void AtomicRequest::set(ObjectId object, PropertyId property, std::uint64_t value) {
    if (objects_.empty() || objects_.back() != raw(object)) {
        objects_.push_back(raw(object));
        counts_.push_back(0);
    }
    ++counts_.back();
    properties_.push_back(raw(property));
    values_.push_back(value);
}

void AtomicRequest::show(const Plane& plane, ObjectId crtc, const PlaneState& state) {
    const PlaneProperties& p = plane.properties;
    set(plane.id, p.fb_id, raw(state.framebuffer));
    set(plane.id, p.crtc_id, raw(crtc));
    set(plane.id, p.src_x, source_pixels(state.source.x));
    set(plane.id, p.src_y, source_pixels(state.source.y));
    set(plane.id, p.src_w, Fixed16::from_pixels(state.source.size.width).raw());
    set(plane.id, p.src_h, Fixed16::from_pixels(state.source.size.height).raw());
    // Signed ranges travel sign-extended in the unsigned 64-bit value.
    set(plane.id, p.crtc_x, static_cast<std::uint64_t>(std::int64_t{state.target.x}));
    set(plane.id, p.crtc_y, static_cast<std::uint64_t>(std::int64_t{state.target.y}));
    set(plane.id, p.crtc_w, state.target.size.width);
    set(plane.id, p.crtc_h, state.target.size.height);
}

void AtomicRequest::hide(const Plane& plane) {
    // Both or neither: the kernel rejects a plane with a framebuffer and no CRTC.
    set(plane.id, plane.properties.fb_id, 0);
    set(plane.id, plane.properties.crtc_id, 0);
}

Result<void> AtomicRequest::test(int drm_fd) const {
    // ALLOW_MODESET is left out: a test of what commit() will do must fail where commit() will.
    return submit(drm_fd, DRM_MODE_ATOMIC_TEST_ONLY);
}

Result<void> AtomicRequest::test_modeset(int drm_fd) const {
    return submit(drm_fd, DRM_MODE_ATOMIC_TEST_ONLY | DRM_MODE_ATOMIC_ALLOW_MODESET);
}

Result<void> AtomicRequest::commit(int drm_fd) const {
    return submit(drm_fd, 0);
}

Result<void> AtomicRequest::commit_modeset(int drm_fd) const {
    return submit(drm_fd, DRM_MODE_ATOMIC_ALLOW_MODESET);
}

Result<void> AtomicRequest::commit_async(int drm_fd) const {
    return submit(drm_fd, DRM_MODE_PAGE_FLIP_ASYNC);
}

Result<void> AtomicRequest::commit_later(int drm_fd, std::uint64_t token) const {
    return submit(drm_fd, DRM_MODE_ATOMIC_NONBLOCK | DRM_MODE_PAGE_FLIP_EVENT, token);
}

Result<void> AtomicRequest::submit(int drm_fd, std::uint32_t flags, std::uint64_t token) const {
    assert(!empty());
    drm_mode_atomic atomic{};
    atomic.flags = flags;
    atomic.user_data = token;
    atomic.count_objs = static_cast<std::uint32_t>(objects_.size());
    atomic.objs_ptr = user_pointer(objects_.data());
    atomic.count_props_ptr = user_pointer(counts_.data());
    atomic.props_ptr = user_pointer(properties_.data());
    atomic.prop_values_ptr = user_pointer(values_.data());
    if (drmIoctl(drm_fd, DRM_IOCTL_MODE_ATOMIC, &atomic) != 0)
        return fail(errno, "DRM_IOCTL_MODE_ATOMIC");
    return {};
}

}  // namespace scanthru::kms
