// SPDX-License-Identifier: MIT
// The whole program as a user without any right but a place in seatd's group.
#include "base/unix_socket.h"
#include "crc_reader.h"
#include "prediction.h"
#include "presenter_process.h"
#include "scripted_qemu.h"
#include "seatd.h"
#include "uinput_device.h"
#include "vgpu/test/test_vgpu.h"
#include "virtual_terminal.h"

#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <linux/input.h>
#include <optional>
#include <thread>

namespace scanthru::system_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds limit{20};
constexpr Size screen{320, 240};
constexpr const char* seat_group = "users";
constexpr const char* ptrace_scope = "/proc/sys/kernel/yama/ptrace_scope";

/// The device node of its IOMMU group.
std::string group_node(const vgpu::TestVgpu& vgpu) {
    const std::filesystem::path link = "/sys/bus/mdev/devices/" + vgpu.uuid() + "/iommu_group";
    return "/dev/vfio/" + std::filesystem::read_symlink(link).filename().string();
}

/// A vGPU that belongs to an ordinary user, who may have a seat of seatd's.
class WithoutRoot : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(go_to_vt(1));
        user.own(group_node(vgpu));
        set_ptrace_scope('0');
    }

    void TearDown() override {
        if (presenter) {
            EXPECT_EQ(presenter->stop(), 0) << presenter->log();
        }
        set_ptrace_scope('0');
        EXPECT_TRUE(PresenterProcess::wait([] { return is_usable(1); }, limit));
    }

    static void set_ptrace_scope(char scope) { std::ofstream{ptrace_scope} << scope; }

    void present(const std::string& source) {
        presenter.emplace(user, std::vector<std::string>{"--guest", source, "--modeline",
                                                         small_modeline(60), "--seat", "auto"});
        presenter->wait_attached();
        EXPECT_EQ(presenter->status()["seat"], "seatd") << presenter->log();
        EXPECT_FALSE(is_usable(1)) << "keys would go to the console too";
    }

    void expect_its_picture() const {
        const CrcReader crcs{vkms_card()};
        ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
        EXPECT_TRUE(crcs.wait_for(predict_crc(guest_picture(0, screen), nullptr, {}), limit))
            << presenter->log();
    }

    std::string probe(const OrdinaryUser& who) const {
        return output_of(who, {"probe", "--guest", "qmp:" + socket});
    }

    OrdinaryUser user{12345, {seat_group}};
    std::string socket = user.runtime_folder() + "/qmp";
    vgpu::TestVgpu vgpu;
    Seatd seatd{seat_group};
    std::optional<PresenterProcess> presenter;
};

TEST_F(WithoutRoot, AQemuOfTheSameUserIsShownAndFed) {
    const ScriptedQemu qemu{vgpu, socket, &user};
    const UinputDevice keys{keyboard()};
    present("qmp:" + socket);
    expect_its_picture();
    ASSERT_TRUE(PresenterProcess::wait(
        [this] { return presenter->status()["devices"].size() >= 4; }, limit))
        << presenter->log();
    keys.key(KEY_A, true);
    keys.key(KEY_A, false);
    EXPECT_TRUE(PresenterProcess::wait(
        [this] { return vgpu::read_file(socket + ".input").ends_with("key a 1\nkey a 0\n"); },
        limit))
        << vgpu::read_file(socket + ".input") << presenter->log();
}

TEST_F(WithoutRoot, ADescriptorThatIsInheritedIsShown) {
    vgpu.open();
    const UniqueFd inherited{::dup(vgpu.fd())};
    present(fmt::format("fd:{}", inherited.get()));
    vgpu.close();
    expect_its_picture();
}

TEST_F(WithoutRoot, ADescriptorThatIsSentIsShown) {
    vgpu.open();
    const std::string path = user.runtime_folder() + "/device";
    const auto listener = listen_unix(path, 0666);
    ASSERT_TRUE(listener);
    std::thread sender{[this, &listener] {
        PresenterProcess::wait(
            [this, &listener] {
                const auto client = accept_unix(listener->get());
                return client && send_all(client->get(), "device", vgpu.fd());
            },
            limit);
    }};
    present("recv:" + path);
    sender.join();
    expect_its_picture();
    vgpu.close();
}

TEST_F(WithoutRoot, ItGoesOnWithoutWhatIsOnlyRoots) {
    const ScriptedQemu qemu{vgpu, socket, &user};
    present("qmp:" + socket);
    const std::string log = presenter->log();
    EXPECT_THAT(log, HasSubstr("sched_setscheduler"));
    EXPECT_THAT(log, HasSubstr("memory may be paged out"));
    EXPECT_THAT(vgpu::read_file(fmt::format("/proc/{}/status", presenter->pid())),
                HasSubstr("CapEff:\t0000000000000000"));
}

TEST_F(WithoutRoot, ProbeFindsNothingMissingForThoseWhoMay) {
    const ScriptedQemu qemu{vgpu, socket, &user};
    const std::string text = probe(OrdinaryUser{user.uid(), {seat_group, "video"}});
    EXPECT_THAT(text, HasSubstr("seat         by seatd"));
    EXPECT_THAT(text, HasSubstr("takeable     yes"));
    EXPECT_THAT(text, Not(HasSubstr("missing")));
    EXPECT_THAT(text, Not(HasSubstr("problem")));
}

TEST_F(WithoutRoot, ProbeNamesTheGroupOfSeatd) {
    const std::string text = probe(OrdinaryUser{user.uid()});
    EXPECT_THAT(text, HasSubstr("missing      no seat: seatd's socket /run/seatd.sock is for the "
                                "group users, which this process is not in"));
}

TEST_F(WithoutRoot, ProbeNamesTheGroupOfTheCard) {
    const std::string missing = fmt::format("{}: Permission denied (EACCES)", vkms_card());
    const std::string remedy = "join the group video";
    EXPECT_THAT(probe(OrdinaryUser{user.uid()}), AllOf(HasSubstr(missing), HasSubstr(remedy)));
    EXPECT_THAT(probe(user), HasSubstr(remedy + "; scanthru run gets it from seatd all the same"));
}

TEST_F(WithoutRoot, ProbeNamesTheOtherUser) {
    const ScriptedQemu qemu{vgpu, socket, &user};
    const OrdinaryUser other{12346, {seat_group}};
    EXPECT_THAT(probe(other), HasSubstr("qmp: Permission denied (EACCES)"));
    std::filesystem::permissions(user.runtime_folder(), std::filesystem::perms::all);
    std::filesystem::permissions(socket, std::filesystem::perms::all);
    EXPECT_THAT(probe(other), HasSubstr("it runs as another user or group: be root, or have "
                                        "CAP_SYS_PTRACE"));
}

TEST_F(WithoutRoot, ProbeNamesYama) {
    const ScriptedQemu qemu{vgpu, socket, &user};
    set_ptrace_scope('1');
    const std::string text = probe(user);
    EXPECT_THAT(text, HasSubstr("no CAP_SYS_PTRACE, ptrace_scope 1"));
    EXPECT_THAT(text,
                HasSubstr(fmt::format("QEMU (pid {}): pidfd_getfd: Operation not permitted (EPERM)",
                                      qemu.pid())));
    EXPECT_THAT(text, HasSubstr("kernel.yama.ptrace_scope is 1: be root, or have CAP_SYS_PTRACE, "
                                "or set it to 0"));
}

}  // namespace
}  // namespace scanthru::system_test
