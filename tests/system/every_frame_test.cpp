// SPDX-License-Identifier: MIT
// Every vblank's picture is one that the guest drew: whole, in order, the newest, none left out.
#include "crc_reader.h"
#include "flip_trace.h"
#include "prediction.h"
#include "presenter_process.h"
#include "synthetic_guest.h"

#include <gtest/gtest.h>
#include <set>
#include <tuple>

namespace scanthru::system_test {
namespace {

constexpr Size screen{320, 240};
constexpr std::uint32_t cursor_size = 64;
constexpr unsigned flips = 600;

/// CRCs of (picture, cursor position), computed once each.
class Predictions {
public:
    std::uint32_t of(std::uint32_t number, bool cursor, Point at) {
        const auto key = std::tuple{number, cursor, at.x, at.y};
        if (const auto known = known_.find(key); known != known_.end()) return known->second;
        const std::uint32_t crc =
            predict_crc(guest_picture(number, screen), cursor ? &cursor_ : nullptr, at);
        return known_[key] = crc;
    }

private:
    Picture cursor_ = guest_cursor(cursor_size);
    std::map<std::tuple<std::uint32_t, bool, std::int32_t, std::int32_t>, std::uint32_t> known_;
};

class EveryFrame : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryFrame, IsTheNewestPictureTheGuestHadDrawnByThen) {
    const vgpu::TestVgpu vgpu;
    ASSERT_EQ(vgpu.set("dialect", GetParam()), 0);
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never"}};
    presenter.wait_attached();
    EXPECT_EQ(presenter.status()["guests"][0]["abi"], GetParam());

    const FlipTrace trace;
    CrcReader crcs{vkms_card()};
    // Slow enough that composing in software leaves no picture out.
    const unsigned rate = virtual_time() ? 19'970 : 4'000;
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 draw=ahead cursor=1 "
                                "cursor_size=64 frames=" +
                                    std::to_string(flips) + " rate=" + std::to_string(rate)),
              0);
    GuestLog guest{vgpu};
    ASSERT_TRUE(PresenterProcess::wait(
        [&] {
            guest.collect();
            presenter.collect_flips();
            return guest.flips().size() > flips && !presenter.flips().empty() &&
                   presenter.flips().back().sampled_ns > guest.flips().back().ns;
        },
        std::chrono::seconds{400}))
        << guest.flips().size() << " guest flips";
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
    const auto frames = crcs.stop();
    const auto sequences = trace.sequences();
    ASSERT_EQ(sequences.size(), presenter.flips().size());
    ASSERT_EQ(vgpu.guest("missed"), "0") << "the guest was late with a picture itself";

    Predictions predictions;
    std::set<std::uint32_t> seen;
    std::uint64_t wrong = 0;
    std::size_t shown_flip = 0;
    for (const auto& [frame, crc] : frames) {
        while (shown_flip + 1 < sequences.size() && sequences[shown_flip + 1] <= frame)
            ++shown_flip;
        const Flip* const flip = &presenter.flips()[shown_flip];
        if (sequences[shown_flip] > frame || flip->primary_id == 0) continue;
        const GuestFlip* const shown = guest.shown_by(*flip);
        ASSERT_NE(shown, nullptr);
        const std::uint32_t expected =
            predictions.of(shown->number, flip->cursor_id != 0, {flip->cursor_x, flip->cursor_y});
        if (crc != expected && ++wrong <= 10)
            ADD_FAILURE() << "frame " << frame << ": CRC " << crc << ", predicted " << expected
                          << " of picture " << shown->number << ", cursor " << flip->cursor_x << ","
                          << flip->cursor_y << ", flip " << flip->number << " at "
                          << flip->sequence;
        if (crc == expected) seen.insert(shown->number);
    }
    EXPECT_EQ(wrong, 0U);
    EXPECT_EQ(seen.size(), flips + 1) << "pictures never on screen";
    const std::uint64_t span = frames.rbegin()->first - frames.begin()->first + 1;
    if (virtual_time()) {
        EXPECT_EQ(frames.size(), span) << "frame numbers are missing";
    }
    figure("frames with a CRC", static_cast<double>(frames.size()), "frames");
    figure("pictures seen", static_cast<double>(seen.size()), "pictures");

    // No re-import: three buffers and a cursor.
    EXPECT_EQ(presenter.counter("gets"), 4U);
    EXPECT_EQ(presenter.counter("framebuffers"), 4U);
    EXPECT_EQ(vgpu.counter("get"), 4);
    EXPECT_EQ(vgpu.counter("attachments_total"), 4);
    EXPECT_EQ(vgpu.counter("mmaps_total"), 0) << "nothing was read by the CPU";
    EXPECT_EQ(presenter.stop(), 0);
    EXPECT_EQ(vgpu.counter("attachments_live"), 0);
    EXPECT_EQ(vgpu.counter("dmabufs_live"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Dialects, EveryFrame, ::testing::Values("mainline", "draft-v14"), [](const auto& dialect) {
        return std::string{dialect.param} == "mainline" ? "Mainline" : "DraftV14";
    });

}  // namespace
}  // namespace scanthru::system_test
