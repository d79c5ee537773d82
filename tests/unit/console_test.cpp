// SPDX-License-Identifier: MIT
#include "base/console.h"

#include <gtest/gtest.h>
#include <linux/kd.h>

namespace scanthru {
namespace {

struct Case {
    const char* description;
    VtModes modes;
    VtUsers users;
    ConsoleOutcome expected;
};

const VtUsers nobody{};
const VtUsers a_master{.masters = {"/dev/dri/card0"}, .holders = {}};
const VtUsers a_holder{.masters = {}, .holders = {"Xorg (7)"}};

const std::vector<Case> cases{
    {"text and keys", {KD_TEXT, K_UNICODE, false}, nobody, ConsoleOutcome::in_order},
    {"text and keys without UTF-8", {KD_TEXT, K_XLATE, false}, nobody, ConsoleOutcome::in_order},
    {"text, of a manager", {KD_TEXT, K_UNICODE, true}, nobody, ConsoleOutcome::in_order},
    {"text, while another VT shows",
     {KD_TEXT, K_UNICODE, true},
     a_master,
     ConsoleOutcome::in_order},
    {"graphics of the dead", {KD_GRAPHICS, K_OFF, true}, nobody, ConsoleOutcome::restored},
    {"graphics without owner", {KD_GRAPHICS, K_UNICODE, false}, nobody, ConsoleOutcome::restored},
    {"keyboard off", {KD_TEXT, K_OFF, false}, nobody, ConsoleOutcome::restored},
    {"keyboard raw", {KD_TEXT, K_RAW, false}, nobody, ConsoleOutcome::restored},
    {"keyboard half raw", {KD_TEXT, K_MEDIUMRAW, false}, nobody, ConsoleOutcome::restored},
    {"graphics of a living master", {KD_GRAPHICS, K_OFF, true}, a_master, ConsoleOutcome::in_use},
    {"graphics of a master alone", {KD_GRAPHICS, K_OFF, false}, a_master, ConsoleOutcome::in_use},
    {"graphics of a living holder", {KD_GRAPHICS, K_OFF, true}, a_holder, ConsoleOutcome::in_use},
    {"open somewhere, but nobody's",
     {KD_GRAPHICS, K_OFF, false},
     a_holder,
     ConsoleOutcome::restored},
};

TEST(Console, IsPutBackWhenItIsOutOfOrderAndNobodyUsesIt) {
    for (const Case& test : cases)
        EXPECT_EQ(choose_outcome(test.modes, test.users), test.expected) << test.description;
}

TEST(Console, SaysWhatWasDone) {
    ConsoleState state{
        .tty = "/dev/tty1", .outcome = ConsoleOutcome::in_order, .before = {}, .users = {}};
    EXPECT_EQ(describe(state), "/dev/tty1 is in order");
    state.outcome = ConsoleOutcome::restored;
    EXPECT_EQ(describe(state), "/dev/tty1 shows text and takes keys again");
    state.outcome = ConsoleOutcome::in_use;
    state.users = a_holder;
    EXPECT_EQ(describe(state), "/dev/tty1 was left as it is: it is in use by Xorg (7)");
    state.users = a_master;
    EXPECT_EQ(describe(state), "/dev/tty1 was left as it is: somebody uses /dev/dri/card0");
}

TEST(Console, RefusesWhatIsNoTerminal) {
    EXPECT_EQ(restore_console("/nowhere").error(),
              "/nowhere cannot be opened: No such file or directory");
    EXPECT_TRUE(
        restore_console("/dev/null").error().starts_with("/dev/null is no virtual terminal"));
}

}  // namespace
}  // namespace scanthru
