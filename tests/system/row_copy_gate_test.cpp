// SPDX-License-Identifier: MIT
// Copies cost what they must: a gate in virtual time, where an instruction counts 1 ns.
#include "presenter/row_copy.h"
#include "synthetic_guest.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace scanthru::system_test {
namespace {

using std::chrono::steady_clock;

struct Rows {
    std::size_t bytes;
    std::size_t stride;
    std::size_t count;
};

/// The shortest of some runs: the timer's interrupts are in the others.
template <class Copy>
double shortest(const Rows& rows, Copy copy) {
    std::vector<std::byte> from(rows.stride * rows.count, std::byte{0x5a});
    std::vector<std::byte> to(rows.stride * rows.count);
    double best = 1e18;
    for (int run = 0; run < 5; ++run) {
        const auto start = steady_clock::now();
        for (std::size_t row = 0; row < rows.count; ++row)
            copy(to.data() + row * rows.stride, from.data() + row * rows.stride, rows.bytes);
        best = std::min(best, std::chrono::duration<double>(steady_clock::now() - start).count());
    }
    EXPECT_EQ(to.back(), rows.bytes == rows.stride ? std::byte{0x5a} : std::byte{0});
    return best;
}

class RowCopyGate : public ::testing::TestWithParam<Rows> {};

TEST_P(RowCopyGate, CostsAtMostALittleMoreThanMemcpy) {
    if (!virtual_time()) GTEST_SKIP() << "times are asserted in virtual time only";
    const double plain =
        shortest(GetParam(), [](std::byte* to, const std::byte* from, std::size_t bytes) {
            std::memcpy(to, from, bytes);
        });
    const double ours = shortest(GetParam(), stream_copy);
    figure("rows of " + std::to_string(GetParam().bytes) + " bytes, against memcpy", ours / plain,
           "times");
    EXPECT_LE(ours, plain * 1.15);
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         RowCopyGate,
                         ::testing::Values(Rows{640 * 4, 640 * 4, 480},
                                           Rows{1366 * 4, 1376 * 4, 768},
                                           Rows{1920 * 4, 1920 * 4, 1080},
                                           Rows{3840 * 4, 3840 * 4, 600}));

}  // namespace
}  // namespace scanthru::system_test
