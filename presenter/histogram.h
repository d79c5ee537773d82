// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace scanthru {

/// Durations sorted into classes whose width grows with them: sixteen to an octave, so that a class
/// tells its durations to 1/16. From 1 µs to 33 ms; what is shorter or longer has a class each.
/// Pure.
struct DurationClass {
    static constexpr unsigned per_octave = 16;
    static constexpr unsigned shortest_bits = 10;  ///< 2¹⁰ ns.
    static constexpr unsigned longest_bits = 25;   ///< 2²⁵ ns.
    static constexpr std::size_t count = std::size_t{longest_bits - shortest_bits} * per_octave + 2;

    static constexpr std::size_t of(std::chrono::nanoseconds duration) noexcept {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
        if (ns < (std::uint64_t{1} << shortest_bits)) return 0;
        if (ns >= (std::uint64_t{1} << longest_bits)) return count - 1;
        const auto bits = static_cast<unsigned>(std::bit_width(ns)) - 1;
        const auto part = static_cast<unsigned>(ns >> (bits - 4)) - per_octave;
        return std::size_t{bits - shortest_bits} * per_octave + part + 1;
    }

    /// The end of a class: longer than everything in it. Of the last one, its beginning.
    static constexpr std::chrono::nanoseconds end(std::size_t index) noexcept {
        if (index == 0) return std::chrono::nanoseconds{std::int64_t{1} << shortest_bits};
        if (index >= count - 1) return std::chrono::nanoseconds{std::int64_t{1} << longest_bits};
        const std::size_t octave = (index - 1) / per_octave;
        const std::size_t part = (index - 1) % per_octave;
        const auto step = std::int64_t{1} << (octave + shortest_bits - 4);
        return std::chrono::nanoseconds{static_cast<std::int64_t>(per_octave + part + 1) * step};
    }
};

}  // namespace scanthru
