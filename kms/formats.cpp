// SPDX-License-Identifier: MIT
#include "kms/formats.h"

#include "kms/types.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <drm_fourcc.h>
#include <fmt/format.h>
#include <memory>
#include <tuple>

namespace scanthru::kms {
namespace {

template <class T>
T load(std::span<const std::byte> blob, std::size_t offset) {
    T value{};
    std::memcpy(&value, blob.data() + offset, sizeof(value));
    return value;
}

/// Whether `count` entries of `size` bytes lie within `blob` from `offset` on.
bool fits(std::span<const std::byte> blob,
          std::uint32_t offset,
          std::uint32_t count,
          std::size_t size) {
    // The counts have 32 bits and the sizes are small: 64 bits cannot overflow.
    return std::uint64_t{offset} + std::uint64_t{count} * size <= blob.size();
}

bool before(const FormatModifier& left, const FormatModifier& right) {
    return std::tie(left.format, left.modifier) < std::tie(right.format, right.modifier);
}

void sort_unique(std::vector<FormatModifier>& pairs) {
    std::sort(pairs.begin(), pairs.end(), before);
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
}

struct FreeText {
    void operator()(char* text) const noexcept {
        std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): libdrm hands out what it malloc'd.
    }
};

}  // namespace

Result<FormatSet> FormatSet::parse_in_formats(std::span<const std::byte> blob) {
    constexpr std::string_view call = "IN_FORMATS";
    if (blob.size() < sizeof(drm_format_modifier_blob)) return fail(EINVAL, call);
    const auto header = load<drm_format_modifier_blob>(blob, 0);
    if (header.version != FORMAT_BLOB_CURRENT) return fail(EINVAL, call);
    if (!fits(blob, header.formats_offset, header.count_formats, sizeof(std::uint32_t)) ||
        !fits(blob, header.modifiers_offset, header.count_modifiers, sizeof(drm_format_modifier)))
        return fail(EINVAL, call);

    FormatSet set;
    for (std::uint32_t i = 0; i < header.count_modifiers; ++i) {
        const auto entry = load<drm_format_modifier>(blob, header.modifiers_offset +
                                                               i * sizeof(drm_format_modifier));
        // Bit n of the mask means the format with index offset + n.
        for (std::uint32_t bit = 0; bit < 64; ++bit) {
            if ((entry.formats >> bit & 1U) == 0) continue;
            const std::uint64_t index = std::uint64_t{entry.offset} + bit;
            if (index >= header.count_formats) return fail(EINVAL, call);
            const auto format =
                load<std::uint32_t>(blob, header.formats_offset + index * sizeof(std::uint32_t));
            set.sorted_.push_back({format, entry.modifier});
        }
    }
    sort_unique(set.sorted_);
    return set;
}

FormatSet FormatSet::linear(std::span<const std::uint32_t> formats) {
    FormatSet set;
    for (const std::uint32_t format : formats)
        set.sorted_.push_back({format, DRM_FORMAT_MOD_LINEAR});
    sort_unique(set.sorted_);
    return set;
}

bool FormatSet::contains(std::uint32_t format, std::uint64_t modifier) const noexcept {
    return std::binary_search(sorted_.begin(), sorted_.end(), FormatModifier{format, modifier},
                              before);
}

std::string format_name(std::uint32_t format) {
    std::string name;
    for (const unsigned shift : {0U, 8U, 16U, 24U}) {
        const auto letter = static_cast<unsigned char>(format >> shift & 0xFFU);
        name += letter >= 0x20 && letter < 0x7F ? static_cast<char>(letter) : '?';
    }
    return name;
}

std::string modifier_name(std::uint64_t modifier) {
    using Text = std::unique_ptr<char, FreeText>;
    const Text name{drmGetFormatModifierName(modifier)};
    if (!name) return fmt::format("{:#018x}", modifier);
    // The names are unique within one vendor only.
    const Text vendor{drmGetFormatModifierVendor(modifier)};
    if (!vendor || modifier >> 56U == DRM_FORMAT_MOD_VENDOR_NONE) return name.get();
    return fmt::format("{}_{}", vendor.get(), name.get());
}

}  // namespace scanthru::kms
