// SPDX-License-Identifier: MIT
#include "presenter/screenshot.h"

#include "presenter/guest_memory.h"

#include <cstddef>
#include <drm_fourcc.h>
#include <fmt/format.h>
#include <string_view>
#include <variant>
#include <vector>

namespace scanthru {
namespace {

tl::unexpected<std::string> complain(std::string_view which, std::string_view what) {
    return tl::unexpected<std::string>{fmt::format("the guest's {} buffer {}", which, what)};
}

vfio::Geometry geometry_of(const kms::HostPicture& picture) {
    return {.format = picture.format(),
            .modifier = DRM_FORMAT_MOD_LINEAR,
            .size = picture.framebuffer().size(),
            .stride = picture.stride()};
}

using Memory = std::vector<std::byte>;

Result<Memory, std::string> read_guest(const Picture& picture, std::string_view which) {
    const auto needed = measure_picture(picture.key.geometry);
    if (!needed) return complain(which, needed.error());
    if (*needed > picture.import->bytes)
        return complain(which, fmt::format("is shorter than its picture: {} bytes of {}",
                                           picture.import->bytes, *needed));
    const auto mapped = GuestMemory::map(picture.import, *needed);
    if (!mapped)
        return complain(which, fmt::format("cannot be mapped by the CPU: {}", mapped.error()));
    Memory memory(*needed);
    if (const auto read = mapped->read(memory); !read)
        return complain(which, fmt::format("cannot be read by the CPU: {}", read.error()));
    return memory;
}

/// Draws what a plane shows of a picture; a guest's own memory is read through its dma-buf.
Result<void, std::string> draw(Pixels& pixels,
                               const Picture& picture,
                               const Placement& placement,
                               Blend blend,
                               std::string_view which) {
    if (const auto* const host = std::get_if<kms::HostPicture>(&picture.shown)) {
        draw_picture(pixels, host->memory(), geometry_of(*host), placement, blend);
        return {};
    }
    const auto memory = read_guest(picture, which);
    if (!memory) return tl::unexpected{memory.error()};
    draw_picture(pixels, *memory, picture.key.geometry, placement, blend);
    return {};
}

}  // namespace

Pixels read_host_picture(const kms::HostPicture& picture) {
    const vfio::Geometry geometry = geometry_of(picture);
    Pixels pixels = black_pixels(geometry.size);
    draw_picture(pixels, picture.memory(), geometry, place_centred(geometry.size, geometry.size),
                 Blend::none);
    return pixels;
}

Result<Pixels, std::string> read_scene(const Scene& scene, Size screen) {
    Pixels pixels = black_pixels(screen);
    if (!scene.primary) return pixels;
    if (const auto drawn = draw(pixels, *scene.primary, scene.placement, Blend::none, "primary");
        !drawn)
        return tl::unexpected{drawn.error()};
    const Rect& target = scene.cursor_target;
    if (!scene.cursor || !touches(target, screen)) return pixels;
    if (const auto drawn = draw(pixels, *scene.cursor, {{.size = target.size}, target},
                                Blend::premultiplied, "cursor");
        !drawn)
        return tl::unexpected{drawn.error()};
    return pixels;
}

}  // namespace scanthru
