// SPDX-License-Identifier: MIT
#include "unit/probe_samples.h"

#include <gmock/gmock.h>

namespace scanthru {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using testing::debian_12;
using testing::describe;
using testing::FakeDrmOptions;
using testing::FakeVfio;
using testing::guest_cursor;
using ::testing::HasSubstr;
using testing::judge_on;

TEST(ProbeOutlook, AGuestOfAModesSizeWorks) {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}});
    const OutlookReport outlook = judge_on(vfio, {});
    EXPECT_EQ(outlook.outlook, Outlook::works);
    EXPECT_EQ(outlook.connector, "Virtual-1");
    EXPECT_THAT(outlook.reasons, Contains(HasSubstr("mode 800x600")));
}

TEST(ProbeOutlook, APictureSmallerThanTheModeDependsOnTheDriver) {
    FakeVfio vfio;
    vfio.show({.size = {500, 400}});
    EXPECT_EQ(judge_on(vfio, {.driver = "vkms"}).outlook, Outlook::copied);
    const OutlookReport outlook = judge_on(vfio, {.driver = "i915"});
    EXPECT_EQ(outlook.outlook, Outlook::works);
    EXPECT_THAT(outlook.reasons, Contains(HasSubstr("500x400: shown centred")));
}

TEST(ProbeOutlook, APictureLargerThanTheModeIsShownInPart) {
    FakeVfio vfio;
    vfio.show({.size = {3840, 2160}});
    const OutlookReport outlook = judge_on(vfio, {});
    EXPECT_EQ(outlook.outlook, Outlook::works);
    EXPECT_THAT(outlook.reasons, Contains(HasSubstr("in part")));
}

TEST(ProbeOutlook, AFormatThePlaneLacksIsShownAsItsTwin) {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}, .format = DRM_FORMAT_ARGB8888});
    const OutlookReport outlook = judge_on(vfio, {});
    EXPECT_EQ(outlook.outlook, Outlook::works);
    EXPECT_THAT(outlook.reasons, Contains(AllOf(HasSubstr("does not take AR24 with LINEAR"),
                                                HasSubstr("but XR24"))));
}

TEST(ProbeOutlook, AFormatWithoutATwinIsCopied) {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}, .format = DRM_FORMAT_XBGR8888});
    EXPECT_EQ(judge_on(vfio, {}).outlook, Outlook::copied);
}

TEST(ProbeOutlook, AGuestWithoutDmabufsIsCopied) {
    FakeVfio vfio{{.exports = vfio::Export::region}};
    vfio.show({.size = {800, 600}});
    EXPECT_EQ(judge_on(vfio, {}).outlook, Outlook::copied);
}

TEST(ProbeOutlook, ATiledGuestNeedsATiledPlane) {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}, .modifier = I915_FORMAT_MOD_X_TILED});
    EXPECT_EQ(judge_on(vfio, {}).outlook, Outlook::fails);
    EXPECT_EQ(judge_on(vfio, {.driver = "i915",
                              .plane_modifiers = {DRM_FORMAT_MOD_LINEAR, I915_FORMAT_MOD_X_TILED}})
                  .outlook,
              Outlook::works);
}

TEST(ProbeOutlook, ACursorAboveTheCapLeavesThePictureToWork) {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}});
    auto cursor = guest_cursor(0x800000);
    cursor.size = {128, 128};
    vfio.show(vfio::PlaneType::cursor, cursor);
    const OutlookReport outlook = judge_on(vfio, {.cursor_size = {64, 64}});
    EXPECT_EQ(outlook.outlook, Outlook::without_cursor);
    EXPECT_THAT(outlook.reasons, Contains(HasSubstr("at most 64x64")));
}

TEST(ProbeOutlook, ACursorThatVkmsIsTooOldForIsSaid) {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}});
    auto cursor = guest_cursor(0x800000);
    cursor.size = {16, 16};
    vfio.show(vfio::PlaneType::cursor, cursor);
    EXPECT_THAT(judge_on(vfio, {}).reasons,
                Contains(HasSubstr("refuses less than 20x20: it is copied")));
    EXPECT_EQ(judge_on(vfio, {}).outlook, Outlook::works);
    EXPECT_EQ(judge_on(vfio, {.driver = "i915"}).outlook, Outlook::works);
    EXPECT_THAT(judge_on(vfio, {.driver = "amdgpu"}).reasons,
                Contains(HasSubstr("256 square: it is copied")));
}

TEST(ProbeOutlook, WithoutACursorPlaneThePictureWorks) {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}});
    vfio.show(vfio::PlaneType::cursor, guest_cursor(0x800000));
    EXPECT_EQ(judge_on(vfio, {.cursor = false, .overlay = false}).outlook, Outlook::without_cursor);
}

TEST(ProbeOutlook, ACursorThatIsThePrimaryIsNoCursor) {
    FakeVfio vfio;
    const testing::GuestPicture picture{.size = {64, 64}, .format = DRM_FORMAT_ARGB8888};
    vfio.show(picture);
    vfio.show(vfio::PlaneType::cursor, picture);
    const OutlookReport outlook = judge_on(
        vfio, {.driver = "i915", .cursor = false, .primary_formats = {DRM_FORMAT_ARGB8888}});
    EXPECT_EQ(outlook.outlook, Outlook::works);
    EXPECT_THAT(outlook.reasons, Contains(HasSubstr("ignored")));
}

TEST(ProbeOutlook, AGuestThatShowsNothingCannotBeJudged) {
    FakeVfio vfio;
    EXPECT_EQ(judge_on(vfio, {}).outlook, Outlook::unknown);
}

TEST(ProbeOutlook, VirtioGpuRefusesEveryGuestBeforeLinux614) {
    FakeVfio vfio;
    const CardReport card = describe({.driver = "virtio_gpu"});
    vfio.show({.size = {800, 600}});
    const GuestReport guest = describe(vfio);
    const auto& pipeline = *card.outputs.at(0).pipeline;
    EXPECT_EQ(judge(guest, card, pipeline, {6, 13}).outlook, Outlook::copied);
    EXPECT_EQ(judge(guest, card, pipeline, {6, 14}).outlook, Outlook::works);
    EXPECT_EQ(judge(guest, card, pipeline, {7, 0}).outlook, Outlook::works);
}

TEST(ProbeOutlook, SomebodyElsesMasteryIsARemarkOnly) {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}});
    CardReport card = describe(FakeDrmOptions{});
    card.master = MasterState::held;
    const auto outlook = judge(describe(vfio), card, *card.outputs.at(0).pipeline, debian_12);
    EXPECT_EQ(outlook.outlook, Outlook::works);
    EXPECT_THAT(outlook.reasons, Contains(HasSubstr("DRM master")));
}

TEST(ProbeOutlook, OneOutputThatWorksIsEnough) {
    GuestReport guest;
    EXPECT_FALSE(guest.would_work());
    guest.outputs = {{.outlook = Outlook::fails}, {.outlook = Outlook::without_cursor}};
    EXPECT_TRUE(guest.would_work());
    guest.problem = "gone";
    EXPECT_FALSE(guest.would_work());
}

TEST(ProbeOutlook, AHostWithoutOutputsIsNotAllRight) {
    ProbeReport report;
    EXPECT_FALSE(report.ok());
    report.cards.push_back(describe(FakeDrmOptions{}));
    EXPECT_TRUE(report.ok());
    report.guests.emplace_back();
    EXPECT_FALSE(report.ok());
}

TEST(ProbeOutlook, KernelReleasesAreComparedByNumbers) {
    EXPECT_EQ(parse_kernel_version("6.1.0-56-amd64"), (KernelVersion{6, 1}));
    EXPECT_EQ(parse_kernel_version("6.12.9"), (KernelVersion{6, 12}));
    EXPECT_TRUE(parse_kernel_version("6.9.0").is_before(parse_kernel_version("6.12.0")));
    EXPECT_EQ(parse_kernel_version("strange"), KernelVersion{});
    EXPECT_EQ(parse_kernel_version(""), KernelVersion{});
}

TEST(ProbeRights, WhoMayTakeADescriptorFollowsPtrace) {
    const TraceeIds ours{.uids = {1000, 1000, 1000}, .gids = {100, 100, 100}};
    const TraceeIds setuid{.uids = {1000, 0, 0}, .gids = {100, 100, 100}};
    const TraceeIds others{.uids = {64055, 64055, 64055}, .gids = {100, 100, 100}};
    const TracerRights user{.uid = 1000, .gid = 100, .can_trace_all = false, .yama_scope = {}};
    EXPECT_EQ(find_trace_obstacle(user, ours), "");
    EXPECT_THAT(find_trace_obstacle(user, setuid), HasSubstr("another user"));
    EXPECT_THAT(find_trace_obstacle(user, others), HasSubstr("another user"));

    TracerRights tracer = user;
    tracer.can_trace_all = true;
    EXPECT_EQ(find_trace_obstacle(tracer, others), "");
}

TEST(ProbeRights, YamaComesOnTop) {
    const TraceeIds ours{.uids = {1000, 1000, 1000}, .gids = {100, 100, 100}};
    TracerRights rights{.uid = 1000, .gid = 100, .can_trace_all = false, .yama_scope = 0};
    EXPECT_EQ(find_trace_obstacle(rights, ours), "");
    rights.yama_scope = 1;
    EXPECT_THAT(find_trace_obstacle(rights, ours), HasSubstr("ptrace_scope is 1"));
    rights.can_trace_all = true;
    EXPECT_EQ(find_trace_obstacle(rights, ours), "");
    rights.yama_scope = 3;
    EXPECT_THAT(find_trace_obstacle(rights, ours), HasSubstr("ptrace_scope is 3"));
}

}  // namespace
}  // namespace scanthru
