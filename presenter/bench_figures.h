// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/telemetry.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

/// What is made of a benchmark's samples. All pure.
namespace scanthru {

/// A flip as the test vGPU logs it.
struct GuestFlip {
    std::int64_t ns = 0;  ///< CLOCK_MONOTONIC.
    std::uint32_t buffer = 0;
    std::uint32_t id = 0;  ///< dmabuf_id; 0 while nobody has asked for this buffer.
};

/// Reads the vGPU's log ("NUMBER BUFFER ID CURSOR_X CURSOR_Y NS" a line) and appends what is newer
/// than what is there.
void append_guest_flips(std::string_view text, std::vector<GuestFlip>& flips);

/// Which flip of the guest a flip of ours has shown.
struct ShownFlip {
    std::size_t ours = 0;    ///< Index.
    std::size_t guests = 0;  ///< Index.
};

/// For each of our flips the newest flip of the guest to that buffer before our commit entered the
/// kernel, where that is another than the one shown before. The buffer alone does not tell, it
/// comes back every few flips; nor does the time, the guest may flip while it is asked.
std::vector<ShownFlip> match_flips(const std::vector<FlipRecord>& ours,
                                   const std::vector<GuestFlip>& guests);

/// The time after which two rates stand to each other as in the beginning, in seconds: the longest
/// of 1/|q·g − p·h| for q up to 4 that is not more than `most`; 0 when there is none (rates in an
/// exact ratio stay in one phase).
double beat_seconds(double guest_hz, double host_hz, double most);

/// One figure of a report: n, min, mean, p50, p90, p99, p999 and max of the samples, and a
/// histogram. An empty one has n = 0 and nothing else.
nlohmann::json make_figure(std::string_view name,
                           std::string_view unit,
                           std::string_view meaning,
                           std::vector<double> samples);

/// A report's figure of this name; null where there is none.
const nlohmann::json* find_figure(const nlohmann::json& report, std::string_view name);

/// The vblanks of a display by IGT's criteria, from the intervals between them: mean, three
/// standard deviations and the worst interval as parts of the expected period, and whether it is
/// healthy: 3 sigma/mean below 0.5 % (kms_setmode), every interval within 0.5 % of the expected
/// (kms_flip). Null where there are none.
nlohmann::json judge_vblanks(const std::vector<double>& intervals_ms, double expected_ms);

/// Adds what guest and host have done with each other to a report's figures and counts. Of the
/// guest's flips from `begin_ns` to before `end_ns`.
void judge_flips(const std::vector<FlipRecord>& ours,
                 const std::vector<GuestFlip>& guests,
                 std::int64_t begin_ns,
                 std::int64_t end_ns,
                 std::int64_t period_ns,
                 nlohmann::json& report);

}  // namespace scanthru
