// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scanthru::kms {
namespace {

using ::testing::Each;
using testing::FakeDrm;
using testing::FakeDrmOptions;
using ::testing::Field;
using testing::make_mode;

Topology read(const FakeDrmOptions& options) {
    const FakeDrm fake{options};
    auto topology = Topology::read(*fake.card());
    EXPECT_TRUE(topology);
    return topology ? std::move(*topology) : Topology{};
}

TEST(ReadTopology, FindsConnectorsWithTheKernelsNames) {
    const Topology topology = read({.outputs = 2, .writeback = true});
    ASSERT_EQ(topology.connectors.size(), 3U);
    EXPECT_EQ(topology.connectors[0].name, "Virtual-1");
    EXPECT_EQ(topology.connectors[1].name, "Virtual-2");
    EXPECT_EQ(topology.connectors[2].name, "Writeback-1");
    EXPECT_FALSE(topology.connectors[0].writeback);
    EXPECT_TRUE(topology.connectors[2].writeback);
}

TEST(ReadTopology, TellsWhatAMonitorOffers) {
    const Topology topology = read({});
    const Connector& connector = topology.connectors.at(0);
    EXPECT_TRUE(connector.connected);
    ASSERT_EQ(connector.modes.size(), 3U);
    EXPECT_EQ(size_of(connector.modes[0]), (Size{1024, 768}));
    EXPECT_EQ(connector.millimetres, (Size{520, 320}));
    EXPECT_EQ(connector.possible_crtcs, 1U);
    EXPECT_EQ(connector.crtc, ObjectId{});
}

TEST(ReadTopology, TellsThatNothingIsPluggedIn) {
    const Topology topology = read({.connected = false});
    EXPECT_FALSE(topology.connectors.at(0).connected);
    EXPECT_TRUE(topology.connectors.at(0).modes.empty());
}

TEST(ReadTopology, TellsWhoDrivesWhatNow) {
    FakeDrm fake{{.outputs = 2}};
    fake.light_by_others(1);
    const auto topology = Topology::read(*fake.card());
    ASSERT_TRUE(topology);
    EXPECT_EQ(topology->connectors[0].crtc, ObjectId{});
    EXPECT_EQ(topology->connectors[1].crtc, FakeDrm::crtc(1));
    EXPECT_FALSE(topology->crtcs[0].active);
    EXPECT_TRUE(topology->crtcs[1].active);
}

TEST(ReadTopology, NumbersTheCrtcs) {
    const Topology topology = read({.outputs = 3});
    ASSERT_EQ(topology.crtcs.size(), 3U);
    for (std::uint32_t i = 0; i < 3; ++i)
        EXPECT_EQ(topology.crtcs[i].index, i);
}

TEST(ReadTopology, SortsThePlanesByTheirType) {
    const Topology topology = read({});
    ASSERT_EQ(topology.planes.size(), 3U);
    EXPECT_EQ(topology.planes[0].kind, PlaneKind::primary);
    EXPECT_EQ(topology.planes[1].kind, PlaneKind::overlay);
    EXPECT_EQ(topology.planes[2].kind, PlaneKind::cursor);
}

TEST(ReadTopology, ReadsWhatPlanesScanOutFromInFormats) {
    const Topology topology =
        read({.plane_modifiers = {DRM_FORMAT_MOD_LINEAR, I915_FORMAT_MOD_X_TILED}});
    const FormatSet& primary = topology.planes[0].formats;
    EXPECT_TRUE(primary.contains(DRM_FORMAT_XRGB8888, I915_FORMAT_MOD_X_TILED));
    EXPECT_FALSE(primary.contains(DRM_FORMAT_ARGB8888, I915_FORMAT_MOD_X_TILED));
}

TEST(ReadTopology, TakesThePlainListForLinearWhereThereAreNoInFormats) {
    const Topology topology = read({.modifiers = false});
    const FormatSet& overlay = topology.planes[1].formats;
    EXPECT_EQ(overlay.all().size(), 2U);
    EXPECT_THAT(overlay.all(), Each(Field(&FormatModifier::modifier, DRM_FORMAT_MOD_LINEAR)));
}

TEST(ReadTopology, TakesThePlainListWhenInFormatsMakeNoSense) {
    FakeDrm fake;
    const std::vector nonsense{std::byte{1}, std::byte{2}};
    fake.leave(FakeDrm::primary(), "IN_FORMATS", raw(fake.leave_blob(nonsense)));
    const auto topology = Topology::read(*fake.card());
    ASSERT_TRUE(topology);
    EXPECT_TRUE(topology->planes[0].formats.contains(DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR));
}

TEST(ReadTopology, SeesACursorThatHidesFromClientsWithoutHotspots) {
    const Topology topology = read({.cursor_hotspots = true});
    EXPECT_EQ(topology.planes.size(), 3U);
    EXPECT_TRUE(topology.planes[2].properties.hotspot_x);
}

TEST(ReadTopology, PassesOverAConnectorThatWentMeanwhile) {
    FakeDrm fake{{.outputs = 2}};
    const auto card = fake.card();
    fake.fail_next(DRM_IOCTL_MODE_GETCONNECTOR, ENOENT);
    const auto topology = Topology::read(*card);
    ASSERT_TRUE(topology);
    ASSERT_EQ(topology->connectors.size(), 1U);
    EXPECT_EQ(topology->connectors[0].name, "Virtual-2");
}

TEST(ReadTopology, NamesThePropertyThatTheDriverLacks) {
    const FakeDrm fake{{.missing = {"MODE_ID"}}};
    const auto topology = Topology::read(*fake.card());
    ASSERT_FALSE(topology);
    EXPECT_EQ(topology.error(), (Error{ENOENT, "MODE_ID"}));
}

struct Failure {
    unsigned long request;
    const char* call;
};

class FailingGetter : public ::testing::TestWithParam<Failure> {};

TEST_P(FailingGetter, IsPassedOnByItsName) {
    FakeDrm fake;
    const auto card = fake.card();
    fake.fail_next(GetParam().request, EIO);
    const auto topology = Topology::read(*card);
    ASSERT_FALSE(topology);
    EXPECT_EQ(topology.error(), (Error{EIO, GetParam().call}));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    FailingGetter,
    ::testing::Values(Failure{DRM_IOCTL_MODE_GETRESOURCES, "drmModeGetResources"},
                      Failure{DRM_IOCTL_MODE_GETPLANERESOURCES, "drmModeGetPlaneResources"},
                      Failure{DRM_IOCTL_MODE_GETCONNECTOR, "drmModeGetConnector"},
                      Failure{DRM_IOCTL_MODE_GETPLANE, "drmModeGetPlane"},
                      Failure{DRM_IOCTL_MODE_GETPROPBLOB, "drmModeGetPropertyBlob"}));

/// Two outputs drawn by hand: choose() asks nobody.
class Choose : public ::testing::Test {
protected:
    Choose() {
        topology.crtcs = {crtc(40, 0), crtc(41, 1)};
        topology.connectors = {connector("DP-1", 30), connector("HDMI-A-1", 31)};
        topology.planes = {plane(50, PlaneKind::primary, 0b01), plane(51, PlaneKind::primary, 0b10),
                           plane(60, PlaneKind::cursor, 0b01), plane(61, PlaneKind::cursor, 0b10)};
    }

    static Crtc crtc(std::uint32_t id, std::uint32_t index) {
        return {.id = ObjectId{id}, .index = index, .active = false, .properties = {}};
    }

    static Connector connector(std::string name, std::uint32_t id) {
        Connector made;
        made.id = ObjectId{id};
        made.name = std::move(name);
        made.connected = true;
        made.possible_crtcs = 0b11;
        made.modes = {make_mode(800, 600), make_mode(1024, 768, 60, true)};
        return made;
    }

    static Connector writeback(std::uint32_t possible_crtcs) {
        Connector made = connector("Writeback-1", 39);
        made.writeback = true;
        made.possible_crtcs = possible_crtcs;
        return made;
    }

    static Plane plane(std::uint32_t id, PlaneKind kind, std::uint32_t possible_crtcs) {
        Plane made;
        made.id = ObjectId{id};
        made.kind = kind;
        made.possible_crtcs = possible_crtcs;
        return made;
    }

    Pipeline chosen(const Wish& wish = {}) const {
        auto pipeline = choose(topology, wish);
        EXPECT_TRUE(pipeline) << (pipeline ? "" : to_string(pipeline.error()));
        return pipeline ? std::move(*pipeline) : Pipeline{};
    }

    NoPipeline refusal(const Wish& wish = {}) const {
        const auto pipeline = choose(topology, wish);
        EXPECT_FALSE(pipeline);
        return pipeline ? NoPipeline{} : pipeline.error();
    }

    Topology topology;
};

TEST_F(Choose, TakesTheFirstConnectedOutputInItsPreferredMode) {
    topology.connectors[0].connected = false;
    const Pipeline pipeline = chosen();
    EXPECT_EQ(pipeline.connector.name, "HDMI-A-1");
    EXPECT_EQ(size_of(pipeline.mode), (Size{1024, 768}));
}

TEST_F(Choose, TakesTheOutputThatIsNamed) {
    EXPECT_EQ(chosen({.connector = "HDMI-A-1"}).connector.id, ObjectId{31});
}

TEST_F(Choose, TakesANamedOutputEvenWhenNothingIsPluggedIn) {
    topology.connectors[1].connected = false;
    EXPECT_EQ(chosen({.connector = "HDMI-A-1"}).connector.id, ObjectId{31});
}

TEST_F(Choose, LightsAnOutputWithoutAMonitorInAModeOfTheUsers) {
    topology.connectors[1].connected = false;
    topology.connectors[1].modes.clear();
    const Wish wish{.connector = "HDMI-A-1", .extra_modes = {make_mode(640, 480)}};
    EXPECT_EQ(size_of(chosen(wish).mode), (Size{640, 480}));
}

TEST_F(Choose, KnowsNoOutputOfAnotherName) {
    EXPECT_EQ(refusal({.connector = "HDMI-A-2"}), NoPipeline::no_such_connector);
    EXPECT_EQ(refusal({.connector = "HDMI-A"}), NoPipeline::no_such_connector);
}

TEST_F(Choose, NeverTakesAWritebackConnectorForAnOutput) {
    topology.connectors = {writeback(0b11)};
    EXPECT_EQ(refusal(), NoPipeline::no_connected_output);
    EXPECT_EQ(refusal({.connector = "Writeback-1"}), NoPipeline::no_such_connector);
}

TEST_F(Choose, HasNothingToOfferWhenNothingIsPluggedIn) {
    for (Connector& connector : topology.connectors)
        connector.connected = false;
    EXPECT_EQ(refusal(), NoPipeline::no_connected_output);
}

TEST_F(Choose, ANamedOutputWithoutMonitorAndModesIsNotPluggedIn) {
    topology.connectors[0].connected = false;
    topology.connectors[0].modes.clear();
    EXPECT_EQ(refusal({.connector = "DP-1"}), NoPipeline::no_connected_output);
}

TEST_F(Choose, FindsAMonitorWhereverItIsPluggedIn) {
    topology.connectors[0].monitor = "DEL U2720Q 7CXK2";
    topology.connectors[1].monitor = "EIZ EV2785 0x01A2B3C4";
    topology.connectors[1].connected = true;
    EXPECT_EQ(chosen({.monitor = "EIZ EV2785"}).connector.id, topology.connectors[1].id);
    EXPECT_EQ(chosen({.monitor = "DEL U2720Q 7CXK2"}).connector.id, topology.connectors[0].id);
    EXPECT_EQ(refusal({.monitor = "DEL U2720Q 7CXK3"}), NoPipeline::no_such_monitor);
    EXPECT_EQ(refusal({.connector = "DP-1", .monitor = "EIZ"}), NoPipeline::no_such_monitor);
    topology.connectors[0].connected = false;
    EXPECT_EQ(refusal({.monitor = "DEL"}), NoPipeline::no_such_monitor);
}

TEST_F(Choose, TurnsOnlyWherePlanesCan) {
    EXPECT_EQ(refusal({.rotation = Rotation::by_90}), NoPipeline::no_rotation);
    for (Plane& plane : topology.planes)
        if (plane.kind != PlaneKind::cursor) plane.rotations |= rotation_bit(Rotation::by_90);
    const Pipeline sideways = chosen({.rotation = Rotation::by_90});
    EXPECT_EQ(sideways.rotation, Rotation::by_90);
    EXPECT_FALSE(sideways.cursor) << "it cannot turn";
    for (Plane& plane : topology.planes)
        plane.rotations |= rotation_bit(Rotation::by_90);
    EXPECT_TRUE(chosen({.rotation = Rotation::by_90}).cursor);
}

TEST(RotatedRect, LiesWhereItsPictureTakesIt) {
    constexpr Size whole{320, 240};
    constexpr Rect part{.x = -10, .y = 20, .size = {64, 32}};
    EXPECT_EQ(rotated(part, whole, Rotation::by_0), part);
    EXPECT_EQ(rotated(part, whole, Rotation::by_90), (Rect{.x = 20, .y = 266, .size = {32, 64}}));
    EXPECT_EQ(rotated(part, whole, Rotation::by_180), (Rect{.x = 266, .y = 188, .size = {64, 32}}));
    EXPECT_EQ(rotated(part, whole, Rotation::by_270), (Rect{.x = 188, .y = -10, .size = {32, 64}}));
    for (const auto rotation :
         {Rotation::by_0, Rotation::by_90, Rotation::by_180, Rotation::by_270})
        EXPECT_EQ(rotated(Rect{.size = whole}, whole, rotation),
                  (Rect{.size = rotated(whole, rotation)}));
}

TEST_F(Choose, MakesTheRateVariableWhereThatIsWishedAndCanBe) {
    topology.connectors[0].vrr_capable = true;
    topology.crtcs[0].properties.vrr_enabled = PropertyId{7};
    const std::string name = topology.connectors[0].name;
    EXPECT_TRUE(choose(topology, {.connector = name, .vrr = true})->vrr);
    EXPECT_FALSE(choose(topology, {.connector = name})->vrr);
    topology.crtcs[0].properties.vrr_enabled.reset();
    EXPECT_FALSE(choose(topology, {.connector = name, .vrr = true})->vrr);
    topology.crtcs[0].properties.vrr_enabled = PropertyId{7};
    topology.connectors[0].vrr_capable = false;
    EXPECT_FALSE(choose(topology, {.connector = name, .vrr = true})->vrr);
}

TEST_F(Choose, MeetsTheWishedMode) {
    EXPECT_EQ(size_of(chosen({.mode = {.size = Size{800, 600}}}).mode), (Size{800, 600}));
}

TEST_F(Choose, RefusesASizeThatTheMonitorLacks) {
    EXPECT_EQ(refusal({.mode = {.size = Size{801, 600}}}), NoPipeline::no_mode);
}

TEST_F(Choose, FallsBackFromARateThatTheMonitorLacks) {
    EXPECT_EQ(size_of(chosen({.mode = {.refresh_mhz = 75000}}).mode), (Size{1024, 768}));
    EXPECT_EQ(size_of(chosen({.mode = {.size = Size{1024, 768}, .refresh_mhz = 75000}}).mode),
              (Size{1024, 768}));
}

TEST_F(Choose, RefusesAnOutputWithoutAnyMode) {
    topology.connectors[0].modes.clear();
    EXPECT_EQ(refusal({.connector = "DP-1"}), NoPipeline::no_mode);
}

TEST_F(Choose, OffersTheUsersModesBeforeTheMonitors) {
    const Pipeline pipeline = chosen({.extra_modes = {make_mode(640, 480)}});
    ASSERT_EQ(pipeline.modes.size(), 3U);
    EXPECT_EQ(size_of(pipeline.modes[0]), (Size{640, 480}));
}

TEST_F(Choose, KeepsTheCrtcThatDrivesTheOutputAlready) {
    topology.connectors[0].crtc = ObjectId{41};
    const Pipeline pipeline = chosen();
    EXPECT_EQ(pipeline.crtc.id, ObjectId{41});
    EXPECT_EQ(pipeline.primary.id, ObjectId{51});
    EXPECT_EQ(pipeline.cursor->id, ObjectId{61});
}

TEST_F(Choose, ElseTakesTheLowestCrtc) {
    EXPECT_EQ(chosen().crtc.id, ObjectId{40});
}

TEST_F(Choose, LeavesACrtcToTheOutputItDrives) {
    topology.connectors[0].crtc = ObjectId{40};
    EXPECT_EQ(chosen({.connector = "HDMI-A-1"}).crtc.id, ObjectId{41});
}

TEST_F(Choose, TakesTheCrtcOfAnotherOutputIfItIsTheOnlyOne) {
    topology.connectors[0].crtc = ObjectId{40};
    topology.connectors[1].possible_crtcs = 0b01;
    EXPECT_EQ(chosen({.connector = "HDMI-A-1"}).crtc.id, ObjectId{40});
}

TEST_F(Choose, TakesOnlyACrtcThatReachesTheOutput) {
    topology.connectors[0].possible_crtcs = 0b10;
    EXPECT_EQ(chosen().crtc.id, ObjectId{41});
}

TEST_F(Choose, PassesOverWhatOtherOutputsUse) {
    const Pipeline pipeline =
        chosen({.connector = "HDMI-A-1", .taken = {ObjectId{40}, ObjectId{50}, ObjectId{60}}});
    EXPECT_EQ(pipeline.crtc.id, ObjectId{41});
}

TEST_F(Choose, TakesAnotherOutputThanTheOneOnATakenCrtc) {
    topology.connectors[0].crtc = ObjectId{40};
    EXPECT_EQ(chosen({.taken = {ObjectId{40}}}).connector.name, "HDMI-A-1");
    EXPECT_EQ(chosen({.taken = {ObjectId{30}}}).connector.name, "HDMI-A-1");
}

TEST_F(Choose, RefusesWhenEveryCrtcIsTaken) {
    EXPECT_EQ(refusal({.taken = {ObjectId{40}, ObjectId{41}}}), NoPipeline::no_free_crtc);
}

TEST_F(Choose, PassesOverACrtcWithoutAPrimaryPlane) {
    topology.planes.erase(topology.planes.begin());
    EXPECT_EQ(chosen().crtc.id, ObjectId{41});
}

TEST_F(Choose, RefusesWhenNoPrimaryPlaneIsLeft) {
    EXPECT_EQ(refusal({.taken = {ObjectId{50}, ObjectId{51}}}), NoPipeline::no_primary_plane);
}

TEST_F(Choose, LeavesThePlaneThatOthersCouldUseToThem) {
    topology.planes.insert(topology.planes.begin(), plane(59, PlaneKind::primary, 0b11));
    EXPECT_EQ(chosen().primary.id, ObjectId{50});
    EXPECT_EQ(chosen({.taken = {ObjectId{50}}}).primary.id, ObjectId{59});
}

TEST_F(Choose, DoesWithoutACursorPlane) {
    std::erase_if(topology.planes, [](const Plane& p) { return p.kind == PlaneKind::cursor; });
    EXPECT_FALSE(chosen().cursor);
}

TEST_F(Choose, TakesAnOverlayForACursorWhereThereIsNoOtherPlane) {
    topology.planes.push_back(plane(70, PlaneKind::overlay, 0b11));
    const std::uint32_t argb = DRM_FORMAT_ARGB8888;
    topology.planes.back().formats = FormatSet::linear({&argb, 1});
    EXPECT_EQ(chosen().cursor->kind, PlaneKind::cursor);
    std::erase_if(topology.planes, [](const Plane& p) { return p.kind == PlaneKind::cursor; });
    EXPECT_EQ(chosen().cursor->id, ObjectId{70});
    topology.planes.back().formats = {};
    EXPECT_FALSE(chosen().cursor) << "it has no ARGB8888";
}

TEST_F(Choose, FindsAWritebackConnectorThatTheCrtcReaches) {
    topology.connectors.push_back(writeback(0b01));
    EXPECT_EQ(chosen().writeback->id, ObjectId{39});
    EXPECT_FALSE(chosen({.connector = "HDMI-A-1", .taken = {ObjectId{40}}}).writeback);
}

TEST(NoPipelineText, SaysSomethingOfItsOwnForEveryReason) {
    std::set<std::string_view> sentences;
    for (const auto reason :
         {NoPipeline::no_such_connector, NoPipeline::no_such_monitor,
          NoPipeline::no_connected_output, NoPipeline::no_mode, NoPipeline::no_free_crtc,
          NoPipeline::no_primary_plane, NoPipeline::no_rotation})
        sentences.insert(to_string(reason));
    EXPECT_EQ(sentences.size(), 7U);
}

}  // namespace
}  // namespace scanthru::kms
