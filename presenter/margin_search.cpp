// SPDX-License-Identifier: MIT
#include "presenter/margin_search.h"

#include <algorithm>

namespace scanthru {
namespace {

constexpr unsigned confirmation = 10;

}  // namespace

MarginSearch::MarginSearch(std::chrono::nanoseconds longest, unsigned flips) noexcept
    : good_(longest), longest_(longest), flips_(flips) {
    if (!halves()) step_ = Step::confirming;
}

std::optional<MarginSearch::Trial> MarginSearch::next() const noexcept {
    switch (step_) {
    case Step::halving: return Trial{.margin = (good_ + bad_) / 2, .flips = flips_};
    case Step::confirming: return Trial{.margin = good_, .flips = confirmation * flips_};
    case Step::over: break;
    }
    return std::nullopt;
}

void MarginSearch::tell(bool missed) noexcept {
    if (step_ == Step::halving) {
        if (missed && !missed_once_) {
            missed_once_ = true;
            return;
        }
        missed_once_ = false;
        (missed ? bad_ : good_) = (good_ + bad_) / 2;
        if (!halves()) step_ = Step::confirming;
        return;
    }
    confirmed_ = !missed;
    if (missed && good_ < longest_ && raised_ < raises) {
        good_ =
            std::min(good_ + std::max<std::chrono::nanoseconds>(good_ / 8, resolution), longest_);
        ++raised_;
        return;
    }
    step_ = Step::over;
}

std::optional<std::chrono::nanoseconds> MarginSearch::found() const noexcept {
    return confirmed_ ? std::optional{good_} : std::nullopt;
}

unsigned MarginSearch::expected_flips() const noexcept {
    unsigned halvings = 0;
    for (auto left = longest_; left > resolution; left /= 2)
        ++halvings;
    return (halvings + confirmation) * flips_;
}

}  // namespace scanthru
