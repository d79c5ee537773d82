// SPDX-License-Identifier: MIT
#include "unit/probe_samples.h"

#include <gmock/gmock.h>

namespace scanthru {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using testing::debian_12;
using testing::describe;
using testing::FakeDrm;
using testing::FakeDrmOptions;
using testing::FakeVfio;
using testing::guest_cursor;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ProbeCard, EveryConnectedOutputIsDrivenByPlanesOfItsOwn) {
    const CardReport card = describe({.outputs = 2});
    ASSERT_EQ(card.outputs.size(), 2U);
    ASSERT_TRUE(card.outputs[0].pipeline);
    ASSERT_TRUE(card.outputs[1].pipeline);
    EXPECT_NE(card.outputs[0].pipeline->crtc.id, card.outputs[1].pipeline->crtc.id);
    EXPECT_NE(card.outputs[0].pipeline->primary.id, card.outputs[1].pipeline->primary.id);
}

TEST(ProbeCard, AnOutputWithoutMonitorIsNotOneToShowOn) {
    const CardReport card = describe({.connected = false});
    EXPECT_EQ(card.topology.connectors.size(), 1U);
    EXPECT_THAT(card.outputs, IsEmpty());
}

TEST(ProbeCard, AnOutputWithoutModesSaysWhyItIsOfNoUse) {
    const CardReport card = describe({.modes = {}});
    ASSERT_EQ(card.outputs.size(), 1U);
    EXPECT_EQ(card.outputs[0].pipeline.error(), kms::NoPipeline::no_mode);
}

TEST(ProbeCard, WhoeverOpensAFreeCardSeesThatItIsFree) {
    FakeDrm drm;
    EXPECT_EQ(describe_card(*drm.card(), debian_12).master, MasterState::free);
    drm.set_master(false);
    EXPECT_EQ(describe_card(*drm.card(), debian_12).master, MasterState::held);
}

TEST(ProbeCard, ADriverWithoutVblankIsFoundOut) {
    EXPECT_TRUE(describe(FakeDrmOptions{}).has_vblank);
    const CardReport card = describe({.vblank = false});
    EXPECT_FALSE(card.has_vblank);
    EXPECT_THAT(card.notes, Contains(HasSubstr("no vblank")));
}

TEST(ProbeCard, NothingIsCommitted) {
    FakeDrm drm;
    describe_card(*drm.card(), debian_12);
    EXPECT_EQ(drm.calls(DRM_IOCTL_MODE_ATOMIC), 0);
}

TEST(ProbeCard, TheMasterIsReadFromDebugfs) {
    // Linux 6.1; commands may have blanks, and the first column is padded on the left.
    constexpr std::string_view clients =
        "             command   pid dev master a   uid      magic\n"
        "      systemd-logind   312   0   n    y     0          0\n"
        "            Web Area  1011   0   n    y  1000          7\n"
        "          Xwayland 2  1010   0   y    y  1000          0\n";
    EXPECT_EQ(parse_clients(clients), (ProcessName{.pid = 1010, .command = "Xwayland 2"}));
}

TEST(ProbeCard, LaterKernelsNameTheClientBehindTheRest) {
    constexpr std::string_view clients =
        "             command  tgid dev master a   uid      magic                 name  id\n"
        "                sway   812   1   y    y  1000          0              <unset>   4\n";
    EXPECT_EQ(parse_clients(clients), (ProcessName{.pid = 812, .command = "sway"}));
}

TEST(ProbeCard, WithoutAMasterDebugfsNamesNobody) {
    EXPECT_EQ(parse_clients("command pid dev master a uid magic\nXorg 7 0 n y 0 0\n"),
              std::nullopt);
    EXPECT_EQ(parse_clients(""), std::nullopt);
    EXPECT_EQ(parse_clients("garbage\n1 2 y"), std::nullopt);
}

TEST(ProbeGuest, NothingIsFetched) {
    FakeVfio vfio;
    vfio.show({.size = {1024, 768}});
    const GuestReport guest = describe(vfio);
    EXPECT_EQ(vfio.calls(VFIO_DEVICE_GET_GFX_DMABUF), 0);
    ASSERT_TRUE(guest.primary.plane);
    EXPECT_EQ(guest.primary.plane->buffer.geometry.size, (Size{1024, 768}));
    EXPECT_FALSE(guest.cursor.plane);
    EXPECT_EQ(guest.cursor.problem, "");
}

TEST(ProbeGuest, InTheDraftEveryIdThatWasOpenedIsClosedOnce) {
    FakeVfio vfio{{.dialect = vfio::Dialect::draft_v14}};
    vfio.show({.size = {1024, 768}});
    vfio.show(vfio::PlaneType::cursor, guest_cursor(0x800000));
    const GuestReport guest = describe(vfio);
    EXPECT_EQ(guest.abi->dialect, vfio::Dialect::draft_v14);
    EXPECT_EQ(vfio.closed(), 2);
    EXPECT_EQ(vfio.objects(), 0U);
}

TEST(ProbeGuest, InTheDraftTheIdOfARejectedPlaneIsClosedToo) {
    FakeVfio vfio{{.dialect = vfio::Dialect::draft_v14}};
    vfio.show({.size = {1024, 768}});
    vfio.forge_answers([](vfio::PlaneType, vfio_device_gfx_plane_info& info) { info.stride = 1; });
    const GuestReport guest = describe(vfio);
    EXPECT_THAT(guest.primary.problem, HasSubstr("rejected: a stride"));
    EXPECT_EQ(vfio.closed(), 1);
}

TEST(ProbeGuest, ARegionDeviceIsAskedAndNothingOfItIsClosed) {
    FakeVfio vfio{{.dialect = vfio::Dialect::draft_v14, .exports = vfio::Export::region}};
    vfio.show({.size = {640, 480}});
    const GuestReport guest = describe(vfio);
    EXPECT_EQ(guest.problem, "");
    EXPECT_EQ(guest.primary.plane->buffer.geometry.size, (Size{640, 480}));
    EXPECT_EQ(vfio.closed(), 0);
}

TEST(ProbeGuest, AnInheritedDescriptorStaysOpen) {
    FakeVfio vfio;
    vfio.show({});
    const UniqueFd device = vfio.open();
    const GuestReport guest =
        look_at_guest({.name = "g", .source = vfio::InheritedSource{device.get()}, .abi = {}});
    EXPECT_EQ(guest.problem, "");
    EXPECT_TRUE(guest.primary.plane);
    EXPECT_TRUE(vfio.owns(device.get()));
}

TEST(ProbeGuest, AMissingMdevIsNamed) {
    const GuestReport guest =
        look_at_guest({.name = "g",
                       .source = vfio::MdevSource{"83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"},
                       .abi = {}},
                      {.mdevs = "/nonexistent"});
    EXPECT_THAT(guest.problem, AllOf(HasSubstr("83b8f4f2"), HasSubstr("mdev UUID")));
}

TEST(ProbeGuest, AMissingMonitorIsNamed) {
    const GuestReport guest = look_at_guest(
        {.name = "g", .source = vfio::QmpSource{"/nonexistent/qmp", {}, {}}, .abi = {}});
    EXPECT_THAT(guest.problem, AllOf(HasSubstr("/nonexistent/qmp"), HasSubstr("ENOENT")));
}

}  // namespace
}  // namespace scanthru
