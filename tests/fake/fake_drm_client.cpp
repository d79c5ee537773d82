// SPDX-License-Identifier: MIT
// Who asks the fake card, what its driver can, and its clock.
#include "fake/fake_drm.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace scanthru::testing {
namespace {

/// DRM_IOCTL_VERSION copies what fits and tells the whole length.
void copy_text(std::string_view text, char* to, __kernel_size_t& length) {
    if (to != nullptr) text.copy(to, length);
    length = text.size();
}

}  // namespace

std::optional<int> FakeDrm::answer_about_client(unsigned long request, void* argument) {
    switch (request) {
    case DRM_IOCTL_VERSION: return get_version(*static_cast<drm_version*>(argument));
    case DRM_IOCTL_GET_CAP: return get_capability(*static_cast<drm_get_cap*>(argument));
    case DRM_IOCTL_SET_CLIENT_CAP:
        return set_client_capability(*static_cast<const drm_set_client_cap*>(argument));
    case DRM_IOCTL_SET_MASTER: master_ = true; return 0;
    case DRM_IOCTL_DROP_MASTER: {
        if (!master_) return -EINVAL;
        master_ = false;
        return 0;
    }
    // Whose magic is 0? Nobody's, but only a master gets as far as that question (drmIsMaster).
    case DRM_IOCTL_AUTH_MAGIC: return master_ ? -EINVAL : -EACCES;
    case DRM_IOCTL_CRTC_GET_SEQUENCE:
        return get_sequence(*static_cast<drm_crtc_get_sequence*>(argument));
    default: return std::nullopt;
    }
}

int FakeDrm::get_version(drm_version& query) const {
    query.version_major = 1;
    query.version_minor = 0;
    query.version_patchlevel = 0;
    copy_text(options_.driver, query.name, query.name_len);
    copy_text("20220101", query.date, query.date_len);
    copy_text("A card that is not there", query.desc, query.desc_len);
    return 0;
}

int FakeDrm::get_capability(drm_get_cap& query) const {
    constexpr std::uint64_t atomic_async_page_flip = 0x15;
    switch (query.capability) {
    case DRM_CAP_DUMB_BUFFER: query.value = 1; return 0;
    case DRM_CAP_PRIME: query.value = DRM_PRIME_CAP_IMPORT | DRM_PRIME_CAP_EXPORT; return 0;
    case DRM_CAP_TIMESTAMP_MONOTONIC: query.value = options_.monotonic ? 1 : 0; return 0;
    case DRM_CAP_CURSOR_WIDTH: query.value = options_.cursor_size.width; return 0;
    case DRM_CAP_CURSOR_HEIGHT: query.value = options_.cursor_size.height; return 0;
    case DRM_CAP_ADDFB2_MODIFIERS: query.value = options_.modifiers ? 1 : 0; return 0;
    case DRM_CAP_CRTC_IN_VBLANK_EVENT: query.value = 1; return 0;
    case atomic_async_page_flip: query.value = options_.async_flips ? 1 : 0; return 0;
    default: return -EINVAL;
    }
}

int FakeDrm::set_client_capability(const drm_set_client_cap& request) {
    constexpr std::uint64_t cursor_plane_hotspot = 6;
    switch (request.capability) {
    case DRM_CLIENT_CAP_UNIVERSAL_PLANES: break;
    case DRM_CLIENT_CAP_ATOMIC:
        if (!options_.atomic) return -EOPNOTSUPP;
        break;
    case DRM_CLIENT_CAP_WRITEBACK_CONNECTORS:
        if (!client_caps_.contains(DRM_CLIENT_CAP_ATOMIC)) return -EINVAL;
        break;
    case cursor_plane_hotspot:
        if (!options_.cursor_hotspots) return -EOPNOTSUPP;
        break;
    default: return -EINVAL;
    }
    client_caps_[request.capability] = request.value;
    return 0;
}

std::optional<kms::Mode> FakeDrm::mode_in(const FakeState& state, std::uint32_t crtc) const {
    const auto* const bytes = blob_bytes(value_in(state, crtc, "MODE_ID"));
    if (bytes == nullptr || bytes->size() != sizeof(kms::Mode)) return std::nullopt;
    kms::Mode mode{};
    std::memcpy(&mode, bytes->data(), sizeof(mode));
    return mode;
}

kms::Vblank FakeDrm::last_vblank(std::uint32_t crtc) const {
    kms::Vblank last = vblanks_.at(crtc);
    const auto mode = mode_in(model_.state, crtc);
    if (!options_.real_time || !mode) return last;
    const auto period = kms::frame_period(*mode);
    const auto frames = (std::chrono::steady_clock::now() - last.when) / period;
    last.sequence += static_cast<std::uint64_t>(frames);
    last.when += frames * period;
    return last;
}

/// Lets the next vblank of a CRTC that is lit happen; in real time, tells when it will have.
std::optional<kms::Timestamp> FakeDrm::flip(std::uint32_t crtc) {
    const auto mode = mode_in(model_.state, crtc);
    if (!options_.vblank || !mode || value_in(model_.state, crtc, "ACTIVE") == 0)
        return std::nullopt;
    const auto period = kms::frame_period(*mode);
    if (options_.real_time) return last_vblank(crtc).when + period;
    kms::Vblank& last = vblanks_.at(crtc);
    ++last.sequence;
    last.when += period;
    return std::nullopt;
}

int FakeDrm::get_sequence(drm_crtc_get_sequence& query) const {
    if (!options_.vblank) return -EOPNOTSUPP;
    if (model_.type_of(query.crtc_id) != DRM_MODE_OBJECT_CRTC) return -ENOENT;
    if (value_in(model_.state, query.crtc_id, "ACTIVE") == 0) return -EINVAL;
    const kms::Vblank last = last_vblank(query.crtc_id);
    query.active = 1;
    query.sequence = last.sequence;
    query.sequence_ns = std::chrono::nanoseconds{last.when.time_since_epoch()}.count();
    return 0;
}

void FakeDrm::set_vblank(const kms::Vblank& last, unsigned output) {
    const std::scoped_lock lock{state_mutex_};
    vblanks_.at(raw(crtc(output))) = last;
}

kms::Vblank FakeDrm::vblank(unsigned output) const {
    const std::scoped_lock lock{state_mutex_};
    return last_vblank(raw(crtc(output)));
}

}  // namespace scanthru::testing
