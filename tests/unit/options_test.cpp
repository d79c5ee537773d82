// SPDX-License-Identifier: MIT
#include "presenter/options.h"
#include "unit/temporary_directory.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <variant>
#include <vector>

namespace scanthru {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A command line in a world with one configuration file, or none.
class Options : public ::testing::Test {
protected:
    void write(const std::string& text) const { std::ofstream{file} << text; }

    Command command(const std::vector<const char*>& arguments) const {
        return parse_command_line(arguments, file);
    }

    template <class T>
    T expect(const std::vector<const char*>& arguments) const {
        auto parsed = command(arguments);
        if (const auto* const chosen = std::get_if<T>(&parsed)) return *chosen;
        const auto* const answer = std::get_if<Answer>(&parsed);
        ADD_FAILURE() << (answer != nullptr ? answer->text : "another command");
        return {};
    }

    Config run(const std::vector<const char*>& arguments) const {
        return expect<RunCommand>(arguments).config;
    }

    /// What is wrong, without the program's name.
    std::string mistake(const std::vector<const char*>& arguments) const {
        const auto answer = expect<Answer>(arguments);
        EXPECT_EQ(answer.exit_code, 2);
        EXPECT_THAT(answer.text, StartsWith("scanthru: "));
        EXPECT_THAT(answer.text, EndsWith("\n"));
        return answer.text.substr(std::min(answer.text.size(), std::size_t{10}));
    }

    testing::TemporaryDirectory directory;
    std::string file = directory / "scanthru.toml";
};

TEST_F(Options, HelpNamesEveryCommandAndHasExamples) {
    const auto answer = expect<Answer>({"--help"});
    EXPECT_EQ(answer.exit_code, 0);
    for (const char* word : {"run ", "probe ", "status ", "screenshot ", "release ",
                             "Examples:", "scanthru run --guest qmp:", "scanthru.toml(5)"})
        EXPECT_THAT(answer.text, HasSubstr(word));
}

TEST_F(Options, HelpOfRunNamesEveryOption) {
    const auto answer = expect<Answer>({"run", "--help"});
    EXPECT_EQ(answer.exit_code, 0);
    for (const char* word :
         {"--config FILE", "--guest SOURCE", "--abi DIALECT", "--output NAME", "--card PATH",
          "--mode MODE", "--modeline LINE", "--fit POLICY", "--refresh WHEN", "--margin-us N",
          "--idle-poll HZ", "--control SOCKET", "--log-level LEVEL"})
        EXPECT_THAT(answer.text, HasSubstr(word));
}

TEST_F(Options, TheVersionGoesToStandardOutput) {
    const auto answer = expect<Answer>({"--version"});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_THAT(answer.text, ::testing::MatchesRegex("scanthru [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(Options, MistakesOfTheCommandLineEndWithAHint) {
    EXPECT_EQ(mistake({}), "expected one command: run, probe, bench, status, screenshot, switch, "
                           "blank, unblank, sendkey, "
                           "release or restore-console\n"
                           "Try `scanthru --help`.\n");
    for (const auto& wrong : std::vector<std::vector<const char*>>{{"show"},
                                                                   {"run", "--nonsense"},
                                                                   {"run", "extra"},
                                                                   {"run", "--guest"},
                                                                   {"probe", "status"},
                                                                   {"screenshot"},
                                                                   {"screenshot", "a", "b"},
                                                                   {"screenshot", ""},
                                                                   {"release"},
                                                                   {"release", ""},
                                                                   {"switch"},
                                                                   {"switch", ""},
                                                                   {"blank", "b"},
                                                                   {"status", "--json", "--flips"},
                                                                   {"status", "--mode", "1x1"}})
        EXPECT_THAT(mistake(wrong), EndsWith("\nTry `scanthru --help`.\n"));
    EXPECT_THAT(mistake({"run", "--nonsense"}), HasSubstr("--nonsense"));
    EXPECT_THAT(mistake({"screenshot"}), HasSubstr("FILE"));
}

TEST_F(Options, RunWithoutAnyGuestIsAMistake) {
    EXPECT_THAT(mistake({"run"}), StartsWith("no guest to show; give --guest, or a [[guest]]"));
}

TEST_F(Options, RunNeedsNothingButAGuest) {
    const auto command = expect<RunCommand>({"run", "--guest", "fd:3"});
    EXPECT_EQ(command.config_file, "");
    Config expected;
    expected.guests = {{.name = "guest1", .source = vfio::InheritedSource{3}, .abi = {}}};
    EXPECT_EQ(command.config, expected);
}

TEST_F(Options, EveryOptionOfRunReachesTheConfiguration) {
    const Config config = run({"run",          "--guest",
                               "qmp:/q,pid=7", "--guest=fd:3",
                               "--abi",        "mainline",
                               "--output",     "DP-1",
                               "--card",       "/dev/dri/card1",
                               "--mode",       "800x600@75",
                               "--fit",        "crop",
                               "--refresh",    "never",
                               "--margin-us",  "1500",
                               "--idle-poll",  "off",
                               "--vrr",        "on",
                               "--async",      "on",
                               "--control",    "/run/x",
                               "--log-level",  "debug",
                               "--modeline",   "65.00 1024 1048 1184 1344 768 771 777 806"});
    ASSERT_EQ(config.guests.size(), 2U);
    EXPECT_EQ(config.guests[0], (GuestConfig{"guest1", vfio::QmpSource{"/q", 7, std::nullopt},
                                             vfio::Dialect::mainline}));
    EXPECT_EQ(config.guests[1],
              (GuestConfig{"guest2", vfio::InheritedSource{3}, vfio::Dialect::mainline}));
    OutputConfig output;
    output.name = "DP-1";
    output.card = "/dev/dri/card1";
    output.mode = {.size = Size{800, 600}, .refresh_mhz = 75'000};
    output.modeline = *kms::parse_modeline("65.00 1024 1048 1184 1344 768 771 777 806");
    output.fit = Fit::crop;
    output.refresh = Refresh::never;
    output.margin = std::chrono::microseconds{1500};
    output.idle_poll = 0;
    output.vrr = true;
    output.async = true;
    EXPECT_EQ(config.outputs, std::vector{output});
    EXPECT_EQ(config.control.socket, "/run/x");
    EXPECT_EQ(config.log_level, LogLevel::debug);
}

TEST_F(Options, ValuesAreCheckedAsInTheFile) {
    const auto wrong = [this](const char* option, const char* value) {
        return mistake({"run", "--guest", "fd:3", option, value});
    };
    EXPECT_THAT(wrong("--guest", "vm1"), StartsWith("--guest: \"vm1\" is no guest; expected qmp:"));
    EXPECT_THAT(wrong("--abi", "v14"),
                StartsWith("--abi: expected auto, mainline or draft-v14, not \"v14\""));
    EXPECT_THAT(wrong("--output", ""), StartsWith("--output: expected text"));
    EXPECT_THAT(wrong("--card", ""), StartsWith("--card: expected text"));
    EXPECT_THAT(wrong("--mode", "big"), StartsWith("--mode: \"big\" is no size"));
    EXPECT_THAT(wrong("--modeline", "1"), StartsWith("--modeline: a modeline has"));
    EXPECT_THAT(wrong("--refresh", "x"), StartsWith("--refresh: expected auto, always or never"));
    EXPECT_THAT(wrong("--margin-us", "1ms"),
                StartsWith("--margin-us: expected whole microseconds or auto, not \"1ms\""));
    EXPECT_THAT(wrong("--idle-poll", "0"),
                StartsWith("--idle-poll: expected hertz from 1 to 1000"));
    EXPECT_THAT(wrong("--idle-poll", "often"),
                StartsWith("--idle-poll: expected whole hertz or off, not \"often\""));
    EXPECT_THAT(wrong("--vrr", "true"), StartsWith("--vrr: expected on or off, not \"true\""));
    EXPECT_THAT(wrong("--async", ""), StartsWith("--async: expected on or off, not \"\""));
    EXPECT_THAT(wrong("--margin-us", "100001"),
                StartsWith("--margin-us: expected microseconds from 0 to 100000"));
    EXPECT_THAT(wrong("--control", ""), StartsWith("--control: expected the path of a socket"));
    EXPECT_THAT(wrong("--log-level", "all"),
                StartsWith("--log-level: expected error, warning, info or debug, not \"all\""));
}

TEST_F(Options, TheDefaultFileIsReadWhereItExists) {
    write("[[guest]]\nsource = 'fd:4'\n[control]\nsocket = '/run/y'\n[log]\nlevel = 'error'\n");
    const auto command = expect<RunCommand>({"run"});
    EXPECT_EQ(command.config_file, file);
    EXPECT_EQ(command.config.guests.at(0).source, (vfio::GuestSource{vfio::InheritedSource{4}}));
    EXPECT_EQ(command.config.control.socket, "/run/y");
    EXPECT_EQ(command.config.log_level, LogLevel::error);
}

TEST_F(Options, AFileGivenByNameIsReadInsteadAndMustExist) {
    write("nonsense");
    const std::string other = directory / "other.toml";
    EXPECT_THAT(mistake({"run", "--config", other.c_str()}),
                HasSubstr("/other.toml: open: No such file or directory"));
    std::ofstream{other} << "[[guest]]\nsource = 'fd:5'\n";
    const auto command = expect<RunCommand>({"run", "--config", other.c_str()});
    EXPECT_EQ(command.config_file, other);
    EXPECT_EQ(command.config.guests.size(), 1U);
}

TEST_F(Options, AFaultyFileIsAMistakeWithItsLine) {
    write("[log]\nlevel = 1\n");
    const std::string expected = file + ":2: level: expected a string in quotes, not an integer\n";
    EXPECT_EQ(mistake({"run", "--guest", "fd:3"}), expected);
    EXPECT_EQ(mistake({"status"}), expected);
}

TEST_F(Options, WhatDoesNotHangTogetherIsAMistakeOfTheFile) {
    write("[[guest]]\nsource = 'fd:4'\n[[output]]\nguest = 'b'\n");
    EXPECT_EQ(mistake({"run"}),
              file + ": an output is to show \"b\", but no guest is called so; there is guest1\n");
    EXPECT_EQ(mistake({"run", "--config", "/dev/null", "--guest", "fd:3", "--guest", "fd:3"})
                  .substr(0, 11),
              "/dev/null: ");
}

TEST_F(Options, BenchTakesWhatIsMeasuredAndHow) {
    const auto plain = expect<BenchCommand>({"bench", "flip"});
    EXPECT_EQ(plain.kind, BenchCommand::Kind::flip);
    EXPECT_EQ(plain.duration, std::chrono::seconds{30});
    EXPECT_TRUE(plain.config.outputs.at(0).trial.real_time);
    const auto guest = expect<BenchCommand>(
        {"bench", "guest", "--guest", "fd:3", "--seconds", "5", "--warm-up", "2", "--sample",
         "early", "--import", "every-frame", "--present", "copy", "--real-time", "off"});
    EXPECT_EQ(guest.kind, BenchCommand::Kind::guest);
    EXPECT_EQ(guest.duration, std::chrono::seconds{5});
    EXPECT_EQ(guest.warm_up, std::chrono::seconds{2});
    const Trial& trial = guest.config.outputs.at(0).trial;
    EXPECT_TRUE(trial.early && trial.import_every_frame && trial.copy && !trial.real_time);
    EXPECT_EQ(guest.config.outputs.at(0).margin, std::nullopt) << "learnt";
    for (const auto& wrong :
         std::vector<std::vector<const char*>>{{"bench"},
                                               {"bench", "guest"},
                                               {"bench", "flip", "--guest", "fd:3"},
                                               {"bench", "flip", "--seconds", "x"},
                                               {"bench", "--compare", "a.json"},
                                               {"bench", "--within", "1"}})
        EXPECT_THAT(mistake(wrong), EndsWith("\nTry `scanthru --help`.\n"));
}

TEST_F(Options, BenchComparesTwoReports) {
    const auto plain = expect<BenchCommand>({"bench", "--compare", "a.json", "b.json"});
    EXPECT_EQ(plain.kind, BenchCommand::Kind::compare);
    EXPECT_EQ(plain.compared[1], "b.json");
    EXPECT_EQ(plain.within_percent, std::nullopt);
    const auto strict =
        expect<BenchCommand>({"bench", "--compare", "a.json", "b.json", "--within", "1"});
    EXPECT_EQ(strict.within_percent, 1U);
    EXPECT_THAT(mistake({"bench", "--compare", "a", "b", "--within", "101"}),
                StartsWith("--within: expected per cent from 0 to 100"));
}

TEST_F(Options, GuestsOfTheCommandLineReplaceThoseOfTheFile) {
    write("[[guest]]\nname = 'a'\nsource = 'fd:4'\n[[output]]\nname = 'A'\nguest = 'a'\n");
    const Config config = run({"run", "--guest", "fd:9"});
    ASSERT_EQ(config.guests.size(), 1U);
    EXPECT_EQ(config.guests[0].name, "guest1");
    EXPECT_EQ(config.outputs.at(0).name, "A");
    EXPECT_EQ(config.outputs.at(0).guest, "");
}

TEST_F(Options, AnAbiOnTheCommandLineHoldsForTheFilesGuests) {
    write("[[guest]]\nsource = 'fd:4'\nabi = 'mainline'\n");
    EXPECT_EQ(run({"run"}).guests.at(0).abi, vfio::Dialect::mainline);
    EXPECT_EQ(run({"run", "--abi", "draft-v14"}).guests.at(0).abi, vfio::Dialect::draft_v14);
    EXPECT_EQ(run({"run", "--abi", "auto"}).guests.at(0).abi, std::nullopt);
    EXPECT_THAT(mistake({"run", "--abi", "x"}), StartsWith("--abi: expected auto"));
}

TEST_F(Options, AnOutputOnTheCommandLineLeavesOutTheOthersAndKeepsItsSettings) {
    write("[[guest]]\nsource = 'fd:4'\n"
          "[[output]]\nname = 'A'\nmargin_us = 1\n[[output]]\nname = 'B'\nmargin_us = 2\n");
    EXPECT_EQ(run({"run"}).outputs.size(), 2U);

    const Config known = run({"run", "--output", "B", "--refresh", "always"});
    ASSERT_EQ(known.outputs.size(), 1U);
    EXPECT_EQ(known.outputs[0].name, "B");
    EXPECT_EQ(known.outputs[0].margin, std::chrono::microseconds{2});
    EXPECT_EQ(known.outputs[0].refresh, Refresh::always);

    const Config unknown = run({"run", "--output", "C"});
    ASSERT_EQ(unknown.outputs.size(), 1U);
    EXPECT_EQ(unknown.outputs[0].name, "C");
    EXPECT_EQ(unknown.outputs[0].margin, OutputConfig{}.margin);
}

TEST_F(Options, OptionsOfAnOutputGoToTheOnlyOne) {
    write("[[guest]]\nsource = 'fd:4'\n[[output]]\nname = 'A'\nmargin_us = 1\n");
    const Config config = run({"run", "--mode", "640x480", "--fit", "scale"});
    ASSERT_EQ(config.outputs.size(), 1U);
    EXPECT_EQ(config.outputs[0].name, "A");
    EXPECT_EQ(config.outputs[0].margin, std::chrono::microseconds{1});
    EXPECT_EQ(config.outputs[0].mode.size, (Size{640, 480}));
    EXPECT_EQ(config.outputs[0].fit, Fit::scale);
}

TEST_F(Options, OptionsOfAnOutputAreAmbiguousWhereThereAreSeveral) {
    write("[[guest]]\nsource = 'fd:4'\n[[output]]\nname = 'A'\n[[output]]\nname = 'B'\n");
    for (const auto& option : std::vector<std::vector<const char*>>{{"--card", "/dev/dri/card0"},
                                                                    {"--mode", "640x480"},
                                                                    {"--fit", "crop"},
                                                                    {"--refresh", "never"},
                                                                    {"--margin-us", "1"}}) {
        std::vector<const char*> arguments{"run"};
        arguments.insert(arguments.end(), option.begin(), option.end());
        EXPECT_THAT(mistake(arguments), StartsWith("the configuration has 2 outputs; choose one"));
    }
}

TEST_F(Options, TheCardTellsOutputsOfOneNameApart) {
    write("[[guest]]\nsource = 'fd:4'\n"
          "[[output]]\nname = 'A'\ncard = '/dev/dri/card0'\nmargin_us = 1\n"
          "[[output]]\nname = 'A'\ncard = '/dev/dri/card1'\nmargin_us = 2\n");
    EXPECT_THAT(mistake({"run", "--output", "A"}),
                StartsWith("--output: the configuration has 2 outputs called A; choose one"));
    const Config config = run({"run", "--output", "A", "--card", "/dev/dri/card1"});
    ASSERT_EQ(config.outputs.size(), 1U);
    EXPECT_EQ(config.outputs[0].margin, std::chrono::microseconds{2});
}

TEST_F(Options, AModeOnTheCommandLineBeatsAModelineOfTheFile) {
    write("[[guest]]\nsource = 'fd:4'\n"
          "[[output]]\nmodeline = '65.00 1024 1048 1184 1344 768 771 777 806'\n");
    EXPECT_TRUE(run({"run"}).outputs.at(0).modeline);
    EXPECT_FALSE(run({"run", "--mode", "preferred"}).outputs.at(0).modeline);
}

TEST_F(Options, ProbeTakesGuestsAndReadsNoFile) {
    write("nonsense");
    const auto command =
        expect<ProbeCommand>({"probe", "--json", "--guest", "fd:3", "--abi", "mainline"});
    EXPECT_TRUE(command.json);
    EXPECT_EQ(command.guests, (std::vector{GuestConfig{"guest1", vfio::InheritedSource{3},
                                                       vfio::Dialect::mainline}}));
    EXPECT_TRUE(expect<ProbeCommand>({"probe"}).guests.empty());
    EXPECT_THAT(mistake({"probe", "--guest", "x"}), StartsWith("--guest: "));
}

TEST_F(Options, ClientsTakeTheirArguments) {
    const auto status = expect<StatusCommand>({"status", "--json", "--control", "/run/z"});
    EXPECT_TRUE(status.json);
    EXPECT_FALSE(status.flips);
    EXPECT_EQ(status.socket, "/run/z");
    EXPECT_TRUE(expect<StatusCommand>({"status", "--flips", "--control", "/run/z"}).flips);

    const auto screenshot =
        expect<ScreenshotCommand>({"screenshot", "-", "--output", "A", "--control", "/run/z"});
    EXPECT_EQ(screenshot.file, "-");
    EXPECT_EQ(screenshot.output, "A");
    EXPECT_EQ(screenshot.socket, "/run/z");
    EXPECT_EQ(expect<ScreenshotCommand>({"screenshot", "a.png"}).output, "");

    const auto release = expect<ReleaseCommand>({"release", "guest1", "--control", "/run/z"});
    EXPECT_EQ(release.guest, "guest1");
    EXPECT_EQ(release.socket, "/run/z");
    const auto change = expect<SwitchCommand>({"switch", "b", "--output", "DP-1"});
    EXPECT_EQ(change.guest, "b");
    EXPECT_EQ(change.output, "DP-1");
    EXPECT_TRUE(expect<BlankCommand>({"blank"}).blank);
    const auto unblank = expect<BlankCommand>({"unblank", "--output", "DP-1"});
    EXPECT_FALSE(unblank.blank);
    EXPECT_EQ(unblank.output, "DP-1");
}

TEST_F(Options, ClientsFindTheSocketInTheConfiguration) {
    write("[control]\nsocket = '/run/y'\n");
    EXPECT_EQ(expect<StatusCommand>({"status"}).socket, "/run/y");
    EXPECT_EQ(expect<ReleaseCommand>({"release", "a"}).socket, "/run/y");
    EXPECT_EQ(expect<ScreenshotCommand>({"screenshot", "a"}).socket, "/run/y");
    EXPECT_EQ(expect<StatusCommand>({"status", "--config", "/dev/null"}).socket,
              "/run/scanthru/control");
    EXPECT_THAT(mistake({"status", "--control", ""}), StartsWith("--control: expected the path"));
}

TEST_F(Options, ClientsPassByAFaultyFileWhenTheSocketIsGiven) {
    write("nonsense");
    EXPECT_THAT(mistake({"status"}), Not(HasSubstr("--help")));
    EXPECT_EQ(expect<StatusCommand>({"status", "--control", "/run/z"}).socket, "/run/z");
}

}  // namespace
}  // namespace scanthru
