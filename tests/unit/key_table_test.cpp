// SPDX-License-Identifier: MIT
#include "input/key_table.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input-event-codes.h>
#include <map>
#include <regex>
#include <set>

namespace scanthru::input {
namespace {

using ::testing::ElementsAre;

TEST(KeyTable, HasEveryKeyThatTheKernelNamesUpToMicMute) {
    std::ifstream header{"/usr/include/linux/input-event-codes.h"};
    ASSERT_TRUE(header);
    std::map<int, std::string> kernel;
    const std::regex definition{R"(#define\s+KEY_(\w+)\s+(\d+)\b.*)"};
    for (std::string line; std::getline(header, line);) {
        std::smatch match;
        if (!std::regex_match(line, match, definition)) continue;
        std::string name = match[1];
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char letter) { return std::tolower(letter); });
        const int code = std::stoi(match[2]);
        if (code != KEY_RESERVED && code <= KEY_MICMUTE) kernel.emplace(code, name);
    }
    std::map<int, std::string> ours;
    for (const KeyEntry& entry : key_table())
        ours.emplace(entry.code, entry.name);
    EXPECT_EQ(ours, kernel);
}

TEST(KeyTable, IsSortedByCodeAndNamesNoKeyTwice) {
    std::set<std::string_view> qcodes;
    int last = 0;
    for (const KeyEntry& entry : key_table()) {
        EXPECT_GT(entry.code, last);
        last = entry.code;
        if (entry.qcode.empty()) continue;
        EXPECT_TRUE(qcodes.insert(entry.qcode).second) << entry.qcode;
    }
}

TEST(KeyTable, NamesLeadThereAndBack) {
    for (const KeyEntry& entry : key_table()) {
        EXPECT_EQ(qcode_of(entry.code), entry.qcode);
        EXPECT_EQ(key_named("KEY_" + std::string{entry.name}), entry.code) << entry.name;
        if (entry.qcode.empty()) continue;
        EXPECT_EQ(key_of_qcode(entry.qcode), entry.code) << entry.qcode;
        EXPECT_EQ(key_named(entry.qcode), entry.code) << entry.qcode;
    }
}

TEST(KeyTable, HasTheKeysOfABoardWith105AndOfJapanAndKorea) {
    const std::map<std::uint16_t, std::string_view> some{
        {KEY_ESC, "esc"},           {KEY_ENTER, "ret"},
        {KEY_102ND, "less"},        {KEY_LEFTMETA, "meta_l"},
        {KEY_COMPOSE, "compose"},   {KEY_SYSRQ, "print"},
        {KEY_PAUSE, "pause"},       {KEY_SCROLLLOCK, "scroll_lock"},
        {KEY_KPENTER, "kp_enter"},  {KEY_RO, "ro"},
        {KEY_YEN, "yen"},           {KEY_HENKAN, "henkan"},
        {KEY_MUHENKAN, "muhenkan"}, {KEY_KATAKANAHIRAGANA, "katakanahiragana"},
        {KEY_HIRAGANA, "hiragana"}, {KEY_HANGEUL, "lang1"},
        {KEY_HANJA, "lang2"},       {KEY_KPCOMMA, "kp_comma"},
        {KEY_KPEQUAL, "kp_equals"}, {KEY_F24, "f24"},
        {KEY_VOLUMEUP, "volumeup"}, {KEY_PLAYPAUSE, "audioplay"},
    };
    for (const auto& [code, qcode] : some)
        EXPECT_EQ(qcode_of(code), qcode);
}

TEST(KeyTable, KnowsNothingOfWhatIsNoKey) {
    for (const int code : {0, 84, 249, 0x110, 0x14A, 0xFFFF})
        EXPECT_EQ(qcode_of(static_cast<std::uint16_t>(code)), "") << code;
    EXPECT_EQ(qcode_of(KEY_WLAN), "");
    EXPECT_FALSE(key_of_qcode(""));
    EXPECT_FALSE(key_of_qcode("unmapped"));
    EXPECT_FALSE(key_of_qcode("Esc"));
    EXPECT_FALSE(key_named(""));
    EXPECT_FALSE(key_named("key_"));
    EXPECT_FALSE(key_named("hyper"));
}

TEST(KeyTable, SecondQcodesOfAKeyAreUnderstood) {
    EXPECT_EQ(key_of_qcode("asterisk"), KEY_KPASTERISK);
    EXPECT_EQ(key_of_qcode("sysrq"), KEY_SYSRQ);
}

TEST(KeyTable, OnlyF13ToF24AreNewerThanQemu72) {
    for (const KeyEntry& entry : key_table())
        EXPECT_EQ(is_newer_than_qemu_7_2(entry.code),
                  entry.code >= KEY_F13 && entry.code <= KEY_F24);
}

TEST(KeyNamed, UnderstandsPeople) {
    const std::map<std::string, std::uint16_t> names{
        {"Del", KEY_DELETE},        {"DELETE", KEY_DELETE},
        {"Win", KEY_LEFTMETA},      {"super", KEY_LEFTMETA},
        {"ctrl", KEY_LEFTCTRL},     {"Control", KEY_LEFTCTRL},
        {"alt", KEY_LEFTALT},       {"Shift", KEY_LEFTSHIFT},
        {"leftctrl", KEY_LEFTCTRL}, {"RightAlt", KEY_RIGHTALT},
        {"AltGr", KEY_RIGHTALT},    {"Enter", KEY_ENTER},
        {"Return", KEY_ENTER},      {"Escape", KEY_ESC},
        {"Space", KEY_SPACE},       {"PageUp", KEY_PAGEUP},
        {"pgdn", KEY_PAGEDOWN},     {"Print", KEY_SYSRQ},
        {"KEY_PRINT", KEY_PRINT},   {";", KEY_SEMICOLON},
        {"\\", KEY_BACKSLASH},      {"KEY_LEFTCTRL", KEY_LEFTCTRL},
        {" f1 ", KEY_F1},           {"hangul", KEY_HANGEUL},
        {"MicMute", KEY_MICMUTE},   {"7", KEY_7},
        {"rsuper", KEY_RIGHTMETA},
    };
    for (const auto& [name, code] : names)
        EXPECT_EQ(key_named(name), code) << name;
}

TEST(Chord, IsReadInOrder) {
    EXPECT_THAT(*parse_chord("Ctrl+Alt+Del"), ElementsAre(KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE));
    EXPECT_THAT(*parse_chord("a"), ElementsAre(KEY_A));
    EXPECT_THAT(*parse_chord(" ctrl_r +  F13 "), ElementsAre(KEY_RIGHTCTRL, KEY_F13));
}

TEST(Chord, APlusSignWhereANameShouldBeIsThatKey) {
    EXPECT_THAT(*parse_chord("Ctrl++"), ElementsAre(KEY_LEFTCTRL, KEY_KPPLUS));
    EXPECT_THAT(*parse_chord("+"), ElementsAre(KEY_KPPLUS));
    EXPECT_THAT(*parse_chord("++a"), ElementsAre(KEY_KPPLUS, KEY_A));
}

TEST(Chord, AnUnknownKeyIsNamed) {
    EXPECT_EQ(parse_chord("Ctrl+Hyper+a").error(), "no key is called \"Hyper\"");
    EXPECT_EQ(parse_chord("Ctrl+").error(), "a key's name is missing in \"Ctrl+\"");
    EXPECT_EQ(parse_chord("").error(), "a key's name is missing in \"\"");
}

}  // namespace
}  // namespace scanthru::input
