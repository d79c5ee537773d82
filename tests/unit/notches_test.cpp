// SPDX-License-Identifier: MIT
#include "input/notches.h"

#include <gtest/gtest.h>
#include <vector>

namespace scanthru::input {
namespace {

TEST(Notches, PassesWholeUnitsOfAWheel) {
    Notches wheel;
    for (const int amount : {120, -120, 15, -7, 240})
        EXPECT_EQ(wheel.add_120ths(amount), amount);
}

TEST(Notches, CountsFifteenUnitsOfAFingerAsANotch) {
    Notches finger;
    EXPECT_EQ(finger.add_units(15), 120);
    EXPECT_EQ(finger.add_units(-7.5), -60);
}

TEST(Notches, KeepsTheRest) {
    Notches finger;
    int sum = 0;
    for (int i = 0; i < 1000; ++i)
        sum += finger.add_units(0.1);
    EXPECT_NEAR(sum, 800, 1);
}

TEST(Notches, ForgetsTheRestWhenTurningBackOrLifting) {
    Notches finger;
    EXPECT_EQ(finger.add_units(0.12), 0);
    EXPECT_EQ(finger.add_units(-0.13), -1);
    Notches lifted;
    EXPECT_EQ(lifted.add_units(0.12), 0);
    EXPECT_EQ(lifted.add_units(0), 0);
    EXPECT_EQ(lifted.add_units(0.12), 0);
}

}  // namespace
}  // namespace scanthru::input
