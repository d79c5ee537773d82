// SPDX-License-Identifier: MIT
#include "presenter/framebuffer_cache.h"

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace scanthru {
namespace {

constexpr std::chrono::seconds get_retry{1};

bool is_shown(const Result<SharedFramebuffer>& outcome) {
    return outcome && outcome->use_count() > 1;
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
        if (!take_token(now)) return fail(EDQUOT, "more new buffers a second than allowed");
        if (auto room = make_room(nullptr); !room) return fail(room.error());
        entries_.push_back(import(plane, now));
        entry = &entries_.back();
    } else {
        ++counts_.hits;
    }
    entry->last_use = ++use_;
    // Asked every time: the claim is not part of the key, the real size never changes.
    if (entry->import && entry->import->bytes < plane.bytes)
        return fail(EFBIG, "dma-buf shorter than the guest claims");
    return entry->outcome;
}

FramebufferCache::Entry FramebufferCache::import(const vfio::GuestPlane& plane,
                                                 kms::Timestamp now) {
    auto import = guest_->acquire(plane.buffer.dmabuf_id);
    if (!import)
        return {.key = plane.buffer,
                .import = nullptr,
                .outcome = fail(import.error()),
                .last_use = 0,
                .retry = now + get_retry};
    Result<SharedFramebuffer> outcome = fail(EFBIG, "dma-buf shorter than the guest claims");
    if (auto room = make_room(import->get()); !room)
        outcome = fail(room.error());
    else if ((*import)->bytes >= plane.bytes)
        outcome = make_framebuffer(*import, plane);
    return {.key = plane.buffer,
            .import = *std::move(import),
            .outcome = std::move(outcome),
            .last_use = 0,
            .retry = std::nullopt};
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
    if (Entry* const entry = find(key)) entry->outcome = fail(reason);
}

void FramebufferCache::forget_refusals() {
    std::erase_if(entries_, [](const Entry& entry) { return !entry.outcome; });
}

FramebufferCache::Entry* FramebufferCache::find(const vfio::BufferKey& key) noexcept {
    const auto found = std::ranges::find(entries_, key, &Entry::key);
    return found == entries_.end() ? nullptr : &*found;
}

Result<void> FramebufferCache::make_room(const Import* incoming) {
    while (entries_.size() >= bounds_.entries)
        if (!evict_oldest()) return fail(EDQUOT, "more buffers at once than allowed");
    const bool counted = std::ranges::any_of(
        entries_, [incoming](const Entry& entry) { return entry.import.get() == incoming; });
    const std::uint64_t more = incoming == nullptr || counted ? 0 : incoming->bytes;
    if (more > bounds_.bytes) return fail(EDQUOT, "buffer larger than allowed");
    while (bytes() + more > bounds_.bytes)
        if (!evict_oldest()) return fail(EDQUOT, "more memory than allowed");
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
