// SPDX-License-Identifier: MIT
#include "presenter/pacer.h"

#include <algorithm>
#include <utility>

namespace scanthru {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;

constexpr nanoseconds least_guard = microseconds{50};
/// Down by this part of the time that passes: 100 µs a second.
constexpr int fall = 10'000;
/// Fewer frames say nothing about how good it can get.
constexpr unsigned enough_frames = 64;
constexpr unsigned first_measured = 64;
constexpr unsigned measured_after_a_miss = 8;
/// So many frames with new framebuffers in 1024 are left out; where they are more, they are the
/// rule.
constexpr unsigned novel_allowed = 16;
constexpr nanoseconds first_hold = minutes{1};
constexpr nanoseconds longest_hold = minutes{60};
/// A pause counts as so much time to fall in at most: nothing was learnt in it.
constexpr nanoseconds longest_step = std::chrono::milliseconds{100};

/// So many frames may be slower; of few frames two, which are accidents.
constexpr unsigned allowed(unsigned frames) {
    return std::max(frames / 1000, 2U);
}

}  // namespace

void Pacer::restart(nanoseconds period) noexcept {
    bound_ = std::max(period / 4, nanoseconds{1});
    margin_ = std::min(first_margin, bound_);
    commits_.fill({});
    settle();
    unmeasured_ = first_measured;
    for (Counts& counts : by_generation_)
        counts.fill(0);
    all_.fill(0);
    generation_ = 0;
    in_generation_ = novel_in_generation_ = frames_ = above_ = 0;
    percentile_ = 0;
    missed_ = {};
    missed_until_ = {};
    hold_ = {};
    moved_ = {};
}

void Pacer::learn(const FrameCost& cost, kms::Timestamp now) noexcept {
    const bool settling = settling_ > 0;
    if (settling) --settling_;
    const bool counts = !settling && (!cost.novel || ++novel_in_generation_ > novel_allowed);
    if (counts) count(cost.late + cost.prepared);
    if (counts && cost.commit > nanoseconds::zero() && unmeasured_ > 0) {
        --unmeasured_;
        keep_commit(cost.commit);
    }
    if (cost.missed && counts) miss(cost, now);
    move(now);
}

void Pacer::keep_commit(nanoseconds commit) noexcept {
    for (nanoseconds& larger : commits_)
        if (commit > larger) std::swap(commit, larger);
}

void Pacer::count(nanoseconds spent) noexcept {
    if (in_generation_ == generation_frames) begin_generation();
    const std::size_t which = DurationClass::of(spent);
    ++by_generation_[generation_][which];
    ++all_[which];
    ++in_generation_;
    ++frames_;
    if (which > percentile_) ++above_;
    if (above_ > allowed(frames_)) find_percentile();
}

void Pacer::begin_generation() noexcept {
    generation_ = (generation_ + 1) % generations;
    Counts& oldest = by_generation_[generation_];
    for (std::size_t i = 0; i < oldest.size(); ++i) {
        frames_ -= oldest[i];
        all_[i] = static_cast<std::uint16_t>(all_[i] - oldest[i]);
    }
    oldest.fill(0);
    in_generation_ = novel_in_generation_ = 0;
    find_percentile();
}

void Pacer::find_percentile() noexcept {
    percentile_ = all_.size() - 1;
    above_ = 0;
    while (percentile_ > 0 && above_ + all_[percentile_] <= allowed(frames_))
        above_ += all_[percentile_--];
}

void Pacer::miss(const FrameCost& cost, kms::Timestamp now) noexcept {
    unmeasured_ = std::max(unmeasured_, measured_after_a_miss);
    if (cost.late + cost.prepared >= bound_) return;
    missed_ = std::min(margin_ + std::max(margin_ / 4, least_guard), bound_);
    // A burst is one trial that failed.
    if (now >= missed_until_) hold_ = std::clamp(2 * hold_, first_hold, longest_hold);
    missed_until_ = now + hold_;
}

nanoseconds Pacer::needed() const noexcept {
    const nanoseconds cost = DurationClass::end(percentile_) + commits_.back();
    return cost + std::max(cost / 4, least_guard);
}

void Pacer::move(kms::Timestamp now) noexcept {
    const nanoseconds passed =
        moved_ == kms::Timestamp{} ? nanoseconds{} : nanoseconds{now - moved_};
    moved_ = now;
    const nanoseconds floor = now < missed_until_ ? missed_ : nanoseconds{};
    const nanoseconds wanted = std::min(std::max(needed(), floor), bound_);
    if (wanted >= margin_) {
        margin_ = wanted;
    } else if (frames_ >= enough_frames) {
        const nanoseconds step = std::clamp(passed, nanoseconds{}, longest_step) / fall;
        margin_ = std::max(margin_ - step, wanted);
    }
}

kms::Timestamp IdlePolicy::earliest(kms::Timestamp last,
                                    kms::Timestamp now,
                                    std::optional<nanoseconds> refresh) const noexcept {
    if (!idle(now)) return last;
    return last + (refresh ? std::min(*poll_, *refresh) : *poll_);
}

}  // namespace scanthru
