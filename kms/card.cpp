// SPDX-License-Identifier: MIT
#include "kms/card.h"

#include "kms/types.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <gbm.h>
#include <system_error>

namespace scanthru::kms {
namespace {

// Linux 6.8; libdrm 2.4.114 does not name them.
constexpr std::uint64_t client_cap_cursor_plane_hotspot = 6;
constexpr std::uint64_t cap_atomic_async_page_flip = 0x15;

/// A capability's value, 0 where the kernel does not know it.
std::uint64_t capability(int drm_fd, std::uint64_t which) {
    std::uint64_t value = 0;
    return drmGetCap(drm_fd, which, &value) == 0 ? value : 0;
}

Result<void> identify(int drm_fd, Capabilities& capabilities) {
    const VersionPtr version{drmGetVersion(drm_fd)};
    if (!version) return fail(errno, "drmGetVersion");
    capabilities.driver.assign(version->name, static_cast<std::size_t>(version->name_len));
    capabilities.driver_version = fmt::format("{}.{}.{}", version->version_major,
                                              version->version_minor, version->version_patchlevel);
    return {};
}

}  // namespace

Result<std::unique_ptr<Card>> Card::open(const std::string& path) {
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (!fd) return fail(errno, "open");
    return prepare(std::move(fd), path);
}

Result<std::unique_ptr<Card>> Card::prepare(UniqueFd drm, std::string path) {
    const int fd = drm.get();
    Capabilities capabilities;
    if (const auto known = identify(fd, capabilities); !known) return fail(known.error());
    if (drmSetClientCap(fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1) != 0)
        return fail(errno, "DRM_CLIENT_CAP_UNIVERSAL_PLANES");
    if (drmSetClientCap(fd, DRM_CLIENT_CAP_ATOMIC, 1) != 0)
        return fail(errno, "DRM_CLIENT_CAP_ATOMIC");
    // Vblank times are compared with the steady clock everywhere; no driver in use lacks this.
    if (capability(fd, DRM_CAP_TIMESTAMP_MONOTONIC) == 0)
        return fail(EOPNOTSUPP, "DRM_CAP_TIMESTAMP_MONOTONIC");
    // Refused by older kernels and by hardware that has no use for it.
    drmSetClientCap(fd, client_cap_cursor_plane_hotspot, 1);
    capabilities.writeback = drmSetClientCap(fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1) == 0;

    capabilities.prime_import = (capability(fd, DRM_CAP_PRIME) & DRM_PRIME_CAP_IMPORT) != 0;
    capabilities.fb_modifiers = capability(fd, DRM_CAP_ADDFB2_MODIFIERS) != 0;
    capabilities.dumb_buffers = capability(fd, DRM_CAP_DUMB_BUFFER) != 0;
    capabilities.async_flips = capability(fd, cap_atomic_async_page_flip) != 0;
    const Size cursor{static_cast<std::uint32_t>(capability(fd, DRM_CAP_CURSOR_WIDTH)),
                      static_cast<std::uint32_t>(capability(fd, DRM_CAP_CURSOR_HEIGHT))};
    if (cursor.width != 0 && cursor.height != 0) capabilities.cursor = cursor;

    std::unique_ptr<Card> card{new Card{std::move(drm), std::move(path)}};
    card->capabilities_ = std::move(capabilities);
    return card;
}

Card::~Card() {
    if (gbm_loader_.joinable()) gbm_loader_.join();
    if (gbm_ != nullptr) gbm_device_destroy(gbm_);
}

gbm_device* Card::gbm() {
    std::call_once(gbm_once_, [this] {
        try {
            gbm_loader_ = std::thread{[this] {
                gbm_ = gbm_create_device(fd_.get());
            }};
        } catch (const std::system_error&) {
            // No thread is to be had: no gbm either.
        }
    });
    return gbm_;
}

bool Card::is_master() const noexcept {
    return drmIsMaster(fd_.get()) != 0;
}

}  // namespace scanthru::kms
