// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/config.h"
#include "presenter/probe_report.h"
#include "vfio/acquire.h"
#include "vfio/gfx_device.h"

namespace scanthru {

/// A guest's device, and what has to stay open with it.
struct OpenGuest {
    UniqueFd device{};
    UniqueFd container{};
    UniqueFd group{};
    std::optional<pid_t> pid{};  ///< Of its QEMU, where it has one.
};

/// Opens or takes a guest's device once. The error is a sentence.
Result<OpenGuest, std::string> open_guest(const vfio::GuestSource& source,
                                          const vfio::Places& places = {});

/// Opens a guest that the user named, asks what it shows, and lets it go. Nothing is fetched: a
/// second GET of a buffer that a running scanthru shows crashes some devices (abi.md, mbochs).
///
/// Waits at most some seconds for a QMP greeting or a descriptor.
GuestReport look_at_guest(const GuestConfig& config, const vfio::Places& places = {});

/// What an open device says: dialect, way of export, both planes. QUERY only; in the draft dialect
/// the ids that QUERY opened are closed again.
void describe_guest(const vfio::GfxDevice& device, GuestReport& report);

}  // namespace scanthru
