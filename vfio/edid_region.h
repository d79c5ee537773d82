// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace scanthru::vfio {

/// The region through which a vGPU's guest gets its monitor (VFIO_REGION_SUBTYPE_GFX_EDID of
/// linux/vfio.h). The device is borrowed and must outlive it.
class EdidRegion {
public:
    /// Looks for it among the device's regions; empty: the device has none.
    ///
    /// Errors: those of VFIO_DEVICE_GET_INFO; of reading the region.
    static Result<std::optional<EdidRegion>> find(int device);

    std::size_t max_bytes() const noexcept { return max_bytes_; }  ///< Of an EDID.
    Size max_size() const noexcept { return max_size_; }           ///< Of a mode; zero: any.

    /// Pulls the plug: the guest sees no monitor. Errors: those of pwrite(2).
    Result<void> unplug() const;

    /// Writes the EDID, at most max_bytes(), while the link is down. In pieces of 4 bytes, all that
    /// GVT-g takes. Errors: those of pwrite(2).
    Result<void> write(std::span<const std::byte> edid) const;

    /// Puts the plug in; the guest reads the EDID. About 100 ms after unplug(), so that guests
    /// notice both. Errors: EINVAL when the device finds the EDID unsound.
    Result<void> plug() const;

private:
    EdidRegion(int device, std::uint64_t offset) noexcept : device_(device), offset_(offset) {}

    Result<std::uint32_t> read_word(std::size_t at) const;
    Result<void> write_word(std::size_t at, std::uint32_t word) const;

    int device_;
    std::uint64_t offset_;  ///< Of the region in the device's file.
    std::uint32_t blob_at_ = 0;
    std::size_t max_bytes_ = 0;
    Size max_size_;
};

}  // namespace scanthru::vfio
