// SPDX-License-Identifier: MIT
// Outputs through a day: guests that are switched, monitors that come and go, screens that are
// switched off, a configuration that changes.
#include "crc_reader.h"
#include "prediction.h"
#include "presenter_process.h"
#include "synthetic_guest.h"

#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

constexpr Size screen{320, 240};
constexpr milliseconds limit{10000};
const std::string config_file = "/tmp/outputs.toml";

std::uint32_t picture_crc(std::uint32_t number) {
    return predict_crc(guest_picture(number, screen), nullptr, {});
}

std::string card_number() {
    const std::string card = vkms_card();
    return card.substr(card.find_last_not_of("0123456789") + 1);
}

/// What the kernel thinks of the monitor from now on: "off" or "on".
void plug(const char* how) {
    const std::string card = "/sys/class/drm/card" + card_number();
    ASSERT_EQ(vgpu::write_file(card + "-Virtual-1/status", how), 0);
    ASSERT_EQ(vgpu::write_file(card + "/uevent", "change"), 0);
}

bool crtc_is_active() {
    const std::string state = vgpu::read_file("/sys/kernel/debug/dri/" + card_number() + "/state");
    return state.find("\tactive=1") != std::string::npos;
}

/// CPU time of a process's main thread, in clock ticks.
long cpu_of_main_thread(pid_t pid) {
    const std::string stat = vgpu::read_file(fmt::format("/proc/{0}/task/{0}/stat", pid));
    std::istringstream fields{stat.substr(stat.rfind(')') + 2)};
    std::string skipped;
    for (int i = 0; i < 11; ++i)
        fields >> skipped;
    long user = 0;
    long system = 0;
    fields >> user >> system;
    return user + system;
}

/// Two guests, `a` with picture 0 on screen and `b` with picture 1, and one output.
class Outputs : public ::testing::Test {
protected:
    void write_config(const std::string& output = "guest = \"a\"", const std::string& more = "") {
        std::ofstream{config_file} << fmt::format(
            "[[guest]]\nname = \"a\"\nsource = \"mdev:{}\"\n"
            "[[guest]]\nname = \"b\"\nsource = \"mdev:{}\"\n"
            "[[output]]\ncard = \"{}\"\nmodeline = \"{}\"\nrefresh = \"never\"\n"
            "idle_poll = \"off\"\n"
            "{}{}\n{}\n",
            a->uuid(), b->uuid(), vkms_card(), small_modeline(60),
            output.find("idle") == std::string::npos ? "idle = \"black\"\n" : "", output, more);
    }

    void begin(const std::string& output = "guest = \"a\"") {
        write_config(output);
        presenter.emplace(std::vector<std::string>{"--config", config_file});
        ASSERT_TRUE(wait([&] { return state_of(0) == "attached" && state_of(1) == "attached"; }));
        ASSERT_EQ(a->set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
        ASSERT_EQ(b->set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
        ASSERT_EQ(b->set("guest", "flip"), 0);
        crcs.emplace(vkms_card());
        ASSERT_TRUE(crcs->wait_for(picture_crc(0), limit)) << presenter->log();
    }

    static bool wait(const std::function<bool()>& done) {
        return PresenterProcess::wait(done, limit);
    }

    std::string state_of(std::size_t guest) const {
        return presenter->status()["guests"][guest]["state"];
    }

    bool lit() const { return presenter->output()["lit"]; }

    void TearDown() override {
        crcs.reset();
        if (presenter) {
            EXPECT_EQ(presenter->stop(), 0);
        }
        for (const auto* guest : {&a, &b}) {
            if (*guest) {
                EXPECT_EQ((*guest)->counter("dmabufs_live"), 0);
            }
        }
    }

    std::optional<vgpu::TestVgpu> a{std::in_place};
    std::optional<vgpu::TestVgpu> b{std::in_place};
    std::optional<PresenterProcess> presenter;
    std::optional<CrcReader> crcs;
};

TEST_F(Outputs, EveryFrameOfASwitchIsOneGuestsPictureOrTheOthers) {
    begin();
    const std::uint64_t first = crcs->frames();
    const unsigned switches = count_of(1000);
    for (unsigned i = 1; i <= switches; ++i) {
        ASSERT_EQ(presenter->ask({{"command", "switch"}, {"guest", i % 2 == 0 ? "a" : "b"}})["ok"],
                  true);
        ASSERT_TRUE(crcs->wait_for(picture_crc(i % 2), limit)) << i << presenter->log();
    }
    std::size_t others = 0;
    std::uint64_t at = 0;
    for (const auto& [frame, crc] : crcs->stop())
        if (at++ >= first && crc != picture_crc(0) && crc != picture_crc(1)) ++others;
    EXPECT_EQ(others, 0U) << "frames with anything else";
    // Of the guest that is not to be seen nothing is held.
    EXPECT_EQ(a->counter("dmabufs_live") + b->counter("dmabufs_live"), 1);
    EXPECT_EQ(presenter->output()["guest"], "a");
}

TEST_F(Outputs, AGuestWithoutAPictureIsNotHiddenBehindTheOldOne) {
    begin();
    ASSERT_EQ(b->set("guest", "off"), 0);
    presenter->ask({{"command", "switch"}, {"guest", "b"}});
    EXPECT_TRUE(
        crcs->wait_for(predict_crc(Picture::filled(screen, 0xFF000000), nullptr, {}), limit));
    ASSERT_EQ(b->set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
    EXPECT_TRUE(crcs->wait_for(picture_crc(0), limit));
}

TEST_F(Outputs, AMonitorThatGoesAndComesBackFindsItsPictureAgain) {
    begin();
    const auto descriptors = presenter->descriptors();
    for (unsigned i = 0; i < count_of(100); ++i) {
        plug("off");
        ASSERT_TRUE(wait([&] { return !lit(); })) << presenter->log();
        EXPECT_EQ(state_of(0), "attached") << "the guest goes on";
        plug("on");
        ASSERT_TRUE(wait([&] { return lit(); })) << presenter->log();
        ASSERT_TRUE(crcs->wait_for(picture_crc(0), limit)) << presenter->log();
    }
    EXPECT_EQ(presenter->descriptors(), descriptors);
}

TEST_F(Outputs, AGuestThatHasGoneLeavesItsLastPictureWhereThatIsWanted) {
    begin("guest = \"a\"\nidle = \"hold\"");
    ASSERT_EQ(a->remove(), 0);
    a.reset();
    ASSERT_TRUE(wait([&] { return state_of(0) == "waiting"; }));
    const std::uint64_t seen = crcs->frames();
    ASSERT_TRUE(wait([&] { return crcs->frames() > seen + 10; }));
    EXPECT_EQ(crcs->newest(), picture_crc(0));
    EXPECT_EQ(vgpu::totals()["dmabufs_live"], b->counter("dmabufs_live"))
        << "not in the guest's own memory";
    EXPECT_TRUE(presenter->output()["primary"].is_null());
    // The other guest's picture takes its place, and leaves nothing of it behind.
    presenter->ask({{"command", "switch"}, {"guest", "b"}});
    EXPECT_TRUE(crcs->wait_for(picture_crc(1), limit)) << presenter->log();
    ASSERT_EQ(b->set("guest", "off"), 0);
    EXPECT_TRUE(wait([&] { return crcs->newest() != picture_crc(1); }));
    EXPECT_NE(crcs->newest(), picture_crc(0));
}

TEST_F(Outputs, WhileThereIsNoMonitorTheGuestHasNone) {
    begin();
    plug("off");
    ASSERT_TRUE(wait([&] { return !lit(); }));
    const auto link = [&] {
        const std::string log = a->get("edid_log");
        const std::size_t last = log.rfind("link ");
        return last != std::string::npos ? log.substr(last, 6) : "";
    };
    EXPECT_TRUE(wait([&] { return link() == "link 2"; })) << a->get("edid_log");
    plug("on");
    EXPECT_TRUE(wait([&] { return link() == "link 1"; })) << a->get("edid_log");
    EXPECT_TRUE(crcs->wait_for(picture_crc(0), limit));
}

TEST_F(Outputs, AStormOfEventsIsWeathered) {
    begin();
    const std::string uevent = "/sys/class/drm/card" + card_number() + "/uevent";
    for (int i = 0; i < 1000; ++i)
        ASSERT_EQ(vgpu::write_file(uevent, "change"), 0);
    presenter->wait_frames(60);
    EXPECT_EQ(crcs->newest(), picture_crc(0));
    const long before = cpu_of_main_thread(presenter->pid());
    // To ask it would cost some too.
    std::this_thread::sleep_for(std::chrono::seconds{2});
    EXPECT_LE(cpu_of_main_thread(presenter->pid()) - before, ::sysconf(_SC_CLK_TCK) / 5)
        << "of two seconds";
}

TEST_F(Outputs, AScreenIsSwitchedOffAndOnAgain) {
    begin();
    ASSERT_TRUE(crtc_is_active());
    presenter->ask({{"command", "blank"}});
    EXPECT_TRUE(wait([] { return !crtc_is_active(); })) << presenter->log();
    EXPECT_TRUE(wait([&] { return presenter->output()["blank"] == true; }));
    ASSERT_EQ(a->set("guest", "flip"), 0);
    presenter->ask({{"command", "unblank"}});
    EXPECT_TRUE(wait(crtc_is_active));
    EXPECT_TRUE(crcs->wait_for(picture_crc(1), limit)) << presenter->log();
}

TEST_F(Outputs, ASwitchWhileTheScreenIsOffLeavesNothingOfTheOldGuest) {
    begin();
    presenter->ask({{"command", "blank"}});
    ASSERT_TRUE(wait([] { return !crtc_is_active(); }));
    presenter->ask({{"command", "switch"}, {"guest", "b"}});
    EXPECT_TRUE(wait([&] { return a->counter("dmabufs_live") == 0; })) << presenter->log();
    presenter->ask({{"command", "unblank"}});
    EXPECT_TRUE(crcs->wait_for(picture_crc(1), limit)) << presenter->log();
}

TEST_F(Outputs, WhatWasSwitchedOffStaysOffThroughAnotherMonitor) {
    begin();
    presenter->ask({{"command", "blank"}});
    ASSERT_TRUE(wait([] { return !crtc_is_active(); }));
    plug("off");
    ASSERT_TRUE(wait([&] { return !lit(); }));
    plug("on");
    ASSERT_TRUE(wait([&] { return lit() && presenter->output()["blank"] == true; }))
        << presenter->log();
    EXPECT_FALSE(crtc_is_active());
    presenter->ask({{"command", "unblank"}});
    EXPECT_TRUE(crcs->wait_for(picture_crc(0), limit)) << presenter->log();
}

TEST_F(Outputs, AScreenOnWhichNothingChangesIsSwitchedOffUntilSomethingDoes) {
    begin("guest = \"a\"\nblank_after = 1");
    EXPECT_TRUE(wait([] { return !crtc_is_active(); })) << presenter->log();
    ASSERT_EQ(a->set("guest", "flip"), 0);
    EXPECT_TRUE(crcs->wait_for(picture_crc(1), limit)) << presenter->log();
    EXPECT_TRUE(crtc_is_active());
}

TEST_F(Outputs, AFileForNodeExporterIsThereAsLongAsItSaysTheTruth) {
    const std::string file = "/run/scanthru.prom";
    const auto has = [&file](const std::string& text) {
        return vgpu::read_file(file).find(text) != std::string::npos;
    };
    begin();
    EXPECT_FALSE(std::filesystem::exists(file));
    write_config("guest = \"a\"", "[metrics]\nfile = \"" + file + "\"");
    ::kill(presenter->pid(), SIGHUP);
    ASSERT_TRUE(wait([&] { return has("# EOF\n"); })) << presenter->log();
    EXPECT_TRUE(has("scanthru_flips_total{output=\"Virtual-1\"")) << vgpu::read_file(file);
    const std::string old = vgpu::read_file(file);
    ASSERT_EQ(a->set("guest", "flip"), 0);
    EXPECT_TRUE(PresenterProcess::wait([&] { return vgpu::read_file(file) != old; },
                                       std::chrono::seconds{20}))
        << presenter->log();
    EXPECT_EQ(presenter->stop(), 0);
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Outputs, TheConfigurationIsReadAgainAndAFaultyOneChangesNothing) {
    begin();
    std::ofstream{config_file} << "[[output]]\nfitt = 1\n";
    ::kill(presenter->pid(), SIGHUP);
    ASSERT_TRUE(wait([&] { return presenter->log().find("stays as it was") != std::string::npos; }))
        << presenter->log();
    EXPECT_NE(presenter->log().find("outputs.toml:2: unknown key \"fitt\""), std::string::npos)
        << presenter->log();
    EXPECT_EQ(crcs->newest(), picture_crc(0));

    write_config("guest = \"b\"\nmargin_us = 2000");
    ::kill(presenter->pid(), SIGHUP);
    EXPECT_TRUE(crcs->wait_for(picture_crc(1), limit)) << presenter->log();

    std::ofstream{config_file, std::ios::app} << "[log]\nlevel = \"debug\"\n";
    ::kill(presenter->pid(), SIGHUP);
    ASSERT_TRUE(wait([&] {
        const std::string log = presenter->log();
        return log.find("read again") != log.rfind("read again");
    })) << presenter->log();
    EXPECT_EQ(crcs->newest(), picture_crc(1));
    EXPECT_EQ(state_of(0), "attached");
}

}  // namespace
}  // namespace scanthru::system_test
