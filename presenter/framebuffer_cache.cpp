// SPDX-License-Identifier: MIT
#include "presenter/framebuffer_cache.h"

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace scanthru {
namespace {

constexpr std::chrono::seconds get_retry{1};

bool is_shown(const Result<SharedFramebuffer>& outcome) {
    return outcome && *outcome && outcome->use_count() > 1;
}

}  // namespace

FramebufferCache::FramebufferCache(kms::Card& card,
                                   std::shared_ptr<GuestBuffers> guest,
                                   CacheBounds bounds)
    : card_(card), guest_(std::move(guest)), bounds_(bounds), tokens_(bounds.imports_per_second) {
    assert(bounds_.entries > 0);
    entries_.reserve(bounds_.entries);
}

Result<SharedFramebuffer> FramebufferCache::acquire(const vfio::GuestPlane& plane,
                                                    kms::Timestamp now) {
    Entry* entry = find(plane.buffer);
    if (entry != nullptr && entry->retry && now >= *entry->retry) {
        entries_.erase(entries_.begin() + (entry - entries_.data()));
        entry = nullptr;
    }
    if (entry == nullptr) {
        ++counts_.misses;
        const auto added = add(plane, now);
        if (!added) return fail(added.error());
        entry = *added;
    } else {
        ++counts_.hits;
    }
    entry->last_use = ++use_;
    // Asked every time: the claim is not part of the key, the real size never changes.
    if (entry->import && entry->import->bytes < plane.bytes)
        return fail(EFBIG, "dma-buf shorter than the guest claims");
    if (entry->import && !entry->made) {
        entry->outcome = make_framebuffer(entry->import, plane);
        entry->made = true;
    }
    return entry->outcome;
}

void FramebufferCache::keep(const vfio::BufferKey& key) noexcept {
    if (Entry* const entry = find(key)) entry->last_use = ++use_;
}

/// An entry for a buffer that has none; what the bounds forbid gets none.
Result<FramebufferCache::Entry*> FramebufferCache::add(const vfio::GuestPlane& plane,
                                                       kms::Timestamp now) {
    if (!take_token(now)) return fail(EDQUOT, "more new buffers a second than allowed");
    Entry entry{.key = plane.buffer, .import = nullptr, .outcome = SharedFramebuffer{}};
    // Before room is made: what goes may be another framebuffer of this very import.
    auto import = guest_->acquire(plane.buffer.dmabuf_id);
    if (import) {
        if (auto room = make_room(**import); !room) return fail(room.error());
        entry.import = *std::move(import);
    } else {
        if (entries_.size() >= bounds_.entries && !evict_oldest()) return fail(import.error());
        entry.outcome = fail(import.error());
        entry.retry = now + get_retry;
    }
    entries_.push_back(std::move(entry));
    return &entries_.back();
}

Result<SharedFramebuffer> FramebufferCache::make_framebuffer(const SharedImport& import,
                                                             const vfio::GuestPlane& plane) {
    const vfio::Geometry& geometry = plane.buffer.geometry;
    auto framebuffer = kms::Framebuffer::import(card_, {.fd = import->dmabuf.get(),
                                                        .format = geometry.format,
                                                        .modifier = geometry.modifier,
                                                        .size = geometry.size,
                                                        .stride = geometry.stride});
    if (!framebuffer) return fail(framebuffer.error());
    ++counts_.framebuffers;
    return std::make_shared<const GuestFramebuffer>(
        GuestFramebuffer{import, plane.buffer, *std::move(framebuffer)});
}

void FramebufferCache::refuse(const vfio::BufferKey& key, const Error& reason) {
    Entry* const entry = find(key);
    if (entry == nullptr) return;
    entry->outcome = fail(reason);
    entry->made = true;
}

void FramebufferCache::forget_refusals() {
    std::erase_if(entries_, [](const Entry& entry) { return !entry.outcome; });
}

FramebufferCache::Entry* FramebufferCache::find(const vfio::BufferKey& key) noexcept {
    const auto found = std::ranges::find(entries_, key, &Entry::key);
    return found == entries_.end() ? nullptr : &*found;
}

Result<void> FramebufferCache::make_room(const Import& incoming) {
    if (incoming.bytes > bounds_.bytes) return fail(EDQUOT, "buffer larger than allowed");
    const auto more = [&] {
        const bool counted = std::ranges::any_of(
            entries_, [&incoming](const Entry& entry) { return entry.import.get() == &incoming; });
        return counted ? 0 : incoming.bytes;
    };
    while (entries_.size() >= bounds_.entries || bytes() + more() > bounds_.bytes)
        if (!evict_oldest()) return fail(EDQUOT, "more buffers at once than allowed");
    return {};
}

bool FramebufferCache::evict_oldest() {
    auto oldest = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (is_shown(entry->outcome)) continue;
        if (oldest == entries_.end() || entry->last_use < oldest->last_use) oldest = entry;
    }
    if (oldest == entries_.end()) return false;
    entries_.erase(oldest);
    ++counts_.evictions;
    return true;
}

bool FramebufferCache::take_token(kms::Timestamp now) noexcept {
    if (now - tokens_since_ >= std::chrono::seconds{1}) {
        tokens_ = bounds_.imports_per_second;
        tokens_since_ = now;
    }
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
}

std::uint64_t FramebufferCache::bytes() const noexcept {
    std::uint64_t sum = 0;
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (!entry->import) continue;
        // Several framebuffers of one import are one buffer.
        const bool counted = std::any_of(entries_.begin(), entry, [&entry](const Entry& earlier) {
            return earlier.import == entry->import;
        });
        if (!counted) sum += entry->import->bytes;
    }
    return sum;
}

}  // namespace scanthru
