// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/host_picture.h"
#include "kms/takeover.h"

#include <array>
#include <gtest/gtest.h>

namespace scanthru::kms {
namespace {

using testing::FakeDrm;
using testing::FakeDrmOptions;

constexpr Size xga{1024, 768};
constexpr std::array lut{std::byte{9}, std::byte{8}, std::byte{7}};

/// A card on which the console shows its framebuffer.
class TakeoverTest : public ::testing::Test {
protected:
    explicit TakeoverTest(const FakeDrmOptions& options = {})
        : fake(options), console(fake.light_by_others()) {}

    SavedState capture() const {
        auto saved = SavedState::capture(*card, topology, pipeline);
        EXPECT_TRUE(saved);
        return std::move(*saved);
    }

    void take_over() const {
        ASSERT_TRUE(light_up(*card, topology, pipeline, black.framebuffer()));
    }

    void read_again() {
        topology = *Topology::read(*card);
        pipeline = *choose(topology, {});
    }

    /// What the console shows.
    PlaneState console_picture() const {
        return {.framebuffer = console,
                .source = {.x = 0, .y = 0, .size = xga},
                .target = {.x = 0, .y = 0, .size = xga}};
    }

    std::uint64_t of_crtc(std::string_view property) const {
        return fake.value(FakeDrm::crtc(), property);
    }

    std::uint64_t of_primary(std::string_view property) const {
        return fake.value(FakeDrm::primary(), property);
    }

    FakeDrm fake;
    FramebufferId console;
    std::unique_ptr<Card> card = fake.card();
    Topology topology = *Topology::read(*card);
    Pipeline pipeline = *choose(topology, {});
    HostPicture black = *HostPicture::create(*card, xga);
};

class LightUp : public TakeoverTest {
protected:
    using TakeoverTest::TakeoverTest;

    // Nobody hides the pictures again: what RMFB does to them is not the question here.
    void SetUp() override { fake.allow_removal_on_screen(); }
};

TEST_F(LightUp, ShowsThePictureInTheModeOfThePipeline) {
    pipeline = *choose(topology, {.mode = {.size = Size{1920, 1080}}});
    const auto picture = HostPicture::create(*card, {1920, 1080});
    ASSERT_TRUE(light_up(*card, topology, pipeline, picture->framebuffer()));
    EXPECT_EQ(size_of(*fake.mode()), (Size{1920, 1080}));
    const Rect all{.x = 0, .y = 0, .size = {1920, 1080}};
    EXPECT_EQ(fake.shown(FakeDrm::primary()), (PlaneState{picture->framebuffer().id(), all, all}));
}

TEST_F(LightUp, IsOneModesetCommit) {
    take_over();
    ASSERT_EQ(fake.commits().size(), 1U);
    EXPECT_EQ(fake.last_commit().flags, std::uint32_t{DRM_MODE_ATOMIC_ALLOW_MODESET});
}

TEST_F(LightUp, LeavesNoBlobBehind) {
    take_over();
    EXPECT_EQ(fake.blobs(), 0U);
}

TEST_F(LightUp, CropsAPictureThatIsLargerThanTheMode) {
    const auto large = HostPicture::create(*card, {2000, 2000});
    ASSERT_TRUE(light_up(*card, topology, pipeline, large->framebuffer()));
    EXPECT_EQ(fake.shown(FakeDrm::primary())->source, (Rect{.x = 0, .y = 0, .size = xga}));
}

TEST_F(LightUp, SwitchesOffEveryOtherPlaneOfTheCrtc) {
    for (const ObjectId plane : {FakeDrm::overlay(), FakeDrm::cursor()}) {
        const bool cursor = plane == FakeDrm::cursor();
        const auto shown =
            fake.leave_framebuffer({64, 64}, cursor ? DRM_FORMAT_ARGB8888 : DRM_FORMAT_XRGB8888);
        fake.leave(plane, "FB_ID", raw(shown));
        fake.leave(plane, "CRTC_ID", raw(FakeDrm::crtc()));
    }
    take_over();
    EXPECT_FALSE(fake.shown(FakeDrm::overlay()));
    EXPECT_FALSE(fake.shown(FakeDrm::cursor()));
}

TEST_F(LightUp, PutsPlanesAtTheirDefaults) {
    for (const ObjectId plane : {FakeDrm::primary(), FakeDrm::cursor()}) {
        fake.leave(plane, "rotation", 4);
        fake.leave(plane, "alpha", 0x8000);
        fake.leave(plane, "pixel blend mode", 2);
        fake.leave(plane, "zpos", 3);
    }
    take_over();
    for (const ObjectId plane : {FakeDrm::primary(), FakeDrm::cursor()}) {
        EXPECT_EQ(fake.value(plane, "rotation"), 1U);
        EXPECT_EQ(fake.value(plane, "alpha"), 0xFFFFU);
        EXPECT_EQ(fake.value(plane, "pixel blend mode"), 0U);
    }
    EXPECT_EQ(of_primary("zpos"), 0U);
    EXPECT_EQ(fake.value(FakeDrm::cursor(), "zpos"), 7U);
}

TEST_F(LightUp, TakesColourCorrectionAwayFromTheCrtc) {
    for (const char* const property : {"CTM", "GAMMA_LUT", "DEGAMMA_LUT"})
        fake.leave(FakeDrm::crtc(), property, raw(fake.leave_blob(lut)));
    fake.leave(FakeDrm::crtc(), "VRR_ENABLED", 1);
    take_over();
    for (const char* const property : {"CTM", "GAMMA_LUT", "DEGAMMA_LUT", "VRR_ENABLED"})
        EXPECT_EQ(of_crtc(property), 0U) << property;
}

TEST_F(LightUp, LightsACrtcThatHadBeenOff) {
    fake.leave(FakeDrm::connector(), "CRTC_ID", 0);
    fake.leave(FakeDrm::crtc(), "ACTIVE", 0);
    fake.leave(FakeDrm::crtc(), "MODE_ID", 0);
    fake.leave(FakeDrm::primary(), "FB_ID", 0);
    fake.leave(FakeDrm::primary(), "CRTC_ID", 0);
    read_again();
    take_over();
    EXPECT_TRUE(fake.mode());
}

TEST_F(LightUp, PassesOnTheKernelsRefusal) {
    fake.set_master(false);
    const auto refused = light_up(*card, topology, pipeline, black.framebuffer());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{EACCES, "DRM_IOCTL_MODE_ATOMIC"}));
}

class LightUpWithFixedProperties : public LightUp {
protected:
    LightUpWithFixedProperties()
        : LightUp({.missing = {"CTM", "alpha"}, .immutable = {"zpos", "rotation", "GAMMA_LUT"}}) {}
};

TEST_F(LightUpWithFixedProperties, LeavesAloneWhatTheDriverLacksOrHoldsImmutable) {
    take_over();
    EXPECT_TRUE(fake.shown(FakeDrm::primary()));
    EXPECT_FALSE(fake.last_commit().set(FakeDrm::primary(), "zpos"));
    EXPECT_FALSE(fake.last_commit().set(FakeDrm::primary(), "rotation"));
}

class VariableRate : public TakeoverTest {
protected:
    VariableRate() : TakeoverTest({.vrr = true}) {}
};

TEST_F(VariableRate, IsSwitchedOnWhereItIsWishedForAndPutBack) {
    const SavedState saved = capture();
    take_over();
    EXPECT_EQ(of_crtc("VRR_ENABLED"), 0U);
    pipeline = *choose(topology, {.vrr = true});
    EXPECT_TRUE(pipeline.vrr);
    take_over();
    EXPECT_EQ(of_crtc("VRR_ENABLED"), 1U);
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_EQ(of_crtc("VRR_ENABLED"), 0U);
}

class LightUpOfTwo : public LightUp {
protected:
    LightUpOfTwo() : LightUp({.outputs = 2}) {}
};

TEST_F(LightUpOfTwo, LeavesTheOtherOutputAlone) {
    const FramebufferId other = fake.light_by_others(1);
    read_again();
    take_over();
    EXPECT_EQ(fake.shown(FakeDrm::primary(1))->framebuffer, other);
    EXPECT_TRUE(fake.mode(1));
}

TEST_F(LightUpOfTwo, TakesTheCrtcAwayFromAnotherConnector) {
    fake.leave(FakeDrm::connector(1), "CRTC_ID", raw(FakeDrm::crtc(0)));
    read_again();
    take_over();
    EXPECT_EQ(fake.value(FakeDrm::connector(1), "CRTC_ID"), 0U);
}

class Restore : public TakeoverTest {
protected:
    using TakeoverTest::TakeoverTest;
};

TEST_F(Restore, BringsBackWhatTheConsoleShowed) {
    const SavedState saved = capture();
    pipeline = *choose(topology, {.mode = {.size = Size{800, 600}}});
    take_over();
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_EQ(fake.shown(FakeDrm::primary()), console_picture());
    EXPECT_EQ(size_of(*fake.mode()), xga);
}

TEST_F(Restore, BringsBackEveryPropertyOfThePlanes) {
    fake.leave(FakeDrm::primary(), "rotation", 4);
    fake.leave(FakeDrm::primary(), "alpha", 0x8000);
    fake.leave(FakeDrm::primary(), "pixel blend mode", 2);
    fake.leave(FakeDrm::cursor(), "zpos", 3);
    const SavedState saved = capture();
    take_over();
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_EQ(of_primary("rotation"), 4U);
    EXPECT_EQ(of_primary("alpha"), 0x8000U);
    EXPECT_EQ(of_primary("pixel blend mode"), 2U);
    EXPECT_EQ(fake.value(FakeDrm::cursor(), "zpos"), 3U);
}

TEST_F(Restore, BringsBackColourTablesWhoseOriginalsAreGone) {
    for (const char* const property : {"CTM", "GAMMA_LUT", "DEGAMMA_LUT"}) {
        const BlobId blob = fake.leave_blob(lut);
        fake.leave(FakeDrm::crtc(), property, raw(blob));
        fake.remove_blob_of_others(blob);  // Only the CRTC holds it now, until we take over.
    }
    fake.leave(FakeDrm::crtc(), "VRR_ENABLED", 1);
    const SavedState saved = capture();
    take_over();
    ASSERT_TRUE(saved.restore(*card));
    for (const char* const property : {"CTM", "GAMMA_LUT", "DEGAMMA_LUT"})
        EXPECT_EQ(fake.blob(of_crtc(property)), (std::vector<std::byte>{lut.begin(), lut.end()}))
            << property;
    EXPECT_EQ(of_crtc("VRR_ENABLED"), 1U);
}

TEST_F(Restore, BringsBackAPlaneOfOthersThatWeSwitchedOff) {
    const FramebufferId video = fake.leave_framebuffer({320, 200});
    const Rect source{.x = 0, .y = 0, .size = {320, 200}};
    fake.leave(FakeDrm::overlay(), "FB_ID", raw(video));
    fake.leave(FakeDrm::overlay(), "CRTC_ID", raw(FakeDrm::crtc()));
    for (const auto& [name, value] : {std::pair{"SRC_W", 320U << 16U},
                                      {"SRC_H", 200U << 16U},
                                      {"CRTC_W", 320U},
                                      {"CRTC_H", 200U}})
        fake.leave(FakeDrm::overlay(), name, value);
    fake.leave(FakeDrm::overlay(), "CRTC_X", static_cast<std::uint64_t>(std::int64_t{-16}));
    const SavedState saved = capture();
    take_over();
    ASSERT_FALSE(fake.shown(FakeDrm::overlay()));
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_EQ(fake.shown(FakeDrm::overlay()),
              (PlaneState{video, source, {.x = -16, .y = 0, .size = {320, 200}}}));
}

TEST_F(Restore, SwitchesOffThePlanesOfOursThatHadBeenOff) {
    const SavedState saved = capture();
    take_over();
    const auto arrow = testing::make_dmabuf(std::size_t{64} * 64 * 4);
    const auto picture = Framebuffer::import(*card, {.fd = arrow.get(),
                                                     .format = DRM_FORMAT_ARGB8888,
                                                     .modifier = DRM_FORMAT_MOD_LINEAR,
                                                     .size = {64, 64},
                                                     .stride = 256});
    AtomicRequest request;
    const Rect area{.x = 0, .y = 0, .size = {64, 64}};
    request.show(*pipeline.cursor, pipeline.crtc.id, {picture->id(), area, area});
    ASSERT_TRUE(request.commit(card->fd()));
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_FALSE(fake.shown(FakeDrm::cursor()));
}

TEST_F(Restore, SwitchesOffAnOutputThatHadBeenOff) {
    fake.leave(FakeDrm::connector(), "CRTC_ID", 0);
    fake.leave(FakeDrm::crtc(), "ACTIVE", 0);
    fake.leave(FakeDrm::crtc(), "MODE_ID", 0);
    fake.leave(FakeDrm::primary(), "FB_ID", 0);
    fake.leave(FakeDrm::primary(), "CRTC_ID", 0);
    read_again();
    const SavedState saved = capture();
    take_over();
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_FALSE(fake.mode());
    EXPECT_EQ(of_crtc("MODE_ID"), 0U);
    EXPECT_EQ(fake.value(FakeDrm::connector(), "CRTC_ID"), 0U);
}

TEST_F(Restore, SwitchesEverythingOffWhenWhatWasShownIsGone) {
    const SavedState saved = capture();
    take_over();
    fake.remove_framebuffer_of_others(console);
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_FALSE(fake.mode());
    EXPECT_FALSE(fake.shown(FakeDrm::primary()));
    EXPECT_EQ(fake.value(FakeDrm::connector(), "CRTC_ID"), 0U);
    EXPECT_EQ(of_crtc("MODE_ID"), 0U);
}

TEST_F(Restore, DoesNotSwitchOffWhatIsNoLongerOurs) {
    const SavedState saved = capture();
    take_over();
    fake.set_master(false);
    const int before = fake.calls(DRM_IOCTL_MODE_ATOMIC);
    EXPECT_EQ(saved.restore(*card).error().code, EACCES);
    EXPECT_EQ(fake.calls(DRM_IOCTL_MODE_ATOMIC), before + 1);
    fake.allow_removal_on_screen();
}

TEST_F(Restore, CanBeDoneTwice) {
    const SavedState saved = capture();
    take_over();
    ASSERT_TRUE(saved.restore(*card));
    take_over();
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_EQ(fake.shown(FakeDrm::primary()), console_picture());
}

TEST_F(Restore, GivesItsBlobsBackWhenItGoes) {
    fake.leave(FakeDrm::crtc(), "GAMMA_LUT", raw(fake.leave_blob(lut)));
    {
        const SavedState saved = capture();
        EXPECT_EQ(fake.blobs(), 2U);  // The mode and the table.
    }
    EXPECT_EQ(fake.blobs(), 0U);
}

TEST_F(Restore, PassesOnWhatKeptTheStateFromBeingRead) {
    fake.fail_next(DRM_IOCTL_MODE_CREATEPROPBLOB, ENOMEM);
    const auto saved = SavedState::capture(*card, topology, pipeline);
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error(), (Error{ENOMEM, "drmModeCreatePropertyBlob"}));
}

class RestoreOfTwo : public Restore {
protected:
    RestoreOfTwo() : Restore({.outputs = 2}) {}
};

TEST_F(RestoreOfTwo, BringsBackAConnectorThatSharedTheCrtc) {
    fake.leave(FakeDrm::connector(1), "CRTC_ID", raw(FakeDrm::crtc(0)));
    read_again();
    const SavedState saved = capture();
    take_over();
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_EQ(fake.value(FakeDrm::connector(1), "CRTC_ID"), raw(FakeDrm::crtc(0)));
}

TEST_F(RestoreOfTwo, LeavesTheOtherOutputAlone) {
    const SavedState saved = capture();
    take_over();
    fake.light_by_others(1);
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_TRUE(fake.mode(1));
    EXPECT_TRUE(fake.shown(FakeDrm::primary(1)));
}

class RestoreWithFixedProperties : public Restore {
protected:
    RestoreWithFixedProperties()
        : Restore({.missing = {"CTM", "alpha", "VRR_ENABLED"},
                   .immutable = {"zpos", "rotation", "GAMMA_LUT"}}) {}
};

TEST_F(RestoreWithFixedProperties, NeverWritesWhatIsImmutable) {
    const SavedState saved = capture();
    take_over();
    ASSERT_TRUE(saved.restore(*card));
    EXPECT_EQ(fake.shown(FakeDrm::primary()), console_picture());
}

}  // namespace
}  // namespace scanthru::kms
