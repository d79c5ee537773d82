// SPDX-License-Identifier: MIT
#include "vfio/edid_region.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace scanthru::vfio {
namespace {

using Fields = vfio_region_gfx_edid;

/// Region info with its capabilities; empty where there is no such region.
std::vector<std::byte> read_region_info(int device, std::uint32_t index) {
    std::vector<std::byte> bytes(sizeof(vfio_region_info));
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto* const info = reinterpret_cast<vfio_region_info*>(bytes.data());
        info->argsz = static_cast<std::uint32_t>(bytes.size());
        info->index = index;
        if (::ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info) < 0) return {};
        if (info->argsz <= bytes.size()) return bytes;
        bytes.assign(std::min<std::size_t>(info->argsz, 4096), std::byte{0});
    }
    return {};
}

/// Whether the region says that it is the EDID's.
bool is_edid(std::span<const std::byte> bytes) {
    if (bytes.size() < sizeof(vfio_region_info)) return false;
    vfio_region_info info{};
    std::memcpy(&info, bytes.data(), sizeof(info));
    if ((info.flags & VFIO_REGION_INFO_FLAG_CAPS) == 0) return false;
    // The chain could be a loop; there are not more capabilities than bytes.
    std::size_t at = info.cap_offset;
    for (std::size_t steps = 0; at != 0 && steps < bytes.size(); ++steps) {
        vfio_region_info_cap_type type{};
        if (at + sizeof(type) > bytes.size()) return false;
        std::memcpy(&type, bytes.data() + at, sizeof(type));
        if (type.header.id == VFIO_REGION_INFO_CAP_TYPE)
            return type.type == VFIO_REGION_TYPE_GFX &&
                   type.subtype == VFIO_REGION_SUBTYPE_GFX_EDID;
        at = type.header.next;
    }
    return false;
}

}  // namespace

Result<std::optional<EdidRegion>> EdidRegion::find(int device) {
    vfio_device_info info{};
    info.argsz = sizeof(info);
    if (::ioctl(device, VFIO_DEVICE_GET_INFO, &info) < 0)
        return fail(errno, "VFIO_DEVICE_GET_INFO");
    for (std::uint32_t index = VFIO_PCI_NUM_REGIONS; index < info.num_regions; ++index) {
        const auto bytes = read_region_info(device, index);
        if (!is_edid(bytes)) continue;
        vfio_region_info region{};
        std::memcpy(&region, bytes.data(), sizeof(region));
        EdidRegion edid{device, region.offset};
        const auto blob_at = edid.read_word(offsetof(Fields, edid_offset));
        const auto max_bytes = edid.read_word(offsetof(Fields, edid_max_size));
        const auto width = edid.read_word(offsetof(Fields, max_xres));
        const auto height = edid.read_word(offsetof(Fields, max_yres));
        for (const auto* word : {&blob_at, &max_bytes, &width, &height})
            if (!*word) return fail(word->error());
        edid.blob_at_ = *blob_at;
        edid.max_bytes_ = *max_bytes;
        edid.max_size_ = {*width, *height};
        return std::optional{edid};
    }
    return std::optional<EdidRegion>{};
}

Result<std::uint32_t> EdidRegion::read_word(std::size_t at) const {
    std::uint32_t word = 0;
    if (::pread(device_, &word, sizeof(word), static_cast<off_t>(offset_ + at)) != sizeof(word))
        return fail(errno != 0 ? errno : EIO, "reading the EDID region");
    return word;
}

Result<void> EdidRegion::write_word(std::size_t at, std::uint32_t word) const {
    if (::pwrite(device_, &word, sizeof(word), static_cast<off_t>(offset_ + at)) != sizeof(word))
        return fail(errno != 0 ? errno : EIO, "writing the EDID region");
    return {};
}

Result<void> EdidRegion::unplug() const {
    return write_word(offsetof(Fields, link_state), VFIO_DEVICE_GFX_LINK_STATE_DOWN);
}

Result<void> EdidRegion::write(std::span<const std::byte> edid) const {
    if (edid.size() > max_bytes_) return fail(EFBIG, "EDID larger than the device takes");
    const auto size = static_cast<std::uint32_t>(edid.size());
    if (const auto written = write_word(offsetof(Fields, edid_size), size); !written)
        return written;
    for (std::size_t at = 0; at < edid.size(); at += sizeof(std::uint32_t)) {
        std::uint32_t word = 0;
        std::memcpy(&word, edid.data() + at, std::min(sizeof(word), edid.size() - at));
        if (const auto written = write_word(blob_at_ + at, word); !written) return written;
    }
    return {};
}

Result<void> EdidRegion::plug() const {
    return write_word(offsetof(Fields, link_state), VFIO_DEVICE_GFX_LINK_STATE_UP);
}

}  // namespace scanthru::vfio
