// SPDX-License-Identifier: MIT
#include "kms/edid.h"

#include "kms/properties.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <numeric>
#include <optional>
#include <string_view>

namespace scanthru::kms {
namespace {

constexpr std::array<unsigned char, 8> header{0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00};
constexpr std::size_t first_descriptor = 54;
constexpr std::size_t descriptor_bytes = 18;
constexpr std::size_t descriptors = 4;
constexpr std::size_t extension_count = 126;
constexpr std::size_t checksum_at = 127;
constexpr std::uint8_t model_tag = 0xFC;
constexpr std::uint8_t serial_tag = 0xFF;

using Descriptor = std::array<std::byte, descriptor_bytes>;

constexpr std::byte low(std::uint32_t value) {
    return static_cast<std::byte>(value & 0xFF);
}

/// Bits 8 to 11 of two values in one byte, the first one's above.
constexpr std::byte high_nibbles(std::uint32_t first, std::uint32_t second) {
    return static_cast<std::byte>((first >> 8 & 0xF) << 4 | (second >> 8 & 0xF));
}

constexpr unsigned value_of(std::byte byte) {
    return std::to_integer<unsigned>(byte);
}

std::span<std::byte, descriptor_bytes> descriptor(Edid& edid, std::size_t index) {
    return std::span{edid}
        .subspan(first_descriptor + index * descriptor_bytes)
        .first<descriptor_bytes>();
}

/// A detailed timing has a clock; the other descriptors begin with zeros.
bool is_timing(std::span<const std::byte> bytes) {
    return bytes[0] != std::byte{0} || bytes[1] != std::byte{0};
}

Size size_of_timing(std::span<const std::byte> bytes) {
    return {.width = value_of(bytes[2]) | (value_of(bytes[4]) & 0xF0U) << 4,
            .height = value_of(bytes[5]) | (value_of(bytes[7]) & 0xF0U) << 4};
}

void mend_checksum(std::span<std::byte> block) {
    const unsigned sum =
        std::accumulate(block.begin(), block.begin() + checksum_at, 0U,
                        [](unsigned total, std::byte byte) { return total + value_of(byte); });
    block[checksum_at] = low(256 - sum % 256);
}

/// The mode as 18 bytes (E-EDID 3.10.2); empty where they cannot hold it.
std::optional<Descriptor> encode_timing(const Mode& mode, Size millimetres) {
    const std::uint32_t clock = (mode.clock + 5) / 10;
    const bool fits = clock != 0 && clock <= 0xFFFF && mode.hdisplay <= 4095 &&
                      mode.vdisplay <= 4095 && mode.htotal - mode.hdisplay <= 4095 &&
                      mode.vtotal - mode.vdisplay <= 4095;
    if (!fits || (mode.flags & DRM_MODE_FLAG_DBLSCAN) != 0) return std::nullopt;
    const bool interlaced = (mode.flags & DRM_MODE_FLAG_INTERLACE) != 0;
    const std::uint32_t lines = interlaced ? 2 : 1;
    const std::uint32_t h_blank = std::uint32_t{mode.htotal} - mode.hdisplay;
    const std::uint32_t v_blank = (std::uint32_t{mode.vtotal} - mode.vdisplay) / lines;
    const std::uint32_t h_front = std::uint32_t{mode.hsync_start} - mode.hdisplay;
    const std::uint32_t h_sync = std::uint32_t{mode.hsync_end} - mode.hsync_start;
    const std::uint32_t v_front = (std::uint32_t{mode.vsync_start} - mode.vdisplay) / lines;
    const std::uint32_t v_sync = (std::uint32_t{mode.vsync_end} - mode.vsync_start) / lines;
    if (h_front > 1023 || h_sync > 1023 || v_front > 63 || v_sync > 63) return std::nullopt;

    const std::uint32_t height = mode.vdisplay / lines;
    std::uint32_t flags = 0x18;  // Digital, separate syncs.
    if (interlaced) flags |= 0x80;
    if ((mode.flags & DRM_MODE_FLAG_PVSYNC) != 0) flags |= 0x04;
    if ((mode.flags & DRM_MODE_FLAG_PHSYNC) != 0) flags |= 0x02;
    const Size mm{std::min(millimetres.width, 4095U), std::min(millimetres.height, 4095U)};
    return Descriptor{low(clock),
                      low(clock >> 8),
                      low(mode.hdisplay),
                      low(h_blank),
                      high_nibbles(mode.hdisplay, h_blank),
                      low(height),
                      low(v_blank),
                      high_nibbles(height, v_blank),
                      low(h_front),
                      low(h_sync),
                      low((v_front & 0xF) << 4 | (v_sync & 0xF)),
                      low((h_front >> 8 & 3) << 6 | (h_sync >> 8 & 3) << 4 |
                          (v_front >> 4 & 3) << 2 | (v_sync >> 4 & 3)),
                      low(mm.width),
                      low(mm.height),
                      high_nibbles(mm.width, mm.height),
                      std::byte{0},
                      std::byte{0},
                      low(flags)};
}

/// "Display range limits" around one mode.
Descriptor encode_limits(const Mode& mode) {
    const std::uint32_t hz = std::max(refresh_mhz(mode) / 1000, 1U);
    const std::uint32_t khz = mode.htotal != 0 ? mode.clock / mode.htotal : 1;
    Descriptor limits{};
    limits[3] = std::byte{0xFD};
    limits[5] = low(std::min(hz > 10 ? hz - 10 : 1U, 255U));
    limits[6] = low(std::min(hz + 10, 255U));
    limits[7] = low(std::min(khz > 10 ? khz - 10 : 1U, 255U));
    limits[8] = low(std::min(khz + 10, 255U));
    limits[9] = low(std::min(mode.clock / 10'000 + 1, 255U));
    limits[10] = std::byte{0x01};  // Only these.
    limits[11] = std::byte{0x0A};
    std::fill(limits.begin() + 12, limits.end(), std::byte{0x20});
    return limits;
}

Descriptor encode_text(std::uint8_t tag, std::string_view text) {
    Descriptor bytes{};
    bytes[3] = std::byte{tag};
    std::fill(bytes.begin() + 5, bytes.end(), std::byte{0x20});
    std::ranges::transform(text.substr(0, 12), bytes.begin() + 5,
                           [](char letter) { return static_cast<std::byte>(letter); });
    bytes[5 + std::min<std::size_t>(text.size(), 12)] = std::byte{0x0A};
    return bytes;
}

/// The text of the descriptor with this tag; empty where there is none.
std::string decode_text(std::span<const std::byte> edid, std::uint8_t tag) {
    for (std::size_t i = 0; i < descriptors; ++i) {
        const auto bytes = edid.subspan(first_descriptor + descriptor_bytes * i, descriptor_bytes);
        if (is_timing(bytes) || value_of(bytes[3]) != tag) continue;
        std::string text;
        for (const std::byte byte : bytes.subspan(5)) {
            if (value_of(byte) == '\n') break;
            const char letter = static_cast<char>(value_of(byte));
            text.push_back(letter >= ' ' && letter <= '~' ? letter : '?');
        }
        return text.substr(0, text.find_last_not_of(' ') + 1);
    }
    return {};
}

}  // namespace

Result<Edid> read_edid(int drm_fd, ObjectId connector) {
    const auto properties = read_properties(drm_fd, connector, DRM_MODE_OBJECT_CONNECTOR);
    if (!properties) return fail(properties.error());
    const auto found = properties->find("EDID");
    if (found == properties->end() || found->second.value == 0) return Edid{};
    return read_blob(drm_fd, BlobId{static_cast<std::uint32_t>(found->second.value)});
}

bool is_sound(std::span<const std::byte> edid) {
    if (edid.size() < edid_block || edid.size() % edid_block != 0) return false;
    if (!std::ranges::equal(edid.first(header.size()), std::as_bytes(std::span{header})))
        return false;
    if (edid.size() != (value_of(edid[extension_count]) + 1) * edid_block) return false;
    for (std::size_t at = 0; at < edid.size(); at += edid_block) {
        const auto block = edid.subspan(at, edid_block);
        const unsigned sum =
            std::accumulate(block.begin(), block.end(), 0U,
                            [](unsigned total, std::byte byte) { return total + value_of(byte); });
        if (sum % 256 != 0) return false;
    }
    return true;
}

std::string name_monitor(std::span<const std::byte> edid) {
    if (!is_sound(edid)) return {};
    const unsigned make = value_of(edid[8]) << 8 | value_of(edid[9]);
    std::string name;
    for (const unsigned shift : {10U, 5U, 0U}) {
        const unsigned letter = make >> shift & 0x1F;
        name.push_back(letter >= 1 && letter <= 26 ? static_cast<char>('A' - 1 + letter) : '?');
    }
    const std::string model = decode_text(edid, model_tag);
    const unsigned product = value_of(edid[11]) << 8 | value_of(edid[10]);
    name += " " + (model.empty() ? fmt::format("0x{:04X}", product) : model);
    const std::string serial = decode_text(edid, serial_tag);
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < sizeof(number); ++i)
        number |= value_of(edid[12 + i]) << 8 * i;
    if (!serial.empty()) return name + " " + serial;
    return number != 0 ? fmt::format("{} 0x{:08X}", name, number) : name;
}

bool is_monitor(std::string_view monitor, std::string_view wish) {
    return !wish.empty() && monitor.starts_with(wish) &&
           (monitor.size() == wish.size() || monitor[wish.size()] == ' ');
}

Edid generate_edid(const Mode& mode, Size millimetres) {
    const auto timing = encode_timing(mode, millimetres);
    if (!timing) return {};
    Edid edid(edid_block);
    std::ranges::copy(std::as_bytes(std::span{header}), edid.begin());
    // Manufacturer LNX, as the kernel's own built-in EDIDs; made in 2026; EDID 1.4.
    constexpr std::array<unsigned char, 12> identity{0x31, 0xD8, 0x01, 0x00, 0x01, 0x00,
                                                     0x00, 0x00, 0x01, 0x24, 0x01, 0x04};
    std::ranges::copy(std::as_bytes(std::span{identity}), edid.begin() + 8);
    // Digital, 8 bits a colour; the size in cm; gamma 2.2; sRGB, the first timing is the native
    // one.
    edid[20] = std::byte{0xA5};
    edid[21] = low(std::min((millimetres.width + 5) / 10, 255U));
    edid[22] = low(std::min((millimetres.height + 5) / 10, 255U));
    edid[23] = std::byte{0x78};
    edid[24] = std::byte{0x06};
    constexpr std::array<unsigned char, 10> srgb{0xEE, 0x91, 0xA3, 0x54, 0x4C,
                                                 0x99, 0x26, 0x0F, 0x50, 0x54};
    std::ranges::copy(std::as_bytes(std::span{srgb}), edid.begin() + 25);
    std::fill(edid.begin() + 38, edid.begin() + first_descriptor, std::byte{0x01});  // None.
    std::ranges::copy(*timing, descriptor(edid, 0).begin());
    std::ranges::copy(encode_limits(mode), descriptor(edid, 1).begin());
    std::ranges::copy(encode_text(0xFC, "scanthru"), descriptor(edid, 2).begin());
    descriptor(edid, 3)[3] = std::byte{0x10};
    mend_checksum(edid);
    return edid;
}

Edid prefer_mode(Edid edid, const Mode& mode) {
    const auto own = descriptor(edid, 0);
    Size millimetres;
    if (is_timing(own))
        millimetres = {value_of(own[12]) | (value_of(own[14]) & 0xF0U) << 4,
                       value_of(own[13]) | (value_of(own[14]) & 0x0FU) << 8};
    const auto timing = encode_timing(mode, millimetres);
    // The border and sync bits behind the numbers may differ: the same mode all the same.
    const auto numbers = [](std::span<const std::byte> bytes) {
        return bytes.first(12);
    };
    if (!timing || std::ranges::equal(numbers(*timing), numbers(own))) return edid;
    // The last descriptor that is no timing is the least loss: names and limits come first.
    for (std::size_t last = descriptors - 1; last > 0; --last) {
        if (is_timing(descriptor(edid, last)) && last > 1) continue;
        std::ranges::copy(Descriptor{[&] {
                              Descriptor copy{};
                              std::ranges::copy(own, copy.begin());
                              return copy;
                          }()},
                          descriptor(edid, last).begin());
        break;
    }
    std::ranges::copy(*timing, own.begin());
    mend_checksum(std::span{edid}.first(edid_block));
    return edid;
}

Edid fit_edid(Edid edid, std::size_t max_bytes, Size max_size) {
    const auto beyond = [](std::uint32_t length, std::uint32_t most) {
        return most != 0 && length > most;
    };
    if (edid.size() > max_bytes && edid.size() > edid_block) {
        edid.resize(edid_block);
        edid[extension_count] = std::byte{0};
    }
    for (std::size_t index = 0; index < descriptors; ++index) {
        const auto bytes = descriptor(edid, index);
        const Size size = size_of_timing(bytes);
        if (!is_timing(bytes) ||
            (!beyond(size.width, max_size.width) && !beyond(size.height, max_size.height)))
            continue;
        std::ranges::fill(bytes, std::byte{0});
        bytes[3] = std::byte{0x10};
    }
    mend_checksum(std::span{edid}.first(edid_block));
    return edid;
}

}  // namespace scanthru::kms
