// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "kms/topology.h"
#include "kms/types.h"

#include <cstdint>
#include <vector>

namespace scanthru::kms {

/// What a plane shows, and where.
struct PlaneState {
    FramebufferId framebuffer{};
    Rect source;  ///< Part of the framebuffer that is shown, whole pixels, within it.
    Rect target;  ///< Where on the CRTC.
    bool operator==(const PlaneState&) const = default;
};

/// A set of property changes that the kernel applies together or not at all.
///
/// Ours and not libdrm's, because libdrm's copies, sorts and allocates at every commit: this one
/// keeps its storage, so a request that is cleared and filled again costs one system call and no
/// allocation. The kernel takes objects in any order and more than once (drm_mode_atomic_ioctl).
class AtomicRequest {
public:
    AtomicRequest();

    void clear() noexcept;
    bool empty() const noexcept { return properties_.empty(); }

    /// Objects may come in any order and more than once; of two values for one property the last
    /// holds.
    void set(ObjectId object, PropertyId property, std::uint64_t value);
    void show(const Plane& plane, ObjectId crtc, const PlaneState& state);
    void hide(const Plane& plane);

    /// Asks whether the commit would succeed; changes nothing. TEST_ONLY never looks at pages
    /// (prepare_fb is not run), so a passed test is no promise.
    ///
    /// Errors: EINVAL, ERANGE or ENOSPC when the driver cannot show this; anything else is a fault.
    Result<void> test(int drm_fd) const;

    /// The same question about commit_modeset(). Errors: those of test().
    Result<void> test_modeset(int drm_fd) const;

    /// Applies the changes and returns when they are on screen (blocking, without event).
    ///
    /// Errors: EACCES when this process is not DRM master; EBUSY; ENODEV; those of test().
    Result<void> commit(int drm_fd) const;

    /// The same, and may change modes: the screen may go dark for a moment. Never in the loop.
    Result<void> commit_modeset(int drm_fd) const;

    /// The same, but shown at once and not at the next vblank: the picture may tear. Linux 6.8,
    /// DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP. Only FB_ID of a primary plane may change.
    ///
    /// Errors: EINVAL also where the driver cannot change these two framebuffers so.
    Result<void> commit_async(int drm_fd) const;

    /// Returns at once; an event with `token` tells of the flip. For the benchmark: EBUSY while one
    /// is in flight. Errors: those of commit().
    Result<void> commit_later(int drm_fd, std::uint64_t token) const;

private:
    Result<void> submit(int drm_fd, std::uint32_t flags, std::uint64_t token = 0) const;

    std::vector<std::uint32_t> objects_;
    std::vector<std::uint32_t> counts_;  ///< Properties of objects_[i].
    std::vector<std::uint32_t> properties_;
    std::vector<std::uint64_t> values_;
};

}  // namespace scanthru::kms
