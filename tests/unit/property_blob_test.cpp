// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/property_blob.h"

#include <array>
#include <gtest/gtest.h>
#include <optional>

namespace scanthru::kms {
namespace {

using testing::FakeDrm;

constexpr std::array content{std::byte{1}, std::byte{2}, std::byte{3}};

class PropertyBlobTest : public ::testing::Test {
protected:
    PropertyBlob create() const {
        auto blob = PropertyBlob::create(drm.get(), content);
        EXPECT_TRUE(blob);
        return std::move(*blob);
    }

    FakeDrm fake;  // Fails the test if a blob is left behind.
    UniqueFd drm = fake.open();
};

TEST_F(PropertyBlobTest, HoldsACopyOfTheBytesUntilItGoes) {
    {
        const PropertyBlob blob = create();
        EXPECT_EQ(fake.blob(raw(blob.id())),
                  (std::vector<std::byte>{content.begin(), content.end()}));
        EXPECT_EQ(fake.blobs(), 1U);
    }
    EXPECT_EQ(fake.blobs(), 0U);
}

TEST_F(PropertyBlobTest, OfAModeHoldsTheKernelsStruct) {
    const Mode mode = testing::make_mode(1024, 768);
    const auto blob = PropertyBlob::create(drm.get(), mode);
    ASSERT_TRUE(blob);
    const auto bytes = std::as_bytes(std::span{&mode, 1});
    EXPECT_EQ(fake.blob(raw(blob->id())), (std::vector<std::byte>{bytes.begin(), bytes.end()}));
}

TEST_F(PropertyBlobTest, IsDestroyedOnceAfterAMove) {
    PropertyBlob first = create();
    const BlobId id = first.id();
    const PropertyBlob second{std::move(first)};
    EXPECT_EQ(second.id(), id);
    EXPECT_EQ(fake.blobs(), 1U);
}

TEST_F(PropertyBlobTest, DestroysWhatItHeldWhenItIsGivenAnother) {
    PropertyBlob blob = create();
    PropertyBlob other = create();
    const BlobId id = other.id();
    blob = std::move(other);
    EXPECT_EQ(blob.id(), id);
    EXPECT_EQ(fake.blobs(), 1U);
    EXPECT_EQ(fake.calls(DRM_IOCTL_MODE_DESTROYPROPBLOB), 1);
}

TEST_F(PropertyBlobTest, PassesOnTheKernelsRefusal) {
    fake.fail_next(DRM_IOCTL_MODE_CREATEPROPBLOB, ENOMEM);
    const auto blob = PropertyBlob::create(drm.get(), content);
    ASSERT_FALSE(blob);
    EXPECT_EQ(blob.error(), (Error{ENOMEM, "drmModeCreatePropertyBlob"}));
}

}  // namespace
}  // namespace scanthru::kms
