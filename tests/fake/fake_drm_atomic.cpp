// SPDX-License-Identifier: MIT
// Atomic commits on the fake card: the checks of drm_atomic_uapi.c, drm_atomic.c and the helpers,
// in their order and with their errors.
#include "fake/fake_drm.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <gtest/gtest.h>

namespace scanthru::testing {
namespace {

template <class T>
const T* user(std::uint64_t address) {
    return reinterpret_cast<const T*>(static_cast<std::uintptr_t>(address));
}

constexpr std::uint32_t full(std::uint64_t fixed) {
    return static_cast<std::uint32_t>(fixed >> 16U);
}

}  // namespace

int FakeDrm::atomic(const drm_mode_atomic& request, std::optional<kms::Timestamp>& on_screen) {
    if (!master_) return -EACCES;
    if (!client_caps_.contains(DRM_CLIENT_CAP_ATOMIC)) return -EINVAL;
    if ((request.flags & ~std::uint32_t{DRM_MODE_ATOMIC_FLAGS}) != 0) return -EINVAL;
    if (request.reserved != 0) return -EINVAL;
    const bool test_only = (request.flags & DRM_MODE_ATOMIC_TEST_ONLY) != 0;
    if (test_only && (request.flags & DRM_MODE_PAGE_FLIP_EVENT) != 0) return -EINVAL;
    const bool async = (request.flags & DRM_MODE_PAGE_FLIP_ASYNC) != 0;
    if (async && !options_.async_flips) return -EINVAL;
    EXPECT_EQ(request.flags & DRM_MODE_PAGE_FLIP_EVENT, 0U) << "the fake card sends no events";
    EXPECT_NE(request.count_objs, 0U) << "an empty commit";

    FakeState next = model_.state;
    FakeCommit changes{.flags = request.flags, .changes = {}};
    if (const int wrong = fill(request, next, changes); wrong != 0) return wrong;
    if (const int wrong = check(next, request.flags); wrong != 0) return wrong;
    if (async && async_refused_) return -EINVAL;
    if (test_only) return 0;
    if (const int wrong = prepare(next, changes); wrong != 0) return wrong;

    const auto crtcs = affected_crtcs(next, changes);
    for (const std::uint32_t crtc : crtcs)
        if (options_.real_time && needs_modeset(next, crtc))
            vblanks_.at(crtc).when = std::chrono::steady_clock::now();
    model_.state = std::move(next);
    commits_.push_back(std::move(changes));
    drop_unused_blobs();
    if (async) return 0;
    for (const std::uint32_t crtc : crtcs)
        if (const auto when = flip(crtc)) on_screen = std::max(on_screen.value_or(*when), *when);
    return 0;
}

/// drm_mode_atomic_ioctl(): the changes, each checked for itself.
int FakeDrm::fill(const drm_mode_atomic& request, FakeState& next, FakeCommit& changes) const {
    const auto* property = user<std::uint32_t>(request.props_ptr);
    const auto* value = user<std::uint64_t>(request.prop_values_ptr);
    for (std::uint32_t i = 0; i < request.count_objs; ++i) {
        const std::uint32_t object = user<std::uint32_t>(request.objs_ptr)[i];
        const auto values = next.find(object);
        if (values == next.end()) return -ENOENT;
        const std::uint32_t count = user<std::uint32_t>(request.count_props_ptr)[i];
        for (std::uint32_t n = 0; n < count; ++n, ++property, ++value) {
            if (!values->second.contains(*property)) return -ENOENT;
            const FakeProperty& known = model_.properties.at(*property);
            if (const int wrong = check_value(known, *value); wrong != 0) return wrong;
            if ((request.flags & DRM_MODE_PAGE_FLIP_ASYNC) != 0 &&
                !may_change_async(object, known, values->second.at(*property), *value))
                return -EINVAL;
            changes.changes[object][known.name] = *value;
            // What a writeback takes is for this commit only and reads as 0.
            values->second[*property] = known.name.starts_with("WRITEBACK_") ? 0 : *value;
        }
    }
    return 0;
}

/// drm_atomic_set_property() with async_flip, Linux 6.8 to 6.13
bool FakeDrm::may_change_async(std::uint32_t object,
                               const FakeProperty& property,
                               std::uint64_t before,
                               std::uint64_t after) const {
    const auto plane = model_.planes.find(object);
    if (plane == model_.planes.end() || property.name != "FB_ID") return before == after;
    return plane->second.kind == DRM_PLANE_TYPE_PRIMARY;
}

/// drm_property_change_valid_get()
int FakeDrm::check_value(const FakeProperty& property, std::uint64_t value) const {
    const auto& values = property.values;
    const auto valid = [&] {
        const std::uint32_t flags = property.flags;
        if ((flags & DRM_MODE_PROP_IMMUTABLE) != 0) return false;
        if ((flags & DRM_MODE_PROP_RANGE) != 0) return value >= values[0] && value <= values[1];
        if ((flags & DRM_MODE_PROP_EXTENDED_TYPE) == DRM_MODE_PROP_SIGNED_RANGE)
            return static_cast<std::int64_t>(value) >= static_cast<std::int64_t>(values[0]) &&
                   static_cast<std::int64_t>(value) <= static_cast<std::int64_t>(values[1]);
        if ((flags & DRM_MODE_PROP_ENUM) != 0)
            return std::ranges::find(values, value) != values.end();
        if ((flags & DRM_MODE_PROP_BITMASK) != 0) {
            std::uint64_t all = 0;
            for (const std::uint64_t bit : values)
                all |= std::uint64_t{1} << bit;
            return (value & ~all) == 0;
        }
        if (value == 0) return true;
        if ((flags & DRM_MODE_PROP_BLOB) != 0) return blob_bytes(value) != nullptr;
        const auto number = static_cast<std::uint32_t>(value);
        return values[0] == DRM_MODE_OBJECT_FB ? framebuffers_.contains(number)
                                               : model_.type_of(number) == values[0];
    };
    return valid() ? 0 : -EINVAL;
}

/// drm_atomic_plane_check()
int FakeDrm::check_plane(const FakeState& next, std::uint32_t plane) const {
    const auto value_of = [&](std::string_view name) {
        return value_in(next, plane, name);
    };
    const auto crtc = static_cast<std::uint32_t>(value_of("CRTC_ID"));
    const auto shown = framebuffers_.find(static_cast<std::uint32_t>(value_of("FB_ID")));
    if ((shown != framebuffers_.end()) != (crtc != 0)) return -EINVAL;
    if (crtc == 0) return 0;
    const FakePlane& what = model_.planes.at(plane);
    if ((what.possible_crtcs >> model_.crtc_index(crtc) & 1U) == 0) return -EINVAL;

    const FakeFramebuffer& framebuffer = shown->second.what;
    if (std::ranges::find(what.formats, framebuffer.format) == what.formats.end()) return -EINVAL;
    if (options_.modifiers && std::ranges::find(options_.plane_modifiers, framebuffer.modifier) ==
                                  options_.plane_modifiers.end())
        return -EINVAL;
    const auto wraps = [&](std::string_view position, std::string_view length) {
        return static_cast<std::int64_t>(value_of(position)) +
                   static_cast<std::int64_t>(value_of(length)) >
               INT_MAX;
    };
    if (wraps("CRTC_X", "CRTC_W") || wraps("CRTC_Y", "CRTC_H")) return -ERANGE;
    const auto beyond = [&](std::string_view position, std::string_view length, unsigned size) {
        return value_of(position) + value_of(length) > std::uint64_t{size} << 16U;
    };
    if (beyond("SRC_X", "SRC_W", framebuffer.size.width) ||
        beyond("SRC_Y", "SRC_H", framebuffer.size.height))
        return -ENOSPC;
    return check_placing(next, plane, crtc);
}

/// drm_atomic_helper_check_plane_state(), as vkms calls it.
int FakeDrm::check_placing(const FakeState& next, std::uint32_t plane, std::uint32_t crtc) const {
    const auto value_of = [&](std::string_view name) {
        return value_in(next, plane, name);
    };
    const auto mode = mode_in(next, crtc);
    if (!mode) return -EINVAL;
    if (!options_.scaling && (full(value_of("SRC_W")) != value_of("CRTC_W") ||
                              full(value_of("SRC_H")) != value_of("CRTC_H")))
        return -ERANGE;
    if (model_.planes.at(plane).kind != DRM_PLANE_TYPE_PRIMARY || !options_.primary_must_cover)
        return 0;
    const auto covers = [&](std::string_view position, std::string_view length, int size) {
        const auto from = static_cast<std::int64_t>(value_of(position));
        return from <= 0 && from + static_cast<std::int64_t>(value_of(length)) >= size;
    };
    return covers("CRTC_X", "CRTC_W", mode->hdisplay) && covers("CRTC_Y", "CRTC_H", mode->vdisplay)
               ? 0
               : -EINVAL;
}

/// drm_atomic_crtc_check() and drm_atomic_helper_check_modeset()
int FakeDrm::check_crtc(const FakeState& next, std::uint32_t crtc) const {
    const std::uint64_t mode = value_in(next, crtc, "MODE_ID");
    if (mode != 0 && !mode_in(next, crtc)) return -EINVAL;
    if (value_in(next, crtc, "ACTIVE") != 0 && mode == 0) return -EINVAL;
    bool connected = false;
    for (const auto& [number, connector] : model_.connectors) {
        if (value_in(next, number, "CRTC_ID") != crtc) continue;
        if ((connector.possible_crtcs >> model_.crtc_index(crtc) & 1U) == 0) return -EINVAL;
        connected = true;
    }
    return connected == (mode != 0) ? 0 : -EINVAL;
}

bool FakeDrm::needs_modeset(const FakeState& next, std::uint32_t crtc) const {
    const auto content = [&](const FakeState& state) {
        const auto* const bytes = blob_bytes(value_in(state, crtc, "MODE_ID"));
        return bytes != nullptr ? *bytes : std::vector<std::byte>{};
    };
    if (value_in(next, crtc, "ACTIVE") != value_in(model_.state, crtc, "ACTIVE")) return true;
    if (content(next) != content(model_.state)) return true;
    return std::ranges::any_of(model_.connectors, [&](const auto& connector) {
        const auto before = value_in(model_.state, connector.first, "CRTC_ID");
        const auto after = value_in(next, connector.first, "CRTC_ID");
        return before != after && (before == crtc || after == crtc);
    });
}

int FakeDrm::check(const FakeState& next, std::uint32_t flags) const {
    for (const auto& [plane, what] : model_.planes)
        if (const int wrong = check_plane(next, plane); wrong != 0) return wrong;
    for (const std::uint32_t crtc : model_.crtcs) {
        if (const int wrong = check_crtc(next, crtc); wrong != 0) return wrong;
        if (needs_modeset(next, crtc) && (flags & DRM_MODE_ATOMIC_ALLOW_MODESET) == 0)
            return -EINVAL;
    }
    return 0;
}

/// prepare_fb of the planes in the commit, which TEST_ONLY never gets to.
int FakeDrm::prepare(const FakeState& next, const FakeCommit& changes) const {
    for (const auto& [plane, what] : model_.planes) {
        if (!changes.changes.contains(plane)) continue;
        const auto number = static_cast<std::uint32_t>(value_in(next, plane, "FB_ID"));
        if (number == 0) continue;
        if (const auto refused = refused_framebuffers_.find(number);
            refused != refused_framebuffers_.end())
            return -refused->second;
        if (const auto refused = refused_dmabufs_.find(framebuffers_.at(number).what.inode);
            refused != refused_dmabufs_.end())
            return -refused->second;
    }
    return 0;
}

std::set<std::uint32_t> FakeDrm::affected_crtcs(const FakeState& next,
                                                const FakeCommit& changes) const {
    std::set<std::uint32_t> crtcs;
    for (const auto& [object, values] : changes.changes) {
        if (model_.type_of(object) == DRM_MODE_OBJECT_CRTC) crtcs.insert(object);
        for (const FakeState* const state : {&model_.state, &next})
            crtcs.insert(static_cast<std::uint32_t>(value_in(*state, object, "CRTC_ID")));
    }
    crtcs.erase(0);
    return crtcs;
}

}  // namespace scanthru::testing
