// SPDX-License-Identifier: MIT
#pragma once

#include "kms/atomic_request.h"
#include "kms/topology.h"
#include "kms/types.h"

namespace scanthru::kms {

/// Adds what makes `pipeline` run in `mode` (a MODE_ID blob): the connector's CRTC_ID and
/// link-status, the CRTC's MODE_ID, ACTIVE and, where it has one, VRR_ENABLED. The caller adds
/// planes that fit the mode and sends it with AtomicRequest::commit_modeset(); the blob may go
/// after that.
void fill_modeset(AtomicRequest& request, const Pipeline& pipeline, BlobId mode);

/// Adds what switches `pipeline` off: connector, CRTC, and the primary and cursor planes. For
/// commit_modeset().
void fill_switch_off(AtomicRequest& request, const Pipeline& pipeline);

}  // namespace scanthru::kms
