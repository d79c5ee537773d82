// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/atomic_request.h"
#include "kms/framebuffer.h"
#include "kms/property_blob.h"
#include "kms/topology.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace scanthru::kms {

/// What a CRTC, its connector and its planes showed before us, to be put back on every way out.
///
/// Blobs (mode, LUTs, CTM) that were set are copied at capture: the originals may be gone by then.
class SavedState {
public:
    /// Reads the state of everything that taking over `pipeline` changes: its connector (and others
    /// that share the CRTC), the CRTC, its primary and cursor plane and every plane that is on this
    /// CRTC. Errors: what the property getters and PropertyBlob::create() report.
    static Result<SavedState>
    capture(const Card& card, const Topology& topology, const Pipeline& pipeline);

    /// One modeset commit back to the captured state; planes of ours that had been off go off.
    ///
    /// A captured framebuffer that no longer exists (its owner has exited) cannot come back: then
    /// CRTC, connectors and planes are switched off, and the kernel's console takes over when the
    /// last master closes. Errors: those of AtomicRequest::commit_modeset(), of the last try. The
    /// card is the one captured from.
    Result<void> restore(const Card& card) const;

private:
    struct Saved {
        ObjectId object{};
        PropertyId property{};
        std::uint64_t value = 0;
    };

    void save(ObjectId object, const PropertyMap& properties, std::string_view name);
    Result<void> save_blob(const Card& card,
                           ObjectId object,
                           const PropertyMap& properties,
                           std::string_view name);
    Result<void> save_planes(const Card& card, const Topology& topology, const Pipeline& pipeline);

    std::vector<Saved> saved_;  ///< As it was; blob values name the copies in blobs_.
    std::vector<Saved> off_;    ///< The same objects switched off: the way out of the way out.
    std::vector<PropertyBlob> blobs_;  ///< Owned by this state until it goes.
};

/// Lights `pipeline` up in one blocking modeset commit: its mode, `first` on the primary plane, and
/// nothing else of what an earlier owner set.
///
/// `first` is shown from its top left corner, unscaled, as much of it as the mode has room for;
/// some drivers insist that it covers the mode. Every other plane of the CRTC goes off, and so do
/// other connectors. rotation and VRR_ENABLED go to the pipeline's; alpha, pixel blend mode, CTM,
/// GAMMA_LUT and DEGAMMA_LUT go to their defaults; a zpos that can be set goes lowest for the
/// primary and highest for the cursor. What a driver lacks or holds immutable is left alone.
///
/// Errors: those of AtomicRequest::commit_modeset() and PropertyBlob::create().
Result<void> light_up(const Card& card,
                      const Topology& topology,
                      const Pipeline& pipeline,
                      const Framebuffer& first);

}  // namespace scanthru::kms
