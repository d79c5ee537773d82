// SPDX-License-Identifier: MIT
// The fake card's own promises: what it reports as a test failure, and its clock.
#include "fake/fake_drm.h"
#include "kms/host_picture.h"
#include "kms/takeover.h"

#include <fcntl.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace scanthru::testing {
namespace {

using namespace std::chrono_literals;

/// A picture lit on a card, taken apart by each test in its own wrong way.
struct Lit {
    explicit Lit(const FakeDrmOptions& options = {})
        : fake(options),
          card(fake.card()),
          topology(*kms::Topology::read(*card)),
          pipeline(*kms::choose(topology, {})),
          picture(*kms::HostPicture::create(*card, kms::size_of(pipeline.mode))) {
        EXPECT_TRUE(kms::light_up(*card, topology, pipeline, picture.framebuffer()));
    }

    FakeDrm fake;
    std::unique_ptr<kms::Card> card;
    kms::Topology topology;
    kms::Pipeline pipeline;
    kms::HostPicture picture;
};

TEST(FakeDrm, ReportsAFramebufferRemovedWhileShownAndTurnsItsPlaneOff) {
    Lit lit;
    const auto shown = lit.fake.shown(FakeDrm::primary());
    ASSERT_TRUE(shown);
    EXPECT_NONFATAL_FAILURE(drmModeRmFB(lit.card->fd(), raw(shown->framebuffer)), "on screen");
    EXPECT_FALSE(lit.fake.shown(FakeDrm::primary()));
    EXPECT_TRUE(lit.fake.mode());
}

TEST(FakeDrm, FlipsAtOnceOnlyToAnotherFramebufferOfAPrimaryPlane) {
    for (const bool can : {false, true}) {
        Lit lit{{.async_flips = can}};
        lit.fake.allow_removal_on_screen();
        EXPECT_EQ(lit.card->capabilities().async_flips, can);
        const auto other = kms::HostPicture::create(*lit.card, kms::size_of(lit.pipeline.mode));
        ASSERT_TRUE(other);
        const kms::Plane& primary = lit.pipeline.primary;
        const auto shown = *lit.fake.shown(primary.id);
        kms::AtomicRequest request;
        request.show(primary, lit.pipeline.crtc.id,
                     {.framebuffer = other->framebuffer().id(),
                      .source = shown.source,
                      .target = shown.target});
        const auto before = lit.fake.vblank();
        const auto flipped = request.commit_async(lit.card->fd());
        EXPECT_EQ(flipped.has_value(), can);
        EXPECT_EQ(lit.fake.vblank().sequence, before.sequence) << "no vblank was waited for";
        request.set(primary.id, primary.properties.crtc_x, 1);
        EXPECT_FALSE(request.commit_async(lit.card->fd())) << "another place";
        request.clear();
        request.set(lit.pipeline.cursor->id, lit.pipeline.cursor->properties.fb_id, 0);
        EXPECT_FALSE(request.commit_async(lit.card->fd())) << "another plane";
        request.clear();
        request.show(primary, lit.pipeline.crtc.id, shown);
        EXPECT_TRUE(request.commit(lit.card->fd()));
    }
}

TEST(FakeDrm, ReportsAHandleClosedTwice) {
    FakeDrm fake;
    const UniqueFd drm = fake.open();
    const UniqueFd memory = make_dmabuf(4096);
    std::uint32_t handle = 0;
    ASSERT_EQ(drmPrimeFDToHandle(drm.get(), memory.get(), &handle), 0);
    ASSERT_EQ(drmCloseBufferHandle(drm.get(), handle), 0);
    EXPECT_NONFATAL_FAILURE(drmCloseBufferHandle(drm.get(), handle), "closed twice");
}

TEST(FakeDrm, GivesTheSameHandleForTheSameBufferAndDoesNotCount) {
    FakeDrm fake;
    const UniqueFd drm = fake.open();
    const UniqueFd memory = make_dmabuf(4096);
    const UniqueFd copy{::fcntl(memory.get(), F_DUPFD_CLOEXEC, 0)};
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    ASSERT_EQ(drmPrimeFDToHandle(drm.get(), memory.get(), &first), 0);
    ASSERT_EQ(drmPrimeFDToHandle(drm.get(), copy.get(), &second), 0);
    EXPECT_EQ(first, second);
    ASSERT_EQ(drmCloseBufferHandle(drm.get(), first), 0);
    EXPECT_EQ(fake.gem_handles(), 0U);
}

TEST(FakeDrm, ReportsWhatIsLeftBehind) {
    const auto forget_a_handle = [] {
        FakeDrm fake;
        const UniqueFd drm = fake.open();
        std::uint32_t handle = 0;
        ASSERT_EQ(drmPrimeFDToHandle(drm.get(), make_dmabuf(4096).get(), &handle), 0);
    };
    const auto forget_a_blob = [] {
        FakeDrm fake;
        const UniqueFd drm = fake.open();
        std::uint32_t blob = 0;
        ASSERT_EQ(drmModeCreatePropertyBlob(drm.get(), "x", 1, &blob), 0);
    };
    EXPECT_NONFATAL_FAILURE(forget_a_handle(), "GEM handles left behind");
    EXPECT_NONFATAL_FAILURE(forget_a_blob(), "blobs left behind");
}

TEST(FakeDrm, ReportsAnIoctlThatItDoesNotKnow) {
    FakeDrm fake;
    const UniqueFd drm = fake.open();
    EXPECT_NONFATAL_FAILURE(drmIoctl(drm.get(), 0x1234, nullptr), "unexpected ioctl");
}

TEST(FakeDrm, RefusesADmabufOnlyWhenItIsReallyToBeShown) {
    Lit lit;
    lit.fake.allow_removal_on_screen();
    const UniqueFd memory = make_dmabuf(std::size_t{1024} * 768 * 4);
    const auto guest = kms::Framebuffer::import(
        *lit.card,
        {.fd = memory.get(), .format = DRM_FORMAT_XRGB8888, .size = {1024, 768}, .stride = 4096});
    ASSERT_TRUE(guest);
    lit.fake.refuse_to_show(memory.get(), ENOMEM);
    const Rect all{.x = 0, .y = 0, .size = {1024, 768}};
    kms::AtomicRequest request;
    request.show(lit.pipeline.primary, FakeDrm::crtc(), {guest->id(), all, all});
    EXPECT_TRUE(request.test(lit.card->fd()));
    EXPECT_EQ(request.commit(lit.card->fd()).error().code, ENOMEM);
    lit.fake.show_everything_again();
    EXPECT_TRUE(request.commit(lit.card->fd()));
}

TEST(FakeDrm, LetsACommitInRealTimeLastUntilTheNextVblank) {
    Lit lit{{.real_time = true}};
    lit.fake.allow_removal_on_screen();
    kms::AtomicRequest request;
    const Rect all{.x = 0, .y = 0, .size = {1024, 768}};
    request.show(lit.pipeline.primary, FakeDrm::crtc(), {lit.picture.framebuffer().id(), all, all});
    const auto before = kms::read_vblank(lit.card->fd(), FakeDrm::crtc());
    ASSERT_TRUE(before);
    ASSERT_TRUE(request.commit(lit.card->fd()));
    const auto after = kms::read_vblank(lit.card->fd(), FakeDrm::crtc());
    ASSERT_TRUE(after);
    EXPECT_GT(after->sequence, before->sequence);
    EXPECT_LE(after->when, std::chrono::steady_clock::now());
    EXPECT_GT(after->when, before->when);
}

TEST(FakeDrm, CountsNoVblanksWithoutVblank) {
    Lit lit{{.vblank = false}};
    lit.fake.allow_removal_on_screen();
    EXPECT_EQ(lit.fake.vblank().sequence, FakeDrm{}.vblank().sequence);
    EXPECT_FALSE(kms::read_vblank(lit.card->fd(), FakeDrm::crtc()));
}

}  // namespace
}  // namespace scanthru::testing
