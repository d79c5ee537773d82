// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "kms/mode.h"
#include "kms/properties.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scanthru::kms {

/// An EDID: blocks of 128 bytes, the base block first (VESA E-EDID 1.4).
using Edid = std::vector<std::byte>;

inline constexpr std::size_t edid_block = 128;

/// The EDID of what is plugged into `connector`, empty where the driver has none (vkms).
/// Errors: what the property getters report.
Result<Edid> read_edid(int drm_fd, ObjectId connector);

/// Who a monitor is: "MAKE MODEL SERIAL", the make in three letters ("DEL"), model and serial as
/// texts where the EDID has them, else as numbers ("0xA0B1"); without a serial "MAKE MODEL". Empty
/// for an EDID that is not sound. Pure.
std::string name_monitor(std::span<const std::byte> edid);

/// Whether `monitor`, of name_monitor(), is meant by `wish`: the same, or its first words ("DEL",
/// "DEL DELL U2720Q"). Pure.
bool is_monitor(std::string_view monitor, std::string_view wish);

/// Whether it is whole blocks, as many as it says, with the header and right checksums. Pure.
bool is_sound(std::span<const std::byte> edid);

/// An EDID of one monitor with one mode, for a host whose monitor has none. Pure.
///
/// `millimetres`: of the picture; zero is "unknown". Empty where a detailed timing cannot hold the
/// mode: more than 4095 pixels a side or 655.35 MHz.
Edid generate_edid(const Mode& mode, Size millimetres);

/// `edid` with `mode` as its preferred one: the first detailed timing, which the monitor's own then
/// follows where there is room. As it is where that is its first one already, or cannot hold it.
/// Pure; `edid` must be sound.
Edid prefer_mode(Edid edid, const Mode& mode);

/// What a device takes: no more bytes (the extensions go, then nothing more can), no detailed
/// timing of the base block beyond `max_size`, where its members are not zero. Pure; `edid` must be
/// sound.
Edid fit_edid(Edid edid, std::size_t max_bytes, Size max_size);

}  // namespace scanthru::kms
