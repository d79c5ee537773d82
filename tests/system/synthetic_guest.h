// SPDX-License-Identifier: MIT
#pragma once

#include "presenter_process.h"
#include "vgpu/test/test_vgpu.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace scanthru::system_test {

/// A line of the vGPU's own flip log.
struct GuestFlip {
    std::uint32_t number = 0;  ///< Of the picture, when it is redrawn for every flip.
    std::uint32_t buffer = 0;
    std::uint32_t id = 0;
    std::int32_t cursor_x = 0;
    std::int32_t cursor_y = 0;
    std::int64_t ns = 0;
};

/// The vGPU's log, which keeps 4096 flips: call often enough.
class GuestLog {
public:
    explicit GuestLog(const vgpu::TestVgpu& vgpu) : vgpu_(vgpu) {}

    void collect();
    const std::vector<GuestFlip>& flips() const noexcept { return flips_; }

    /// What the guest showed when the presenter asked it for `flip`: the newest flip to this buffer
    /// that is not later than the answer can be.
    const GuestFlip* shown_by(const Flip& flip) const;

private:
    const vgpu::TestVgpu& vgpu_;
    std::vector<GuestFlip> flips_;
};

/// "key value" lines of a test's figures, for the reader of the log.
void figure(const std::string& name, double value, const std::string& unit);

}  // namespace scanthru::system_test
