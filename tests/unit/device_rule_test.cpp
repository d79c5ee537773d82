// SPDX-License-Identifier: MIT
#include "input/device_rule.h"

#include <gtest/gtest.h>

namespace scanthru::input {
namespace {

DeviceInfo receiver() {
    DeviceInfo device;
    device.name = "Logitech USB Receiver";
    device.sysname = "event3";
    device.syspath = "/sys/devices/pci0/usb1/input/input7/event3";
    device.node = "/dev/input/event3";
    device.links = {"/dev/input/by-path/pci-0000:00:14.0-event-kbd",
                    "/dev/input/by-id/usb-Logitech"};
    device.phys = "usb-0000:00:14.0-2/input0";
    device.vendor = 0x046d;
    device.product = 0xc52b;
    return device;
}

struct Match {
    const char* description;
    DeviceRule rule;
    bool expected;
};

const std::vector<Match> match_cases{
    {"an empty match fits all", {}, true},
    {"the whole name", {.name = "Logitech USB Receiver"}, true},
    {"a part of the name alone", {.name = "Logitech"}, false},
    {"a pattern", {.name = "Logi*Receive[rs]"}, true},
    {"another case", {.name = "logi*"}, false},
    {"a slash is nothing special", {.name = "*"}, true},
    {"the node", {.path = "/dev/input/event3"}, true},
    {"another node", {.path = "/dev/input/event33"}, false},
    {"the name in sysfs", {.path = "event3"}, true},
    {"the path in sysfs", {.path = "/sys/devices/pci0/usb1/input/input7/event3"}, true},
    {"a link", {.path = "/dev/input/by-path/pci-0000:00:14.0-event-kbd"}, true},
    {"another link", {.path = "/dev/input/by-path/pci-0000:00:14.1-event-kbd"}, false},
    {"vendor and product", {.identity = DeviceIdentity{0x046d, 0xc52b}}, true},
    {"another product", {.identity = DeviceIdentity{0x046d, 0xc52c}}, false},
    {"another vendor", {.identity = DeviceIdentity{0x046e, 0xc52b}}, false},
    {"all of it",
     {.name = "Logi*", .path = "event3", .identity = DeviceIdentity{0x046d, 0xc52b}},
     true},
    {"all but one", {.name = "Logi*", .path = "event4"}, false},
};

TEST(DeviceRule, MatchesByNamePathAndIdentity) {
    for (const Match& test : match_cases)
        EXPECT_EQ(matches(test.rule, receiver()), test.expected) << test.description;
}

TEST(DeviceRule, MatchesANameWithASlash) {
    DeviceInfo device;
    device.name = "AT/Translated Keyboard";
    EXPECT_TRUE(matches({.name = "AT*"}, device));
}

TEST(DeviceRule, SaysNothingWhereNothingIsSaid) {
    EXPECT_EQ(settings_for(receiver(), {}), DeviceSettings{});
}

TEST(DeviceRule, AppliesAllThatMatchAndTheLaterWins) {
    const std::vector<DeviceRule> rules{
        {.name = "Logi*", .settings = {.speed = 0.5, .tap = true, .output = "DP-1"}},
        {.name = "Wacom*", .settings = {.left_handed = true}},
        {.path = "event3", .settings = {.speed = -0.5, .guest = "work"}},
    };
    const DeviceSettings settings = settings_for(receiver(), rules);
    EXPECT_EQ(settings,
              (DeviceSettings{.speed = -0.5, .tap = true, .output = "DP-1", .guest = "work"}));
}

TEST(DeviceRule, CarriesEverySetting) {
    const DeviceSettings all{.ignore = true,
                             .acceleration = Acceleration::flat,
                             .speed = 1,
                             .natural_scroll = true,
                             .tap = true,
                             .left_handed = true,
                             .calibration = std::array<float, 6>{0, 1, 0, -1, 0, 1},
                             .output = "DP-1",
                             .guest = "work"};
    EXPECT_EQ(settings_for(receiver(), {{.settings = all}}), all);
    // A later rule that says nothing takes nothing back.
    EXPECT_EQ(settings_for(receiver(), {{.settings = all}, {}}), all);
}

TEST(DeviceRule, TakesOutputAndGuestFromUdev) {
    DeviceInfo device = receiver();
    device.wl_output = "HDMI-A-1";
    device.scanthru_guest = "play";
    EXPECT_EQ(settings_for(device, {}), (DeviceSettings{.output = "HDMI-A-1", .guest = "play"}));
    device.scanthru_output = "DP-2";
    EXPECT_EQ(settings_for(device, {}).output, "DP-2");
    const std::vector<DeviceRule> rules{{.settings = {.output = "DP-3", .guest = "work"}}};
    EXPECT_EQ(settings_for(device, rules), (DeviceSettings{.output = "DP-3", .guest = "work"}));
}

TEST(DeviceRule, IgnoresWhatUdevSaysUnlessARuleWantsIt) {
    DeviceInfo device = receiver();
    device.scanthru_ignore = "1";
    EXPECT_EQ(settings_for(device, {}).ignore, true);
    EXPECT_EQ(settings_for(device, {{.settings = {.ignore = false}}}).ignore, false);
    device.scanthru_ignore = "0";
    EXPECT_EQ(settings_for(device, {}).ignore, std::nullopt);
}

TEST(DeviceRule, NeverUsesDevicesOfOurOwn) {
    DeviceInfo device = receiver();
    device.phys = "scanthru/keyboard";
    EXPECT_EQ(settings_for(device, {{.settings = {.ignore = false}}}).ignore, true);
    device.phys = "not-scanthru/keyboard";
    EXPECT_EQ(settings_for(device, {}).ignore, std::nullopt);
}

}  // namespace
}  // namespace scanthru::input
