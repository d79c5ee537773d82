// SPDX-License-Identifier: MIT
#include "presenter/probe_report.h"
#include "unit/probe_samples.h"

#include <gmock/gmock.h>

namespace scanthru {
namespace {

using testing::debian_12;
using testing::describe;
using testing::FakeDrm;
using testing::FakeVfio;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

ProbeReport sample() {
    FakeVfio vfio;
    vfio.show({.size = {800, 600}});
    ProbeReport report{.kernel = "6.1.0", .uid = 0, .can_trace_all = true, .yama_scope = 1};
    report.seat = "seatd";
    report.problems = {"one thing is missing"};
    report.cards.push_back(
        describe({.outputs = 1, .writeback = true, .vrr = true, .async_flips = true}));
    report.cards.push_back({.path = "/dev/dri/card7", .problem = "no rights"});
    report.mdevs.push_back({.uuid = "aaa", .type = "type-1", .parent = "parent0", .group = "14"});
    report.processes.push_back({.process = {.pid = 42, .command = "qemu"},
                                .devices = 1,
                                .groups = {"14"},
                                .mdevs = {"aaa"}});
    report.guests.push_back(describe(vfio));
    GuestReport& guest = report.guests.back();
    guest.outputs.push_back(
        judge(guest, report.cards[0], *report.cards[0].outputs.at(0).pipeline, debian_12));
    return report;
}

TEST(ProbeJson, HasTheMembersThatAreDocumented) {
    const auto json = render_json(sample());
    EXPECT_EQ(json["version"], 1);
    EXPECT_EQ(json["ok"], true);
    EXPECT_EQ(json["host"]["yama_ptrace_scope"], 1);
    EXPECT_EQ(json["host"]["seat"], "seatd");
    EXPECT_EQ(json["problems"][0], "one thing is missing");
    const auto& card = json["cards"][0];
    EXPECT_EQ(card["problem"], nullptr);
    EXPECT_EQ(card["driver"], "vkms");
    EXPECT_EQ(card["capabilities"]["cursor"]["width"], 64);
    EXPECT_EQ(card["capabilities"]["async_flips"], true);
    EXPECT_EQ(card["connectors"][0]["vrr"], true);
    EXPECT_EQ(card["connectors"][1]["vrr"], false);
    EXPECT_EQ(card["master"]["state"], "free");
    EXPECT_EQ(card["connectors"][0]["preferred"], "1024x768@60.001");
    EXPECT_EQ(card["connectors"][0]["pipeline"]["primary"], raw(FakeDrm::primary()));
    EXPECT_EQ(card["connectors"][0]["pipeline"]["writeback"], raw(FakeDrm::writeback()));
    EXPECT_EQ(card["connectors"][1]["writeback"], true);
    EXPECT_EQ(card["planes"][0]["formats"][0]["modifiers"][0], "LINEAR");
    EXPECT_EQ(json["cards"][1]["problem"], "no rights");
    EXPECT_EQ(json["cards"][1]["driver"], nullptr);
    EXPECT_EQ(json["mdevs"][0]["iommu_group"], "14");
    EXPECT_EQ(json["processes"][0]["can_take"], true);
    const auto& guest = json["guests"][0];
    EXPECT_EQ(guest["works"], true);
    EXPECT_EQ(guest["dialect"], "mainline");
    EXPECT_EQ(guest["primary"]["state"], "on");
    EXPECT_EQ(guest["primary"]["width"], 800);
    EXPECT_EQ(guest["cursor"]["state"], "off");
    EXPECT_EQ(guest["outputs"][0]["outlook"], "works");
}

TEST(ProbeJson, AnEmptyReportIsStillComplete) {
    const auto json = render_json({});
    EXPECT_EQ(json["ok"], false);
    for (const char* const list : {"problems", "cards", "mdevs", "processes", "guests"}) {
        EXPECT_TRUE(json[list].is_array()) << list;
        EXPECT_THAT(json[list], IsEmpty()) << list;
    }
    EXPECT_EQ(json["host"]["yama_ptrace_scope"], nullptr);
    EXPECT_EQ(json["host"]["seat"], nullptr);
}

TEST(ProbeText, SaysWhatAnAdministratorAsks) {
    const std::string text = render_text(sample());
    for (const char* const words :
         {"seat         by seatd", "one thing is missing", "card /dev/dri/card7", "no rights",
          "vkms", "nobody now", "Virtual-1    connected, 3 modes, preferred 1024x768@60",
          "XR24: LINEAR", "mdev aaa: type-1 of parent0, IOMMU group 14", "process qemu (pid 42)",
          "800x600 XR24 LINEAR", "(not imported)", "Virtual-1    would work"})
        EXPECT_THAT(text, HasSubstr(words));
}

TEST(ProbeText, LinesHaveNoBlanksAtTheirEnd) {
    EXPECT_THAT(render_text(sample()), Not(HasSubstr(" \n")));
}

}  // namespace
}  // namespace scanthru
