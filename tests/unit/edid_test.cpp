// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/cvt.h"
#include "kms/edid.h"
#include "presenter/guest_monitor.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace scanthru {
namespace {

using kms::Edid;

kms::Mode full_hd() {
    return *kms::parse_modeline("148.5 1920 2008 2052 2200 1080 1084 1089 1125 +hsync +vsync");
}

unsigned at(const Edid& edid, std::size_t index) {
    return std::to_integer<unsigned>(edid.at(index));
}

/// Of the first detailed timing.
Size preferred_size(const Edid& edid) {
    return {at(edid, 56) | (at(edid, 58) & 0xF0U) << 4, at(edid, 59) | (at(edid, 61) & 0xF0U) << 4};
}

unsigned preferred_clock(const Edid& edid) {
    return (at(edid, 54) | at(edid, 55) << 8) * 10;
}

TEST(Edid, GeneratedIsSoundAndHasTheModeExactly) {
    const Edid edid = kms::generate_edid(full_hd(), {530, 300});
    ASSERT_TRUE(kms::is_sound(edid));
    EXPECT_EQ(preferred_size(edid), (Size{1920, 1080}));
    EXPECT_EQ(preferred_clock(edid), 148500U);
    EXPECT_EQ(at(edid, 57) | (at(edid, 58) & 0x0FU) << 8, 280U) << "horizontal blanking";
    EXPECT_EQ(at(edid, 60) | (at(edid, 61) & 0x0FU) << 8, 45U) << "vertical blanking";
    EXPECT_EQ(at(edid, 62), 88U) << "front porch";
    EXPECT_EQ(at(edid, 63), 44U) << "sync";
    EXPECT_EQ(at(edid, 64), 4U << 4 | 5U);
    EXPECT_EQ(at(edid, 71), 0x1EU) << "both syncs positive";
    EXPECT_EQ(at(edid, 21), 53U) << "centimetres";
}

TEST(Edid, IsNotGeneratedForWhatItCannotHold) {
    auto mode = full_hd();
    mode.clock = 700'000;
    EXPECT_TRUE(kms::generate_edid(mode, {}).empty());
    mode = full_hd();
    mode.hdisplay = 4096;
    mode.htotal = 4200;
    EXPECT_TRUE(kms::generate_edid(mode, {}).empty());
}

TEST(Edid, DamageIsNoticed) {
    const Edid good = kms::generate_edid(full_hd(), {});
    for (std::size_t i = 0; i < good.size(); ++i) {
        Edid bad = good;
        bad[i] ^= std::byte{0x10};
        EXPECT_FALSE(kms::is_sound(bad)) << "byte " << i;
    }
    EXPECT_FALSE(kms::is_sound({}));
    EXPECT_FALSE(kms::is_sound(std::span{good}.first(127)));
    Edid twice = good;
    twice.insert(twice.end(), good.begin(), good.end());
    EXPECT_FALSE(kms::is_sound(twice)) << "a block more than it says";
}

TEST(Edid, ThePreferredModeGoesFirstAndTheMonitorsOwnStays) {
    const Edid own = kms::generate_edid(full_hd(), {530, 300});
    const auto mode = *kms::calculate_mode({1280, 1024}, 75000);
    const Edid edid = kms::prefer_mode(own, mode);
    ASSERT_TRUE(kms::is_sound(edid));
    EXPECT_EQ(preferred_size(edid), (Size{1280, 1024}));
    const std::size_t last = 54 + 3 * 18;
    EXPECT_EQ(at(edid, last + 2) | (at(edid, last + 4) & 0xF0U) << 4, 1920U);
    EXPECT_EQ(at(edid, 66), 530U & 0xFF) << "the monitor's size";
    EXPECT_EQ(kms::prefer_mode(own, full_hd()), own);
}

TEST(Edid, WithExtensionsIsCutToTheBaseBlockForASmallDevice) {
    Edid edid = kms::generate_edid(full_hd(), {});
    edid[126] = std::byte{1};
    edid[127] = static_cast<std::byte>(std::to_integer<unsigned>(edid[127]) - 1);
    Edid extension(kms::edid_block);
    extension[0] = std::byte{2};
    extension[127] = std::byte{254};
    edid.insert(edid.end(), extension.begin(), extension.end());
    ASSERT_TRUE(kms::is_sound(edid));
    EXPECT_EQ(kms::fit_edid(edid, 256, {}), edid);
    const Edid cut = kms::fit_edid(edid, 128, {});
    EXPECT_TRUE(kms::is_sound(cut));
    EXPECT_EQ(cut.size(), 128U);
}

TEST(Edid, ModesBeyondTheDevicesLimitGo) {
    const Edid edid = kms::fit_edid(kms::generate_edid(full_hd(), {}), 128, {1600, 1200});
    EXPECT_TRUE(kms::is_sound(edid));
    EXPECT_EQ(preferred_clock(edid), 0U) << "no timing any more";
}

/// `text` as the descriptor at `index`, and the checksum mended.
void set_text(Edid& edid, std::size_t index, std::uint8_t tag, std::string_view text) {
    const std::size_t begin = 54 + 18 * index;
    std::fill_n(edid.begin() + static_cast<std::ptrdiff_t>(begin), 18, std::byte{0});
    edid[begin + 3] = std::byte{tag};
    for (std::size_t i = 0; i < 13; ++i)
        edid[begin + 5 + i] = static_cast<std::byte>(i < text.size()    ? text[i]
                                                     : i == text.size() ? '\n'
                                                                        : ' ');
    unsigned sum = 0;
    for (std::size_t i = 0; i < 127; ++i)
        sum += at(edid, i);
    edid[127] = static_cast<std::byte>((256 - sum % 256) % 256);
}

TEST(Monitor, IsNamedByMakeModelAndSerial) {
    Edid edid = kms::generate_edid(full_hd(), {});
    edid[8] = std::byte{0x10};  // DEL
    edid[9] = std::byte{0xAC};
    edid[10] = std::byte{0xB1};
    edid[11] = std::byte{0xA0};
    for (std::size_t i = 12; i < 16; ++i)
        edid[i] = std::byte{0};
    set_text(edid, 1, 0xFE, "no name");
    set_text(edid, 2, 0xFE, "nor this");
    set_text(edid, 3, 0xFE, "");
    EXPECT_EQ(kms::name_monitor(edid), "DEL 0xA0B1");
    edid[12] = std::byte{0x4C};
    set_text(edid, 1, 0xFC, "DELL U2720Q");
    EXPECT_EQ(kms::name_monitor(edid), "DEL DELL U2720Q 0x0000004C");
    set_text(edid, 2, 0xFF, "7CXK2\x01 ");
    EXPECT_EQ(kms::name_monitor(edid), "DEL DELL U2720Q 7CXK2?");
    edid[8] = std::byte{0xFF};
    set_text(edid, 2, 0xFF, "thirteen char");
    EXPECT_EQ(kms::name_monitor(edid), "??L DELL U2720Q thirteen char");
    edid[127] ^= std::byte{1};
    EXPECT_EQ(kms::name_monitor(edid), "") << "not sound";
    EXPECT_EQ(kms::name_monitor({}), "");
}

TEST(Monitor, IsMeantByItsFirstWords) {
    for (const char* wish : {"DEL", "DEL DELL", "DEL DELL U2720Q", "DEL DELL U2720Q 7CXK2"})
        EXPECT_TRUE(kms::is_monitor("DEL DELL U2720Q 7CXK2", wish)) << wish;
    for (const char* wish : {"", "DE", "DEL DELL U27", "DELL", "DEL DELL U2720Q 7CXK2 "})
        EXPECT_FALSE(kms::is_monitor("DEL DELL U2720Q 7CXK2", wish)) << wish;
    EXPECT_FALSE(kms::is_monitor("", "DEL"));
}

TEST(Edid, OfAGuestIsGeneratedWhereTheMonitorHasNone) {
    EXPECT_EQ(edid_for_guest({}, full_hd(), {}), kms::generate_edid(full_hd(), {}));
    EXPECT_EQ(edid_for_guest(Edid(128), full_hd(), {}), kms::generate_edid(full_hd(), {}))
        << "nonsense is none";
}

TEST(Edid, OfAConnectorWithoutOneIsEmpty) {
    const testing::FakeDrm display;
    const auto card = display.card();
    const auto edid = kms::read_edid(card->fd(), testing::FakeDrm::connector());
    ASSERT_TRUE(edid);
    EXPECT_TRUE(edid->empty());
}

TEST(CalculatedMode, HasTheSizeAndTheRate) {
    for (const std::uint32_t rate : {50'000U, 59'940U, 60'000U, 75'000U, 143'700U}) {
        const auto mode = kms::calculate_mode({1920, 1080}, rate);
        ASSERT_TRUE(mode) << rate;
        EXPECT_EQ(kms::size_of(*mode), (Size{1920, 1080}));
        EXPECT_NEAR(kms::refresh_mhz(*mode), rate, 3) << "10 kHz of some 140 MHz";
    }
}

TEST(CalculatedMode, IsNoneForWhatAnEdidCannotHold) {
    EXPECT_FALSE(kms::calculate_mode({0, 1080}, 60'000));
    EXPECT_FALSE(kms::calculate_mode({8192, 4320}, 60'000));
    EXPECT_FALSE(kms::calculate_mode({3840, 2160}, 240'000));
}

}  // namespace
}  // namespace scanthru
