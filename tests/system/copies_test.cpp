// SPDX-License-Identifier: MIT
// Pictures that the hardware cannot show as they are: copied, fitted, or left out with a reason.
#include "crc_reader.h"
#include "mdpy_device.h"
#include "prediction.h"
#include "presenter_process.h"
#include "synthetic_guest.h"
#include "vgpu/picture.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <set>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr Size screen{320, 240};
constexpr milliseconds limit{8000};

std::string start_of(Size size, const std::string& more = "") {
    return "start width=" + std::to_string(size.width) + " height=" + std::to_string(size.height) +
           " rate=0 " + more;
}

/// `part` of the guest's picture where it is to be on the screen, the rest black.
Picture on_screen(const Picture& guest, Point source, Size part, Point at) {
    Picture picture = Picture::filled(screen, 0xFF000000);
    for (std::uint32_t y = 0; y < part.height; ++y)
        for (std::uint32_t x = 0; x < part.width; ++x)
            picture.pixels[(static_cast<std::uint32_t>(at.y) + y) * screen.width +
                           static_cast<std::uint32_t>(at.x) + x] =
                guest.pixels[(static_cast<std::uint32_t>(source.y) + y) * guest.size.width +
                             static_cast<std::uint32_t>(source.x) + x];
    return picture;
}

/// A presenter on a vGPU, watched by CRC; nothing of the vGPU may be left at the end.
class Copies : public ::testing::Test {
protected:
    void begin(const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{
            "--guest",    "mdev:" + vgpu.uuid(), "--card",    vkms_card(),
            "--modeline", small_modeline(60),    "--refresh", "never"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        presenter.emplace(arguments);
        presenter->wait_attached();
        crcs.emplace(vkms_card());
    }

    void guest(const std::string& command) const { ASSERT_EQ(vgpu.set("guest", command), 0); }

    void expect(const Picture& picture, const std::string& what) const {
        EXPECT_TRUE(crcs->wait_for(predict_crc(picture, nullptr, {}), limit))
            << what << "\n"
            << presenter->log() << presenter->output().dump(1);
    }

    void TearDown() override {
        crcs.reset();
        if (presenter) {
            EXPECT_EQ(presenter->stop(), 0);
        }
        presenter.reset();
        for (const char* live : {"objects_live", "dmabufs_live", "attachments_live", "maps_live"})
            EXPECT_EQ(vgpu.counter(live), 0) << live;
    }

    vgpu::TestVgpu vgpu;
    std::optional<PresenterProcess> presenter;
    std::optional<CrcReader> crcs;
};

TEST_F(Copies, AreShownPixelExactWhereTheDriverCannotMapTheBuffer) {
    vgpu.set("vmap", "0");
    begin();
    guest(start_of(screen, "buffers=3"));
    for (std::uint32_t number = 0; number < 9; ++number) {
        expect(guest_picture(number % 3, screen), "picture " + std::to_string(number % 3));
        guest("flip");
    }
    const auto primary = presenter->output()["primary"];
    EXPECT_EQ(primary["rung"], "copy");
    EXPECT_EQ(primary["obstacle"]["errno"], EINVAL) << primary.dump();
    EXPECT_EQ(vgpu.counter("get"), 3) << "one GET of a living id";
    EXPECT_EQ(presenter->counter("torn"), 0U);
    EXPECT_THAT(presenter->log(), HasSubstr("is copied"));
}

TEST_F(Copies, AreConvertedWhereTheHardwareLacksTheFormat) {
    begin();
    for (const char* format : {"XB24", "XR30", "RG16", "AR24"}) {
        guest(start_of(screen, std::string{"buffers=1 format="} + format));
        const std::uint32_t expected = predict_crc(guest_picture(0, screen), nullptr, {});
        const bool exact = std::string{format} != "RG16";
        if (exact)
            EXPECT_TRUE(crcs->wait_for(expected, limit)) << format << presenter->output().dump(1);
        else
            EXPECT_TRUE(PresenterProcess::wait(
                [&] { return presenter->output()["primary"]["format"] == format; }, limit));
    }
}

TEST_F(Copies, AreNotMadeOfWhatNoCpuCanReadAndTheReasonIsSaid) {
    begin();
    guest(start_of(screen, "buffers=2"));
    expect(guest_picture(0, screen), "the good picture");
    vgpu.set("vmap", "0");
    vgpu.set("mmap", "0");
    guest("flip");
    EXPECT_TRUE(PresenterProcess::wait(
        [&] { return presenter->log().find("cannot be shown") != std::string::npos; }, limit));
    expect(guest_picture(0, screen), "the last good picture stays");
    EXPECT_THAT(presenter->log(), HasSubstr("mmap of the dma-buf: No such device (ENODEV)"));
}

TEST_F(Copies, OfARegionFollowWhatIsDrawnInPlace) {
    vgpu.set("output", "region");
    begin();
    guest(start_of(screen, "draw=redrawn"));
    for (std::uint32_t number = 0; number < 5; ++number) {
        expect(guest_picture(number, screen), "picture " + std::to_string(number));
        guest("flip");
    }
    EXPECT_EQ(presenter->output()["primary"]["rung"], "copy");
    EXPECT_TRUE(presenter->output()["cursor"].is_null()) << "the primary's data is no cursor";
    EXPECT_EQ(vgpu.counter("get"), 0);
}

TEST_F(Copies, ASmallGuestStandsInTheMiddle) {
    begin({"--fit", "center"});
    constexpr Size small{200, 150};
    guest(start_of(small, "buffers=2"));
    expect(on_screen(guest_picture(0, small), {}, small, {60, 45}), "centred");
    guest("flip");
    expect(on_screen(guest_picture(1, small), {}, small, {60, 45}), "centred, flipped");
    EXPECT_EQ(presenter->output()["primary"]["target"]["x"], 60);
}

TEST_F(Copies, OfALargeGuestTheMiddleIsSeen) {
    begin({"--fit", "crop"});
    constexpr Size large{400, 300};
    guest(start_of(large, "buffers=2"));
    expect(on_screen(guest_picture(0, large), {40, 30}, screen, {}), "cropped");
    guest("flip");
    expect(on_screen(guest_picture(1, large), {40, 30}, screen, {}), "cropped, flipped");
}

TEST_F(Copies, ACursorIsCutAtEveryEdgeOfACentredGuest) {
    begin({"--fit", "center"});
    constexpr Size small{200, 150};
    constexpr std::uint32_t size = 64;
    const Point corner{60, 45};
    guest(start_of(small, "buffers=1"));
    const Picture cursor = guest_cursor(size);
    for (const Point at : {Point{0, 0}, Point{-20, 30}, Point{30, -20}, Point{180, 30},
                           Point{30, 140}, Point{-40, -40}, Point{190, 145}, Point{60, 40}}) {
        SCOPED_TRACE(std::to_string(at.x) + "," + std::to_string(at.y));
        ASSERT_EQ(
            vgpu.set("cursor", std::to_string(at.x) + " " + std::to_string(at.y) + " 64 64 0 0 1"),
            0);
        // The part of the cursor that lies on the guest's screen.
        Picture cut = Picture::filled({size, size}, 0);
        for (std::uint32_t y = 0; y < size; ++y)
            for (std::uint32_t x = 0; x < size; ++x) {
                const std::int64_t guest_x = at.x + std::int64_t{x};
                const std::int64_t guest_y = at.y + std::int64_t{y};
                if (guest_x >= 0 && guest_x < small.width && guest_y >= 0 && guest_y < small.height)
                    cut.pixels[y * size + x] = cursor.pixels[y * size + x];
            }
        const Picture below = on_screen(guest_picture(0, small), {}, small, corner);
        const std::uint32_t expected = predict_crc(below, &cut, {corner.x + at.x, corner.y + at.y});
        EXPECT_TRUE(crcs->wait_for(expected, limit)) << presenter->output().dump(1);
    }
}

TEST_F(Copies, ACursorTooSmallForTheDriverIsShown) {
    begin();
    guest(start_of(screen, "buffers=1"));
    ASSERT_EQ(vgpu.set("cursor", "100 80 16 16 0 0 1"), 0);
    const Picture cursor = guest_cursor(16);
    const std::uint32_t expected = predict_crc(guest_picture(0, screen), &cursor, {100, 80});
    EXPECT_TRUE(crcs->wait_for(expected, limit)) << presenter->log();
}

TEST_F(Copies, OfAGuestThatRedrawsWhatItLeavesAreWholeOrCountedAsTorn) {
    vgpu.set("vmap", "0");
    begin();
    guest("start width=320 height=240 buffers=3 rate=20000 draw=redrawn");
    // At 20 a second; a tenth would still take a minute.
    const unsigned flips = count_of(10) == 10 ? 10000 : 200;
    std::set<std::uint32_t> known;
    const auto reached = [&] {
        return static_cast<unsigned>(std::stoul(vgpu.guest("flips"))) >= flips;
    };
    EXPECT_TRUE(PresenterProcess::wait(reached, std::chrono::minutes{30}));
    guest("stop");
    const auto shown = static_cast<std::uint32_t>(std::stoul(vgpu.guest("number")));
    for (std::uint32_t number = 0; number <= shown; ++number)
        known.insert(predict_crc(guest_picture(number, screen), nullptr, {}));
    known.insert(predict_crc(Picture::filled(screen, 0xFF000000), nullptr, {}));
    std::size_t torn = 0;
    for (const auto& [frame, crc] : crcs->stop())
        torn += known.contains(crc) ? 0 : 1;
    figure("flips of the guest", flips, "flips");
    figure("pictures copied", static_cast<double>(presenter->counter("copies")), "copies");
    figure("frames that were not whole", static_cast<double>(torn), "frames");
    figure("counted as torn", static_cast<double>(presenter->counter("torn")), "copies");
    // One torn copy may stay for several frames.
    if (presenter->counter("torn") == 0) {
        EXPECT_EQ(torn, 0U);
    }
    crcs.reset();
}

TEST_F(Copies, SurviveTheirDevicesEndInTheMiddle) {
    vgpu.set("vmap", "0");
    begin();
    guest("start width=320 height=240 buffers=3 rate=60000");
    ASSERT_TRUE(PresenterProcess::wait([&] { return presenter->counter("copies") > 10; }, limit));
    ASSERT_EQ(vgpu.set("surprise_remove", "1"), 0);
    EXPECT_TRUE(PresenterProcess::wait(
        [&] { return presenter->log().find("let go") != std::string::npos; }, limit));
    EXPECT_TRUE(presenter->alive()) << presenter->log();
    expect(Picture::filled(screen, 0xFF000000), "black");
}

/// The kernel's sample device without dma-bufs, as it is.
TEST(Mdpy, IsShownPixelExact) {
    const MdpyDevice mdpy;
    PresenterProcess presenter{{"--guest", "mdev:" + mdpy.uuid(), "--card", vkms_card(),
                                "--modeline", "25.175 640 656 752 800 480 490 492 525", "--refresh",
                                "never"}};
    presenter.wait_attached();
    const CrcReader crcs{vkms_card()};
    EXPECT_TRUE(crcs.wait_for(predict_crc(MdpyDevice::picture(), nullptr, {}), milliseconds{20000}))
        << presenter.log() << presenter.output().dump(1);
    EXPECT_EQ(presenter.output()["primary"]["rung"], "copy");
    EXPECT_TRUE(presenter.output()["cursor"].is_null());
    EXPECT_EQ(presenter.stop(), 0);
}

}  // namespace
}  // namespace scanthru::system_test
