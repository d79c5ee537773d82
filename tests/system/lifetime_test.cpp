// SPDX-License-Identifier: MIT
// Buffers, ids and devices that come and go while they are on screen.
#include "crc_reader.h"
#include "kms/host_picture.h"
#include "kms/takeover.h"
#include "prediction.h"
#include "presenter_process.h"
#include "synthetic_guest.h"

#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr Size screen{320, 240};
constexpr milliseconds limit{8000};

std::uint32_t picture_crc(std::uint32_t number) {
    return predict_crc(guest_picture(number, screen), nullptr, {});
}

std::uint32_t black_crc() {
    return predict_crc(Picture::filled(screen, 0xFF000000), nullptr, {});
}

/// A presenter on a vGPU, watched by CRC. At the end nothing of the vGPU may be left.
class Lifetime : public ::testing::Test {
protected:
    void begin(const std::string& dialect = "mainline", const std::string& ids = "lowest") {
        ASSERT_EQ(vgpu->set("dialect", dialect), 0);
        ASSERT_EQ(vgpu->set("id_policy", ids), 0);
        presenter.emplace(std::vector<std::string>{"--guest", "mdev:" + vgpu->uuid(), "--card",
                                                   vkms_card(), "--modeline", small_modeline(60),
                                                   "--refresh", "never"});
        presenter->wait_attached();
        crcs.emplace(vkms_card());
    }

    void show(const std::string& more = "") const {
        ASSERT_EQ(vgpu->set("guest", "start width=320 height=240 buffers=2 rate=0 " + more), 0);
    }

    /// A duplicate of the device descriptor in the presenter, as another process might have it.
    UniqueFd take_device() const {
        const std::string folder = "/proc/" + std::to_string(presenter->pid()) + "/fd";
        for (const auto& entry : std::filesystem::directory_iterator{folder}) {
            std::error_code error;
            const auto target = std::filesystem::read_symlink(entry, error).string();
            if (target != "anon_inode:[vfio-device]") continue;
            const UniqueFd process{
                static_cast<int>(::syscall(SYS_pidfd_open, presenter->pid(), 0))};
            const int number = std::stoi(entry.path().filename().string());
            return UniqueFd{static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0))};
        }
        return UniqueFd{};
    }

    void TearDown() override {
        crcs.reset();
        if (presenter) {
            EXPECT_EQ(presenter->stop(), 0);
        }
        presenter.reset();
        vgpu.reset();
        auto totals = vgpu::totals();
        for (const char* live : {"objects_live", "dmabufs_live", "attachments_live", "vmaps_live"})
            EXPECT_EQ(totals[live], 0) << live;
    }

    std::optional<vgpu::TestVgpu> vgpu{std::in_place};
    std::optional<PresenterProcess> presenter;
    std::optional<CrcReader> crcs;
};

TEST_F(Lifetime, AnIdUsedAnewForAnotherGeometryShowsTheNewPicture) {
    begin("mainline", "lowest");
    for (int round = 0; round < 20; ++round) {
        // Other offsets and strides are other buffers; old ones are evicted, ids come back.
        show(fmt::format("offset={} stride={}", round % 5 * 4096, 1280 + round % 7 * 64));
        ASSERT_TRUE(crcs->wait_for(picture_crc(0), limit)) << round << presenter->log();
        ASSERT_EQ(vgpu->set("guest", "flip"), 0);
        ASSERT_TRUE(crcs->wait_for(picture_crc(1), limit)) << round << presenter->log();
    }
    EXPECT_LE(vgpu->counter("dmabufs_live"), 16);
    EXPECT_GT(presenter->counter("evictions"), 0U);
}

TEST_F(Lifetime, ManyDmabufsOfOneIdAndAForeignCloseLeaveThePicture) {
    begin("draft-v14");
    show();
    ASSERT_TRUE(crcs->wait_for(picture_crc(0), limit)) << presenter->log();
    const UniqueFd device = take_device();
    ASSERT_TRUE(device);
    const auto id = presenter->output()["primary"]["id"].get<std::uint32_t>();
    std::vector<UniqueFd> dmabufs;
    for (int i = 0; i < 20; ++i) {
        vgpu::DraftGet get;
        get.dmabuf_id = id;
        ASSERT_EQ(::ioctl(device.get(), VFIO_DEVICE_GET_GFX_DMABUF, &get), 0);
        dmabufs.emplace_back(get.dmabuf_fd);
    }
    // Somebody closes the id while it is shown; from now on QUERY gives the picture a new id.
    vgpu::DraftClose close;
    close.id = id;
    ASSERT_EQ(::ioctl(device.get(), vgpu::close_buf_request, &close), 0);
    ASSERT_TRUE(
        PresenterProcess::wait([&] { return presenter->output()["primary"]["id"] != id; }, limit));
    EXPECT_TRUE(crcs->wait_frames(6));
    EXPECT_EQ(crcs->newest(), picture_crc(0));
    dmabufs.clear();
    ASSERT_EQ(vgpu->set("guest", "flip"), 0);
    EXPECT_TRUE(crcs->wait_for(picture_crc(1), limit));
}

TEST_F(Lifetime, GetOfADeadIdKeepsThePicture) {
    begin("mainline", "growing");
    show();
    ASSERT_TRUE(crcs->wait_for(picture_crc(0), limit));
    ASSERT_EQ(vgpu->set("override", "primary dmabuf_id 4000"), 0);
    ASSERT_TRUE(
        PresenterProcess::wait([&] { return presenter->counter("unshowable") > 5; }, limit));
    EXPECT_EQ(crcs->newest(), picture_crc(0));
    ASSERT_EQ(vgpu->set("override", "clear"), 0);
    ASSERT_EQ(vgpu->set("guest", "flip"), 0);
    EXPECT_TRUE(crcs->wait_for(picture_crc(1), limit));
}

TEST_F(Lifetime, ADeviceThatVanishesLeavesABlackScreenAndNothingOpen) {
    begin();
    const std::size_t descriptors = presenter->descriptors();
    show();
    ASSERT_TRUE(crcs->wait_for(picture_crc(0), limit));
    ASSERT_EQ(vgpu->set("surprise_remove", "1"), 0);
    EXPECT_TRUE(crcs->wait_for(black_crc(), limit)) << presenter->log();
    EXPECT_TRUE(PresenterProcess::wait([&] { return vgpu->counter("dmabufs_live") == 0; }, limit));
    EXPECT_LT(presenter->descriptors(), descriptors);
}

TEST_F(Lifetime, RemovingTheMdevWhileItIsShownTakesLessThanASecond) {
    begin();
    show("cursor=1");
    ASSERT_TRUE(
        PresenterProcess::wait([&] { return presenter->output()["primary"].is_object(); }, limit));
    const auto start = steady_clock::now();
    ASSERT_EQ(vgpu->remove(), 0);
    const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    figure("removal of the mdev while shown", static_cast<double>(took.count()), "ms");
    EXPECT_LT(took.count(), 1000);
    EXPECT_TRUE(crcs->wait_for(black_crc(), limit));
    EXPECT_TRUE(presenter->alive());
}

TEST_F(Lifetime, ReleaseAnswersWhenTheDeviceIsFree) {
    begin();
    show();
    ASSERT_TRUE(crcs->wait_for(picture_crc(0), limit));
    const auto answer = presenter->ask({{"command", "release"}, {"guest", "guest1"}});
    ASSERT_EQ(answer["ok"], true) << answer.dump();
    EXPECT_EQ(vgpu->counter("opens_live"), 0);
    EXPECT_EQ(presenter->status()["guests"][0]["state"], "released");
    vgpu->open();  // Throws when the group is still busy.
    vgpu->close();
}

TEST_F(Lifetime, ComesBackWhenTheDeviceDoes) {
    begin();
    show();
    ASSERT_TRUE(crcs->wait_for(picture_crc(0), limit));
    presenter->ask({{"command", "release"}, {"guest", "guest1"}});
    const std::string uuid = vgpu->uuid();
    ASSERT_EQ(vgpu->remove(), 0);
    ASSERT_TRUE(PresenterProcess::wait(
        [&] { return presenter->status()["guests"][0]["state"] == "waiting"; }, limit));
    ASSERT_EQ(vgpu::write_file("/sys/class/mdev_bus/scanthru_vgpu/mdev_supported_types/"
                               "scanthru_vgpu-16m/create",
                               uuid),
              0);
    presenter->wait_attached();
    show();
    EXPECT_TRUE(crcs->wait_for(picture_crc(0), limit));
    crcs.reset();
    EXPECT_EQ(presenter->stop(), 0);
    presenter.reset();
    vgpu::write_file("/sys/bus/mdev/devices/" + uuid + "/remove", "1");
}

/// Somebody whose picture was on the screen before us and who is still there: the card stays open,
/// so it is not the kernel's console that comes back.
class EarlierOwner {
public:
    EarlierOwner() {
        auto opened = kms::Card::open(vkms_card());
        if (!opened) throw std::runtime_error{fmt::format("{}", opened.error())};
        card_ = *std::move(opened);
        const auto topology = kms::Topology::read(*card_);
        const auto pipeline =
            kms::choose(*topology, {.mode = {.size = screen},
                                    .extra_modes = {*kms::parse_modeline(small_modeline(60))}});
        picture_ = *kms::HostPicture::create(*card_, screen);
        const auto memory = *picture_->map();
        for (std::size_t i = 0; i < pattern_.pixels.size(); ++i)
            std::memcpy(memory.data() + i / screen.width * picture_->stride() +
                            i % screen.width * sizeof(std::uint32_t),
                        &pattern_.pixels[i], sizeof(std::uint32_t));
        if (const auto lit = kms::light_up(*card_, *topology, *pipeline, picture_->framebuffer());
            !lit)
            throw std::runtime_error{fmt::format("{}", lit.error())};
        drmDropMaster(card_->fd());
    }

    std::uint32_t crc() const { return predict_crc(pattern_, nullptr, {}); }

private:
    std::unique_ptr<kms::Card> card_;
    std::optional<kms::HostPicture> picture_;
    Picture pattern_ = guest_picture(77, screen);
};

TEST_F(Lifetime, ThePictureOfAnEarlierOwnerComesBackAtTheEnd) {
    const EarlierOwner owner;
    begin();
    show("cursor=1");
    ASSERT_TRUE(
        PresenterProcess::wait([&] { return presenter->output()["cursor"].is_object(); }, limit));
    EXPECT_NE(crcs->newest(), owner.crc());
    crcs.reset();
    EXPECT_EQ(presenter->stop(), 0);
    presenter.reset();
    const CrcReader after{vkms_card()};
    EXPECT_TRUE(after.wait_for(owner.crc(), limit)) << "the screen's CRC is " << after.newest();
}

TEST_F(Lifetime, WithoutAPictureTheScreenSaysHowTheGuestStands) {
    presenter.emplace(std::vector<std::string>{"--guest", "mdev:" + vgpu->uuid(), "--card",
                                               vkms_card(), "--modeline", small_modeline(60),
                                               "--refresh", "never", "--idle", "message"});
    presenter->wait_attached();
    crcs.emplace(vkms_card());
    ASSERT_TRUE(
        PresenterProcess::wait([&] { return presenter->output()["message"] == true; }, limit));
    EXPECT_TRUE(crcs->wait_frames(6));
    const std::uint32_t attached = crcs->newest();
    EXPECT_NE(attached, black_crc());
    show();
    EXPECT_TRUE(crcs->wait_for(picture_crc(0), limit));
    EXPECT_EQ(presenter->output()["message"], false);
    ASSERT_EQ(vgpu->set("guest", "off"), 0);
    EXPECT_TRUE(crcs->wait_for(attached, limit)) << "the same words again";
    show();
    EXPECT_TRUE(crcs->wait_for(picture_crc(0), limit));
    presenter->ask({{"command", "release"}, {"guest", "guest1"}});
    EXPECT_TRUE(
        PresenterProcess::wait([&] { return presenter->output()["message"] == true; }, limit));
    EXPECT_TRUE(crcs->wait_frames(6));
    EXPECT_NE(crcs->newest(), attached) << "other words";
    EXPECT_NE(crcs->newest(), black_crc());
}

TEST_F(Lifetime, NothingOfOursIsLeftOnTheCardAtTheEnd) {
    const std::string state = "/sys/kernel/debug/dri/" +
                              vkms_card().substr(std::string{"/dev/dri/card"}.size()) + "/state";
    const std::string framebuffers = state.substr(0, state.rfind('/')) + "/framebuffer";
    const auto count = [&] {
        const std::string text = vgpu::read_file(framebuffers);
        std::size_t found = 0;
        for (std::size_t at = text.find("framebuffer["); at != std::string::npos;
             at = text.find("framebuffer[", at + 1))
            ++found;
        return found;
    };
    const auto active = [&] {
        return vgpu::read_file(state).find("active=1") != std::string::npos;
    };
    const std::size_t before = count();
    const bool was_active = active();
    begin();
    show("cursor=1");
    ASSERT_TRUE(
        PresenterProcess::wait([&] { return presenter->output()["primary"].is_object(); }, limit));
    EXPECT_GT(count(), before);
    crcs.reset();
    EXPECT_EQ(presenter->stop(), 0);
    presenter.reset();
    EXPECT_EQ(count(), before);
    EXPECT_EQ(active(), was_active);
}

}  // namespace
}  // namespace scanthru::system_test
