// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace scanthru {

/// Copies `bytes` from memory that may be uncached or write-combined, where an ordinary load costs
/// a bus transaction each: streaming loads fetch whole lines (MOVNTDQA, SSE4.1 or AVX2; without
/// them memcpy). On ordinary memory as fast as memcpy. The ranges must not overlap.
void stream_copy(std::byte* to, const std::byte* from, std::size_t bytes);

/// Turns `pixels` pixels of one format into those of another; `from` is ordinary memory.
using RowConverter = void (*)(std::byte* to, const std::byte* from, std::size_t pixels);

/// Pixels of `from` as XRGB8888 or ARGB8888, which have alpha or 255 in the highest byte; null: a
/// format that is not of lookup_layout(), or one whose words need no conversion.
///
/// Channels of other widths come to the nearest of 8 bits.
RowConverter find_converter(std::uint32_t from);

}  // namespace scanthru
