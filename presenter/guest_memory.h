// SPDX-License-Identifier: MIT
#pragma once

#include "base/mapping.h"
#include "base/result.h"
#include "presenter/guest_buffers.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace scanthru {

/// A guest's picture as the CPU reads it: a dma-buf or a region of the device, mapped.
///
/// The memory is the guest's and maybe a device's: it changes while it is read, may be uncached,
/// and may go at any moment; stand between begin() and end(), and within survives_bus_error().
class GuestMemory {
public:
    /// Errors: those of mmap(2) (GVT-g: ENODEV; mbochs: EINVAL); EFBIG when the dma-buf is shorter.
    static Result<GuestMemory> map(SharedImport import, std::uint64_t bytes);

    /// A region of a device that has no dma-bufs; `device` must outlive it.
    /// Errors: those of GfxDevice::map_region().
    static Result<GuestMemory>
    map(const vfio::GfxDevice& device, std::uint32_t region, std::uint64_t bytes);

    /// Makes what the guest wrote visible to the CPU. One ioctl for a dma-buf, none for a region.
    /// Errors: those of DMA_BUF_IOCTL_SYNC.
    Result<void> begin() const;
    Result<void> end() const;

    std::span<const std::byte> bytes() const noexcept { return mapping_.memory(); }

    /// All of it, copied in between begin() and end(). Errors: theirs; EFAULT when it went.
    Result<void> read(std::span<std::byte> to) const;

private:
    GuestMemory(SharedImport import, Mapping mapping) noexcept
        : import_(std::move(import)), mapping_(std::move(mapping)) {}

    SharedImport import_;  ///< Null for a region.
    Mapping mapping_;
};

}  // namespace scanthru
