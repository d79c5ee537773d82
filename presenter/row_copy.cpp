// SPDX-License-Identifier: MIT
#include "presenter/row_copy.h"

#include "presenter/pixel_layout.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace scanthru {
namespace {

using Copy = void (*)(std::byte* to, const std::byte* from, std::size_t bytes);

void copy_plain(std::byte* to, const std::byte* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
}

#if defined(__x86_64__)

/// Copies up to the next source address that is a multiple of `alignment`, which streaming loads
/// want.
inline void
copy_head(std::byte*& to, const std::byte*& from, std::size_t& bytes, std::size_t alignment) {
    const std::size_t past = reinterpret_cast<std::uintptr_t>(from) % alignment;
    if (past == 0) return;
    const std::size_t head = std::min(alignment - past, bytes);
    std::memcpy(to, from, head);
    to += head;
    from += head;
    bytes -= head;
}

// Eight loads before the first store, so that a line of write-combined memory is fetched once.

__attribute__((target("avx2"))) void
copy_avx2(std::byte* to, const std::byte* from, std::size_t bytes) {
    constexpr std::size_t block = 8 * sizeof(__m256i);
    copy_head(to, from, bytes, sizeof(__m256i));
    for (const std::byte* const end = from + bytes / block * block; from != end;) {
        auto* const source = reinterpret_cast<__m256i*>(const_cast<std::byte*>(from));
        auto* const target = reinterpret_cast<__m256i*>(to);
        const __m256i a = _mm256_stream_load_si256(source);
        const __m256i b = _mm256_stream_load_si256(source + 1);
        const __m256i c = _mm256_stream_load_si256(source + 2);
        const __m256i d = _mm256_stream_load_si256(source + 3);
        const __m256i e = _mm256_stream_load_si256(source + 4);
        const __m256i f = _mm256_stream_load_si256(source + 5);
        const __m256i g = _mm256_stream_load_si256(source + 6);
        const __m256i h = _mm256_stream_load_si256(source + 7);
        _mm256_storeu_si256(target, a);
        _mm256_storeu_si256(target + 1, b);
        _mm256_storeu_si256(target + 2, c);
        _mm256_storeu_si256(target + 3, d);
        _mm256_storeu_si256(target + 4, e);
        _mm256_storeu_si256(target + 5, f);
        _mm256_storeu_si256(target + 6, g);
        _mm256_storeu_si256(target + 7, h);
        from += block;
        to += block;
    }
    if (bytes % block != 0) std::memcpy(to, from, bytes % block);
}

__attribute__((target("sse4.1"))) void
copy_sse41(std::byte* to, const std::byte* from, std::size_t bytes) {
    constexpr std::size_t block = 8 * sizeof(__m128i);
    copy_head(to, from, bytes, sizeof(__m128i));
    for (const std::byte* const end = from + bytes / block * block; from != end;) {
        auto* const source = reinterpret_cast<__m128i*>(const_cast<std::byte*>(from));
        auto* const target = reinterpret_cast<__m128i*>(to);
        const __m128i a = _mm_stream_load_si128(source);
        const __m128i b = _mm_stream_load_si128(source + 1);
        const __m128i c = _mm_stream_load_si128(source + 2);
        const __m128i d = _mm_stream_load_si128(source + 3);
        const __m128i e = _mm_stream_load_si128(source + 4);
        const __m128i f = _mm_stream_load_si128(source + 5);
        const __m128i g = _mm_stream_load_si128(source + 6);
        const __m128i h = _mm_stream_load_si128(source + 7);
        _mm_storeu_si128(target, a);
        _mm_storeu_si128(target + 1, b);
        _mm_storeu_si128(target + 2, c);
        _mm_storeu_si128(target + 3, d);
        _mm_storeu_si128(target + 4, e);
        _mm_storeu_si128(target + 5, f);
        _mm_storeu_si128(target + 6, g);
        _mm_storeu_si128(target + 7, h);
        from += block;
        to += block;
    }
    if (bytes % block != 0) std::memcpy(to, from, bytes % block);
}

#endif

Copy choose_copy() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return copy_avx2;
    if (__builtin_cpu_supports("sse4.1")) return copy_sse41;
#endif
    return copy_plain;
}

/// The word that XRGB8888 and ARGB8888 have for this one.
template <std::uint32_t format>
std::uint32_t convert_word(std::uint32_t word) {
    constexpr PixelLayout layout = *lookup_layout(format);
    return read_channel(word, layout.alpha) << 24 | read_channel(word, layout.red) << 16 |
           read_channel(word, layout.green) << 8 | read_channel(word, layout.blue);
}

template <std::uint32_t format>
void convert_row(std::byte* to, const std::byte* from, std::size_t pixels) {
    using Pixel =
        std::conditional_t<lookup_layout(format)->bytes == 2, std::uint16_t, std::uint32_t>;
    for (std::size_t i = 0; i < pixels; ++i) {
        Pixel pixel = 0;
        std::memcpy(&pixel, from + i * sizeof(pixel), sizeof(pixel));
        const std::uint32_t word = convert_word<format>(pixel);
        std::memcpy(to + i * sizeof(word), &word, sizeof(word));
    }
}

}  // namespace

void stream_copy(std::byte* to, const std::byte* from, std::size_t bytes) {
    static const Copy copy = choose_copy();
    copy(to, from, bytes);
}

RowConverter find_converter(std::uint32_t from) {
    switch (from) {
    case DRM_FORMAT_RGB565: return convert_row<DRM_FORMAT_RGB565>;
    case DRM_FORMAT_XBGR8888: return convert_row<DRM_FORMAT_XBGR8888>;
    case DRM_FORMAT_ABGR8888: return convert_row<DRM_FORMAT_ABGR8888>;
    case DRM_FORMAT_RGBX8888: return convert_row<DRM_FORMAT_RGBX8888>;
    case DRM_FORMAT_RGBA8888: return convert_row<DRM_FORMAT_RGBA8888>;
    case DRM_FORMAT_BGRX8888: return convert_row<DRM_FORMAT_BGRX8888>;
    case DRM_FORMAT_BGRA8888: return convert_row<DRM_FORMAT_BGRA8888>;
    case DRM_FORMAT_XRGB2101010: return convert_row<DRM_FORMAT_XRGB2101010>;
    case DRM_FORMAT_ARGB2101010: return convert_row<DRM_FORMAT_ARGB2101010>;
    case DRM_FORMAT_XBGR2101010: return convert_row<DRM_FORMAT_XBGR2101010>;
    case DRM_FORMAT_ABGR2101010: return convert_row<DRM_FORMAT_ABGR2101010>;
    default: return nullptr;
    }
}

}  // namespace scanthru
