// SPDX-License-Identifier: MIT
#pragma once

#include "base/event_loop.h"
#include "kms/edid.h"
#include "presenter/guest_buffers.h"
#include "vfio/edid_region.h"

#include <memory>
#include <optional>
#include <string>

namespace scanthru {

/// The monitor a guest believes to have: shows it an EDID through its device (abi.md, "EDID
/// region").
///
/// On the main thread. Holds the device while the link is down.
class GuestMonitor {
public:
    GuestMonitor(EventLoop& loop, std::string guest) : loop_(loop), guest_(std::move(guest)) {}
    GuestMonitor(const GuestMonitor&) = delete;
    GuestMonitor& operator=(const GuestMonitor&) = delete;
    ~GuestMonitor() { forget(); }

    /// Link down, the EDID (fitted to what the device takes), 100 ms, link up. What goes wrong is
    /// logged. Nothing where the device has no such region, or has been shown this EDID already. An
    /// empty one only ends unplug().
    void show(const std::shared_ptr<GuestBuffers>& buffers, const kms::Edid& edid);

    /// Link down, for as long as there is no monitor: until show() or forget().
    void unplug(const std::shared_ptr<GuestBuffers>& buffers);

    /// The device is let go of, with its plug in; the next one is shown its EDID anew.
    void forget();

    /// What the guest was shown last; empty: nothing.
    const kms::Edid& shown() const noexcept { return shown_; }

private:
    bool take_down(const std::shared_ptr<GuestBuffers>& buffers);
    Result<void> plug();
    void complain(const Error& error);

    EventLoop& loop_;
    std::string guest_;
    kms::Edid shown_;
    std::optional<vfio::EdidRegion> unplugged_;  ///< While the link is down.
    std::shared_ptr<GuestBuffers> held_;         ///< The device, for as long.
    EventLoop::Timer plug_timer_;
};

/// The EDID for a guest on a monitor that has `own` (empty: none), with `mode` preferred. Pure.
kms::Edid edid_for_guest(const kms::Edid& own, const kms::Mode& mode, Size millimetres);

}  // namespace scanthru
