// SPDX-License-Identifier: MIT
// Two guests on two cards in one process: what the one does costs the other no frame.
#include "presenter_process.h"
#include "screendump.h"
#include "synthetic_guest.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sched.h>
#include <thread>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

/// 3840x2160 at 30 Hz.
constexpr const char* uhd = "297 3840 4016 4104 4400 2160 2168 2178 2250 +hsync +vsync";

/// A well-behaved guest with a new picture for every vblank of a vkms output, and another guest on
/// a virtio-gpu output.
class Neighbours : public ::testing::Test {
protected:
    void begin(const std::string& other_output) {
        const std::string config = "/tmp/neighbours.toml";
        std::ofstream{config} << fmt::format(
            "[[guest]]\nname = \"good\"\nsource = \"mdev:{}\"\n"
            "[[guest]]\nname = \"other\"\nsource = \"mdev:{}\"\n"
            "[[output]]\ncard = \"{}\"\nguest = \"good\"\nrefresh = \"never\"\n"
            "modeline = \"{}\"\n"
            "[[output]]\ncard = \"{}\"\nname = \"Virtual-1\"\nguest = \"other\"\n{}\n",
            good.uuid(), other.uuid(), vkms_card(), small_modeline(60), virtio_card(),
            other_output);
        presenter.emplace(std::vector<std::string>{"--config", config});
        ASSERT_TRUE(PresenterProcess::wait(
            [&] {
                const auto guests = presenter->status()["guests"];
                return guests[0]["state"] == "attached" && guests[1]["state"] == "attached";
            },
            milliseconds{10000}));
        // There is one CPU for all threads, and this test is among them: what is to be seen is
        // whether the frame thread waits for anything of the other guest's.
        const sched_param lowest{.sched_priority = 1};
        const pid_t thread = presenter->frame_thread(presenter->output(0)["name"]);
        ASSERT_EQ(::sched_setscheduler(thread, SCHED_RR, &lowest), 0);
        // Two pictures a vblank: there is always a new one, whichever is lost.
        ASSERT_EQ(good.set("guest", "start width=320 height=240 buffers=3 rate=120000"), 0);
    }

    /// Vblanks of the good guest's output that did not show a new picture, of `count`.
    std::uint64_t missed(std::uint64_t count) {
        presenter->collect_flips();
        const std::size_t first = presenter->flips().size();
        for (int half_seconds = 0; half_seconds < 60; ++half_seconds) {
            std::this_thread::sleep_for(milliseconds{500});
            presenter->collect_flips();
            if (presenter->flips().size() >= first + count) break;
        }
        EXPECT_GE(presenter->flips().size(), first + count) << presenter->log();
        const auto& flips = presenter->flips();
        return flips.back().sequence - flips.at(first).sequence - (flips.size() - 1 - first);
    }

    /// What the other guest does costs the good one nothing.
    void expect_undisturbed(const std::string& what, std::uint64_t count = 300) {
        const std::uint64_t lost = missed(count);
        figure(what + ": frames the other guest missed, of " + std::to_string(count),
               static_cast<double>(lost), "frames");
        EXPECT_EQ(lost, 0U) << what;
    }

    void TearDown() override {
        if (presenter) {
            EXPECT_EQ(presenter->stop(), 0);
        }
    }

    vgpu::TestVgpu good;
    vgpu::TestVgpu other{"64m"};
    std::optional<PresenterProcess> presenter;
};

TEST_F(Neighbours, AGuestThatLiesOrHangsOrChangesItsModeCostsTheOtherNoFrame) {
    begin("mode = \"640x480\"");
    ASSERT_EQ(other.set("guest", "start width=640 height=480 buffers=2 rate=20000"), 0);
    missed(30);
    expect_undisturbed("a copied guest");

    ASSERT_EQ(other.set("override", "primary width 4294967295"), 0);
    expect_undisturbed("a guest that lies");
    ASSERT_EQ(other.set("override", "clear"), 0);

    ASSERT_EQ(other.set("query_delay_ms", "1000"), 0);
    expect_undisturbed("a guest whose QUERY takes a second");
    ASSERT_EQ(other.set("query_delay_ms", "0"), 0);

    const auto modesets = presenter->output(1)["counters"]["modesets"].get<unsigned>();
    ASSERT_EQ(other.set("guest", "start width=800 height=600 buffers=1 rate=0"), 0);
    missed(30);
    // By what it says of one buffer: to draw another one takes its kernel a whole frame.
    std::jthread sizes{[&](const std::stop_token& stop) {
        for (unsigned i = 0; !stop.stop_requested(); ++i) {
            for (const char* say : {"primary width 640", "primary height 480"})
                static_cast<void>(other.set("override", i % 2 == 0 ? say : "clear"));
            std::this_thread::sleep_for(milliseconds{250});
        }
    }};
    expect_undisturbed("a guest that wants another mode four times a second");
    EXPECT_GT(presenter->output(1)["counters"]["modesets"].get<unsigned>(), modesets + 1);
}

TEST_F(Neighbours, A4KPictureThatIsCopiedCostsTheOtherNoFrame) {
    begin(fmt::format("modeline = \"{}\"", uhd));
    ASSERT_EQ(other.set("guest", "start width=3840 height=2160 buffers=2 rate=10000"), 0);
    missed(30);
    const auto copies = presenter->output(1)["counters"]["copies"].get<unsigned>();
    expect_undisturbed("a 4K picture that is copied ten times a second");
    EXPECT_GT(presenter->output(1)["counters"]["copies"].get<unsigned>(), copies + 10);
}

}  // namespace
}  // namespace scanthru::system_test
