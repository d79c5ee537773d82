// SPDX-License-Identifier: MIT
// Rows of a guest's picture into a host picture: ours, memcpy's, and with a change of format.
//   build/dev/tests/bench/row_copy_bench --benchmark_counters_tabular=true
#include "presenter/row_copy.h"

#include <benchmark/benchmark.h>
#include <cstring>
#include <drm_fourcc.h>
#include <vector>

namespace scanthru {
namespace {

constexpr std::size_t rows = 1080;

/// Runs `copy` over a picture of rows of so many pixels.
template <class Copy>
void run(benchmark::State& state, std::size_t source_pixel, Copy copy) {
    const auto pixels = static_cast<std::size_t>(state.range(0));
    const std::size_t from_stride = pixels * source_pixel;
    const std::size_t to_stride = pixels * 4;
    const std::vector<std::byte> from(from_stride * rows, std::byte{0x5a});
    std::vector<std::byte> to(to_stride * rows);
    for (auto _ : state) {
        for (std::size_t row = 0; row < rows; ++row)
            copy(to.data() + row * to_stride, from.data() + row * from_stride, pixels);
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * from_stride * rows));
}

void plain_memcpy(benchmark::State& state) {
    run(state, 4, [](std::byte* to, const std::byte* from, std::size_t pixels) {
        std::memcpy(to, from, pixels * 4);
    });
}

void streaming(benchmark::State& state) {
    run(state, 4, [](std::byte* to, const std::byte* from, std::size_t pixels) {
        stream_copy(to, from, pixels * 4);
    });
}

void from_rgb565(benchmark::State& state) {
    run(state, 2, find_converter(DRM_FORMAT_RGB565));
}

void from_xrgb2101010(benchmark::State& state) {
    run(state, 4, find_converter(DRM_FORMAT_XRGB2101010));
}

BENCHMARK(plain_memcpy)->Arg(640)->Arg(1920)->Arg(3840);
BENCHMARK(streaming)->Arg(640)->Arg(1920)->Arg(3840);
BENCHMARK(from_rgb565)->Arg(1920);
BENCHMARK(from_xrgb2101010)->Arg(1920);

}  // namespace
}  // namespace scanthru
