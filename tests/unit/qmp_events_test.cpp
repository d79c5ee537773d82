// SPDX-License-Identifier: MIT
#include "input/key_table.h"
#include "input/qmp_events.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input-event-codes.h>
#include <nlohmann/json.hpp>
#include <random>

namespace scanthru::input {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Phase = Touch::Phase;

constexpr Mice both{true, true};
constexpr Mice tablet{true, false};
constexpr Mice mouse{false, true};

QmpTranslator translator_for(Mice mice, QmpOffers offers = {}) {
    QmpTranslator translator;
    translator.mice = mice;
    translator.offers = offers;
    return translator;
}

json events_of(QmpTranslator& translator, const std::vector<Step>& steps) {
    json events = json::array();
    for (const Step& step : steps)
        translator.append(step, events);
    return events;
}

/// "abs x=16384" and so on, shorter than JSON.
std::vector<std::string> brief(const json& events) {
    std::vector<std::string> lines;
    for (const json& event : events) {
        const std::string type = event["type"];
        const json& data = event["data"];
        const std::string sign = data.contains("down") && data["down"] ? "+" : "-";
        if (type == "key") {
            lines.push_back(sign + std::string{data["key"]["data"]});
        } else if (type == "btn") {
            lines.push_back(sign + std::string{data["button"]});
        } else if (type == "mtt") {
            lines.push_back(std::string{data["type"]} + " " + data["slot"].dump() + "/" +
                            data["tracking-id"].dump() + " " + std::string{data["axis"]} + "=" +
                            data["value"].dump());
        } else {
            lines.push_back(type + " " + std::string{data["axis"]} + "=" + data["value"].dump());
        }
    }
    return lines;
}

std::vector<std::string> brief(QmpTranslator& translator, const std::vector<Step>& steps) {
    return brief(events_of(translator, steps));
}

TEST(QmpEvents, HaveTheShapeThatQemuReads) {
    auto translator = translator_for(both);
    EXPECT_EQ(events_of(translator, {Key{KEY_A, true}, AbsoluteMotion{0, 1}, Button{BTN_LEFT, true},
                                     RelativeMotion{-3, 4}}),
              json::parse(R"([
        {"type": "key", "data": {"down": true, "key": {"type": "qcode", "data": "a"}}},
        {"type": "abs", "data": {"axis": "x", "value": 0}},
        {"type": "abs", "data": {"axis": "y", "value": 32767}},
        {"type": "btn", "data": {"button": "left", "down": true}},
        {"type": "rel", "data": {"axis": "x", "value": -3}},
        {"type": "rel", "data": {"axis": "y", "value": 4}}])"));
}

TEST(QmpEvents, EveryKeyWithAQcodeIsSent) {
    auto translator = translator_for({}, {.newer_keys = true});
    for (const KeyEntry& entry : key_table())
        EXPECT_EQ(events_of(translator, {Key{entry.code, true}}).empty(), entry.qcode.empty())
            << entry.name;
}

TEST(QmpEvents, KeysThatThisQemuDoesNotKnowAreLeftOut) {
    auto translator = translator_for({});
    EXPECT_THAT(brief(translator, {Key{KEY_F13, true}, Key{KEY_F12, true}}), ElementsAre("+f12"));
    EXPECT_TRUE(QmpTranslator::needs_offers(Key{KEY_F13, true}));
    EXPECT_FALSE(QmpTranslator::needs_offers(Key{KEY_F12, true}));
}

TEST(QmpEvents, APressOfWhatIsDownAndAReleaseOfWhatIsNotAreLeftOut) {
    auto translator = translator_for(both);
    EXPECT_THAT(brief(translator, {Key{KEY_A, false}, Key{KEY_A, true}, Key{KEY_A, true},
                                   Key{KEY_A, false}, Key{KEY_A, false}, Button{BTN_LEFT, false}}),
                ElementsAre("+a", "-a"));
    EXPECT_THAT(translator.guest.down, IsEmpty());
}

TEST(QmpEvents, ButtonsHaveQemusNames) {
    auto translator = translator_for(mouse);
    EXPECT_THAT(brief(translator,
                      {Button{BTN_LEFT, true}, Button{BTN_MIDDLE, true}, Button{BTN_RIGHT, true},
                       Button{BTN_SIDE, true}, Button{BTN_EXTRA, true}, Button{BTN_TASK, true}}),
                ElementsAre("+left", "+middle", "+right", "+side", "+extra"));
    EXPECT_EQ(button_name(BTN_BACK), "side");
    EXPECT_EQ(button_name(BTN_FORWARD), "extra");
}

TEST(QmpEvents, AGuestWithoutAPointerGetsNothingForIt) {
    auto translator = translator_for({});
    EXPECT_THAT(
        brief(translator, {Button{BTN_LEFT, true}, RelativeMotion{1, 1}, AbsoluteMotion{0.1, 0.1},
                           AbsoluteMotion{0.9, 0.1}, Notches{1, 1}, Touch{Phase::down, 0, 0, 0}}),
        IsEmpty());
    EXPECT_THAT(translator.guest.down, IsEmpty());
}

TEST(QmpEvents, AbsolutePlacesAreRoundedToTheNearest) {
    EXPECT_EQ(absolute_value(0), 0);
    EXPECT_EQ(absolute_value(1), 0x7fff);
    EXPECT_EQ(absolute_value(-0.1), 0);
    EXPECT_EQ(absolute_value(7), 0x7fff);
    EXPECT_EQ(absolute_value(0.5), 16384);
    EXPECT_EQ(absolute_value(1.4 / 0x7fff), 1);
    EXPECT_EQ(absolute_value(1.6 / 0x7fff), 2);
}

TEST(QmpEvents, PartsOfAPixelAreCarriedOver) {
    auto translator = translator_for(both);
    int sum = 0;
    for (int i = 0; i < 1000; ++i)
        for (const json& event : events_of(translator, {RelativeMotion{0.3, -0.1}}))
            if (event["data"]["axis"] == "x") sum += event["data"]["value"].get<int>();
    EXPECT_EQ(sum, 300);
    auto still = translator_for(both);
    EXPECT_THAT(brief(still, {RelativeMotion{0.4, 0.4}}), IsEmpty());
    EXPECT_THAT(brief(still, {RelativeMotion{0.7, 0.4}}), ElementsAre("rel x=1", "rel y=0"));
}

TEST(QmpEvents, AbsoluteMotionMovesAMouseByDifferencesInGuestPixels) {
    auto translator = translator_for(mouse);
    translator.set_size(1000, 500);
    EXPECT_THAT(brief(translator, {AbsoluteMotion{0.1, 0.2}}), IsEmpty()) << "from nowhere";
    EXPECT_THAT(brief(translator, {AbsoluteMotion{0.3, 0.1}}),
                ElementsAre("rel x=200", "rel y=-50"));
}

TEST(QmpEvents, AbsoluteDifferencesAddUpToTheWholeWay) {
    auto translator = translator_for(mouse);
    translator.set_size(1920, 1080);
    std::mt19937 random{3};
    std::uniform_real_distribution<double> place{0, 1};
    json events = json::array();
    translator.append(AbsoluteMotion{0, 0}, events);
    for (int i = 0; i < 1000; ++i)
        translator.append(AbsoluteMotion{place(random), place(random)}, events);
    translator.append(AbsoluteMotion{1, 1}, events);
    int x = 0;
    int y = 0;
    for (const json& event : events)
        (event["data"]["axis"] == "x" ? x : y) += event["data"]["value"].get<int>();
    EXPECT_EQ(x, 1920);
    EXPECT_EQ(y, 1080);
}

TEST(QmpEvents, RelativeMotionMovesATabletsPointerWithinThePicture) {
    auto translator = translator_for(tablet);
    translator.set_size(1000, 500);
    EXPECT_THAT(brief(translator, {AbsoluteMotion{0.5, 0.5}, RelativeMotion{100, -50}}),
                ElementsAre("abs x=16384", "abs y=16384", "abs x=19660", "abs y=13107"));
    EXPECT_THAT(brief(translator, {RelativeMotion{1e6, -1e6}}),
                ElementsAre("abs x=32767", "abs y=0"));
    EXPECT_THAT(brief(translator, {RelativeMotion{-500, 250}}),
                ElementsAre("abs x=16384", "abs y=16384"));
}

TEST(QmpEvents, EachMotionGoesAsItIsWhereTheGuestHasBoth) {
    auto translator = translator_for(both);
    EXPECT_THAT(brief(translator, {AbsoluteMotion{1, 1}, RelativeMotion{1, 1}}),
                ElementsAre("abs x=32767", "abs y=32767", "rel x=1", "rel y=1"));
}

TEST(QmpEvents, ANotchIsAPressAndAReleaseOfAWheelButton) {
    auto translator = translator_for(mouse);
    EXPECT_THAT(brief(translator, {Notches{1, 2}}),
                ElementsAre("+wheel-down", "-wheel-down", "+wheel-down", "-wheel-down",
                            "+wheel-right", "-wheel-right"));
    EXPECT_THAT(brief(translator, {Notches{-1, -1}}),
                ElementsAre("+wheel-up", "-wheel-up", "+wheel-left", "-wheel-left"));
}

TEST(QmpEvents, FingersGoByMttWhereQemuOffersIt) {
    auto translator = translator_for(both, {.touch = true, .touch_button = true});
    EXPECT_THAT(brief(translator, {Touch{Phase::down, 0, 0, 1}}),
                ElementsAre("begin 0/0 x=0", "+touch", "data 0/0 x=0", "data 0/0 y=32767"));
    EXPECT_THAT(brief(translator, {Touch{Phase::down, 4, 1, 1}}),
                ElementsAre("begin 4/4 x=0", "data 4/4 x=32767", "data 4/4 y=32767"));
    EXPECT_THAT(brief(translator, {Touch{Phase::move, 4, 0, 0}}),
                ElementsAre("update 4/4 x=0", "data 4/4 x=0", "data 4/4 y=0"));
    EXPECT_THAT(brief(translator, {Touch{Phase::up, 0, 0, 0}}), ElementsAre("end 0/-1 x=0"));
    EXPECT_THAT(brief(translator, {Touch{Phase::cancel, 4, 0, 0}}),
                ElementsAre("cancel 4/-1 x=0", "-touch"));
    EXPECT_THAT(translator.guest.down, IsEmpty());
}

TEST(QmpEvents, MovesAndEndsOfNoFingerAreLeftOut) {
    auto translator = translator_for(both, {.touch = true, .touch_button = true});
    EXPECT_THAT(brief(translator, {Touch{Phase::move, 0, 0, 0}, Touch{Phase::up, 0, 0, 0},
                                   Touch{Phase::down, 10, 0, 0}}),
                IsEmpty());
}

TEST(QmpEvents, ElseTheFirstFingerIsThePointerWithItsLeftButton) {
    auto translator = translator_for(tablet);
    EXPECT_THAT(
        brief(translator, {Touch{Phase::down, 3, 0, 1}, Touch{Phase::down, 0, 0.5, 0.5},
                           Touch{Phase::move, 0, 0.6, 0.6}, Touch{Phase::move, 3, 1, 1},
                           Touch{Phase::up, 3, 0, 0}, Touch{Phase::up, 0, 0, 0}}),
        ElementsAre("abs x=0", "abs y=32767", "+left", "abs x=32767", "abs y=32767", "-left"));
    EXPECT_THAT(translator.guest.down, IsEmpty());
    EXPECT_THAT(brief(translator, {Touch{Phase::down, 0, 0, 0}, Touch{Phase::cancel, 0, 0, 0}}),
                ElementsAre("abs x=0", "abs y=0", "+left", "-left"));
}

TEST(QmpEvents, AFingerEndsAsItBeganWhenTheWayInChanges) {
    auto pointer = translator_for(tablet);
    EXPECT_EQ(brief(pointer, {Touch{Phase::down, 0, 0, 0}}).size(), 3U);
    pointer.offers = {.touch = true, .touch_button = true};
    EXPECT_THAT(brief(pointer, {Touch{Phase::up, 0, 0, 0}}), ElementsAre("-left"));
    auto screen = translator_for(tablet, {.touch = true, .touch_button = true});
    EXPECT_EQ(brief(screen, {Touch{Phase::down, 0, 0, 0}}).size(), 4U);
    screen.offers = {};
    EXPECT_THAT(brief(screen, {Touch{Phase::up, 0, 0, 0}}), IsEmpty());
    EXPECT_THAT(screen.guest.down, IsEmpty());
}

TEST(Mice, AreReadFromQueryMice) {
    EXPECT_EQ(read_mice(json::parse(R"([
        {"name": "QEMU HID Tablet", "index": 3, "current": true, "absolute": true},
        {"name": "QEMU PS/2 Mouse", "index": 2, "current": false, "absolute": false}])")),
              both);
    EXPECT_EQ(read_mice(json::parse(R"([{"absolute": true}])")), tablet);
    EXPECT_EQ(read_mice(json::parse(R"([{"absolute": false}, 3, []])")), mouse);
    for (const char* nonsense : {"[]", "{}", "null", "3", R"("x")", R"([3, null])"})
        EXPECT_EQ(read_mice(json::parse(nonsense)), Mice{}) << nonsense;
}

TEST(QmpOffers, AreReadFromTheSchema) {
    EXPECT_EQ(read_offers(json::parse(R"([
        {"name": "1", "meta-type": "enum", "values": ["key", "btn", "rel", "abs", "mtt"]},
        {"name": "2", "meta-type": "enum", "values": ["left", "wheel-up", "touch"]},
        {"name": "3", "meta-type": "enum", "values": ["unmapped", "lang2", "f13"]}])")),
              (QmpOffers{true, true, true}));
    EXPECT_EQ(read_offers(json::parse(R"([
        {"name": "1", "meta-type": "enum", "values": ["key", "btn", "rel", "abs"]},
        {"name": "2", "meta-type": "enum", "values": ["left", "wheel-up"]},
        {"name": "3", "meta-type": "enum", "values": ["unmapped", "lang2"]},
        {"name": "4", "meta-type": "enum", "values": ["touch", "mtt", "f13"]}])")),
              QmpOffers{});
    for (const char* nonsense : {"[]", "{}", "null", R"([3, {"values": 3}, {"values": [1]}])"})
        EXPECT_EQ(read_offers(json::parse(nonsense)), QmpOffers{}) << nonsense;
}

}  // namespace
}  // namespace scanthru::input
