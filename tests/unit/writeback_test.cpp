// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/host_picture.h"
#include "kms/takeover.h"
#include "presenter/screenshot.h"
#include "presenter/writeback.h"

#include <cerrno>
#include <gmock/gmock.h>
#include <span>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vector>

namespace scanthru {
namespace {

using ::testing::AllOf;
using testing::FakeDrm;
using testing::FakeDrmOptions;
using ::testing::HasSubstr;

/// The part of a card that FakeDrm leaves out: it writes the picture and signals the fence.
///
/// The older fake answers first, so one of these has to be there before its FakeDrm.
class FakeWritebackHardware final : public testing::FakeDevice {
public:
    enum class Fence { signalled, pending, none };

    explicit FakeWritebackHardware(Fence fence) : fence_(fence) {}

    /// Stands before this card from now on.
    void guard(FakeDrm& drm, const kms::Card& card, const kms::Pipeline& pipeline) {
        drm_ = &drm;
        fd_ = card.fd();
        fence_property_ = raw(*pipeline.writeback->properties.writeback_out_fence_ptr);
    }

    bool owns(int fd) const override { return drm_ != nullptr && fd == fd_; }

    int handle(int fd, unsigned long request, void* argument) override {
        const int outcome = drm_->dispatch(fd, request, argument);
        if (outcome < 0) return outcome;
        if (request == DRM_IOCTL_MODE_MAP_DUMB)
            offset_ = static_cast<off_t>(static_cast<drm_mode_map_dumb*>(argument)->offset);
        if (request == DRM_IOCTL_MODE_ATOMIC)
            write_back(*static_cast<const drm_mode_atomic*>(argument));
        return outcome;
    }

private:
    void write_back(const drm_mode_atomic& request) {
        std::uint32_t count = 0;
        const auto* const counts = reinterpret_cast<const std::uint32_t*>(request.count_props_ptr);
        for (std::uint32_t object = 0; object < request.count_objs; ++object)
            count += counts[object];
        const std::span properties{reinterpret_cast<const std::uint32_t*>(request.props_ptr),
                                   count};
        const std::span values{reinterpret_cast<const std::uint64_t*>(request.prop_values_ptr),
                               count};
        for (std::uint32_t i = 0; i < count; ++i)
            if (properties[i] == fence_property_) draw(reinterpret_cast<std::int32_t*>(values[i]));
    }

    void draw(std::int32_t* fence) {
        if (fence_ == Fence::none) return;
        const std::vector<std::uint32_t> picture(std::size_t{1024} * 768, 0x00030303);
        const auto bytes = picture.size() * sizeof(std::uint32_t);
        EXPECT_EQ(::pwrite(fd_, picture.data(), bytes, offset_), static_cast<ssize_t>(bytes));
        *fence = ::eventfd(fence_ == Fence::signalled ? 1 : 0, EFD_CLOEXEC);
    }

    Fence fence_;
    FakeDrm* drm_ = nullptr;
    int fd_ = -1;
    std::uint32_t fence_property_ = 0;
    off_t offset_ = 0;
};

/// A lit output whose card has a writeback connector.
class Writeback : public ::testing::Test {
protected:
    explicit Writeback(FakeWritebackHardware::Fence fence = FakeWritebackHardware::Fence::signalled,
                       const FakeDrmOptions& options = {.writeback = true})
        : hardware_(fence), drm_(options), card_(drm_.card()) {
        const auto topology = kms::Topology::read(*card_);
        EXPECT_TRUE(topology);
        pipeline_ = *kms::choose(*topology, {});
        black_ = *kms::HostPicture::create(*card_, kms::size_of(pipeline_->mode));
        EXPECT_TRUE(kms::light_up(*card_, *topology, *pipeline_, black_->framebuffer()));
        if (pipeline_->writeback) hardware_.guard(drm_, *card_, *pipeline_);
    }

    ~Writeback() override { drm_.allow_removal_on_screen(); }

    std::uint64_t attached() const { return drm_.value(FakeDrm::writeback(), "CRTC_ID"); }

    FakeWritebackHardware hardware_;
    FakeDrm drm_;
    std::unique_ptr<kms::Card> card_;
    std::optional<kms::Pipeline> pipeline_;
    Result<Pixels, std::string> capture() {
        const auto picture = capture_by_writeback(*card_, *pipeline_);
        if (!picture) return tl::unexpected{picture.error()};
        return read_host_picture(*picture);
    }

    std::optional<kms::HostPicture> black_;
};

class WritebackThatHangs : public Writeback {
protected:
    WritebackThatHangs() : Writeback(FakeWritebackHardware::Fence::pending) {}
};

class WritebackWithoutFence : public Writeback {
protected:
    WritebackWithoutFence() : Writeback(FakeWritebackHardware::Fence::none) {}
};

class WritebackMissing : public Writeback {
protected:
    WritebackMissing() : Writeback(FakeWritebackHardware::Fence::none, {}) {}
};

TEST_F(Writeback, ThePictureIsWhatTheHardwareWrote) {
    const auto pixels = capture();
    ASSERT_TRUE(pixels) << pixels.error();
    EXPECT_EQ(pixels->size, (Size{1024, 768}));
    EXPECT_EQ(pixels->rgb, std::vector<std::uint8_t>(std::size_t{1024} * 768 * 3, 3));
}

TEST_F(Writeback, TheConnectorIsTakenOffAgainAndNothingIsLeft) {
    const auto framebuffers = drm_.framebuffers();
    const auto handles = drm_.gem_handles();
    ASSERT_TRUE(capture_by_writeback(*card_, *pipeline_));
    EXPECT_EQ(attached(), 0U);
    EXPECT_EQ(drm_.framebuffers(), framebuffers);
    EXPECT_EQ(drm_.gem_handles(), handles);
}

TEST_F(Writeback, ThePlanesAreLeftAlone) {
    const auto before = drm_.shown(FakeDrm::primary());
    ASSERT_TRUE(capture_by_writeback(*card_, *pipeline_));
    EXPECT_EQ(drm_.shown(FakeDrm::primary()), before);
    EXPECT_FALSE(drm_.last_commit().set(FakeDrm::primary(), "FB_ID"));
}

TEST_F(Writeback, ARefusedCommitNamesTheCallAndItsErrno) {
    // As vkms of Linux 6.1 does.
    drm_.fail_next(DRM_IOCTL_MODE_ATOMIC, EINVAL);
    const auto handles = drm_.gem_handles();
    const auto pixels = capture();
    ASSERT_FALSE(pixels);
    EXPECT_EQ(pixels.error(), "the screen cannot be captured by writeback: driver vkms, "
                              "Writeback-1 beside Virtual-1: DRM_IOCTL_MODE_ATOMIC: Invalid "
                              "argument (EINVAL)");
    EXPECT_EQ(drm_.gem_handles(), handles);
}

TEST_F(Writeback, ARefusedBufferIsAnErrorAndLeavesNothing) {
    const auto handles = drm_.gem_handles();
    drm_.fail_next(DRM_IOCTL_MODE_ADDFB2, ENOMEM);
    EXPECT_THAT(capture_by_writeback(*card_, *pipeline_).error(), HasSubstr("ENOMEM"));
    drm_.fail_next(DRM_IOCTL_MODE_MAP_DUMB, ENOSYS);
    EXPECT_THAT(capture_by_writeback(*card_, *pipeline_).error(), HasSubstr("ENOSYS"));
    drm_.fail_next(DRM_IOCTL_MODE_CREATE_DUMB, ENOMEM);
    EXPECT_THAT(capture_by_writeback(*card_, *pipeline_).error(), HasSubstr("CreateDumb"));
    EXPECT_EQ(drm_.gem_handles(), handles);
}

TEST_F(WritebackThatHangs, APictureThatDoesNotComeIsGivenUpWithinASecond) {
    const auto before = std::chrono::steady_clock::now();
    const auto pixels = capture();
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(), AllOf(HasSubstr("fence"), HasSubstr("ETIMEDOUT")));
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::seconds{1});
    EXPECT_EQ(attached(), 0U);
}

TEST_F(WritebackWithoutFence, ADriverThatForgetsTheFenceIsAnErrorAndDetached) {
    const auto pixels = capture();
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(), HasSubstr("WRITEBACK_OUT_FENCE_PTR"));
    EXPECT_EQ(attached(), 0U);
}

TEST_F(WritebackMissing, ACardWithoutWritebackSaysSo) {
    const auto pixels = capture();
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(), HasSubstr("driver vkms has no writeback connector for Virtual-1"));
}

}  // namespace
}  // namespace scanthru
