// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/card.h"
#include "kms/host_picture.h"
#include "kms/topology.h"

#include <string>

namespace scanthru {

/// Captures what the display hardware composes on a lit `pipeline`, through its writeback
/// connector: the way to a screenshot where no CPU can read the guest's buffers.
///
/// Two blocking modeset commits (a writeback connector is attached and taken off again), so some
/// hardware goes dark for a moment, and a frame thread that calls this misses vblanks; the planes
/// are not touched. Needs DRM master. Waits at most a second for the picture, which comes mapped:
/// read_host_picture() is for another thread.
///
/// The error is a sentence that names the call and its errno: no writeback connector reaches this
/// CRTC; the driver takes none beside the monitor (vkms 6.1: EINVAL); the picture did not come.
Result<kms::HostPicture, std::string> capture_by_writeback(kms::Card& card,
                                                           const kms::Pipeline& pipeline);

}  // namespace scanthru
