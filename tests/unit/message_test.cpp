// SPDX-License-Identifier: MIT
#include "presenter/message.h"
#include "presenter_fixture.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <set>
#include <vector>

namespace scanthru {
namespace {

using testing::GuestPicture;
using ::testing::HasSubstr;

/// The colours of a drawing, and where they are not the background.
struct Drawing {
    explicit Drawing(Size of, const Message& message) : size(of), words(of.width * of.height) {
        drawn = draw_message(std::as_writable_bytes(std::span{words}), std::size_t{size.width} * 4,
                             size, message);
    }

    bool differs(std::uint32_t x, std::uint32_t y) const {
        return words[y * size.width + x] != words[0];
    }

    /// Rows that have something on them.
    std::set<std::uint32_t> rows() const {
        std::set<std::uint32_t> found;
        for (std::uint32_t y = 0; y < size.height; ++y)
            for (std::uint32_t x = 0; x < size.width; ++x)
                if (differs(x, y)) found.insert(y);
        return found;
    }

    Size size;
    std::vector<std::uint32_t> words;
    Result<void, std::string> drawn;
};

TEST(Message, StandsInTheMiddle) {
    const Drawing drawing{{640, 480}, {.title = "guest", .detail = "Waiting", .image = ""}};
    EXPECT_TRUE(drawing.drawn);
    const auto rows = drawing.rows();
    ASSERT_FALSE(rows.empty());
    EXPECT_GT(*rows.begin(), 150U);
    EXPECT_LT(*rows.rbegin(), 330U);
}

TEST(Message, IsDrawnOnScreensOfEverySize) {
    const std::string endless(2000, 'x');
    for (const Size size : {Size{1, 1}, Size{16, 16}, Size{320, 240}, Size{240, 3000}})
        EXPECT_TRUE(
            (Drawing{size, {.title = endless, .detail = endless + "\xFF\xFE", .image = ""}}.drawn));
}

TEST(Message, AnImageThatCannotBeReadIsSaidAndTheTextIsDrawn) {
    const Drawing drawing{{640, 480},
                          {.title = "guest", .detail = "Waiting", .image = "/nowhere.png"}};
    ASSERT_FALSE(drawing.drawn);
    EXPECT_THAT(drawing.drawn.error(), HasSubstr("/nowhere.png"));
    EXPECT_FALSE(drawing.rows().empty());
}

class MessageTest : public PresenterFixture {
protected:
    SharedPicture message(Size size = screen) const {
        return *make_message(*card, size, {.title = "guest", .detail = "Waiting", .image = ""});
    }

    bool says() const {
        const Scene scene = presenter->scene();
        return scene.primary && scene.primary->rung == Rung::message &&
               primary()->framebuffer == scene.primary->framebuffer().id();
    }
};

TEST_F(MessageTest, IsOnScreenBeforeThereIsAGuest) {
    presenter->show_instead(message(), now);
    EXPECT_TRUE(says());
    EXPECT_TRUE(presenter->view().message);
    EXPECT_FALSE(presenter->view().primary);
}

TEST_F(MessageTest, GivesWayToTheGuestsPictureAndComesBackAfterIt) {
    presenter->show_instead(message(), now);
    attach();
    EXPECT_TRUE(says()) << "the guest shows nothing yet";
    frame();
    EXPECT_TRUE(says());
    vgpu->show(GuestPicture{.address = 1, .size = screen});
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(shows_primary());
    vgpu->hide(vfio::PlaneType::primary);
    EXPECT_EQ(frame(), Frame::shown);
    EXPECT_TRUE(says());
    vgpu->show(GuestPicture{.address = 1, .size = screen});
    frame();
    presenter->attach(nullptr, now);
    EXPECT_TRUE(says());
}

TEST_F(MessageTest, ANewOneWaitsBehindAPicture) {
    attach();
    vgpu->show(GuestPicture{.address = 1, .size = screen});
    frame();
    presenter->show_instead(message(), now);
    EXPECT_TRUE(shows_primary());
    presenter->attach(nullptr, now);
    EXPECT_TRUE(says());
}

TEST_F(MessageTest, OneForAScreenOfAnotherSizeIsNotShown) {
    presenter->show_instead(message({800, 600}), now);
    EXPECT_EQ(primary()->framebuffer, black_id);
    presenter->show_instead(nullptr, now);
    EXPECT_EQ(primary()->framebuffer, black_id);
}

TEST_F(MessageTest, WaitsForAFaultToPass) {
    display->fail_next(DRM_IOCTL_MODE_ATOMIC, EBUSY);
    presenter->show_instead(message(), now);
    EXPECT_FALSE(says());
    presenter->idle(now);
    EXPECT_TRUE(says());
}

TEST_F(MessageTest, OneThatIsRefusedGivesWayToBlackOnce) {
    auto refused = message();
    display->refuse_to_show(refused->framebuffer().id());
    attach();
    presenter->show_instead(std::move(refused), now);
    const int before = commits();
    frame();
    frame();
    EXPECT_EQ(commits(), before);
    EXPECT_EQ(primary()->framebuffer, black_id);
}

TEST_F(MessageTest, ReplacesAnOlderOneAtOnce) {
    presenter->show_instead(message(), now);
    const auto before = primary()->framebuffer;
    presenter->show_instead(message(), now);
    EXPECT_NE(primary()->framebuffer, before);
    EXPECT_TRUE(says());
}

}  // namespace
}  // namespace scanthru
