// SPDX-License-Identifier: MIT
#include "kms/modeset.h"

namespace scanthru::kms {

void fill_modeset(AtomicRequest& request, const Pipeline& pipeline, BlobId mode) {
    const Connector& connector = pipeline.connector;
    const Crtc& crtc = pipeline.crtc;
    request.set(connector.id, connector.properties.crtc_id, raw(crtc.id));
    // A driver that failed to train the link waits for this word before it tries again.
    if (connector.properties.link_status)
        request.set(connector.id, *connector.properties.link_status, DRM_MODE_LINK_STATUS_GOOD);
    request.set(crtc.id, crtc.properties.mode_id, raw(mode));
    request.set(crtc.id, crtc.properties.active, 1);
    // Whoever had the card meanwhile may have left it on.
    if (crtc.properties.vrr_enabled)
        request.set(crtc.id, *crtc.properties.vrr_enabled, pipeline.vrr ? 1 : 0);
}

void fill_switch_off(AtomicRequest& request, const Pipeline& pipeline) {
    const Connector& connector = pipeline.connector;
    const Crtc& crtc = pipeline.crtc;
    request.hide(pipeline.primary);
    if (pipeline.cursor) request.hide(*pipeline.cursor);
    request.set(connector.id, connector.properties.crtc_id, 0);
    request.set(crtc.id, crtc.properties.active, 0);
    request.set(crtc.id, crtc.properties.mode_id, 0);
}

}  // namespace scanthru::kms
