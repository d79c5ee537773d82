// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace scanthru::system_test {

/// The kernel's own word on which vblank completed each commit, in order (the trace event
/// drm:drm_vblank_event_delivered).
///
/// The presenter learns the vblank after its blocking commit has returned. With CRC on, vkms
/// composes before it returns, and then that may be one vblank later than the flip.
class FlipTrace {
public:
    /// Begins. Throws std::runtime_error when the kernel has no such event.
    FlipTrace();
    ~FlipTrace();
    FlipTrace(const FlipTrace&) = delete;
    FlipTrace& operator=(const FlipTrace&) = delete;

    /// Sequence numbers since the beginning.
    static std::vector<std::uint64_t> sequences();
};

}  // namespace scanthru::system_test
