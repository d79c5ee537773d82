// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "kms/card.h"
#include "kms/topology.h"

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

/// What `scanthru bench flip` does to a lit output, on its frame thread.
namespace scanthru {

struct FlipPlan {
    std::chrono::nanoseconds warm_up{};
    std::chrono::nanoseconds duration{};  ///< Of the flips at every vblank.
    unsigned moves = 300;                 ///< Of each kind of commit with or without a cursor.
    unsigned imports = 200;               ///< Of each size.
    unsigned margin_flips = 100;          ///< For each margin tried.
    bool real_time = true;
};

/// Of dma-bufs that are imported.
inline constexpr std::array<Size, 3> imported_sizes{{{1024, 768}, {1920, 1080}, {3840, 2160}}};

/// Everything that was measured before it was stopped or failed.
struct FlipSamples {
    // Nonblocking flips with an event, one at every vblank.
    std::vector<double> commit_us, page_flip_ms, event_delay_us;
    std::vector<double> interval_ms;  ///< Between two flips, by the vblanks between them.
    // Processor time of blocking commits, whose tail runs in the thread that waits for them.
    std::vector<double> flip_us, cursor_us, both_us;
    unsigned cursor_moves = 0;  ///< Nonblocking ones, each with a flip right after it.
    unsigned flips_busy = 0;    ///< Of those flips, refused: the move had taken their vblank.
    struct Imports {
        std::vector<double> import_us, remove_us;
    };
    std::array<Imports, imported_sizes.size()> imports{};
    std::optional<double> smallest_margin_us{};
    std::optional<Error> fault{};
};

/// What it is at, for another thread to see.
struct FlipProgress {
    enum class Step { warming_up, flipping, moving_the_cursor, importing, searching, done };
    std::atomic<bool> stop{false};  ///< To be set by the other thread.
    std::atomic<Step> step{Step::warming_up};
};

/// About how long it takes.
std::chrono::nanoseconds expected_duration(const FlipPlan& plan, std::chrono::nanoseconds period);

/// Measures. What was on the primary plane is there again at the end.
FlipSamples try_flips(kms::Card& card,
                      const kms::Pipeline& pipeline,
                      const FlipPlan& plan,
                      FlipProgress& progress);

}  // namespace scanthru
