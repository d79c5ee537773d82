// SPDX-License-Identifier: MIT
#include "kms/cvt.h"

#include <cstdlib>
#include <fmt/format.h>
#include <libxcvt/libxcvt.h>
#include <memory>
#include <string>

namespace scanthru::kms {
namespace {

struct Free {
    // libxcvt's memory is malloc's, and it has no function that frees it.
    void operator()(libxcvt_mode_info* info) const noexcept {
        std::free(info);  // NOLINT(cppcoreguidelines-no-malloc)
    }
};

}  // namespace

std::optional<Mode> calculate_mode(Size size, std::uint32_t refresh_mhz) {
    constexpr std::uint32_t longest = 4095;
    constexpr std::uint64_t highest_clock = 655'350;
    if (size.width == 0 || size.height == 0 || size.width > longest || size.height > longest ||
        refresh_mhz == 0)
        return std::nullopt;
    const std::unique_ptr<libxcvt_mode_info, Free> info{
        libxcvt_gen_mode_info(static_cast<int>(size.width), static_cast<int>(size.height),
                              static_cast<float>(refresh_mhz) / 1000.0F, true, false)};
    if (!info || info->hdisplay != size.width || info->vdisplay != size.height) return std::nullopt;
    const std::uint64_t pixels = std::uint64_t{info->htotal} * info->vtotal;
    const std::uint64_t clock = (pixels * refresh_mhz / 1'000'000 + 5) / 10 * 10;
    if (clock == 0 || clock > highest_clock) return std::nullopt;

    Mode mode{};
    mode.clock = static_cast<std::uint32_t>(clock);
    mode.hdisplay = static_cast<std::uint16_t>(size.width);
    mode.hsync_start = info->hsync_start;
    mode.hsync_end = info->hsync_end;
    mode.htotal = info->htotal;
    mode.vdisplay = static_cast<std::uint16_t>(size.height);
    mode.vsync_start = info->vsync_start;
    mode.vsync_end = info->vsync_end;
    mode.vtotal = info->vtotal;
    mode.flags = DRM_MODE_FLAG_PHSYNC | DRM_MODE_FLAG_NVSYNC;
    mode.type = DRM_MODE_TYPE_USERDEF;
    mode.vrefresh = (kms::refresh_mhz(mode) + 500) / 1000;
    const std::string name = fmt::format("{}x{}", size.width, size.height);
    name.copy(std::data(mode.name), std::size(mode.name) - 1);
    return mode;
}

}  // namespace scanthru::kms
