// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/formats.h"
#include "kms/vblank_clock.h"
#include "presenter/guest_memory.h"
#include "presenter/picture.h"
#include "vfio/plane_info.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace scanthru {

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
/// asked about once on each rung, not every vblank. A GET that failed leaves nothing to keep: it is
/// tried again after a second, as is an import that failed for want of memory and the like.
class FramebufferCache {
public:
    /// `primary_formats`: what the primary plane says it shows.
    FramebufferCache(kms::Card& card,
                     kms::FormatSet primary_formats,
                     std::shared_ptr<GuestBuffers> guest,
                     CacheBounds bounds);

    /// The picture that shows `plane` without a copy, imported if it is new: directly or, on a
    /// primary plane, with its format's twin. No system call and no allocation when it is not new.
    ///
    /// Errors: those of GuestBuffers::acquire() and kms::Framebuffer::import(); EFBIG when the
    /// dma-buf is shorter than the picture; EDQUOT when the guest exceeds its bounds; EOPNOTSUPP
    /// when the device has no dma-bufs; what refuse() was told.
    Result<SharedPicture>
    acquire(const vfio::GuestPlane& plane, vfio::PlaneType type, kms::Timestamp now);

    /// The memory of a plane that acquire() had no picture for, mapped at the first call.
    ///
    /// Errors: those of GuestMemory::map(); acquire()'s when it left nothing to map.
    Result<const GuestMemory*> memory(const vfio::GuestPlane& plane);

    /// Why this one is not shown directly; empty where it is, and where it is not known.
    std::optional<Error> obstacle(const vfio::BufferKey& key) noexcept;

    /// Marks this one as used now, so that others are evicted before it.
    void keep(const vfio::BufferKey& key) noexcept;

    /// The driver would not show this one: acquire() takes its next rung, and fails with `reason`
    /// when there is none.
    void refuse(const vfio::BufferKey& key, const Error& reason);

    /// After a modeset everything may be tried again.
    void forget_refusals();

    /// Nobody fetched this id, and it may name another buffer now.
    void forget_unfetched(std::uint32_t dmabuf_id);

    const CacheCounts& counts() const noexcept { return counts_; }
    GuestBuffers& guest() const noexcept { return *guest_; }

private:
    struct Entry {
        vfio::BufferKey key;
        SharedImport import;  ///< Null when GET failed.
        bool made = false;    ///< The outcome is the card's word, not a claim that did not fit.
        Result<SharedPicture> outcome;
        std::uint64_t last_use = 0;
        /// When a GET that failed, or an import that failed by a fault that passes, is tried again.
        std::optional<kms::Timestamp> retry{};
        Rung rung = Rung::direct;         ///< The one tried last.
        std::uint32_t twin = 0;           ///< Its format's, where the plane shows that.
        std::optional<Error> obstacle{};  ///< The first refusal.
        std::optional<Result<GuestMemory>> memory{};
    };

    Entry* find(const vfio::BufferKey& key) noexcept;
    Result<void> make_room(const Import& incoming);
    bool evict_oldest();
    bool take_token(kms::Timestamp now) noexcept;
    std::uint64_t bytes() const noexcept;
    Result<Entry*> add(const vfio::GuestPlane& plane, vfio::PlaneType type, kms::Timestamp now);
    void make_picture(Entry& entry, kms::Timestamp now);
    Result<kms::Framebuffer> import(const Entry& entry);
    void step_down(Entry& entry, const Error& reason);
    bool lists(std::uint32_t format) const noexcept;
    std::uint32_t twin_shown(std::uint32_t format, vfio::PlaneType type) const noexcept;

    kms::Card& card_;
    kms::FormatSet primary_formats_;
    std::shared_ptr<GuestBuffers> guest_;
    CacheBounds bounds_;
    std::vector<Entry> entries_;
    CacheCounts counts_;
    std::uint64_t use_ = 0;
    std::uint32_t tokens_;
    kms::Timestamp tokens_since_;
};

}  // namespace scanthru
