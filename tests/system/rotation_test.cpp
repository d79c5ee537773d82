// SPDX-License-Identifier: MIT
// Monitors that hang upside down or on their side. vkms turns since Linux 6.4; before, that is
// said.
#include "crc_reader.h"
#include "kms/rotation.h"
#include "prediction.h"
#include "presenter_process.h"
#include "synthetic_guest.h"
#include "vgpu/picture.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds limit{8000};
const std::string config = "/tmp/rotation.toml";

/// Counter-clockwise, by quarters of a turn.
Picture turned(Picture picture, unsigned quarters) {
    for (; quarters > 0; --quarters) {
        Picture next = Picture::filled({picture.size.height, picture.size.width}, 0);
        for (std::uint32_t y = 0; y < picture.size.height; ++y)
            for (std::uint32_t x = 0; x < picture.size.width; ++x)
                next.pixels[(picture.size.width - 1 - x) * next.size.width + y] =
                    picture.pixels[y * picture.size.width + x];
        picture = std::move(next);
    }
    return picture;
}

bool kernel_turns() {
    const std::string version = std::getenv("SCANTHRU_KERNEL");
    return !version.starts_with("6.1.");
}

class Rotation : public ::testing::TestWithParam<unsigned> {};

TEST_P(Rotation, TurnsPictureAndCursorOrSaysThatItCannot) {
    const vgpu::TestVgpu vgpu;
    const unsigned quarters = GetParam();
    std::ofstream{config} << fmt::format(
        "[[guest]]\nsource = \"mdev:{}\"\n[[output]]\ncard = \"{}\"\nrotate = {}\nmodeline = "
        "\"{}\"\nrefresh = \"never\"\nidle = \"black\"\n",
        vgpu.uuid(), vkms_card(), quarters * 90, small_modeline(60));
    std::optional<PresenterProcess> presenter;
    try {
        presenter.emplace(std::vector<std::string>{"--config", config});
    } catch (const std::runtime_error& failure) {
        EXPECT_FALSE(kernel_turns()) << failure.what();
        EXPECT_THAT(failure.what(), ::testing::HasSubstr("does not turn pictures by that angle"));
        return;
    }
    ASSERT_TRUE(kernel_turns());
    presenter->wait_attached();
    const CrcReader crcs{vkms_card()};
    const Size upright = quarters % 2 == 0 ? Size{320, 240} : Size{240, 320};
    ASSERT_EQ(vgpu.set("guest", fmt::format("start width={} height={} buffers=2 rate=0 cursor=1",
                                            upright.width, upright.height)),
              0);
    for (const std::uint32_t number : {0U, 1U}) {
        const Point at{vgpu_cursor_x(number, upright.width, 64),
                       vgpu_cursor_y(number, upright.height, 64)};
        const Picture picture = turned(guest_picture(number, upright), quarters);
        const Picture cursor = turned(guest_cursor(64), quarters);
        const Rect target = kms::rotated({.x = at.x, .y = at.y, .size = {64, 64}}, upright,
                                         static_cast<kms::Rotation>(quarters));
        EXPECT_TRUE(crcs.wait_for(predict_crc(picture, &cursor, {target.x, target.y}), limit))
            << number << presenter->log() << presenter->output().dump(1);
        ASSERT_EQ(vgpu.set("guest", "flip"), 0);
    }
    EXPECT_EQ(presenter->output()["primary"]["rung"], "direct");
    EXPECT_EQ(presenter->output()["width"], 320);
    EXPECT_EQ(presenter->stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Quarters, Rotation, ::testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace scanthru::system_test
