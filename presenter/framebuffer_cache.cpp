// SPDX-License-Identifier: MIT
#include "presenter/framebuffer_cache.h"

#include "presenter/pixel_layout.h"

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace scanthru {
namespace {

constexpr std::chrono::seconds retry_delay{1};

bool is_shown(const Result<SharedPicture>& outcome) {
    return outcome && *outcome && outcome->use_count() > 1;
}

}  // namespace

FramebufferCache::FramebufferCache(kms::Card& card,
                                   kms::FormatSet primary_formats,
                                   std::shared_ptr<GuestBuffers> guest,
                                   CacheBounds bounds)
    : card_(card),
      primary_formats_(std::move(primary_formats)),
      guest_(std::move(guest)),
      bounds_(bounds),
      tokens_(bounds.imports_per_second) {
    assert(bounds_.entries > 0);
    entries_.reserve(bounds_.entries);
}

Result<SharedPicture>
FramebufferCache::acquire(const vfio::GuestPlane& plane, vfio::PlaneType type, kms::Timestamp now) {
    Entry* entry = find(plane.buffer);
    if (entry != nullptr && !entry->import && entry->retry && now >= *entry->retry) {
        entries_.erase(entries_.begin() + (entry - entries_.data()));
        entry = nullptr;
    }
    if (entry == nullptr) {
        ++counts_.misses;
        const auto added = add(plane, type, now);
        if (!added) return fail(added.error());
        entry = *added;
    } else {
        ++counts_.hits;
    }
    entry->last_use = ++use_;
    // Asked every time: the claim is not part of the key, the real size never changes.
    if (entry->import && entry->import->bytes < plane.bytes)
        return fail(EFBIG, "dma-buf shorter than the guest claims");
    const bool its_turn = !entry->retry || now >= *entry->retry;
    if (entry->import && !entry->made && its_turn) make_picture(*entry, now);
    return entry->outcome;
}

Result<const GuestMemory*> FramebufferCache::memory(const vfio::GuestPlane& plane) {
    Entry* const entry = find(plane.buffer);
    if (entry == nullptr) return fail(EDQUOT, "a guest buffer beyond what is allowed");
    const bool region = guest_->device().exports() == vfio::Export::region;
    if (!region && !entry->import) return fail(entry->outcome.error());
    // A claim that does not fit says nothing of what is mapped already.
    if (entry->import && entry->import->bytes < plane.bytes)
        return fail(EFBIG, "dma-buf shorter than the guest claims");
    const bool mapped = entry->memory && *entry->memory;
    // A region's memory is mapped as long as the guest says that its picture is.
    if (!entry->memory || (mapped && (*entry->memory)->bytes().size() < plane.bytes))
        entry->memory =
            region ? GuestMemory::map(guest_->device(), plane.buffer.dmabuf_id, plane.bytes)
                   : GuestMemory::map(entry->import, plane.bytes);
    if (*entry->memory) return &**entry->memory;
    const Error error = entry->memory->error();
    // A region may be larger next time; what passes is tried again.
    if (region || is_transient(error)) entry->memory.reset();
    return fail(error);
}

std::optional<Error> FramebufferCache::obstacle(const vfio::BufferKey& key) noexcept {
    const Entry* const entry = find(key);
    return entry != nullptr ? entry->obstacle : std::nullopt;
}

void FramebufferCache::keep(const vfio::BufferKey& key) noexcept {
    if (Entry* const entry = find(key)) entry->last_use = ++use_;
}

/// An entry for a buffer that has none; what the bounds forbid gets none.
Result<FramebufferCache::Entry*>
FramebufferCache::add(const vfio::GuestPlane& plane, vfio::PlaneType type, kms::Timestamp now) {
    if (!take_token(now)) return fail(EDQUOT, "more new buffers a second than allowed");
    Entry entry{.key = plane.buffer, .import = nullptr, .outcome = SharedPicture{}};
    if (guest_->device().exports() == vfio::Export::region) {
        if (entries_.size() >= bounds_.entries) evict_oldest();
        step_down(entry, {EOPNOTSUPP, "dma-bufs, which the guest's device does not have"});
        entries_.push_back(std::move(entry));
        return &entries_.back();
    }
    entry.twin = twin_shown(plane.buffer.geometry.format, type);
    // A commit would find out; but where it also tries a place, the place would get the blame.
    if (entry.twin != 0 && !lists(plane.buffer.geometry.format))
        step_down(entry, {EINVAL, "the primary plane's formats"});
    // Before room is made: what goes may be another framebuffer of this very import.
    auto import = guest_->acquire(plane.buffer.dmabuf_id);
    const auto room = import ? make_room(**import) : fail(import.error());
    if (room) {
        entry.import = *std::move(import);
    } else {
        // The failure takes a place too: it is not to be met at every vblank.
        if (entries_.size() >= bounds_.entries && !evict_oldest()) return fail(room.error());
        entry.outcome = fail(room.error());
        entry.retry = now + retry_delay;
    }
    entries_.push_back(std::move(entry));
    return &entries_.back();
}

/// Whether the primary plane shows this format, in whatever layout.
bool FramebufferCache::lists(std::uint32_t format) const noexcept {
    const auto& all = primary_formats_.all();
    return std::ranges::find(all, format, &kms::FormatModifier::format) != all.end();
}

/// The twin of a format that the primary plane shows; 0: none. A cursor's alpha is its shape.
std::uint32_t FramebufferCache::twin_shown(std::uint32_t format,
                                           vfio::PlaneType type) const noexcept {
    if (type != vfio::PlaneType::primary) return 0;
    const std::uint32_t twin = twin_of(format);
    return lists(twin) ? twin : 0;
}

/// Climbs down until the card takes it.
void FramebufferCache::make_picture(Entry& entry, kms::Timestamp now) {
    entry.made = true;
    entry.retry.reset();
    while (entry.rung != Rung::none) {
        auto framebuffer = import(entry);
        if (framebuffer) {
            ++counts_.framebuffers;
            entry.outcome = std::make_shared<const Picture>(
                Picture{entry.import, entry.key, entry.rung, *std::move(framebuffer)});
            return;
        }
        if (is_transient(framebuffer.error())) {
            entry.outcome = fail(framebuffer.error());
            entry.made = false;
            entry.retry = now + retry_delay;
            return;
        }
        step_down(entry, framebuffer.error());
    }
}

Result<kms::Framebuffer> FramebufferCache::import(const Entry& entry) {
    const vfio::Geometry& geometry = entry.key.geometry;
    return kms::Framebuffer::import(
        card_, {.fd = entry.import->dmabuf.get(),
                .format = entry.rung == Rung::twin ? entry.twin : geometry.format,
                .modifier = geometry.modifier,
                .size = geometry.size,
                .stride = geometry.stride});
}

/// The next rung that needs no copy, or none.
void FramebufferCache::step_down(Entry& entry, const Error& reason) {
    if (!entry.obstacle) entry.obstacle = reason;
    entry.rung = entry.rung == Rung::direct && entry.twin != 0 ? Rung::twin : Rung::none;
    entry.outcome = fail(reason);
    entry.made = entry.rung == Rung::none;
}

void FramebufferCache::refuse(const vfio::BufferKey& key, const Error& reason) {
    if (Entry* const entry = find(key)) step_down(*entry, reason);
}

void FramebufferCache::forget_unfetched(std::uint32_t dmabuf_id) {
    std::erase_if(entries_, [dmabuf_id](const Entry& entry) {
        return !entry.import && entry.key.dmabuf_id == dmabuf_id && entry.retry;
    });
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
