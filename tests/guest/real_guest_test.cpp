// SPDX-License-Identifier: MIT
// An unmodified Linux guest, bochs-drm on the test vGPU, attached by its QMP socket alone. The
// tests are chapters of one guest's life, because booting one takes long.
#include "crc_reader.h"
#include "guest_life.h"
#include "prediction.h"
#include "synthetic_guest.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr Size screen{640, 480};  ///< What pictures.cpp draws.
constexpr milliseconds show_limit{30'000};
/// A second is what is promised, and what the figures are held against; the test's limit leaves
/// room for a busy machine, on which an emulated one in an emulated one may stand still for a
/// moment.
constexpr milliseconds at_once{5000};

std::uint32_t crc_of(std::uint32_t number) {
    return predict_crc(guest_picture(number, screen), nullptr, {});
}

double milliseconds_since(steady_clock::time_point start) {
    return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

/// Whether a process could open the vGPU's IOMMU group now.
bool group_is_free(const std::string& uuid) {
    const auto group =
        std::filesystem::read_symlink("/sys/bus/mdev/devices/" + uuid + "/iommu_group");
    const UniqueFd fd{
        ::open(("/dev/vfio/" + group.filename().string()).c_str(), O_RDWR | O_CLOEXEC)};
    if (!fd && errno != EBUSY) ADD_FAILURE() << "/dev/vfio/" << group.filename() << ": " << errno;
    return static_cast<bool>(fd);
}

class RealGuest : public GuestLife {
protected:
    static void SetUpTestSuite() {
        begin("pictures");
        // Before its guest: nothing but the socket's path is known.
        start_presenter({});
    }

    static void start_presenter(const std::vector<std::string>& options) {
        std::vector<std::string> words{"--guest", "qmp:" + guest->socket(), "--card", vkms_card()};
        words.insert(words.end(), options.begin(), options.end());
        presenter = std::make_unique<PresenterProcess>(words);
    }

    static nlohmann::json link() { return presenter->status()["guests"][0]; }
    static bool black() { return presenter->output()["primary"].is_null(); }

    /// The guest's driver has read the EDID that we gave its device, and believes it.
    static void expect_monitor(const std::string& mode) {
        const std::string words = guest->serial();
        const std::string said = words.substr(words.rfind("guest: edid ") + 12);
        std::string hex;
        for (const char byte : vgpu->get("edid"))
            hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
        EXPECT_EQ(said.substr(0, said.find_first_of("\r\n")), hex);
        EXPECT_NE(said.find("guest: first mode " + mode), std::string::npos) << said;
    }

    static void expect_on_screen(std::uint32_t crc, const std::string& what) {
        const CrcReader crcs{vkms_card()};
        EXPECT_TRUE(crcs.wait_for(crc, show_limit))
            << what << ": expected the CRC " << crc << ", the screen's is " << crcs.newest();
    }
};

TEST_F(RealGuest, IsAttachedByItsSocketAloneAndItsPictureIsOnScreen) {
    guest->start("--no-wait --do guest_pictures --add " GUEST_PICTURES " --uuid " + vgpu->uuid());
    guest->wait_for("guest: painted", boot_limit);
    expect_on_screen(crc_of(1), "picture 1");
    EXPECT_EQ(link()["state"], "attached");
    EXPECT_EQ(link()["pid"], guest->pid());
    EXPECT_EQ(presenter->output()["primary"]["width"], screen.width);
    expect_monitor("1024x768 at 65000 kHz");
}

TEST_F(RealGuest, KeepsItsPictureWhilePaused) {
    guest->ask("stop", "{}");
    EXPECT_TRUE(PresenterProcess::wait([] { return link()["paused"] == true; }, at_once));
    expect_on_screen(crc_of(1), "picture 1 of a paused guest");
    guest->ask("cont", "{}");
    EXPECT_TRUE(PresenterProcess::wait([] { return link()["paused"] == false; }, at_once));
}

TEST_F(RealGuest, TakesAnotherSizeAndTheMonitorFollows) {
    constexpr Size other{800, 600};
    guest->press("s");
    guest->wait_for("guest: 800x600", seconds{60});
    expect_on_screen(predict_crc(guest_picture(4, other), nullptr, {}), "picture 4, larger");
    EXPECT_EQ(presenter->output()["width"], other.width);
    guest->press("s");
    guest->wait_for("guest: 640x480", seconds{60});
    expect_on_screen(crc_of(1), "picture 1 in its old size");
}

TEST_F(RealGuest, IsFoundRunningByTheNextScanthru) {
    EXPECT_EQ(presenter->stop(), 0);
    EXPECT_EQ(vgpu->counter("dmabufs_live"), 0) << "the first one left something";
    // Composing for the CRCs takes this machine's processors away from the guest: fewer vblanks.
    start_presenter({"--modeline", "8.4 640 656 752 800 480 490 492 525", "--fit", "crop"});
    expect_on_screen(crc_of(1), "picture 1");
    EXPECT_EQ(presenter->counter("gets"), 1U);
}

TEST_F(RealGuest, FlipsTwoFramebuffersOfWhichEachIsImportedOnce) {
    const auto gets = presenter->counter("gets");
    const auto framebuffers = presenter->counter("framebuffers");
    const auto guest_gets = vgpu->counter("get");
    const auto attachments = vgpu->counter("attachments_total");
    const auto shown = presenter->counter("flips");

    CrcReader crcs{vkms_card()};
    guest->press("f");
    guest->wait_for("guest: flipped 300", seconds{300});
    ASSERT_TRUE(crcs.wait_for(crc_of(3), show_limit)) << "the last picture is number 3";
    const auto frames = crcs.stop();

    EXPECT_EQ(presenter->counter("gets") - gets, 2U);
    EXPECT_EQ(presenter->counter("framebuffers") - framebuffers, 2U);
    EXPECT_EQ(vgpu->counter("get") - guest_gets, 2);
    EXPECT_EQ(vgpu->counter("attachments_total") - attachments, 2);
    EXPECT_EQ(vgpu->counter("mmaps_total"), 0) << "nothing was read by the CPU";

    bool begun = false;
    int changes = 0;
    std::uint32_t last = crc_of(1);
    for (const auto& [frame, crc] : frames) {
        begun |= crc != crc_of(1);
        ASSERT_TRUE(!begun || crc == crc_of(2) || crc == crc_of(3))
            << "frame " << frame << " is neither picture 2 nor 3: CRC " << crc;
        changes += crc != last ? 1 : 0;
        last = crc;
    }
    EXPECT_GT(changes, 10) << "the pictures took turns on screen";
    figure("frames with a CRC while the guest flipped 300 times",
           static_cast<double>(frames.size()), "frames");
    figure("changes of picture seen by CRC", changes, "changes");
    figure("flips shown", static_cast<double>(presenter->counter("flips") - shown), "flips");
}

TEST_F(RealGuest, RebootsAndComesBackOnScreen) {
    const auto start = steady_clock::now();
    guest->press("r");
    EXPECT_TRUE(PresenterProcess::wait(black, seconds{60})) << "the reset turns the display off";
    guest->wait_for("guest: painted", boot_limit, 2);
    figure("reboot, to the picture painted again", milliseconds_since(start) / 1000, "s");
    expect_on_screen(crc_of(1), "picture 1 after the reboot");
    expect_monitor("640x480 at 8400 kHz");
    EXPECT_EQ(link()["pid"], guest->pid());
}

TEST_F(RealGuest, IsUnpluggedAndItsMdevRemovedWithinASecondWhileShown) {
    ASSERT_FALSE(black());
    guest->ask("device_del", R"({"id": "vgpu"})");
    ASSERT_TRUE(PresenterProcess::wait(
        [] { return guest->monitor_log().find("DEVICE_DELETED") != std::string::npos; },
        seconds{200}))
        << "the guest did not give its device back";
    const auto start = steady_clock::now();
    auto removal = std::async(std::launch::async, [] { return vgpu->remove(); });
    const bool removed = removal.wait_for(at_once) == std::future_status::ready;
    figure("device deleted to mdev removed", milliseconds_since(start), "ms");
    EXPECT_TRUE(removed) << "removing the mdev takes more than a second";
    if (!removed) presenter->kill();  // Else the removal, and this test, would wait for ever.
    EXPECT_EQ(removal.get(), 0);
    if (!removed) return;
    EXPECT_TRUE(PresenterProcess::wait(black, at_once));
    EXPECT_EQ(link()["state"], "waiting");
    auto totals = vgpu::totals();
    for (const char* live :
         {"devices_live", "objects_live", "dmabufs_live", "attachments_live", "maps_live"})
        EXPECT_EQ(totals[live], 0) << live << " after the removal";
}

TEST_F(RealGuest, IsShownAgainWhenItGetsAnotherDevice) {
    vgpu = std::make_unique<vgpu::TestVgpu>();
    guest->ask("device_add",
               R"({"driver": "vfio-pci", "id": "vgpu", "display": "off", "addr": "6", )"
               R"("sysfsdev": "/sys/bus/mdev/devices/)" +
                   vgpu->uuid() + R"("})");
    EXPECT_TRUE(PresenterProcess::wait([] { return !black(); }, seconds{200}))
        << "its console did not come on screen";
    EXPECT_EQ(link()["pid"], guest->pid());
}

TEST_F(RealGuest, LeavesTheScreenAndItsDeviceWhenItsQemuIsKilled) {
    const CrcReader crcs{vkms_card()};
    const auto start = steady_clock::now();
    guest->kill();
    EXPECT_TRUE(PresenterProcess::wait([] { return group_is_free(vgpu->uuid()); }, at_once))
        << "a new QEMU would get EBUSY";
    figure("QEMU killed to IOMMU group free", milliseconds_since(start), "ms");
    EXPECT_TRUE(PresenterProcess::wait(black, at_once));
    figure("QEMU killed to planes off", milliseconds_since(start), "ms");
    const std::uint32_t expected = predict_crc(Picture::filled(screen, 0xFF000000), nullptr, {});
    EXPECT_TRUE(crcs.wait_for(expected, show_limit))
        << "expected black, " << expected << ", the screen's CRC is " << crcs.newest();
    EXPECT_EQ(vgpu->counter("dmabufs_live"), 0);
    EXPECT_EQ(vgpu->counter("attachments_live"), 0);
    EXPECT_EQ(link()["state"], "waiting");
}

TEST_F(RealGuest, GetsItsDeviceBackInTheNextQemu) {
    // One whose command line names the vGPU: it ends at once when that is busy.
    const std::string options = "--cold --no-wait --uuid " + vgpu->uuid();
    const auto attached = [] {
        return link()["state"] == "attached" && link()["pid"] == guest->pid();
    };
    guest->start(options);
    ASSERT_TRUE(PresenterProcess::wait(attached, seconds{60}));
    // Without a pause, and with scanthru holding on.
    const auto start = steady_clock::now();
    guest->kill();
    guest->start(options);
    EXPECT_TRUE(PresenterProcess::wait(attached, seconds{60}));
    figure("QEMU killed to the next one attached", milliseconds_since(start), "ms");
}

}  // namespace
}  // namespace scanthru::system_test
