// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>

namespace scanthru {

/// Looks for the smallest time before a vblank at which no commit misses it. Pure.
///
/// Halving finds it while only the time decides. An accident would send it too high, hence a margin
/// is bad only when it misses twice; too few flips would leave it too low, hence what was found has
/// to hold ten times as often, and is raised by an eighth until it does.
class MarginSearch {
public:
    /// What is to be tried next: flips at this margin, until one misses.
    struct Trial {
        std::chrono::nanoseconds margin{};
        unsigned flips = 0;
        bool operator==(const Trial&) const = default;
    };

    static constexpr std::chrono::microseconds resolution{10};
    static constexpr unsigned raises = 8;  ///< So often, then nothing is found.

    /// Between nothing and `longest`, with so many flips for each margin.
    MarginSearch(std::chrono::nanoseconds longest, unsigned flips) noexcept;

    /// Empty: the search is over.
    std::optional<Trial> next() const noexcept;

    /// How next() went.
    void tell(bool missed) noexcept;

    /// The smallest margin that held; empty while it is looked for, and where none did.
    std::optional<std::chrono::nanoseconds> found() const noexcept;

    /// About as many flips as it will take in all.
    unsigned expected_flips() const noexcept;

private:
    enum class Step { halving, confirming, over };

    bool halves() const noexcept { return good_ - bad_ > resolution; }

    std::chrono::nanoseconds bad_{};
    std::chrono::nanoseconds good_;
    std::chrono::nanoseconds longest_;
    unsigned flips_;
    Step step_ = Step::halving;
    bool missed_once_ = false;
    bool confirmed_ = false;
    unsigned raised_ = 0;
};

}  // namespace scanthru
