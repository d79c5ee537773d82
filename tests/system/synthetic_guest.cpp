// SPDX-License-Identifier: MIT
#include "synthetic_guest.h"

#include <fmt/format.h>
#include <sstream>

namespace scanthru::system_test {

void GuestLog::collect() {
    std::istringstream lines{vgpu_.get("flips")};
    GuestFlip flip;
    while (lines >> flip.number >> flip.buffer >> flip.id >> flip.cursor_x >> flip.cursor_y >>
           flip.ns)
        if (flips_.empty() || flip.ns > flips_.back().ns) flips_.push_back(flip);
}

const GuestFlip* GuestLog::shown_by(const Flip& flip) const {
    // The buffer alone is ambiguous, it comes back every few flips; so is the time alone, because
    // the guest may flip between the sampling time and the answer.
    // A buffer gets its id when it is first asked for, after the log's line about its first flip.
    std::map<std::uint32_t, std::uint32_t> id_of_buffer;
    for (const GuestFlip& known : flips_)
        if (known.id != 0) id_of_buffer[known.buffer] = known.id;
    const GuestFlip* best = nullptr;
    for (const GuestFlip& candidate : flips_) {
        if (candidate.ns > flip.shown_ns) break;
        if (id_of_buffer[candidate.buffer] == flip.primary_id) best = &candidate;
    }
    return best;
}

void figure(const std::string& name, double value, const std::string& unit) {
    fmt::print("[  FIGURE  ] {}: {} {}\n", name, value, unit);
}

}  // namespace scanthru::system_test
