// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "kms/mode.h"
#include "kms/vblank_clock.h"
#include "presenter/layout.h"
#include "presenter/picture.h"
#include "vfio/plane_info.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// What a frame thread tells the rest of the program: counted, never waited for (invariant 1).
/// Every writer here is one frame thread, every reader the main thread.
namespace scanthru {

/// Counts up; read by another thread at any time.
class Counter {
public:
    void operator++() noexcept { add(1); }

    /// Not fetch_add: there is one writer, so a plain store does, without a locked instruction.
    void add(std::uint64_t more) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }

    void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

using RejectedCounters = std::array<Counter, vfio::rejected_count>;  ///< By vfio::Rejected.

/// What one output has done since it was lit.
struct FrameCounters {
    Counter frames;           ///< Turns of the loop: times the guest was asked.
    Counter flips;            ///< Commits that changed what is on screen.
    Counter refreshes;        ///< Commits of the same picture, for drivers that copy at commit.
    Counter modesets;         ///< Commits that changed the mode.
    Counter no_news;          ///< Queries that failed: the last picture stays.
    Counter gets;             ///< VFIO_DEVICE_GET_GFX_DMABUF of its guests, by all outputs.
    Counter framebuffers;     ///< PRIME imports with ADDFB2 that succeeded.
    Counter cache_hits;       ///< Planes whose framebuffer was there.
    Counter cache_misses;     ///< Planes whose framebuffer was not.
    Counter evictions;        ///< Framebuffers given up for newer ones.
    Counter unshowable;       ///< Planes for whose buffer no rung was left.
    Counter copies;           ///< Pictures copied into host pictures.
    Counter torn;             ///< Of these, the guest drew meanwhile, twice.
    Counter refused_commits;  ///< Scenes that the kernel refused.
    Counter put_off;          ///< Commits that failed in passing (EBUSY, ENOMEM).
    Counter late_flips;       ///< Flips one or more vblanks later than aimed at.
    Counter clock_reads;      ///< Vblanks read without a flip, to keep the clock right.
    RejectedCounters rejected_primary;
    RejectedCounters rejected_cursor;
};

/// One flip that reached the screen.
struct FlipRecord {
    std::uint64_t number = 0;  ///< Counts from 1; gaps in what a reader has mean it was slow.
    std::uint64_t sequence =
        0;  ///< The CRTC's frame number of the vblank that showed it; 0 without.
    // All times in ns of CLOCK_MONOTONIC, in the order in which they pass.
    std::int64_t asked_ns = 0;     ///< When the thread wanted to wake up,
    std::int64_t sampled_ns = 0;   ///< when the guest was asked,
    std::int64_t entered_ns = 0;   ///< when the commit entered the kernel,
    std::int64_t aimed_ns = 0;     ///< the vblank it was aimed at,
    std::int64_t shown_ns = 0;     ///< the vblank that showed it,
    std::int64_t returned_ns = 0;  ///< when the commit was back.
    std::uint32_t primary_id = 0;  ///< dmabuf_id; 0 when black.
    std::uint32_t cursor_id = 0;   ///< dmabuf_id; 0 when none.
    Point cursor_position{};
};

/// The newest flips. One writer; a reader takes a copy without stopping it.
class FlipLog {
public:
    static constexpr std::size_t capacity = 4096;

    FlipLog() : slots_(capacity) {}

    void push(const FlipRecord& record) noexcept;

    /// The records with numbers above `after` that are still there, oldest first.
    std::vector<FlipRecord> since(std::uint64_t after) const;

private:
    /// A record in words that may be read while they are written; `version` tells torn ones.
    struct Slot {
        std::atomic<std::uint64_t> version{0};  ///< 2·number when whole, odd while it is written.
        std::array<std::atomic<std::uint64_t>, 10> words{};
    };

    std::vector<Slot> slots_;
    std::atomic<std::uint64_t> newest_{0};
};

/// What an output shows now.
struct OutputView {
    Size screen;  ///< As the guest has it, upright.
    Size mode;    ///< Of the CRTC.
    std::uint32_t refresh_mhz = 0;
    bool guest = false;    ///< A guest is attached to this output.
    bool blank = false;    ///< Switched off (DPMS).
    bool message = false;  ///< What the host says is on screen.
    bool vrr = false;      ///< Its refresh rate is variable.
    bool async = false;    ///< Flips need not wait for a vblank.
    std::optional<vfio::BufferKey> primary{};
    Rung rung = Rung::none;           ///< How the primary got on screen.
    std::optional<Error> obstacle{};  ///< Why not directly; empty where it is, and for its size.
    Placement placement{};            ///< Of the guest's picture.
    std::optional<vfio::BufferKey> cursor{};
    Point cursor_position{};
};

/// Something that a person should read in the log. The main thread words it.
struct Note {
    enum class Kind {
        query_failed,
        rejected_primary,
        rejected_cursor,
        unshowable_primary,
        unshowable_cursor,
        refused_primary,
        refused_cursor,
        refused_mode,
        commit_failed,
        not_master,
        card_gone,
        device_gone,
        mode_changed,
        copying,
        abandoned,
        async_refused,
    };
    static constexpr std::size_t kinds = 16;

    Kind kind{};
    Error error{};                             ///< Where a call failed.
    Error copy_error{};                        ///< unshowable_…: why it was not copied either.
    std::optional<vfio::Rejected> rejected{};  ///< Where inspection failed.
    vfio::RawPlane raw{};                      ///< What the guest claimed then.
    vfio::Geometry geometry{};                 ///< Of the buffer, where there is one.
    kms::Mode mode{};                          ///< mode_changed, refused_mode.
    std::uint64_t suppressed = 0;              ///< Notes of this kind that were left out before it.
};

/// A bounded queue from a frame thread to the main thread: at most one note of a kind a second, and
/// none when nobody reads.
class NoteQueue {
public:
    /// Leaves the note out, and counts it, when its kind had its turn or nobody reads.
    void push(Note note, kms::Timestamp now) noexcept;

    /// Whether notes were pushed since the last time this was asked: the reader is to be woken.
    /// Frame thread.
    bool unannounced() noexcept { return std::exchange(unannounced_, false); }

    /// The oldest note. Main thread.
    std::optional<Note> pop();

private:
    static constexpr std::size_t capacity = 32;

    std::array<Note, capacity> notes_{};
    std::atomic<std::size_t> pushed_{0};
    std::atomic<std::size_t> popped_{0};
    std::array<kms::Timestamp, Note::kinds> last_{};
    std::array<std::uint64_t, Note::kinds> suppressed_{};
    bool unannounced_ = false;
};

}  // namespace scanthru
