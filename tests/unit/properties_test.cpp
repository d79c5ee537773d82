// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/properties.h"

#include <climits>
#include <gtest/gtest.h>

namespace scanthru::kms {
namespace {

using testing::FakeDrm;
using testing::FakeDrmOptions;

class ReadProperties : public ::testing::Test {
protected:
    PropertyMap plane() const {
        const auto properties =
            read_properties(card->fd(), FakeDrm::primary(), DRM_MODE_OBJECT_PLANE);
        EXPECT_TRUE(properties);
        return properties ? *properties : PropertyMap{};
    }

    FakeDrm fake;
    std::unique_ptr<Card> card = fake.card();
};

TEST_F(ReadProperties, GivesEveryPropertyByNameWithItsValue) {
    fake.leave(FakeDrm::primary(), "alpha", 0x1234);
    const PropertyMap properties = plane();
    EXPECT_EQ(properties.at("alpha").value, 0x1234U);
    EXPECT_EQ(properties.at("type").value, std::uint64_t{DRM_PLANE_TYPE_PRIMARY});
    EXPECT_NE(properties.at("FB_ID").id, properties.at("CRTC_ID").id);
}

TEST_F(ReadProperties, GivesTheRangeOfARange) {
    const PropertyMap properties = plane();
    EXPECT_EQ(properties.at("alpha").min, 0U);
    EXPECT_EQ(properties.at("alpha").max, 0xFFFFU);
}

TEST_F(ReadProperties, GivesTheRangeOfASignedRangeSignExtended) {
    const PropertyMap properties = plane();
    EXPECT_EQ(static_cast<std::int64_t>(properties.at("CRTC_X").min), INT_MIN);
    EXPECT_EQ(static_cast<std::int64_t>(properties.at("CRTC_X").max), INT_MAX);
}

TEST_F(ReadProperties, GivesNoRangeToAnObject) {
    const PropertyMap properties = plane();
    EXPECT_EQ(properties.at("FB_ID").max, 0U);
}

TEST_F(ReadProperties, NamesTheValuesOfAnEnum) {
    const PropertyMap properties = plane();
    EXPECT_EQ(properties.at("pixel blend mode").named("Coverage"), 1U);
    EXPECT_EQ(properties.at("pixel blend mode").named("Additive"), std::nullopt);
}

TEST_F(ReadProperties, NamesTheBitsOfABitmask) {
    const PropertyMap properties = plane();
    EXPECT_EQ(properties.at("rotation").enums.at("rotate-180"), 2U);
    EXPECT_EQ(properties.at("rotation").named("rotate-180"), 4U);
    EXPECT_EQ(properties.at("rotation").named("rotate-0"), 1U);
}

TEST_F(ReadProperties, KnowsWhatCannotBeWritten) {
    const PropertyMap properties = plane();
    EXPECT_FALSE(properties.at("type").writable());
    EXPECT_TRUE(properties.at("FB_ID").writable());
}

TEST_F(ReadProperties, PassesOnThatAnObjectIsGone) {
    const auto properties = read_properties(card->fd(), ObjectId{9999}, DRM_MODE_OBJECT_PLANE);
    ASSERT_FALSE(properties);
    EXPECT_EQ(properties.error(), (Error{ENOENT, "drmModeObjectGetProperties"}));
}

TEST_F(ReadProperties, PassesOnThatAPropertyCannotBeAsked) {
    fake.fail_next(DRM_IOCTL_MODE_GETPROPERTY, EIO);
    const auto properties = read_properties(card->fd(), FakeDrm::primary(), DRM_MODE_OBJECT_PLANE);
    ASSERT_FALSE(properties);
    EXPECT_EQ(properties.error(), (Error{EIO, "drmModeGetProperty"}));
}

TEST_F(ReadProperties, CopiesTheContentOfABlob) {
    const std::vector content{std::byte{7}, std::byte{0}, std::byte{9}};
    const BlobId blob = fake.leave_blob(content);
    EXPECT_EQ(read_blob(card->fd(), blob), content);
    EXPECT_EQ(read_blob(card->fd(), BlobId{9999}).error(),
              (Error{ENOENT, "drmModeGetPropertyBlob"}));
}

/// Every property that a room needs, by the object that lacks it.
struct Missing {
    const char* property;
    ObjectId object;
    std::uint32_t type;
};

class RequiredProperty : public ::testing::TestWithParam<Missing> {};

TEST_P(RequiredProperty, IsNamedWhenItIsMissing) {
    const auto [property, object, type] = GetParam();
    const FakeDrm fake{{.missing = {property}}};
    const auto properties = read_properties(fake.card()->fd(), object, type);
    ASSERT_TRUE(properties);
    const auto error = [&, kind = type]() -> std::optional<Error> {
        const auto of = [](const auto& table) {
            return table ? std::nullopt : std::optional{table.error()};
        };
        if (kind == DRM_MODE_OBJECT_PLANE) return of(PlaneProperties::lookup(*properties));
        if (kind == DRM_MODE_OBJECT_CRTC) return of(CrtcProperties::lookup(*properties));
        return of(ConnectorProperties::lookup(*properties));
    }();
    EXPECT_EQ(error, (Error{ENOENT, property}));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    RequiredProperty,
    ::testing::Values(Missing{"FB_ID", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"CRTC_ID", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"SRC_X", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"SRC_Y", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"SRC_W", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"SRC_H", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"CRTC_X", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"CRTC_Y", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"CRTC_W", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"CRTC_H", FakeDrm::primary(), DRM_MODE_OBJECT_PLANE},
                      Missing{"ACTIVE", FakeDrm::crtc(), DRM_MODE_OBJECT_CRTC},
                      Missing{"MODE_ID", FakeDrm::crtc(), DRM_MODE_OBJECT_CRTC},
                      Missing{"CRTC_ID", FakeDrm::connector(), DRM_MODE_OBJECT_CONNECTOR}));

TEST(PlanePropertiesTest, AcceptADriverWithoutTheOptionalOnes) {
    const FakeDrm fake{{.missing = {"IN_FORMATS", "FB_DAMAGE_CLIPS"}}};
    const auto ids = PlaneProperties::lookup(
        *read_properties(fake.card()->fd(), FakeDrm::cursor(), DRM_MODE_OBJECT_PLANE));
    ASSERT_TRUE(ids);
    EXPECT_FALSE(ids->in_formats);
    EXPECT_FALSE(ids->damage_clips);
    EXPECT_FALSE(ids->hotspot_x);
    EXPECT_FALSE(ids->hotspot_y);
}

TEST(PlanePropertiesTest, FindTheOptionalOnes) {
    const FakeDrm fake{{.cursor_hotspots = true}};
    const auto properties =
        read_properties(fake.card()->fd(), FakeDrm::cursor(), DRM_MODE_OBJECT_PLANE);
    const auto ids = PlaneProperties::lookup(*properties);
    ASSERT_TRUE(ids);
    EXPECT_EQ(ids->in_formats, properties->at("IN_FORMATS").id);
    EXPECT_EQ(ids->damage_clips, properties->at("FB_DAMAGE_CLIPS").id);
    EXPECT_EQ(ids->hotspot_x, properties->at("HOTSPOT_X").id);
    EXPECT_EQ(ids->hotspot_y, properties->at("HOTSPOT_Y").id);
}

TEST(PlanePropertiesTest, DoNotMixUpTheirIds) {
    const FakeDrm fake;
    const auto properties =
        read_properties(fake.card()->fd(), FakeDrm::primary(), DRM_MODE_OBJECT_PLANE);
    const auto ids = PlaneProperties::lookup(*properties);
    ASSERT_TRUE(ids);
    EXPECT_EQ(ids->fb_id, properties->at("FB_ID").id);
    EXPECT_EQ(ids->crtc_id, properties->at("CRTC_ID").id);
    EXPECT_EQ(ids->src_x, properties->at("SRC_X").id);
    EXPECT_EQ(ids->src_y, properties->at("SRC_Y").id);
    EXPECT_EQ(ids->src_w, properties->at("SRC_W").id);
    EXPECT_EQ(ids->src_h, properties->at("SRC_H").id);
    EXPECT_EQ(ids->crtc_x, properties->at("CRTC_X").id);
    EXPECT_EQ(ids->crtc_y, properties->at("CRTC_Y").id);
    EXPECT_EQ(ids->crtc_w, properties->at("CRTC_W").id);
    EXPECT_EQ(ids->crtc_h, properties->at("CRTC_H").id);
}

TEST(ConnectorPropertiesTest, FindWhatAWritebackConnectorHas) {
    const FakeDrm fake{{.writeback = true}};
    const auto properties =
        read_properties(fake.card()->fd(), FakeDrm::writeback(), DRM_MODE_OBJECT_CONNECTOR);
    const auto ids = ConnectorProperties::lookup(*properties);
    ASSERT_TRUE(ids);
    EXPECT_EQ(ids->writeback_fb_id, properties->at("WRITEBACK_FB_ID").id);
    EXPECT_EQ(ids->writeback_out_fence_ptr, properties->at("WRITEBACK_OUT_FENCE_PTR").id);
    EXPECT_EQ(ids->link_status, properties->at("link-status").id);
}

}  // namespace
}  // namespace scanthru::kms
