// SPDX-License-Identifier: MIT
#include "presenter/telemetry.h"

#include <algorithm>

namespace scanthru {
namespace {

constexpr std::chrono::seconds note_interval{1};

constexpr std::uint64_t pack(std::uint32_t high, std::uint32_t low) {
    return std::uint64_t{high} << 32 | low;
}

constexpr std::uint32_t high(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
}

constexpr std::uint32_t low(std::uint64_t word) {
    return static_cast<std::uint32_t>(word);
}

}  // namespace

void FlipLog::push(const FlipRecord& record) noexcept {
    Slot& slot = slots_[record.number % capacity];
    const std::array<std::uint64_t, 10> words{
        record.number,
        record.sequence,
        static_cast<std::uint64_t>(record.sampled_ns),
        static_cast<std::uint64_t>(record.shown_ns),
        pack(record.primary_id, record.cursor_id),
        pack(static_cast<std::uint32_t>(record.cursor_position.x),
             static_cast<std::uint32_t>(record.cursor_position.y)),
        static_cast<std::uint64_t>(record.asked_ns),
        static_cast<std::uint64_t>(record.entered_ns),
        static_cast<std::uint64_t>(record.aimed_ns),
        static_cast<std::uint64_t>(record.returned_ns),
    };
    slot.version.store(2 * record.number - 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < words.size(); ++i)
        slot.words[i].store(words[i], std::memory_order_relaxed);
    slot.version.store(2 * record.number, std::memory_order_release);
    newest_.store(record.number, std::memory_order_release);
}

std::vector<FlipRecord> FlipLog::since(std::uint64_t after) const {
    std::vector<FlipRecord> records;
    const std::uint64_t newest = newest_.load(std::memory_order_acquire);
    const std::uint64_t oldest = newest > capacity ? newest - capacity + 1 : 1;
    for (std::uint64_t number = std::max(after + 1, oldest); number <= newest; ++number) {
        const Slot& slot = slots_[number % capacity];
        if (slot.version.load(std::memory_order_acquire) != 2 * number) continue;
        std::array<std::uint64_t, 10> words{};
        for (std::size_t i = 0; i < words.size(); ++i)
            words[i] = slot.words[i].load(std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (slot.version.load(std::memory_order_relaxed) != 2 * number) continue;
        records.push_back({.number = words[0],
                           .sequence = words[1],
                           .asked_ns = static_cast<std::int64_t>(words[6]),
                           .sampled_ns = static_cast<std::int64_t>(words[2]),
                           .entered_ns = static_cast<std::int64_t>(words[7]),
                           .aimed_ns = static_cast<std::int64_t>(words[8]),
                           .shown_ns = static_cast<std::int64_t>(words[3]),
                           .returned_ns = static_cast<std::int64_t>(words[9]),
                           .primary_id = high(words[4]),
                           .cursor_id = low(words[4]),
                           .cursor_position = {.x = static_cast<std::int32_t>(high(words[5])),
                                               .y = static_cast<std::int32_t>(low(words[5]))}});
    }
    return records;
}

void NoteQueue::push(Note note, kms::Timestamp now) noexcept {
    const auto kind = static_cast<std::size_t>(note.kind);
    const std::size_t pushed = pushed_.load(std::memory_order_relaxed);
    const bool full = pushed - popped_.load(std::memory_order_acquire) == capacity;
    const bool soon = last_[kind] != kms::Timestamp{} && now - last_[kind] < note_interval;
    if (full || soon) {
        ++suppressed_[kind];
        return;
    }
    last_[kind] = now;
    note.suppressed = suppressed_[kind];
    suppressed_[kind] = 0;
    notes_[pushed % capacity] = note;
    pushed_.store(pushed + 1, std::memory_order_release);
    unannounced_ = true;
}

std::optional<Note> NoteQueue::pop() {
    const std::size_t popped = popped_.load(std::memory_order_relaxed);
    if (popped == pushed_.load(std::memory_order_acquire)) return std::nullopt;
    Note note = notes_[popped % capacity];
    popped_.store(popped + 1, std::memory_order_release);
    return note;
}

}  // namespace scanthru
