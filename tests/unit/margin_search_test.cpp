// SPDX-License-Identifier: MIT
#include "presenter/margin_search.h"

#include <functional>
#include <gtest/gtest.h>

namespace scanthru {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// Runs a search over a display that misses as `misses` says, by margin and number of the trial.
MarginSearch run(const std::function<bool(nanoseconds, unsigned)>& misses) {
    MarginSearch search{milliseconds{8}, 100};
    for (unsigned number = 0; search.next(); ++number) {
        EXPECT_LT(number, 60U) << "it does not end";
        search.tell(misses(search.next()->margin, number));
    }
    return search;
}

TEST(MarginSearch, FindsWhereMissesBegin) {
    const auto found =
        run([](nanoseconds margin, unsigned) { return margin < microseconds{730}; }).found();
    ASSERT_TRUE(found);
    EXPECT_GE(*found, microseconds{730});
    EXPECT_LE(*found, microseconds{740});
}

TEST(MarginSearch, IsNotLedAstrayByOneAccident) {
    for (unsigned accident = 0; accident < 9; ++accident) {
        const auto found = run([accident](nanoseconds margin, unsigned number) {
                               return margin < microseconds{730} || number == accident;
                           }).found();
        ASSERT_TRUE(found);
        EXPECT_LE(*found, microseconds{740}) << "accident in trial " << accident;
    }
}

TEST(MarginSearch, RaisesWhatDoesNotHoldForLong) {
    MarginSearch search{milliseconds{8}, 100};
    while (search.next()->flips == 100)
        search.tell(search.next()->margin < microseconds{200});
    const auto first = search.next()->margin;
    EXPECT_EQ(search.next()->flips, 1000U);
    search.tell(true);
    EXPECT_FALSE(search.found());
    EXPECT_EQ(search.next()->margin, first + first / 8);
    search.tell(false);
    EXPECT_FALSE(search.next());
    EXPECT_EQ(search.found(), first + first / 8);
}

TEST(MarginSearch, FindsNothingWhereEverythingMisses) {
    const auto search = run([](nanoseconds, unsigned) { return true; });
    EXPECT_FALSE(search.found());
    EXPECT_FALSE(search.next());
}

TEST(MarginSearch, GivesUpARaiseThatNeverEnds) {
    unsigned confirmations = 0;
    MarginSearch search{milliseconds{8}, 100};
    while (const auto trial = search.next()) {
        confirmations += trial->flips == 1000 ? 1 : 0;
        search.tell(trial->flips == 1000);
    }
    EXPECT_EQ(confirmations, MarginSearch::raises + 1);
    EXPECT_FALSE(search.found());
}

TEST(MarginSearch, SaysHowManyFlipsItTakes) {
    MarginSearch search{milliseconds{8}, 100};
    const unsigned expected = search.expected_flips();
    unsigned flips = 0;
    while (const auto trial = search.next()) {
        flips += trial->flips;
        search.tell(false);
    }
    EXPECT_EQ(flips, expected);
}

}  // namespace
}  // namespace scanthru
