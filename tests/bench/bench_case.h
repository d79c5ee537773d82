// SPDX-License-Identifier: MIT
#pragma once

#include "synthetic_guest.h"

#include <nlohmann/json.hpp>
#include <string>

namespace scanthru::system_test {

/// Modes with exactly these rates.
inline constexpr const char* at_60 = "79.68 1024 1072 1176 1660 768 771 775 800";
inline constexpr const char* at_144 = "191.232 1024 1072 1176 1660 768 771 775 800";
inline constexpr const char* full_hd_at_60 = "148.5 1920 2008 2052 2200 1080 1084 1089 1125";
inline constexpr const char* ultra_hd_at_60 = "594 3840 4016 4104 4400 2160 2168 2178 2250";

/// One run of `scanthru bench`.
struct BenchCase {
    std::string title;    ///< In the table; "a guest at 59.94 Hz on 60 Hz" is called so as a file.
    std::string options;  ///< After `bench guest` or `bench flip`, what the rig needs left out.
    const char* modeline = at_60;
};

/// Runs `scanthru bench guest` on the vGPU, or `bench flip` without one; its report. Report and
/// page are left in $SCANTHRU_TEST_OUTPUT.
nlohmann::json measure(const BenchCase& what, const vgpu::TestVgpu* vgpu);

/// The figure of this name; empty, and a failure of the test, where there is none.
nlohmann::json figure_of(const nlohmann::json& report, const std::string& name);
double value_of(const nlohmann::json& report, const std::string& name, const char* key);

/// The tables of all that was measured, printed and left in $SCANTHRU_TEST_OUTPUT/latency.md when
/// the program ends.
void tell_latency(const std::string& title, const nlohmann::json& report);
void tell_cost(const std::string& title, double processor_us, double times, const char* than);
void tell_flip(const nlohmann::json& report);

/// Flips without a rest, on this screen.
void start_guest(const vgpu::TestVgpu& vgpu,
                 unsigned millihertz,
                 unsigned width = 1024,
                 unsigned height = 768,
                 unsigned buffers = 5);

}  // namespace scanthru::system_test
