// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/card.h"

#include <gtest/gtest.h>

namespace scanthru::kms {
namespace {

using testing::FakeDrm;
using testing::FakeDrmOptions;

TEST(Card, TellsWhatTheDriverSaysOfItself) {
    const FakeDrm fake{{.driver = "i915", .cursor_size = {256, 128}}};
    const auto card = fake.card();
    ASSERT_TRUE(card);
    EXPECT_EQ(card->path(), "/dev/dri/card0");
    EXPECT_EQ(card->capabilities().driver, "i915");
    EXPECT_EQ(card->capabilities().driver_version, "1.0.0");
    EXPECT_EQ(card->capabilities().cursor, (Size{256, 128}));
    EXPECT_TRUE(card->capabilities().prime_import);
    EXPECT_TRUE(card->capabilities().dumb_buffers);
    EXPECT_TRUE(card->capabilities().fb_modifiers);
    EXPECT_TRUE(card->capabilities().writeback);
}

TEST(Card, NoticesADriverWithoutModifiers) {
    const FakeDrm fake{{.modifiers = false}};
    EXPECT_FALSE(fake.card()->capabilities().fb_modifiers);
}

TEST(Card, TakesACursorOf64PixelsWhereTheDriverDoesNotTell) {
    const FakeDrm silent{{.cursor_size = {0, 0}}};
    EXPECT_EQ(silent.card()->capabilities().cursor, (Size{64, 64}));
}

TEST(Card, IsRefusedForADriverWithoutAtomic) {
    const FakeDrm fake{{.atomic = false}};
    const auto card = Card::prepare(fake.open(), "");
    ASSERT_FALSE(card);
    EXPECT_EQ(card.error(), (Error{EOPNOTSUPP, "DRM_CLIENT_CAP_ATOMIC"}));
}

TEST(Card, IsRefusedWhenItsVblankTimesAreNotMonotonic) {
    const FakeDrm fake{{.monotonic = false}};
    const auto card = Card::prepare(fake.open(), "");
    ASSERT_FALSE(card);
    EXPECT_EQ(card.error(), (Error{EOPNOTSUPP, "DRM_CAP_TIMESTAMP_MONOTONIC"}));
}

TEST(Card, PassesOnThatADescriptorIsNoCard) {
    const auto card = Card::open("/dev/null");
    ASSERT_FALSE(card);
    EXPECT_EQ(card.error(), (Error{ENOTTY, "drmGetVersion"}));
}

TEST(Card, NamesTheOpenThatFailed) {
    const auto card = Card::open("/nowhere/card0");
    ASSERT_FALSE(card);
    EXPECT_EQ(card.error(), (Error{ENOENT, "open"}));
}

TEST(Card, DoesWithoutWritebackConnectorsWhereTheKernelHasNone) {
    FakeDrm fake;
    int asked = 0;
    fake.when_called(DRM_IOCTL_SET_CLIENT_CAP, [&] {
        // Planted for the call after this one: universal planes, atomic, hotspots, writeback.
        if (++asked == 3) fake.fail_next(DRM_IOCTL_SET_CLIENT_CAP, EINVAL);
    });
    const auto card = fake.card();
    ASSERT_TRUE(card);
    EXPECT_EQ(asked, 4);
    EXPECT_FALSE(card->capabilities().writeback);
}

TEST(Card, KnowsWhetherItIsMaster) {
    FakeDrm fake;
    const auto card = fake.card();
    EXPECT_TRUE(card->is_master());
    fake.set_master(false);
    EXPECT_FALSE(card->is_master());
}

}  // namespace
}  // namespace scanthru::kms
