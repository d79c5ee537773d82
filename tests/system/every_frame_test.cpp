// SPDX-License-Identifier: MIT
// Every vblank's picture is one that the guest drew: whole, in order, the newest, none left out.
#include "crc_reader.h"
#include "flip_trace.h"
#include "prediction.h"
#include "presenter_process.h"
#include "synthetic_guest.h"
#include "vgpu/picture.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <tuple>

namespace scanthru::system_test {
namespace {

constexpr Size screen{320, 240};
constexpr std::uint32_t cursor_size = 64;

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

/// The presenter's log of a flip against the guest's own: the newest picture there was when it was
/// asked for, and the cursor where the guest had put it. The cursor is asked for after the primary,
/// so the guest may have flipped in between.
void check_sampling(const Flip& flip, const GuestFlip& shown, const GuestLog& guest) {
    const bool last = &shown == &guest.flips().back();
    const GuestFlip& next = last ? shown : *(&shown + 1);
    const auto at = [&flip](const GuestFlip& one) {
        return flip.cursor_x == one.cursor_x && flip.cursor_y == one.cursor_y;
    };
    ASSERT_TRUE(at(shown) || at(next)) << "cursor at " << flip.cursor_x << "," << flip.cursor_y;
    ASSERT_TRUE(last || next.ns >= flip.sampled_ns) << "picture " << next.number << " was newer";
}

class EveryFrame : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryFrame, IsTheNewestPictureTheGuestHadDrawnByThen) {
    constexpr unsigned flips = 600;
    const vgpu::TestVgpu vgpu;
    ASSERT_EQ(vgpu.set("dialect", GetParam()), 0);
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never"}};
    presenter.wait_attached();
    EXPECT_EQ(presenter.status()["guests"][0]["abi"], GetParam());

    const FlipTrace trace;
    CrcReader crcs{vkms_card()};
    // Slow enough that composing in software leaves no picture out.
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 draw=ahead cursor=1 "
                                "cursor_size=64 rate=19970 frames=" +
                                    std::to_string(flips)),
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
    EXPECT_TRUE(crcs.wait_frames(12));  // The last commit's is among them.
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
        check_sampling(*flip, *shown, guest);
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
    EXPECT_EQ(frames.size(), span) << "frame numbers are missing";
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

/// Without virtual time nobody knows when a thread runs. So the guest waits for the screen, and
/// what the screen has shown must be the guest's pictures, whole and in order, and nothing else.
TEST(InOrder, PicturesReachTheScreenWholeAndInOrder) {
    const unsigned flips = count_of(600);
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never"}};
    presenter.wait_attached();
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=3 draw=ahead cursor=1 rate=0"),
              0);
    CrcReader crcs{vkms_card()};
    Predictions predictions;
    std::vector<std::uint32_t> expected;
    for (std::uint32_t number = 0; number <= flips; ++number) {
        if (number > 0) {
            ASSERT_EQ(vgpu.set("guest", "flip"), 0);
        }
        expected.push_back(predictions.of(number, true,
                                          {vgpu_cursor_x(number, screen.width, cursor_size),
                                           vgpu_cursor_y(number, screen.height, cursor_size)}));
        ASSERT_TRUE(crcs.wait_for(expected.back(), std::chrono::seconds{20}))
            << "picture " << number << "\n"
            << presenter.log();
    }
    // The guest may flip between the two questions of one frame: then the new cursor stands on the
    // old picture for a frame.
    std::vector<std::uint32_t> seen;
    std::size_t next = 0;
    for (const auto& [frame, crc] : crcs.stop()) {
        if (next < expected.size() && crc == expected[next]) ++next;
        if (next > 0 && crc != expected[next - 1]) seen.push_back(crc);
    }
    EXPECT_EQ(next, expected.size()) << "pictures are missing or out of order";
    for (const std::uint32_t crc : seen) {
        bool between = false;
        for (std::uint32_t number = 1; number <= flips && !between; ++number)
            between = crc == predictions.of(number - 1, true,
                                            {vgpu_cursor_x(number, screen.width, cursor_size),
                                             vgpu_cursor_y(number, screen.height, cursor_size)});
        EXPECT_TRUE(between) << "a picture that the guest never drew: CRC " << crc;
    }
    EXPECT_EQ(presenter.counter("gets"), 4U);
}

INSTANTIATE_TEST_SUITE_P(
    Dialects, EveryFrame, ::testing::Values("mainline", "draft-v14"), [](const auto& dialect) {
        return std::string{dialect.param} == "mainline" ? "Mainline" : "DraftV14";
    });

}  // namespace
}  // namespace scanthru::system_test
