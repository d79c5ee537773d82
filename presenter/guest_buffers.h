// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "vfio/gfx_device.h"

#include <array>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace scanthru {

/// A dma-buf of the guest: its id and the one descriptor we hold for it (invariant 3).
///
/// While it lives, the device keeps the buffer and its id; the id may name another buffer as soon
/// as it does not.
struct Import {
    std::uint32_t dmabuf_id = 0;
    UniqueFd dmabuf;
    std::uint64_t bytes = 0;  ///< Real size (lseek); what the guest says is a claim.
};

using SharedImport = std::shared_ptr<const Import>;

/// A guest's device with the buffers that are open of it. Shared by the threads of all outputs that
/// show this guest; its lock is taken only when a buffer is new or goes.
class GuestBuffers : public std::enable_shared_from_this<GuestBuffers> {
public:
    static std::shared_ptr<GuestBuffers> create(vfio::GfxDevice device);

    GuestBuffers(const GuestBuffers&) = delete;
    GuestBuffers& operator=(const GuestBuffers&) = delete;
    ~GuestBuffers();

    const vfio::GfxDevice& device() const noexcept { return device_; }

    /// The buffer with this id: the import that lives, else a new one (one GET).
    ///
    /// The last owner closes the descriptor, after CLOSE_BUF in the draft dialect.
    /// Errors: those of GfxDevice::get_dmabuf(); those of lseek(2).
    Result<SharedImport> acquire(std::uint32_t dmabuf_id);

    /// The guest shows an id on this plane that nobody will fetch. In the draft dialect QUERY has
    /// opened it for us; it is closed when the plane shows another one, or at moved_on().
    void leave_unfetched(vfio::PlaneType plane, std::uint32_t dmabuf_id);

    /// This plane no longer shows what was left unfetched.
    void moved_on(vfio::PlaneType plane);

    /// GETs so far.
    std::uint64_t gets() const;

private:
    explicit GuestBuffers(vfio::GfxDevice device) noexcept : device_(std::move(device)) {}

    void close(Import* import);
    void close_unfetched(std::optional<std::uint32_t>& unfetched);

    vfio::GfxDevice device_;
    mutable std::mutex mutex_;
    std::condition_variable closed_;
    std::map<std::uint32_t, std::weak_ptr<const Import>> living_;
    std::array<std::optional<std::uint32_t>, 2> unfetched_;  // By plane: primary, cursor.
    std::uint64_t gets_ = 0;
};

}  // namespace scanthru
