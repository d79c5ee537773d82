// SPDX-License-Identifier: MIT
#include "presenter/guest_monitor.h"

#include "base/log.h"

namespace scanthru {
namespace {

/// Long enough for a guest to see that there was no monitor.
constexpr std::chrono::milliseconds unplugged_time{100};

}  // namespace

/// Whether the link is down now; the device may have no such region.
bool GuestMonitor::take_down(const std::shared_ptr<GuestBuffers>& buffers) {
    const auto region = vfio::EdidRegion::find(buffers->device().fd());
    if (!region) complain(region.error());
    if (!region || !*region) return false;
    if (const auto down = (*region)->unplug(); !down) complain(down.error());
    unplugged_ = **region;
    held_ = buffers;
    return true;
}

void GuestMonitor::unplug(const std::shared_ptr<GuestBuffers>& buffers) {
    plug_timer_.reset();
    if (unplugged_ || take_down(buffers)) shown_.clear();
}

void GuestMonitor::show(const std::shared_ptr<GuestBuffers>& buffers, const kms::Edid& edid) {
    if (edid.empty() && unplugged_) {
        if (const auto plugged = plug(); !plugged) complain(plugged.error());
    }
    if (edid.empty() || edid == shown_ || !take_down(buffers)) return;
    const auto fitted = kms::fit_edid(edid, unplugged_->max_bytes(), unplugged_->max_size());
    if (const auto written = unplugged_->write(fitted); !written) complain(written.error());
    shown_ = edid;
    plug_timer_ = loop_.after(unplugged_time, [this] {
        if (const auto plugged = plug(); !plugged) return complain(plugged.error());
        log(LogLevel::debug, "guest {}: has been shown the monitor's EDID", guest_);
    });
}

Result<void> GuestMonitor::plug() {
    if (!unplugged_) return {};
    const auto plugged = unplugged_->plug();
    unplugged_.reset();
    held_.reset();
    return plugged;
}

void GuestMonitor::forget() {
    // Not without a monitor for good; of a device that is no more it does not matter.
    plug_timer_.reset();
    static_cast<void>(plug());
    shown_.clear();
}

void GuestMonitor::complain(const Error& error) {
    log(LogLevel::warning, "guest {}: cannot be shown the monitor's EDID: {}", guest_, error);
}

kms::Edid edid_for_guest(const kms::Edid& own, const kms::Mode& mode, Size millimetres) {
    if (kms::is_sound(own)) return kms::prefer_mode(own, mode);
    return kms::generate_edid(mode, millimetres);
}

}  // namespace scanthru
