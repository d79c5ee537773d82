// SPDX-License-Identifier: MIT
#include "presenter/config.h"
#include "presenter/config_values.h"
#include "unit/temporary_directory.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ostream>
#include <unistd.h>
#include <utility>

namespace scanthru {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

Config parsed(std::string_view text) {
    auto config = parse_config(text, "test.toml");
    EXPECT_TRUE(config) << config.error();
    return config.value_or(Config{});
}

TEST(Config, AnEmptyFileGivesTheDefaults) {
    EXPECT_EQ(parsed(""), Config{});
    EXPECT_EQ(parsed("# nothing\n[control]\n[log]\n"), Config{});
    EXPECT_EQ(parsed("[[output]]").outputs, std::vector{OutputConfig{}});
}

TEST(Config, EveryKeyOfAnOutputIsRead) {
    const Config config = parsed(R"(
        [[output]]
        name = "HDMI-A-1"
        monitor = "DEL DELL U2720Q"
        card = "/dev/dri/card1"
        mode = "1920x1080@59.94"
        fit = 'center'
        rotate = 270
        guest = "kiosk"
        refresh = "always"
        idle = "black"
        paused = "message"
        image = "/logo.png"
        blank_after = 600
        margin_us = 2500
        idle_poll = 2
        vrr = true
        async = true
    )");
    ASSERT_EQ(config.outputs.size(), 1U);
    OutputConfig expected;
    expected.name = "HDMI-A-1";
    expected.monitor = "DEL DELL U2720Q";
    expected.card = "/dev/dri/card1";
    expected.idle = Idle::black;
    expected.paused = Paused::message;
    expected.image = "/logo.png";
    expected.blank_after = std::chrono::seconds{600};
    expected.mode = {.size = Size{1920, 1080}, .refresh_mhz = 59940};
    expected.fit = Fit::center;
    expected.rotate = kms::Rotation::by_270;
    expected.guest = "kiosk";
    expected.refresh = Refresh::always;
    expected.margin = std::chrono::microseconds{2500};
    expected.idle_poll = 2;
    expected.vrr = true;
    expected.async = true;
    EXPECT_EQ(config.outputs.front(), expected);
}

TEST(Config, AModelineIsReadAsTimings) {
    const Config config =
        parsed("[[output]]\nmodeline = \"65.00 1024 1048 1184 1344 768 771 777 806 -hsync\"");
    ASSERT_TRUE(config.outputs.at(0).modeline);
    EXPECT_EQ(config.outputs[0].modeline->clock, 65'000U);
    EXPECT_EQ(config.outputs[0].modeline->vtotal, 806);
}

TEST(Config, OutputsDifferByTheirModelines) {
    OutputConfig one;
    OutputConfig other;
    one.modeline = *kms::parse_modeline("65.00 1024 1048 1184 1344 768 771 777 806");
    EXPECT_NE(one, other);
    other.modeline = *kms::parse_modeline("65.00 1024 1048 1184 1344 768 771 777 807");
    EXPECT_NE(one, other);
    other.modeline = one.modeline;
    EXPECT_EQ(one, other);
}

TEST(Config, EveryKeyOfAGuestIsRead) {
    const Config config = parsed(R"(
        [[guest]]
        name = "kiosk"
        source = "qmp:/run/vm/kiosk.qmp,pid=7"
        abi = "draft-v14"
    )");
    ASSERT_EQ(config.guests.size(), 1U);
    EXPECT_EQ(config.guests.front(),
              (GuestConfig{.name = "kiosk",
                           .source = vfio::QmpSource{"/run/vm/kiosk.qmp", 7, std::nullopt},
                           .abi = vfio::Dialect::draft_v14}));
}

TEST(Config, GuestsWithoutANameAreCalledByTheirPlace) {
    const Config config = parsed("[[guest]]\nsource = 'fd:3'\n"
                                 "[[guest]]\nname = 'mine'\nsource = 'fd:4'\n"
                                 "[[guest]]\nsource = 'fd:5'\n");
    ASSERT_EQ(config.guests.size(), 3U);
    EXPECT_EQ(config.guests[0].name, "guest1");
    EXPECT_EQ(config.guests[1].name, "mine");
    EXPECT_EQ(config.guests[2].name, "guest3");
}

TEST(Config, InputAndKeysAreRead) {
    const Config config = parsed(R"(
        [[guest]]
        source = "fd:3"
        input = "qmp:/run/a.qmp"
        [input]
        seat = "direct"
        [[input.device]]
        name = "*Trackball*"
        id = "046d:C52B"
        path = "/dev/input/event3"
        acceleration = "flat"
        speed = -0.5
        natural_scroll = true
        tap = false
        left_handed = true
        calibration = [1, 0, 0, 0.0, 1.0, 0]
        output = "DP-1"
        [[input.device]]
        ignore = true
        guest = "guest1"
        [keys]
        defaults = "kiosk"
        switch_to = ["Super+1", "Super+2"]
        blank = "Ctrl+Alt+B"
        leave = "off"
        vt = true
        screenshots = "/tmp"
    )");
    EXPECT_EQ(config.guests.at(0).input, GuestInput{QmpInput{"/run/a.qmp"}});
    EXPECT_EQ(config.input.seat, SeatChoice::direct);
    ASSERT_EQ(config.input.devices.size(), 2U);
    const input::DeviceRule& rule = config.input.devices[0];
    EXPECT_EQ(rule.name, "*Trackball*");
    EXPECT_EQ(rule.path, "/dev/input/event3");
    EXPECT_EQ(rule.identity, (input::DeviceIdentity{0x046d, 0xc52b}));
    const input::DeviceSettings expected{.acceleration = input::Acceleration::flat,
                                         .speed = -0.5,
                                         .natural_scroll = true,
                                         .tap = false,
                                         .left_handed = true,
                                         .calibration = std::array<float, 6>{1, 0, 0, 0, 1, 0},
                                         .output = "DP-1"};
    EXPECT_EQ(rule.settings, expected);
    EXPECT_EQ(config.input.devices[1].settings.ignore, true);
    EXPECT_EQ(config.keys.defaults, KeyDefaults::kiosk);
    // Two guests, blank, and the twelve VTs; nothing else of a kiosk's.
    EXPECT_EQ(chords_of(config.keys).size(), 15U);
}

TEST(Config, AnAdministratorHasKeysAndAKioskHasNone) {
    KeysConfig keys;
    EXPECT_EQ(chords_of(keys).size(), 6U + 9U + 12U);
    keys.leave = std::vector<input::HostChord>{};
    EXPECT_EQ(chords_of(keys).size(), 5U + 9U + 12U);
    keys = {};
    keys.defaults = KeyDefaults::kiosk;
    EXPECT_TRUE(chords_of(keys).empty());
}

struct HandsMistake {
    const char* what;
    const char* text;
    const char* complaint;
};

class ConfigHandsMistake : public ::testing::TestWithParam<HandsMistake> {};

TEST_P(ConfigHandsMistake, IsNamedWithItsLine) {
    const auto config = parse_config(GetParam().text, "test.toml");
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error(), HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Config,
    ConfigHandsMistake,
    ::testing::Values(
        HandsMistake{"seat", "[input]\nseat = 'seat0'",
                     "test.toml:2: seat: expected auto, direct or"},
        HandsMistake{"key", "[input]\nsead = 1", "test.toml:2: unknown key \"sead\" in [input]"},
        HandsMistake{"device", "[[input.device]]\nnme = 'a'",
                     "in [[input.device]]; did you mean \"name\""},
        HandsMistake{"table", "[input]\ndevice = 3", "write [[input.device]]"},
        HandsMistake{"id", "[[input.device]]\nid = '46d'", "expected VENDOR:PRODUCT"},
        HandsMistake{"speed", "[[input.device]]\nspeed = 2", "from -1 (slowest) to 1"},
        HandsMistake{"matrix", "[[input.device]]\ncalibration = [1]", "expected six numbers"},
        HandsMistake{"chord", "[keys]\nleave = 'Ctrl+Foo'", "Foo"},
        HandsMistake{"flag", "[keys]\nvt = 'no'", "expected true or false"},
        HandsMistake{"input", "[[guest]]\nsource = 'fd:3'\ninput = 'usb'",
                     "expected auto, off, uinput or"}),
    [](const auto& mistake) { return mistake.param.what; });

TEST(Config, ControlAndLogAreRead) {
    const Config config = parsed("[control]\nsocket = '/run/a'\ngroup = 'kiosk'\n"
                                 "[log]\nlevel = 'debug'\n");
    EXPECT_EQ(config.control, (ControlConfig{.socket = "/run/a", .group = "kiosk"}));
    EXPECT_EQ(config.log_level, LogLevel::debug);
}

TEST(Config, OutputsKeepTheirOrder) {
    const Config config = parsed("[[output]]\nname='B'\n[[output]]\nname='A'\n");
    ASSERT_EQ(config.outputs.size(), 2U);
    EXPECT_EQ(config.outputs[0].name, "B");
    EXPECT_EQ(config.outputs[1].name, "A");
}

struct Faulty {
    const char* name;
    std::string text;
    const char* complaint;
};

std::ostream& operator<<(std::ostream& out, const Faulty& test) {
    return out << test.name;
}

class FaultyConfig : public ::testing::TestWithParam<Faulty> {};

TEST_P(FaultyConfig, IsTurnedDownWithFileLineAndReason) {
    const auto config = parse_config(GetParam().text, "test.toml");
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error(), StartsWith(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Keys,
    FaultyConfig,
    ::testing::Values(
        Faulty{"no_toml", "a = \n", "test.toml:1: Error while parsing key-value pair"},
        Faulty{"twice", "[log]\n[log]\n", "test.toml:2: "},
        Faulty{"not_utf8", "[log]\nlevel = '\xff'", "test.toml:2: "},
        Faulty{"top", "\n[outputs]\n",
               R"(test.toml:2: unknown key "outputs"; did you mean "output"?)"},
        Faulty{"in_output", "[[output]]\nname = 'A'\nmargin-us = 1\n",
               R"(test.toml:3: unknown key "margin-us" in [[output]]; did you mean "margin_us"?)"},
        Faulty{"in_second_output", "[[output]]\n[[output]]\nmod = 'preferred'\n",
               R"(test.toml:3: unknown key "mod" in [[output]]; did you mean "mode"?)"},
        Faulty{"in_guest", "[[guest]]\nsuorce = 'fd:3'\n",
               R"(test.toml:1: [[guest]] without source; expected source = "qmp:)"},
        Faulty{"in_guest_with_source", "[[guest]]\nsource = 'fd:3'\nabbi = 'auto'\n",
               R"(test.toml:3: unknown key "abbi" in [[guest]]; did you mean "abi"?)"},
        Faulty{"in_control", "[control]\nscoket = '/a'\n",
               R"(test.toml:2: unknown key "scoket" in [control]; did you mean "socket"?)"},
        Faulty{"in_log", "[log]\nlevle = 'info'\n",
               R"(test.toml:2: unknown key "levle" in [log]; did you mean "level"?)"},
        Faulty{"nothing_near", "[control]\nxyzzy = 1\n",
               R"(test.toml:2: unknown key "xyzzy" in [control]; expected socket, group)"},
        Faulty{"first_of_several", "[log]\nlevel = 1\n[control]\nsocket = 1\n",
               "test.toml:2: level: "},
        Faulty{"first_of_several_turned_round", "[control]\nsocket = 1\n[log]\nlevel = 1\n",
               "test.toml:2: socket: "}),
    [](const auto& test) { return std::string{test.param.name}; });

INSTANTIATE_TEST_SUITE_P(
    Values,
    FaultyConfig,
    ::testing::Values(
        Faulty{"output_table", "[output]\n",
               R"(test.toml:1: "output": expected tables; write [[output]])"},
        Faulty{"output_value", "\noutput = 'A'\n",
               R"(test.toml:2: "output": expected tables; write [[output]])"},
        Faulty{"guest_values", "guest = ['fd:3']\n",
               R"(test.toml:1: "guest": expected tables; write [[guest]])"},
        Faulty{"metrics_file_elsewhere", "[metrics]\nfile = 'scanthru.prom'\n",
               R"(test.toml:2: file: expected a path from the root on that ends with .prom, )"
               R"(not "scanthru.prom")"},
        Faulty{"metrics_file_of_another_name", "\n[metrics]\nfile = '/var/lib/scanthru.txt'\n",
               R"(test.toml:3: file: expected a path from the root on that ends with .prom, )"
               R"(not "/var/lib/scanthru.txt")"},
        Faulty{"control_list", "[[control]]\n",
               R"(test.toml:1: "control": expected one table; write [control])"},
        Faulty{"log_value", "log = 'info'\n",
               R"(test.toml:1: "log": expected one table; write [log])"},
        Faulty{"name_number", "[[output]]\nname = 1\n",
               "test.toml:2: name: expected a string in quotes, not an integer"},
        Faulty{"name_empty", "[[output]]\nname = ''\n",
               "test.toml:2: name: expected a string that is not empty"},
        Faulty{"name_with_newline", "[[output]]\nname = \"a\\nb\"\n",
               "test.toml:2: name: contains a control character"},
        Faulty{"card_date", "[[output]]\ncard = 2024-01-01\n",
               "test.toml:2: card: expected a string in quotes, not a date or time"},
        Faulty{"mode", "[[output]]\nmode = '1920*1080'\n",
               R"(test.toml:2: mode: "1920*1080" is no size; write WIDTHxHEIGHT)"},
        Faulty{"mode_number", "[[output]]\nmode = 60.0\n",
               "test.toml:2: mode: expected a string in quotes, not a number with a point"},
        Faulty{"modeline", "[[output]]\nmodeline = '65'\n",
               "test.toml:2: modeline: a modeline has a clock in MHz and eight numbers"},
        Faulty{"fit", "[[output]]\nfit = 'stretch'\n",
               R"(test.toml:2: fit: expected follow, scale, center or crop, not "stretch")"},
        Faulty{"guest_array", "[[output]]\nguest = ['a']\n",
               "test.toml:2: guest: expected a string in quotes, not an array"},
        Faulty{"refresh", "[[output]]\nrefresh = 'sometimes'\n",
               R"(test.toml:2: refresh: expected auto, always or never, not "sometimes")"},
        Faulty{"refresh_flag", "[[output]]\nrefresh = true\n",
               "test.toml:2: refresh: expected a string in quotes, not a boolean"},
        Faulty{"margin_text", "[[output]]\nmargin_us = 'x1'\n",
               "test.toml:2: margin_us: expected whole microseconds or auto, not \"x1\""},
        Faulty{"margin_point", "[[output]]\nmargin_us = 1.5\n",
               "test.toml:2: margin_us: expected whole microseconds or \"auto\", not a number with "
               "a point"},
        Faulty{"idle_poll_zero", "[[output]]\nidle_poll = 0\n",
               "test.toml:2: idle_poll: expected hertz from 1 to 1000, or off, not 0"},
        Faulty{
            "idle_poll_point", "[[output]]\nidle_poll = 0.5\n",
            "test.toml:2: idle_poll: expected whole hertz or \"off\", not a number with a point"},
        Faulty{"vrr_text", "[[output]]\nvrr = 'on'\n",
               "test.toml:2: vrr: expected true or false, not a string"},
        Faulty{"async_number", "[[output]]\nasync = 1\n",
               "test.toml:2: async: expected true or false, not an integer"},
        Faulty{"margin_negative", "[[output]]\nmargin_us = -1\n",
               "test.toml:2: margin_us: expected microseconds from 0 to 100000, not -1"},
        Faulty{"margin_long", "[[output]]\nmargin_us = 100001\n",
               "test.toml:2: margin_us: expected microseconds from 0 to 100000, not 100001"},
        Faulty{"source", "[[guest]]\nsource = 'qmp'\n",
               R"(test.toml:2: source: "qmp" is no guest; expected qmp:)"},
        Faulty{"source_table", "[[guest]]\nsource = { fd = 3 }\n",
               "test.toml:2: source: expected a string in quotes, not a table"},
        Faulty{"abi", "[[guest]]\nsource = 'fd:3'\nabi = 'v14'\n",
               R"(test.toml:3: abi: expected auto, mainline or draft-v14, not "v14")"},
        Faulty{"socket", "[control]\nsocket = ''\n",
               "test.toml:2: socket: expected the path of a socket, not an empty string"},
        Faulty{"socket_long", "[control]\nsocket = '/" + std::string(107, 'a') + "'\n",
               "test.toml:2: socket: the path has 108 bytes; a Unix socket's path has at most 107"},
        Faulty{"level", "[log]\nlevel = 'loud'\n",
               R"(test.toml:2: level: expected error, warning, info or debug, not "loud")"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(Config, TheBoundsOfTheMarginAreAllowed) {
    EXPECT_EQ(parsed("[[output]]\nmargin_us = 'auto'").outputs.at(0).margin, std::nullopt);
    EXPECT_EQ(parsed("[[output]]\nidle_poll = 'off'").outputs.at(0).idle_poll, 0U);
    EXPECT_EQ(parsed("[[output]]\nmargin_us = 0").outputs.at(0).margin,
              std::chrono::microseconds{0});
    EXPECT_EQ(parsed("[[output]]\nmargin_us = 100000").outputs.at(0).margin,
              std::chrono::microseconds{100'000});
}

TEST(Config, AFileIsReadFromItsBeginningToItsEnd) {
    const testing::TemporaryDirectory directory;
    const std::string file = directory / "scanthru.toml";
    std::ofstream{file} << "# " << std::string(10'000, '-') << "\n[log]\nlevel = 'error'\n";
    const auto config = read_config(file);
    ASSERT_TRUE(config) << config.error();
    EXPECT_EQ(config->log_level, LogLevel::error);
}

TEST(Config, AFileThatCannotBeReadIsNamedWithTheReason) {
    const testing::TemporaryDirectory directory;
    const auto missing = read_config(directory / "missing.toml");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error(), HasSubstr("/missing.toml: open: No such file or directory"));

    const auto folder = read_config(directory / ".");
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error(), HasSubstr("read: Is a directory"));
}

TEST(Config, AnEndlessFileIsNotReadForEver) {
    const auto config = read_config("/dev/zero");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error(), "/dev/zero: more than 1048576 bytes; that is no configuration");
}

GuestConfig guest(std::string name, int fd) {
    return {.name = std::move(name), .source = vfio::InheritedSource{fd}, .abi = {}};
}

OutputConfig output(std::string name, std::string card = {}, std::string shows = {}) {
    OutputConfig config;
    config.name = std::move(name);
    config.card = std::move(card);
    config.guest = std::move(shows);
    return config;
}

std::string complaint_about(std::vector<OutputConfig> outputs, std::vector<GuestConfig> guests) {
    Config config;
    config.outputs = std::move(outputs);
    config.guests = std::move(guests);
    const auto checked = check_config(config);
    return checked ? "" : checked.error();
}

TEST(ConfigCheck, WhatHangsTogetherPasses) {
    EXPECT_EQ(complaint_about({}, {}), "");
    EXPECT_EQ(complaint_about({output("")}, {guest("a", 3)}), "");
    EXPECT_EQ(complaint_about({output("A", "", "b"), output("B", "", "b")},
                              {guest("a", 3), guest("b", 4)}),
              "");
    EXPECT_EQ(complaint_about({output("A", "/dev/dri/card0"), output("A", "/dev/dri/card1")}, {}),
              "");
    EXPECT_EQ(complaint_about({output("", "/dev/dri/card0"), output("", "/dev/dri/card1")}, {}),
              "");
}

TEST(ConfigCheck, TwoGuestsOfOneNameAreTurnedDown) {
    EXPECT_EQ(complaint_about({}, {guest("a", 3), guest("b", 4), guest("a", 5)}),
              R"(two guests are called "a")");
}

TEST(ConfigCheck, TwoGuestsFromOneSourceAreTurnedDown) {
    EXPECT_EQ(
        complaint_about({}, {guest("a", 3), guest("b", 3)}),
        R"(the guests "a" and "b" have the same source, fd:3; two outputs may show one guest)");
}

TEST(ConfigCheck, AnOutputCannotShowAGuestThatDoesNotExist) {
    EXPECT_EQ(complaint_about({output("A", "", "c")}, {guest("a", 3), guest("b", 4)}),
              R"(an output is to show "c", but no guest is called so; there is a, b)");
    EXPECT_EQ(complaint_about({output("A", "", "c")}, {}),
              R"(an output is to show "c", but no guest is called so; there is no guest at all)");
}

TEST(ConfigCheck, OutputsThatMayBeOneConnectorAreTurnedDown) {
    EXPECT_EQ(complaint_about({output("A"), output("B"), output("A")}, {}),
              "two outputs are the same connector, A");
    EXPECT_EQ(complaint_about({output("A"), output("A", "/dev/dri/card1")}, {}),
              "two outputs are called A; each of them needs its card");
    EXPECT_THAT(complaint_about({output("A"), output("")}, {}),
                StartsWith("of several outputs each needs a name"));
    EXPECT_THAT(complaint_about({output(""), output("A")}, {}),
                StartsWith("of several outputs each needs a name"));
}

struct Distance {
    const char* a;
    const char* b;
    std::size_t expected;
};

TEST(Spelling, TheDistanceCountsSlipsOfTheFingers) {
    const std::array<Distance, 11> table{{{"", "", 0},
                                          {"", "abc", 3},
                                          {"abc", "", 3},
                                          {"mode", "mode", 0},
                                          {"mod", "mode", 1},
                                          {"moode", "mode", 1},
                                          {"made", "mode", 1},
                                          {"mdoe", "mode", 1},
                                          {"omde", "mode", 1},
                                          {"kitten", "sitting", 3},
                                          {"socket", "group", 6}}};
    for (const auto& [a, b, expected] : table) {
        EXPECT_EQ(edit_distance(a, b), expected) << a << ' ' << b;
        EXPECT_EQ(edit_distance(b, a), expected) << b << ' ' << a;
    }
}

TEST(Spelling, TheNearestKnownWordIsSuggestedAndAllWhereNoneIsNear) {
    constexpr std::array<std::string_view, 3> known{"mode", "modeline", "name"};
    EXPECT_EQ(suggest("modelin", known), "did you mean \"modeline\"?");
    EXPECT_EQ(suggest("mde", known), "did you mean \"mode\"?");
    EXPECT_EQ(suggest("brightness", known), "expected mode, modeline, name");
}

TEST(ControlSocket, TheDefaultIsTheSystemsOrTheUsersOwn) {
    const char* const before = std::getenv("XDG_RUNTIME_DIR");
    const std::string kept = before != nullptr ? before : "";
    ::setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    EXPECT_EQ(default_control_socket(),
              ::geteuid() == 0 ? "/run/scanthru/control" : "/run/user/1000/scanthru/control");
    ::unsetenv("XDG_RUNTIME_DIR");
    EXPECT_EQ(default_control_socket(), "/run/scanthru/control");
    if (before != nullptr) ::setenv("XDG_RUNTIME_DIR", kept.c_str(), 1);
}

TEST(Config, AMediatedDeviceIsAGuestToo) {
    const Config config = parsed(std::string{"[[guest]]\nsource = 'mdev:"} + uuid + "'");
    EXPECT_EQ(config.guests.at(0).source, (vfio::GuestSource{vfio::MdevSource{uuid}}));
}

/// The example that is installed; with every key set when `uncommented`.
std::string example(bool uncommented) {
    std::ifstream file{EXAMPLE_CONFIG};
    EXPECT_TRUE(file);
    std::string text;
    for (std::string line; std::getline(file, line); text += line + '\n')
        if (uncommented && line.size() > 1 && line[0] == '#' && line[1] != ' ') line.erase(0, 1);
    return text;
}

TEST(ExampleConfig, SetsNothingAsItStands) {
    EXPECT_EQ(parsed(example(false)), Config{});
}

TEST(ExampleConfig, ShowsEveryKeyWithItsDefault) {
    const Config config = parsed(example(true));
    EXPECT_TRUE(check_config(config));
    ASSERT_EQ(config.outputs.size(), 1U);
    OutputConfig output = config.outputs[0];
    // These have no default that could be written down.
    output.image.clear();
    EXPECT_EQ(std::exchange(output.name, ""), "HDMI-A-1");
    EXPECT_EQ(std::exchange(output.monitor, ""), "DEL DELL U2720Q 7CXK2");
    EXPECT_EQ(std::exchange(output.card, ""), "/dev/dri/card0");
    EXPECT_EQ(std::exchange(output.guest, ""), "guest1");
    EXPECT_TRUE(std::exchange(output.modeline, std::nullopt));
    EXPECT_EQ(output, OutputConfig{});
    ASSERT_EQ(config.guests.size(), 1U);
    EXPECT_EQ(config.guests[0].name, "guest1");
    EXPECT_EQ(config.guests[0].abi, std::nullopt);
    EXPECT_EQ(config.control.socket, system_control_socket);
    EXPECT_EQ(config.control.group, "operators");
    EXPECT_EQ(config.log_level, Config{}.log_level);
}

}  // namespace
}  // namespace scanthru
