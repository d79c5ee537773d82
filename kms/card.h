// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "base/unique_fd.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

struct gbm_device;

namespace scanthru::kms {

/// What a card's driver says of itself, read once.
struct Capabilities {
    std::string driver;          ///< "vkms", "i915", …
    std::string driver_version;  ///< "1.0.0"
    bool prime_import = false;   ///< DRM_PRIME_CAP_IMPORT
    bool fb_modifiers = false;   ///< DRM_CAP_ADDFB2_MODIFIERS
    bool dumb_buffers = false;   ///< DRM_CAP_DUMB_BUFFER
    bool writeback = false;      ///< DRM_CLIENT_CAP_WRITEBACK_CONNECTORS was granted.
    bool async_flips = false;    ///< DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP, Linux 6.8.
    Size cursor{64, 64};         ///< DRM_CAP_CURSOR_WIDTH and _HEIGHT.
};

/// A KMS card opened for atomic commits.
///
/// Shared by the threads of its outputs. Commits need no lock, the kernel has its own; imports do
/// (import_mutex()), because GEM handles are per descriptor and not counted.
class Card {
public:
    /// Opens `path` ("/dev/dri/card0") and asks for universal planes, atomic, cursor hotspots
    /// (where the kernel knows them) and writeback connectors (where it has them).
    ///
    /// Errors: those of open(2); EOPNOTSUPP "DRM_CLIENT_CAP_ATOMIC" for a driver without atomic.
    static Result<std::unique_ptr<Card>> open(const std::string& path);

    /// The same on a descriptor that is open already (a seat's, a test's).
    static Result<std::unique_ptr<Card>> prepare(UniqueFd drm, std::string path);

    int fd() const noexcept { return fd_.get(); }
    const std::string& path() const noexcept { return path_; }
    const Capabilities& capabilities() const noexcept { return capabilities_; }

    /// Whether this descriptor is DRM master now, and may thus commit.
    bool is_master() const noexcept;

    /// Held from drmPrimeFDToHandle to GEM_CLOSE.
    std::mutex& import_mutex() noexcept { return import_mutex_; }

    /// The card's gbm device. Null before its driver is loaded, which the first call begins in a
    /// thread of its own (it takes milliseconds, under emulation seconds), and for good where gbm
    /// has no driver for this card. Any thread.
    gbm_device* gbm();

    ~Card();
    Card(const Card&) = delete;
    Card& operator=(const Card&) = delete;

private:
    Card(UniqueFd fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}

    UniqueFd fd_;
    std::string path_;
    Capabilities capabilities_;
    std::mutex import_mutex_;
    std::once_flag gbm_once_;
    std::thread gbm_loader_;
    std::atomic<gbm_device*> gbm_ = nullptr;
};

}  // namespace scanthru::kms
