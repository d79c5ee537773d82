// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/atomic_request.h"
#include "kms/host_picture.h"
#include "kms/modeset.h"
#include "kms/property_blob.h"

#include <gtest/gtest.h>

namespace scanthru::kms {
namespace {

using testing::FakeDrm;
using testing::FakeDrmOptions;

constexpr Size xga{1024, 768};

/// A lit output, and two pictures to show on it.
class AtomicRequestTest : public ::testing::Test {
protected:
    explicit AtomicRequestTest(const FakeDrmOptions& options = {}) : fake(options) {
        fake.light_by_others();
    }

    void TearDown() override {
        AtomicRequest off;
        fill_switch_off(off, pipeline);
        fake.set_master(true);
        EXPECT_TRUE(off.commit_modeset(card->fd()));
    }

    PlaneState whole(const HostPicture& picture) const {
        const Size size = picture.framebuffer().size();
        return {.framebuffer = picture.framebuffer().id(),
                .source = {.x = 0, .y = 0, .size = size},
                .target = {.x = 0, .y = 0, .size = size}};
    }

    Error refusal(const PlaneState& state) {
        request.clear();
        request.show(pipeline.primary, pipeline.crtc.id, state);
        const auto done = request.commit(card->fd());
        return done ? Error{} : done.error();
    }

    FakeDrm fake;
    std::unique_ptr<Card> card = fake.card();
    Pipeline pipeline = *choose(*Topology::read(*card), {});
    HostPicture first = *HostPicture::create(*card, xga);
    HostPicture second = *HostPicture::create(*card, xga);
    AtomicRequest request;
};

TEST_F(AtomicRequestTest, ShowsAPictureOnAPlane) {
    request.show(pipeline.primary, pipeline.crtc.id, whole(first));
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_EQ(fake.shown(FakeDrm::primary()), whole(first));
    EXPECT_EQ(fake.value(FakeDrm::primary(), "SRC_W"), std::uint64_t{1024} << 16U);
}

TEST_F(AtomicRequestTest, ShowsAPartOfAPictureAnywhereEvenOffScreen) {
    const auto cursor = HostPicture::create(*card, {64, 64});
    const PlaneState state{.framebuffer = second.framebuffer().id(),
                           .source = {.x = 3, .y = 5, .size = {64, 48}},
                           .target = {.x = -7, .y = -48, .size = {64, 48}}};
    Plane overlay = pipeline.primary;
    overlay.id = FakeDrm::overlay();
    request.show(overlay, pipeline.crtc.id, state);
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_EQ(fake.shown(FakeDrm::overlay()), state);
    EXPECT_EQ(static_cast<std::int64_t>(fake.value(FakeDrm::overlay(), "CRTC_X")), -7);
    request.clear();
    request.hide(overlay);
    ASSERT_TRUE(request.commit(card->fd()));
}

TEST_F(AtomicRequestTest, HidesAPlane) {
    request.show(pipeline.primary, pipeline.crtc.id, whole(first));
    ASSERT_TRUE(request.commit(card->fd()));
    request.clear();
    request.hide(pipeline.primary);
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_FALSE(fake.shown(FakeDrm::primary()));
    EXPECT_EQ(fake.value(FakeDrm::primary(), "CRTC_ID"), 0U);
}

TEST_F(AtomicRequestTest, MayNameObjectsInTurns) {
    const auto& plane = pipeline.primary;
    const auto& crtc = pipeline.crtc;
    request.set(plane.id, plane.properties.fb_id, raw(first.framebuffer().id()));
    request.set(crtc.id, crtc.properties.active, 1);
    request.set(plane.id, plane.properties.crtc_x, 0);
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_EQ(fake.last_commit().set(plane.id, "FB_ID"), raw(first.framebuffer().id()));
    EXPECT_EQ(fake.last_commit().set(plane.id, "CRTC_X"), 0U);
    EXPECT_EQ(fake.last_commit().set(crtc.id, "ACTIVE"), 1U);
}

TEST_F(AtomicRequestTest, TakesTheLastOfTwoValues) {
    request.show(pipeline.primary, pipeline.crtc.id, whole(first));
    request.show(pipeline.primary, pipeline.crtc.id, whole(second));
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_EQ(fake.shown(FakeDrm::primary()), whole(second));
}

TEST_F(AtomicRequestTest, IsEmptyUntilItIsFilledAndAfterItIsCleared) {
    EXPECT_TRUE(request.empty());
    request.hide(pipeline.primary);
    EXPECT_FALSE(request.empty());
    request.clear();
    EXPECT_TRUE(request.empty());
}

TEST_F(AtomicRequestTest, ForgetsWhatItHeldWhenItIsCleared) {
    request.hide(pipeline.primary);
    request.clear();
    request.set(FakeDrm::crtc(), pipeline.crtc.properties.active, 1);
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_EQ(fake.last_commit().changes.size(), 1U);
}

TEST_F(AtomicRequestTest, CanBeSentTwice) {
    request.show(pipeline.primary, pipeline.crtc.id, whole(first));
    ASSERT_TRUE(request.commit(card->fd()));
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_EQ(fake.commits().size(), 2U);
}

TEST_F(AtomicRequestTest, TakesOneFrameToShow) {
    const Vblank before = fake.vblank();
    request.show(pipeline.primary, pipeline.crtc.id, whole(first));
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_EQ(fake.vblank().sequence, before.sequence + 1);
    EXPECT_EQ(fake.vblank().when, before.when + frame_period(pipeline.mode));
}

TEST_F(AtomicRequestTest, BlocksAndAsksForNoEvent) {
    request.show(pipeline.primary, pipeline.crtc.id, whole(first));
    ASSERT_TRUE(request.commit(card->fd()));
    EXPECT_EQ(fake.last_commit().flags, 0U);
}

TEST_F(AtomicRequestTest, ChangesNothingWhenItOnlyAsks) {
    const auto before = fake.shown(FakeDrm::primary());
    request.show(pipeline.primary, pipeline.crtc.id, whole(first));
    EXPECT_TRUE(request.test(card->fd()));
    EXPECT_EQ(fake.shown(FakeDrm::primary()), before);
    EXPECT_TRUE(fake.commits().empty());
}

TEST_F(AtomicRequestTest, MayPassTheTestAndStillBeRefused) {
    fake.refuse_to_show(first.framebuffer().id(), EINVAL);
    request.show(pipeline.primary, pipeline.crtc.id, whole(first));
    EXPECT_TRUE(request.test(card->fd()));
    EXPECT_FALSE(request.commit(card->fd()));
}

TEST_F(AtomicRequestTest, ChangesTheModeOnlyWhenToldTo) {
    request.set(FakeDrm::crtc(), pipeline.crtc.properties.active, 0);
    EXPECT_EQ(request.test(card->fd()).error().code, EINVAL);
    EXPECT_EQ(request.commit(card->fd()).error().code, EINVAL);
    EXPECT_TRUE(request.test_modeset(card->fd()));
    ASSERT_TRUE(fake.mode());
    ASSERT_TRUE(request.commit_modeset(card->fd()));
    EXPECT_FALSE(fake.mode());
}

TEST_F(AtomicRequestTest, NamesTheCallThatWasRefused) {
    fake.set_master(false);
    EXPECT_EQ(refusal(whole(first)), (Error{EACCES, "DRM_IOCTL_MODE_ATOMIC"}));
}

TEST_F(AtomicRequestTest, IsSentAgainAfterASignal) {
    fake.fail_next(DRM_IOCTL_MODE_ATOMIC, EINTR, 2);
    EXPECT_EQ(refusal(whole(first)), Error{});
    EXPECT_EQ(fake.calls(DRM_IOCTL_MODE_ATOMIC), 3);
}

TEST_F(AtomicRequestTest, PassesOnEveryKindOfRefusal) {
    for (const int error : {EBUSY, ENODEV, ENOMEM, EIO, ERANGE}) {
        fake.fail_next(DRM_IOCTL_MODE_ATOMIC, error);
        EXPECT_EQ(refusal(whole(first)).code, error);
    }
}

// What the kernel refuses, and the fake with it.

TEST_F(AtomicRequestTest, IsRefusedForASourceBeyondTheFramebuffer) {
    PlaneState state = whole(first);
    state.source.x = 1;
    EXPECT_EQ(refusal(state).code, ENOSPC);
}

TEST_F(AtomicRequestTest, IsRefusedForATargetThatWraps) {
    PlaneState state = whole(first);
    state.target.x = 0x7FFF'FFFF;
    EXPECT_EQ(refusal(state).code, ERANGE);
}

TEST_F(AtomicRequestTest, IsRefusedForScalingOnADriverThatCannot) {
    PlaneState state = whole(first);
    state.source.size.width /= 2;
    EXPECT_EQ(refusal(state).code, ERANGE);
}

TEST_F(AtomicRequestTest, IsRefusedForAPrimaryPlaneThatLeavesABorder) {
    PlaneState state = whole(first);
    state.target.x = 1;
    EXPECT_EQ(refusal(state).code, EINVAL);
}

TEST_F(AtomicRequestTest, IsRefusedForAFramebufferWithoutACrtc) {
    request.set(FakeDrm::primary(), pipeline.primary.properties.crtc_id, 0);
    EXPECT_EQ(request.commit(card->fd()).error().code, EINVAL);
}

TEST_F(AtomicRequestTest, IsRefusedForAFramebufferThatIsNotThere) {
    PlaneState state = whole(first);
    state.framebuffer = FramebufferId{9999};
    EXPECT_EQ(refusal(state).code, EINVAL);
}

TEST_F(AtomicRequestTest, IsRefusedForAFormatThatThePlaneLacks) {
    request.show(*pipeline.cursor, pipeline.crtc.id, whole(first));
    EXPECT_EQ(request.commit(card->fd()).error().code, EINVAL);
}

TEST_F(AtomicRequestTest, IsRefusedForAnObjectOrPropertyThatIsNotThere) {
    request.set(ObjectId{9999}, pipeline.crtc.properties.active, 1);
    EXPECT_EQ(request.commit(card->fd()).error().code, ENOENT);
    request.clear();
    request.set(FakeDrm::primary(), pipeline.crtc.properties.active, 1);
    EXPECT_EQ(request.commit(card->fd()).error().code, ENOENT);
}

TEST_F(AtomicRequestTest, IsRefusedForAnImmutableProperty) {
    request.set(FakeDrm::primary(), *pipeline.primary.properties.in_formats, 0);
    EXPECT_EQ(request.commit(card->fd()).error().code, EINVAL);
}

TEST_F(AtomicRequestTest, IsRefusedForACrtcThatRunsWithoutAMode) {
    request.set(FakeDrm::crtc(), pipeline.crtc.properties.mode_id, 0);
    EXPECT_EQ(request.commit_modeset(card->fd()).error().code, EINVAL);
}

TEST_F(AtomicRequestTest, ChangesNothingWhenItIsRefused) {
    const auto before = fake.shown(FakeDrm::primary());
    PlaneState state = whole(first);
    state.source.size.width += 1;
    EXPECT_NE(refusal(state), Error{});
    EXPECT_EQ(fake.shown(FakeDrm::primary()), before);
}

TEST(AtomicRequestDeathTest, AnEmptyRequestIsABug) {
    const AtomicRequest empty;
    EXPECT_DEBUG_DEATH(static_cast<void>(empty.commit(-1)), "");
}

TEST(Modeset, LightsAPipelineInTheModeOfTheBlob) {
    FakeDrm fake;
    const auto card = fake.card();
    const Pipeline pipeline = *choose(*Topology::read(*card), {.mode = {.size = Size{800, 600}}});
    const auto mode = PropertyBlob::create(card->fd(), pipeline.mode);
    fake.leave(FakeDrm::connector(), "link-status", DRM_MODE_LINK_STATUS_BAD);
    AtomicRequest request;
    fill_modeset(request, pipeline, mode->id());
    ASSERT_TRUE(request.commit_modeset(card->fd()));
    ASSERT_TRUE(fake.mode());
    EXPECT_EQ(size_of(*fake.mode()), (Size{800, 600}));
    EXPECT_EQ(fake.value(FakeDrm::connector(), "CRTC_ID"), raw(FakeDrm::crtc()));
    EXPECT_EQ(fake.value(FakeDrm::connector(), "link-status"), DRM_MODE_LINK_STATUS_GOOD);
}

TEST(Modeset, LeavesTheLinkStatusToDriversThatLackIt) {
    FakeDrm fake{{.missing = {"link-status"}}};
    const auto card = fake.card();
    const Pipeline pipeline = *choose(*Topology::read(*card), {});
    const auto mode = PropertyBlob::create(card->fd(), pipeline.mode);
    AtomicRequest request;
    fill_modeset(request, pipeline, mode->id());
    EXPECT_TRUE(request.commit_modeset(card->fd()));
}

TEST(Modeset, SwitchesAPipelineOff) {
    FakeDrm fake;
    fake.light_by_others();
    const auto card = fake.card();
    const Pipeline pipeline = *choose(*Topology::read(*card), {});
    AtomicRequest request;
    fill_switch_off(request, pipeline);
    ASSERT_TRUE(request.commit_modeset(card->fd()));
    EXPECT_FALSE(fake.mode());
    EXPECT_FALSE(fake.shown(FakeDrm::primary()));
    EXPECT_EQ(fake.value(FakeDrm::connector(), "CRTC_ID"), 0U);
    EXPECT_EQ(fake.value(FakeDrm::crtc(), "MODE_ID"), 0U);
}

}  // namespace
}  // namespace scanthru::kms
