// SPDX-License-Identifier: MIT
#include "kms/mode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scanthru::kms {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto xga = "65.00 1024 1048 1184 1344 768 771 777 806 -hsync -vsync";

Mode mode_of(std::string_view modeline) {
    const auto mode = parse_modeline(modeline);
    EXPECT_TRUE(mode) << (mode ? "" : mode.error());
    return mode ? *mode : Mode{};
}

struct Timing {
    const char* name;
    const char* modeline;
    std::uint32_t refresh_mhz;
    std::chrono::nanoseconds period;
};

class ModeTiming : public ::testing::TestWithParam<Timing> {};

TEST_P(ModeTiming, IsThatOfTheKernel) {
    const Mode mode = mode_of(GetParam().modeline);
    EXPECT_EQ(refresh_mhz(mode), GetParam().refresh_mhz);
    EXPECT_EQ(frame_period(mode), GetParam().period);
}

INSTANTIATE_TEST_SUITE_P(
    Modes,
    ModeTiming,
    ::testing::Values(
        Timing{"Xga", xga, 60004, 16'665'600ns},
        Timing{"FullHd60", "148.5 1920 2008 2052 2200 1080 1084 1089 1125", 60000, 16'666'667ns},
        Timing{"Ntsc", "148.352 1920 2008 2052 2200 1080 1084 1089 1125", 59940, 16'683'294ns},
        Timing{"Cinema", "74.176 1920 2558 2602 2750 1080 1084 1089 1125", 23976, 41'708'234ns},
        // Two fields of half the lines each: 60 a second.
        Timing{"Interlaced", "74.25 1920 2008 2052 2200 1080 1084 1094 1125 interlace", 60000,
               16'666'667ns},
        Timing{"Doublescan", "12.5875 320 328 376 400 240 245 246 262 doublescan", 60057,
               16'650'779ns},
        Timing{"FastMonitor", "586.59 1920 1928 1960 2000 1080 1216 1224 1230", 238451,
               4'193'730ns}),
    [](const auto& row) { return row.param.name; });

TEST(ModeTiming, CountsEveryLineAsOftenAsItIsScanned) {
    Mode mode = mode_of(xga);
    const auto once = frame_period(mode);
    mode.vscan = 3;
    EXPECT_EQ(frame_period(mode), 3 * once);
    mode.vscan = 1;
    EXPECT_EQ(frame_period(mode), once);
}

TEST(ModeTiming, OfAModeWithoutTimingsIsZero) {
    for (const auto erase :
         {+[](Mode& mode) { mode.clock = 0; }, +[](Mode& mode) { mode.htotal = 0; },
          +[](Mode& mode) {
              mode.vtotal = 0;
          }}) {
        Mode mode = mode_of(xga);
        erase(mode);
        EXPECT_EQ(refresh_mhz(mode), 0U);
        EXPECT_EQ(frame_period(mode), 0ns);
    }
}

TEST(ModeTiming, SurvivesTheLargestNumbers) {
    Mode mode{};
    mode.htotal = mode.vtotal = mode.vscan = 0xFFFF;
    mode.flags = DRM_MODE_FLAG_DBLSCAN;
    mode.clock = 1;
    EXPECT_EQ(refresh_mhz(mode), 0U);
    EXPECT_EQ(frame_period(mode), 0ns);
    mode.clock = 0xFFFF'FFFF;
    EXPECT_EQ(frame_period(mode).count(), 131'066'000'122);
    mode.htotal = mode.vtotal = 1;
    mode.vscan = 0;
    mode.flags = DRM_MODE_FLAG_INTERLACE;
    EXPECT_EQ(refresh_mhz(mode), 0xFFFF'FFFFU);
    EXPECT_EQ(frame_period(mode), 0ns);
}

TEST(Mode, IsSpelledWithItsRateInThousandths) {
    EXPECT_EQ(to_string(mode_of(xga)), "1024x768@60.004");
    EXPECT_EQ(to_string(mode_of("148.5 1920 2008 2052 2200 1080 1084 1089 1125")),
              "1920x1080@60.000");
}

TEST(Modeline, FillsTheModeThatTheKernelTakes) {
    const Mode mode = mode_of("65.00 1024 1048 1184 1344 768 771 777 806 -hsync +vsync");
    EXPECT_EQ(mode.clock, 65000U);
    EXPECT_EQ(mode.hdisplay, 1024);
    EXPECT_EQ(mode.hsync_start, 1048);
    EXPECT_EQ(mode.hsync_end, 1184);
    EXPECT_EQ(mode.htotal, 1344);
    EXPECT_EQ(mode.vdisplay, 768);
    EXPECT_EQ(mode.vsync_start, 771);
    EXPECT_EQ(mode.vsync_end, 777);
    EXPECT_EQ(mode.vtotal, 806);
    EXPECT_EQ(mode.flags, DRM_MODE_FLAG_NHSYNC | DRM_MODE_FLAG_PVSYNC);
    EXPECT_EQ(mode.type, DRM_MODE_TYPE_USERDEF);
    EXPECT_EQ(mode.vrefresh, 60U);
    EXPECT_STREQ(std::data(mode.name), "1024x768");
}

TEST(Modeline, IsReadAsXorgConfAndCvtWriteIt) {
    const Mode mode = mode_of(
        "Modeline \"1024x768_60.00\"   65.00  1024 1048 1184 1344  768 771 777 806 -HSync +Vsync");
    EXPECT_EQ(mode.hdisplay, 1024);
    EXPECT_EQ(mode.flags, DRM_MODE_FLAG_NHSYNC | DRM_MODE_FLAG_PVSYNC);
}

TEST(Modeline, MayHaveNoFlagsOrAllOfThem) {
    EXPECT_EQ(mode_of("65 1024 1048 1184 1344 768 771 777 806").flags, 0U);
    EXPECT_EQ(mode_of("65 1024 1048 1184 1344 768 771 777 806 interlace doublescan +hsync").flags,
              DRM_MODE_FLAG_INTERLACE | DRM_MODE_FLAG_DBLSCAN | DRM_MODE_FLAG_PHSYNC);
}

TEST(Modeline, HasAClockInKilohertzAfterRounding) {
    EXPECT_EQ(mode_of("65.0004 1024 1048 1184 1344 768 771 777 806").clock, 65000U);
    EXPECT_EQ(mode_of("65.0005 1024 1048 1184 1344 768 771 777 806").clock, 65001U);
    EXPECT_EQ(mode_of("65.00049 1024 1048 1184 1344 768 771 777 806").clock, 65000U);
    EXPECT_EQ(mode_of("0.5 1024 1048 1184 1344 768 771 777 806").clock, 500U);
}

struct Complaint {
    const char* name;
    const char* text;
    const char* about;
};

class FaultyModeline : public ::testing::TestWithParam<Complaint> {};

TEST_P(FaultyModeline, IsRefusedWithASentence) {
    const auto mode = parse_modeline(GetParam().text);
    ASSERT_FALSE(mode);
    EXPECT_THAT(mode.error(), HasSubstr(GetParam().about));
}

INSTANTIATE_TEST_SUITE_P(
    Faults,
    FaultyModeline,
    ::testing::Values(
        Complaint{"Empty", "", "0 words"},
        Complaint{"Short", "65 1024 1048 1184 1344 768 771 777", "8 words"},
        Complaint{"OnlyAName", "modeline x", "0 words"},
        Complaint{"ClockZero", "0 1024 1048 1184 1344 768 771 777 806", "\"0\""},
        Complaint{"ClockNegative", "-65 1024 1048 1184 1344 768 771 777 806", "\"-65\""},
        Complaint{"ClockOpen", "65. 1024 1048 1184 1344 768 771 777 806", "\"65.\""},
        Complaint{"ClockHuge", "9999999 1024 1048 1184 1344 768 771 777 806", "\"9999999\""},
        Complaint{"ClockWord", "6x5 1024 1048 1184 1344 768 771 777 806", "\"6x5\""},
        Complaint{"ClockTwoPoints", "6.5.1 1024 1048 1184 1344 768 771 777 806", "\"6.5.1\""},
        Complaint{"TooWide", "65 70000 1048 1184 1344 768 771 777 806", "\"70000\""},
        Complaint{"NotANumber", "65 1024 1048 x 1344 768 771 777 806", "\"x\""},
        Complaint{"WidthZero", "65 0 1048 1184 1344 768 771 777 806", "horizontal"},
        Complaint{"SyncBeforeDisplay", "65 1024 1000 1184 1344 768 771 777 806", "horizontal"},
        Complaint{"SyncEndsEarly", "65 1024 1048 1040 1344 768 771 777 806", "horizontal"},
        Complaint{"TotalTooSmall", "65 1024 1048 1184 1100 768 771 777 806", "horizontal"},
        Complaint{"VerticalDisorder", "65 1024 1048 1184 1344 768 771 777 770", "vertical"},
        Complaint{"UnknownFlag", "65 1024 1048 1184 1344 768 771 777 806 +sync", "\"+sync\""}),
    [](const auto& row) { return row.param.name; });

TEST(ModeWish, IsReadWithAndWithoutARate) {
    EXPECT_EQ(*parse_mode_wish("preferred"), ModeWish{});
    EXPECT_EQ(*parse_mode_wish("1920x1080"), (ModeWish{.size = Size{1920, 1080}}));
    EXPECT_EQ(*parse_mode_wish("1920x1080@60"),
              (ModeWish{.size = Size{1920, 1080}, .refresh_mhz = 60000}));
    EXPECT_EQ(*parse_mode_wish("1920x1080@59.94"),
              (ModeWish{.size = Size{1920, 1080}, .refresh_mhz = 59940}));
}

TEST(ModeWish, UnderstandsWhatModesAreSpelledLike) {
    const Mode mode = mode_of(xga);
    EXPECT_EQ(*parse_mode_wish(to_string(mode)),
              (ModeWish{.size = size_of(mode), .refresh_mhz = refresh_mhz(mode)}));
}

class FaultyModeWish : public ::testing::TestWithParam<const char*> {};

TEST_P(FaultyModeWish, IsRefusedWithTheWordInQuestion) {
    const auto wish = parse_mode_wish(GetParam());
    ASSERT_FALSE(wish);
    EXPECT_THAT(wish.error(), HasSubstr("\""));
}

INSTANTIATE_TEST_SUITE_P(Faults,
                         FaultyModeWish,
                         ::testing::Values("",
                                           "x",
                                           "1920",
                                           "1920x",
                                           "x1080",
                                           "0x1080",
                                           "1920x0",
                                           "70000x1080",
                                           "-1x5",
                                           "1920x1080x",
                                           "1920x1080@",
                                           "1920x1080@0",
                                           "1920x1080@-60",
                                           "1920x1080@6e1",
                                           "1920x1080@60Hz",
                                           "1920x1080@5000000",
                                           "Preferred",
                                           " 1920x1080",
                                           "1920X1080"));

/// What a test says of a mode: the rest does not matter to the choice.
struct Sketch {
    std::uint16_t width;
    std::uint16_t height;
    std::uint32_t refresh_mhz;
    std::uint32_t type = 0;
    std::uint32_t flags = 0;
};

Mode draw(const Sketch& sketch) {
    Mode mode{};
    mode.hdisplay = sketch.width;
    mode.vdisplay = sketch.height;
    // A million pixels a frame: the clock in kHz is the rate in mHz.
    mode.htotal = mode.vtotal = 1000;
    mode.clock = sketch.refresh_mhz;
    if ((sketch.flags & DRM_MODE_FLAG_INTERLACE) != 0) mode.clock /= 2;
    mode.type = sketch.type;
    mode.flags = sketch.flags;
    return mode;
}

constexpr std::uint32_t preferred = DRM_MODE_TYPE_PREFERRED;
constexpr std::uint32_t users = DRM_MODE_TYPE_USERDEF;
constexpr std::uint32_t interlaced = DRM_MODE_FLAG_INTERLACE;

struct Choice {
    const char* name;
    std::vector<Sketch> modes;
    ModeWish wish;
    int chosen;  ///< Index, or -1.
};

class ChooseMode : public ::testing::TestWithParam<Choice> {};

TEST_P(ChooseMode, TakesTheBestForTheWish) {
    std::vector<Mode> modes;
    for (const Sketch& sketch : GetParam().modes)
        modes.push_back(draw(sketch));
    const Mode* const chosen = choose_mode(modes, GetParam().wish);
    EXPECT_EQ(chosen == nullptr ? -1 : static_cast<int>(chosen - modes.data()), GetParam().chosen);
}

const std::vector<Sketch> monitor{
    {1024, 768, 60000},       {1920, 1080, 60000, preferred},
    {1920, 1080, 144000},     {1920, 1080, 59940},
    {1280, 720, 50000},       {1280, 720, 60000},
    {1280, 720, 60000, 0, 0}, {3840, 2160, 30000},
};
constexpr Size full_hd{1920, 1080};
constexpr Size hd{1280, 720};

INSTANTIATE_TEST_SUITE_P(
    Wishes,
    ChooseMode,
    ::testing::Values(
        Choice{"NoModes", {}, {}, -1},
        Choice{"NoWishTakesThePreferred", monitor, {}, 1},
        Choice{"NoWishNoPreferredTakesTheFirst", {{800, 600, 60000}, {1024, 768, 60000}}, {}, 0},
        Choice{"OfTwoPreferredTheFirst",
               {{800, 600, 60000, preferred}, {1024, 768, 60000, preferred}},
               {},
               0},
        Choice{"SizeTakesThePreferredOfThatSize", monitor, {.size = full_hd}, 1},
        Choice{"SizeElseTheHighestRate", monitor, {.size = hd}, 5},
        Choice{"SizeNobodyHas", monitor, {.size = Size{800, 600}}, -1},
        Choice{"SizeMustMatchInBoth", monitor, {.size = Size{1920, 768}}, -1},
        Choice{"RateExactly", monitor, {.size = full_hd, .refresh_mhz = 144000}, 2},
        Choice{"RateClosestFirst", monitor, {.size = full_hd, .refresh_mhz = 59940}, 3},
        Choice{"RateWithinHalfAPercent", monitor, {.size = full_hd, .refresh_mhz = 144700}, 2},
        Choice{"RateBarelyWithin", {{800, 600, 59700}}, {Size{800, 600}, 60000}, 0},
        Choice{"RateBarelyBeyond", {{800, 600, 59699}}, {Size{800, 600}, 60000}, -1},
        Choice{"RateBarelyWithinAbove", {{800, 600, 60300}}, {Size{800, 600}, 60000}, 0},
        Choice{"RateBarelyBeyondAbove", {{800, 600, 60301}}, {Size{800, 600}, 60000}, -1},
        Choice{"RateNobodyHas", monitor, {.size = full_hd, .refresh_mhz = 75000}, -1},
        Choice{"RateAloneKeepsThePreferredSize", monitor, {.refresh_mhz = 144000}, 2},
        Choice{"RateAloneNeverChangesTheSize", monitor, {.refresh_mhz = 30000}, -1},
        Choice{"TheUsersOwnBeforeThePreferred",
               {{1920, 1080, 50000, users}, {1920, 1080, 60000, preferred}},
               {.size = full_hd},
               0},
        Choice{"TheUsersOwnOnlyWhenAsked",
               {{1280, 720, 50000, users}, {1920, 1080, 60000, preferred}},
               {},
               1},
        Choice{"ProgressiveBeforeInterlaced",
               {{1920, 1080, 60000, 0, interlaced}, {1920, 1080, 50000}},
               {.size = full_hd},
               1},
        Choice{"InterlacedIfItIsAllThereIs",
               {{1920, 1080, 60000, 0, interlaced}},
               {.size = full_hd},
               0}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace scanthru::kms
