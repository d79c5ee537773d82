// SPDX-License-Identifier: MIT
#include "kms/mode.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <limits>
#include <tuple>

namespace scanthru::kms {
namespace {

/// Pixels per frame over pixels per millisecond, as drm_mode_vrefresh() in the kernel has it.
struct Timing {
    std::uint64_t pixels = 0;
    std::uint64_t clock_khz = 0;
};

std::optional<Timing> timing_of(const Mode& mode) {
    Timing timing{.pixels = std::uint64_t{mode.htotal} * mode.vtotal, .clock_khz = mode.clock};
    if ((mode.flags & DRM_MODE_FLAG_INTERLACE) != 0) timing.clock_khz *= 2;
    if ((mode.flags & DRM_MODE_FLAG_DBLSCAN) != 0) timing.pixels *= 2;
    if (mode.vscan > 1) timing.pixels *= mode.vscan;
    if (timing.pixels == 0 || timing.clock_khz == 0) return std::nullopt;
    return timing;
}

bool is_preferred(const Mode& mode) {
    return (mode.type & DRM_MODE_TYPE_PREFERRED) != 0;
}

bool meets(std::uint32_t refresh, std::uint32_t wished) {
    const auto distance = std::llabs(std::int64_t{refresh} - wished);
    return distance * 200 <= std::int64_t{wished};
}

/// How good a mode of the right size is, the greater the better: closeness to the wished rate, then
/// whether it is the user's own, preferred, progressive, then its rate.
using Rank = std::tuple<std::int64_t, bool, bool, bool, std::uint32_t>;

Rank rank(const Mode& mode, std::optional<std::uint32_t> wished) {
    const std::uint32_t refresh = refresh_mhz(mode);
    const std::int64_t distance = wished ? std::llabs(std::int64_t{refresh} - *wished) : 0;
    return {-distance, (mode.type & DRM_MODE_TYPE_USERDEF) != 0, is_preferred(mode),
            (mode.flags & DRM_MODE_FLAG_INTERLACE) == 0, refresh};
}

const Mode*
best_of_size(std::span<const Mode> modes, Size size, std::optional<std::uint32_t> refresh) {
    const Mode* best = nullptr;
    for (const Mode& mode : modes) {
        if (size_of(mode) != size) continue;
        if (refresh && !meets(refresh_mhz(mode), *refresh)) continue;
        if (best == nullptr || rank(mode, refresh) > rank(*best, refresh)) best = &mode;
    }
    return best;
}

}  // namespace

Size size_of(const Mode& mode) noexcept {
    return {mode.hdisplay, mode.vdisplay};
}

std::uint32_t refresh_mhz(const Mode& mode) noexcept {
    const auto timing = timing_of(mode);
    if (!timing) return 0;
    // 33 bits of clock times 20 bits of scale: far from the edge.
    const std::uint64_t mhz = (timing->clock_khz * 1'000'000 + timing->pixels / 2) / timing->pixels;
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(mhz, std::numeric_limits<std::uint32_t>::max()));
}

std::chrono::nanoseconds frame_period(const Mode& mode) noexcept {
    const auto timing = timing_of(mode);
    if (!timing) return std::chrono::nanoseconds::zero();
    // In whole milliseconds and the rest, so that the product of all pixels and 10⁶ is never taken.
    const std::uint64_t whole_ms = timing->pixels / timing->clock_khz;
    const std::uint64_t rest = timing->pixels % timing->clock_khz;
    constexpr std::uint64_t longest_ms = 3'600'000;  // Slower than an hour is no mode.
    if (whole_ms > longest_ms) return std::chrono::nanoseconds::zero();
    const std::uint64_t ns =
        whole_ms * 1'000'000 + (rest * 1'000'000 + timing->clock_khz / 2) / timing->clock_khz;
    return std::chrono::nanoseconds{static_cast<std::int64_t>(ns)};
}

std::chrono::nanoseconds vertical_blanking(const Mode& mode) noexcept {
    if (mode.vtotal <= mode.vdisplay) return std::chrono::nanoseconds::zero();
    return frame_period(mode) * (mode.vtotal - mode.vdisplay) / mode.vtotal;
}

std::string to_string(const Mode& mode) {
    const std::uint32_t refresh = refresh_mhz(mode);
    return fmt::format("{}x{}@{}.{:03}", mode.hdisplay, mode.vdisplay, refresh / 1000,
                       refresh % 1000);
}

const Mode* choose_mode(std::span<const Mode> modes, const ModeWish& wish) noexcept {
    if (modes.empty()) return nullptr;
    if (wish.size) return best_of_size(modes, *wish.size, wish.refresh_mhz);
    const auto preferred = std::ranges::find_if(modes, is_preferred);
    const Mode& natural = preferred != modes.end() ? *preferred : modes.front();
    if (!wish.refresh_mhz) return &natural;
    return best_of_size(modes, size_of(natural), wish.refresh_mhz);
}

}  // namespace scanthru::kms
