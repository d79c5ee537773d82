// SPDX-License-Identifier: MIT
#include "vfio/plane_info.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <drm_fourcc.h>

namespace {

using namespace scanthru;
using namespace scanthru::vfio;

void require(bool promise) {
    if (!promise) std::abort();
}

bool within(Size size, Size limit) {
    return size.width >= 1 && size.width <= limit.width && size.height >= 1 &&
           size.height <= limit.height;
}

/// What an import relies on.
void check(const GuestPlane& plane, PlaneType type) {
    const Limits limits;
    const Geometry& geometry = plane.buffer.geometry;
    require(within(geometry.size, type == PlaneType::cursor ? limits.max_cursor : limits.max_size));
    require(geometry.modifier != DRM_FORMAT_MOD_INVALID);
    require(plane.bytes <= limits.max_bytes);
    const std::uint64_t row =
        std::uint64_t{geometry.size.width} * (geometry.format == DRM_FORMAT_RGB565 ? 2 : 4);
    require(row <= geometry.stride);
    // Bounded sizes: at most 2^13 rows of 2^32 bytes.
    require(std::uint64_t{geometry.stride} * (geometry.size.height - 1) + row <= plane.bytes);
    if (!plane.hotspot) return;
    require(plane.hotspot->x >= 0 && plane.hotspot->y >= 0);
    require(static_cast<std::uint32_t>(plane.hotspot->x) < geometry.size.width);
    require(static_cast<std::uint32_t>(plane.hotspot->y) < geometry.size.height);
}

}  // namespace

// The input is what a device answered; the property is that an import of what passes is safe.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // In words, so that no padding takes part: the order is that of mainline's struct.
    std::array<std::uint32_t, 16> words{};
    if (size < sizeof(words) - sizeof(std::uint32_t) || size > sizeof(words)) return -1;
    std::memcpy(words.data(), data, size);
    const RawPlane raw{
        .argsz = words[0],
        .flags = words[1],
        .drm_plane_type = words[2],
        .drm_format = words[3],
        .drm_format_mod = std::uint64_t{words[5]} << 32 | words[4],
        .width = words[6],
        .height = words[7],
        .stride = words[8],
        .size = words[9],
        .x_pos = words[10],
        .y_pos = words[11],
        .x_hot = words[12],
        .y_hot = words[13],
        .dmabuf_id = words[14],
    };
    for (const auto type : {PlaneType::primary, PlaneType::cursor})
        if (const auto plane = inspect(raw, type, {}); plane && *plane) check(**plane, type);
    return 0;
}
