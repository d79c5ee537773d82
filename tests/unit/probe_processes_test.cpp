// SPDX-License-Identifier: MIT
#include "presenter/probe_processes.h"
#include "unit/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>

namespace scanthru {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProbeScan : public ::testing::Test {
protected:
    ProbeScan() {
        places_ = {.mdevs = folder_ / "mdevs", .vfio = folder_ / "vfio", .proc = folder_ / "proc"};
        fs::create_directories(places_.vfio);
    }

    using Links = std::vector<std::string>;

    void add_process(int pid, const std::string& command, const Links& descriptors) {
        const fs::path process = fs::path{places_.proc} / std::to_string(pid);
        fs::create_directories(process / "fd");
        std::ofstream{process / "comm"} << command << '\n';
        std::ofstream{process / "status"} << "Name:\tx\nUid:\t7\t8\t9\t10\nGid:\t1\t2\t3\t4\n";
        int number = 3;
        for (const std::string& target : descriptors)
            fs::create_symlink(target, process / "fd" / std::to_string(number++));
    }

    void add_mdev(const std::string& uuid, const std::string& group) {
        const fs::path device = fs::path{folder_ / "sys"} / "parent0" / uuid;
        fs::create_directories(device);
        fs::create_directories(places_.mdevs);
        fs::create_symlink("../mdev_supported_types/type-1", device / "mdev_type");
        if (!group.empty()) {
            fs::create_symlink("/sys/kernel/iommu_groups/" + group, device / "iommu_group");
            std::ofstream{fs::path{places_.vfio} / group};
        }
        fs::create_symlink(device, fs::path{places_.mdevs} / uuid);
    }

    testing::TemporaryDirectory folder_;
    vfio::Places places_;
};

TEST_F(ProbeScan, AProcessIsKnownByItsDescriptors) {
    add_process(42, "qemu-system-x86",
                {places_.vfio + "/vfio", places_.vfio + "/14", "anon_inode:[vfio-device]",
                 "anon_inode:[vfio-device]", "/dev/dri/card1", "socket:[9]"});
    const auto processes = scan_processes(places_);
    ASSERT_EQ(processes.size(), 1U);
    const ProcessEntry& entry = processes.front();
    EXPECT_EQ(entry.process, (ProcessName{.pid = 42, .command = "qemu-system-x86"}));
    EXPECT_TRUE(entry.visible);
    EXPECT_EQ(entry.devices, 2U);
    EXPECT_THAT(entry.groups, ElementsAre("14"));
    EXPECT_THAT(entry.cards, ElementsAre("/dev/dri/card1"));
    EXPECT_THAT(entry.ids.uids, ElementsAre(7, 8, 9));
    EXPECT_THAT(entry.ids.gids, ElementsAre(1, 2, 3));
}

TEST_F(ProbeScan, WhoHasEndedIsNobodys) {
    add_process(42, "qemu-system-x86", {});
    EXPECT_THAT(read_tracee_ids(42, places_).uids, ElementsAre(7, 8, 9));
    EXPECT_THAT(read_tracee_ids(43, places_).uids, IsEmpty());
}

TEST_F(ProbeScan, WhatIsNoProcessIsPassedBy) {
    fs::create_directories(fs::path{places_.proc} / "sys");
    fs::create_directories(fs::path{places_.proc} / "12abc");
    fs::create_directories(fs::path{places_.proc} / "13");  // Ended while we looked.
    EXPECT_THAT(scan_processes(places_), IsEmpty());
}

TEST_F(ProbeScan, ProcessesComeInTheOrderOfTheirNumbers) {
    add_process(100, "b", {});
    add_process(20, "a", {});
    const auto processes = scan_processes(places_);
    ASSERT_EQ(processes.size(), 2U);
    EXPECT_EQ(processes[0].process.pid, 20);
}

TEST_F(ProbeScan, AnMdevNamesItsUsers) {
    add_mdev("aaa", "14");
    add_process(42, "qemu", {places_.vfio + "/14"});
    add_process(43, "other", {places_.vfio + "/15"});
    const auto mdevs = list_mdevs(scan_processes(places_), places_);
    ASSERT_EQ(mdevs.size(), 1U);
    EXPECT_EQ(mdevs[0].uuid, "aaa");
    EXPECT_EQ(mdevs[0].type, "type-1");
    EXPECT_EQ(mdevs[0].parent, "parent0");
    EXPECT_EQ(mdevs[0].group, "14");
    EXPECT_EQ(mdevs[0].problem, "");
    EXPECT_THAT(mdevs[0].users, ElementsAre(ProcessName{.pid = 42, .command = "qemu"}));
}

TEST_F(ProbeScan, AnMdevWithoutAVfioDriverSaysSo) {
    add_mdev("aaa", "");
    const auto mdevs = list_mdevs({}, places_);
    ASSERT_EQ(mdevs.size(), 1U);
    EXPECT_THAT(mdevs[0].problem, HasSubstr("vfio_mdev"));
}

TEST_F(ProbeScan, OnlyThoseWithVfioDevicesAreShown) {
    add_mdev("aaa", "14");
    add_process(41, "sshd", {"socket:[1]"});
    add_process(42, "qemu", {places_.vfio + "/14", "anon_inode:[vfio-device]"});
    const auto processes = scan_processes(places_);
    const TracerRights rights{.uid = 7, .gid = 1, .can_trace_all = true, .yama_scope = {}};
    const auto picked = pick_vfio_users(processes, list_mdevs(processes, places_), rights);
    ASSERT_EQ(picked.size(), 1U);
    EXPECT_EQ(picked[0].process.pid, 42);
    EXPECT_THAT(picked[0].mdevs, ElementsAre("aaa"));
    EXPECT_EQ(picked[0].obstacle, "");
}

TEST_F(ProbeScan, AQemuThatHidesIsShownAllTheSame) {
    const std::vector<ProcessEntry> processes{
        {.process = {.pid = 5, .command = "qemu-system-x86"}, .ids = {{64055}, {100}}},
        {.process = {.pid = 6, .command = "bash"}, .ids = {{64055}, {100}}}};
    const auto picked = pick_vfio_users(
        processes, {}, {.uid = 1000, .gid = 100, .can_trace_all = false, .yama_scope = 1});
    ASSERT_EQ(picked.size(), 1U);
    EXPECT_FALSE(picked[0].visible);
    EXPECT_THAT(picked[0].obstacle, HasSubstr("another user"));
}

TEST_F(ProbeScan, ANodeThatIsNotThereIsAnObstacle) {
    EXPECT_EQ(find_access_obstacle(places_.vfio), "");
    EXPECT_THAT(find_access_obstacle(places_.vfio + "/none"), HasSubstr("ENOENT"));
}

}  // namespace
}  // namespace scanthru
