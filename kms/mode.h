// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "kms/types.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace scanthru::kms {

/// The timing of an output: what the kernel calls drm_mode_modeinfo.
using Mode = drmModeModeInfo;

Size size_of(const Mode& mode) noexcept;

/// Refresh in mHz, rounded; 59940 for 59.94 Hz. Zero for a mode without timings.
std::uint32_t refresh_mhz(const Mode& mode) noexcept;

/// Time of one frame, htotal · vtotal / clock, with interlace, double scan and vscan counted as in
/// drm_mode_vrefresh() of the kernel. Zero for a mode without timings.
///
/// Exact but for the rounding to whole nanoseconds: half a nanosecond a frame at most, 0.1 ms in an
/// hour at 60 Hz. A mode's clock in kHz is itself that coarse; whoever predicts resyncs.
std::chrono::nanoseconds frame_period(const Mode& mode) noexcept;

/// The part of frame_period() in which no line of the picture is scanned out. Zero for a mode
/// without timings.
std::chrono::nanoseconds vertical_blanking(const Mode& mode) noexcept;

/// "1024x768@60.004"
std::string to_string(const Mode& mode);

/// Reads a modeline as the X server and `sway` write it: clock in MHz, then hdisplay hsync_start
/// hsync_end htotal vdisplay vsync_start vsync_end vtotal, then optional +hsync -hsync +vsync
/// -vsync interlace doublescan. The error is a sentence for the user. Pure.
Result<Mode, std::string> parse_modeline(std::string_view text);

/// What somebody asks of a mode; empty members do not matter.
struct ModeWish {
    std::optional<Size> size{};
    std::optional<std::uint32_t> refresh_mhz{};  ///< Met within 0.5 %, closest first.
    bool operator==(const ModeWish&) const = default;
};

/// Reads `preferred`, `WxH` or `WxH@HZ` (decimals allowed). The error is for the user. Pure.
Result<ModeWish, std::string> parse_mode_wish(std::string_view text);

/// The best of `modes` for this wish, or null. Pure.
///
/// Of the wished size and rate: the closest rate; of equals the user's own (DRM_MODE_TYPE_USERDEF),
/// the preferred, progressive before interlaced, the first. Without a rate the same order, then the
/// highest refresh. Without a size: the preferred mode, else the first; a rate alone asks for the
/// size of that mode at that rate.
const Mode* choose_mode(std::span<const Mode> modes, const ModeWish& wish) noexcept;

}  // namespace scanthru::kms
