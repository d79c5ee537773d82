// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/telemetry.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

/// What a running scanthru tells of its pace. All pure.
namespace scanthru {

/// The flips of the last minute before `now_ns` (CLOCK_MONOTONIC), of as many as there are of it:
/// `seconds` from the oldest to now, `flips`, `missed`, and `figures`: sample_to_scanout, margin,
/// wake_lateness, query_to_commit, page_flip, return_after_vblank as in a report of `scanthru
/// bench`, without histograms.
nlohmann::json last_minute(const std::vector<FlipRecord>& flips,
                           std::int64_t now_ns,
                           std::chrono::nanoseconds period);

/// The answer to "status" as OpenMetrics text, for Prometheus. Times in seconds.
std::string openmetrics_text(const nlohmann::json& status);

}  // namespace scanthru
