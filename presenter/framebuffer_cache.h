// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/framebuffer.h"
#include "kms/vblank_clock.h"
#include "presenter/guest_buffers.h"
#include "vfio/plane_info.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace scanthru {

/// A guest buffer as the card shows it. The framebuffer goes first and the import after it: a
/// framebuffer keeps the buffer alive in the kernel, and with it the id.
struct GuestFramebuffer {
    SharedImport import;
    vfio::BufferKey key;
    kms::Framebuffer framebuffer;
};

/// Shared by the cache and the screen; whoever lets go last removes it (invariant 2).
using SharedFramebuffer = std::shared_ptr<const GuestFramebuffer>;

/// How much of the host a guest may take through one output (invariant 5).
struct CacheBounds {
    std::size_t entries = 16;
    std::uint64_t bytes = std::uint64_t{256} << 20;
    std::uint32_t imports_per_second = 240;
};

/// What the cache has done so far.
struct CacheCounts {
    std::uint64_t hits = 0;          ///< Frames' buffers that were there.
    std::uint64_t misses = 0;        ///< Frames' buffers that were not.
    std::uint64_t framebuffers = 0;  ///< Successful imports (PRIME and ADDFB2).
    std::uint64_t evictions = 0;
};

/// The framebuffers one output has made of one guest's buffers. Of one frame thread; not locked.
///
/// Guests cycle through two or three buffers, so importing on every frame would be waste. The guest
/// also chooses how many it uses, so their number is bounded; what is on screen is never evicted.
///
/// Refusals are kept too, with their import, so that a buffer which the driver cannot scan out is
/// asked about once, not every vblank. A GET that failed leaves nothing to keep: it is tried again
/// after a second.
class FramebufferCache {
public:
    FramebufferCache(kms::Card& card, std::shared_ptr<GuestBuffers> guest, CacheBounds bounds);

    /// The framebuffer that shows `plane`, imported if it is new. No system call and no allocation
    /// when it is not.
    ///
    /// Errors: those of GuestBuffers::acquire() and kms::Framebuffer::import(); EFBIG when the
    /// dma-buf is shorter than the picture; EDQUOT when the guest exceeds its bounds; what refuse()
    /// was told.
    Result<SharedFramebuffer> acquire(const vfio::GuestPlane& plane, kms::Timestamp now);

    /// Marks this one as used now, so that others are evicted before it.
    void keep(const vfio::BufferKey& key) noexcept;

    /// The driver would not show this one: acquire() fails with `reason` from now on.
    void refuse(const vfio::BufferKey& key, const Error& reason);

    /// After a modeset everything may be tried again.
    void forget_refusals();

    const CacheCounts& counts() const noexcept { return counts_; }
    GuestBuffers& guest() const noexcept { return *guest_; }

private:
    struct Entry {
        vfio::BufferKey key;
        SharedImport import;  ///< Null when GET failed.
        bool made = false;    ///< The outcome is the card's word, not a claim that did not fit.
        Result<SharedFramebuffer> outcome;
        std::uint64_t last_use = 0;
        std::optional<kms::Timestamp> retry{};  ///< When a failed GET is tried again.
    };

    Entry* find(const vfio::BufferKey& key) noexcept;
    Result<void> make_room(const Import& incoming);
    bool evict_oldest();
    bool take_token(kms::Timestamp now) noexcept;
    std::uint64_t bytes() const noexcept;
    Result<Entry*> add(const vfio::GuestPlane& plane, kms::Timestamp now);
    Result<SharedFramebuffer> make_framebuffer(const SharedImport& import,
                                               const vfio::GuestPlane& plane);

    kms::Card& card_;
    std::shared_ptr<GuestBuffers> guest_;
    CacheBounds bounds_;
    std::vector<Entry> entries_;
    CacheCounts counts_;
    std::uint64_t use_ = 0;
    std::uint32_t tokens_;
    kms::Timestamp tokens_since_;
};

}  // namespace scanthru
