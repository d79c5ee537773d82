// SPDX-License-Identifier: MIT
#include "input/scroll_axis.h"

#include <gtest/gtest.h>
#include <vector>

namespace scanthru::input {
namespace {

TEST(ScrollAxis, PassesWholeUnitsOfAWheel) {
    ScrollAxis wheel;
    for (const int amount : {120, -120, 15, -7, 240})
        EXPECT_EQ(wheel.add_120ths(amount), amount);
}

TEST(ScrollAxis, CountsFifteenUnitsOfAFingerAsANotch) {
    ScrollAxis finger;
    EXPECT_EQ(finger.add_units(15), 120);
    EXPECT_EQ(finger.add_units(-7.5), -60);
}

TEST(ScrollAxis, KeepsTheRest) {
    ScrollAxis finger;
    int sum = 0;
    for (int i = 0; i < 1000; ++i)
        sum += finger.add_units(0.1);
    EXPECT_NEAR(sum, 800, 1);
}

TEST(ScrollAxis, ForgetsTheRestWhenTurningBackOrLifting) {
    ScrollAxis finger;
    EXPECT_EQ(finger.add_units(0.12), 0);
    EXPECT_EQ(finger.add_units(-0.13), -1);
    ScrollAxis lifted;
    EXPECT_EQ(lifted.add_units(0.12), 0);
    EXPECT_EQ(lifted.add_units(0), 0);
    EXPECT_EQ(lifted.add_units(0.12), 0);
}

}  // namespace
}  // namespace scanthru::input
