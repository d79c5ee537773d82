// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "fake/fake_kernel.h"
#include "presenter/screenshot.h"

#include <cerrno>
#include <cstring>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace scanthru {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A picture in a dma-buf of somebody.
struct DmabufPicture {
    int fd = -1;
    std::uint64_t bytes = 0;
    vfio::Geometry geometry;
};

/// A memory file that insists on the CPU-access calls of a dma-buf.
class FakeDmabuf final : public testing::FakeDevice {
public:
    explicit FakeDmabuf(const std::vector<std::uint32_t>& words)
        : file_(::memfd_create("dmabuf", MFD_CLOEXEC)) {
        const auto bytes = words.size() * sizeof(std::uint32_t);
        EXPECT_EQ(::write(file_.get(), words.data(), bytes), static_cast<ssize_t>(bytes));
    }

    ~FakeDmabuf() override { EXPECT_EQ(open_, 0) << "CPU access was begun and not ended"; }

    /// Copies of the descriptor too.
    bool owns(int fd) const override {
        struct stat one {};
        struct stat other {};
        return ::fstat(fd, &one) == 0 && ::fstat(file_.get(), &other) == 0 &&
               one.st_ino == other.st_ino && one.st_dev == other.st_dev;
    }

    int handle(int, unsigned long request, void* argument) override {
        if (request != DMA_BUF_IOCTL_SYNC) return -ENOTTY;
        const auto flags = static_cast<const dma_buf_sync*>(argument)->flags;
        EXPECT_EQ(flags & DMA_BUF_SYNC_RW, DMA_BUF_SYNC_READ);
        open_ += (flags & DMA_BUF_SYNC_END) != 0 ? -1 : 1;
        return 0;
    }

    /// What the guest's device does when it goes: pages behind a mapping are no more.
    void vanish() { EXPECT_EQ(::ftruncate(file_.get(), 0), 0); }

    DmabufPicture picture(std::uint32_t format, Size size) const {
        struct stat file {};
        EXPECT_EQ(::fstat(file_.get(), &file), 0);
        return {.fd = file_.get(),
                .bytes = static_cast<std::uint64_t>(file.st_size),
                .geometry = {.format = format,
                             .modifier = DRM_FORMAT_MOD_LINEAR,
                             .size = size,
                             .stride = size.width * 4}};
    }

    DmabufPicture picture(Size size) const { return picture(DRM_FORMAT_XRGB8888, size); }

private:
    UniqueFd file_;
    int open_ = 0;
};

/// The blue of each pixel: enough to tell them apart.
std::vector<int> blues(const Pixels& pixels) {
    std::vector<int> found;
    for (std::size_t i = 2; i < pixels.rgb.size(); i += 3)
        found.push_back(pixels.rgb[i]);
    return found;
}

class Screenshot : public ::testing::Test {
protected:
    SharedPicture picture_of(const DmabufPicture& picture) {
        // What is scanned out does not matter: the guest's memory is what is read.
        const UniqueFd other = testing::make_dmabuf(64 * 64 * 4);
        auto framebuffer = kms::Framebuffer::import(*card, {.fd = other.get(),
                                                            .format = DRM_FORMAT_XRGB8888,
                                                            .modifier = DRM_FORMAT_MOD_LINEAR,
                                                            .size = {64, 64},
                                                            .stride = 64 * 4});
        const auto import =
            std::make_shared<const Import>(Import{1, UniqueFd{::dup(picture.fd)}, picture.bytes});
        return std::make_shared<const Picture>(
            Picture{import, {1, picture.geometry}, Rung::direct, *std::move(framebuffer)});
    }

    Result<Pixels, std::string> read_pictures(const std::optional<DmabufPicture>& primary,
                                              const std::optional<DmabufPicture>& cursor,
                                              Point at,
                                              Size screen) {
        Scene scene;
        if (primary) {
            scene.primary = picture_of(*primary);
            scene.placement = scene.guest = place_centred(primary->geometry.size, screen);
        }
        if (cursor) {
            scene.cursor = picture_of(*cursor);
            scene.cursor_target = place_cursor(at, cursor->geometry.size, scene.guest);
        }
        return read_scene(scene, screen);
    }

    std::vector<int> shown(const std::optional<DmabufPicture>& primary,
                           const std::optional<DmabufPicture>& cursor,
                           Point at,
                           Size screen) {
        const auto pixels = read_pictures(primary, cursor, at, screen);
        EXPECT_TRUE(pixels) << pixels.error();
        return pixels ? blues(*pixels) : std::vector<int>{};
    }

    testing::FakeDrm display;
    std::unique_ptr<kms::Card> card = display.card();
};

TEST_F(Screenshot, NothingShownIsBlack) {
    const auto pixels = read_scene({}, {2, 1});
    ASSERT_TRUE(pixels) << pixels.error();
    EXPECT_EQ(*pixels, black_pixels({2, 1}));
}

TEST_F(Screenshot, APictureOfTheScreensSizeIsReadAsItIs) {
    const FakeDmabuf primary{{1, 2, 3, 4}};
    EXPECT_EQ(shown(primary.picture({2, 2}), {}, {}, {2, 2}), (std::vector{1, 2, 3, 4}));
    EXPECT_EQ(primary.calls(DMA_BUF_IOCTL_SYNC), 2);
}

TEST_F(Screenshot, ASmallPictureStandsInTheMiddle) {
    const FakeDmabuf primary{{9}};
    EXPECT_EQ(shown(primary.picture({1, 1}), {}, {}, {3, 3}),
              (std::vector{0, 0, 0, 0, 9, 0, 0, 0, 0}));
}

TEST_F(Screenshot, OfALargePictureTheMiddleIsShown) {
    const FakeDmabuf primary{{1, 2, 3, 4, 5, 6, 7, 8, 9}};
    EXPECT_EQ(shown(primary.picture({3, 3}), {}, {}, {1, 1}), (std::vector{5}));
}

TEST_F(Screenshot, TheCursorMovesWithAPictureInTheMiddle) {
    const FakeDmabuf primary{{1}};
    const FakeDmabuf cursor{{0xFF000007}};
    const auto image = cursor.picture(DRM_FORMAT_ARGB8888, {1, 1});
    EXPECT_EQ(shown(primary.picture({1, 1}), image, {0, 0}, {3, 1}), (std::vector{0, 7, 0}));
    EXPECT_EQ(shown(primary.picture({1, 1}), image, {-1, 0}, {3, 1}), (std::vector{7, 1, 0}));
}

TEST_F(Screenshot, ACursorOffScreenIsNotEvenRead) {
    const FakeDmabuf primary{{1}};
    const FakeDmabuf cursor{{0xFF000007}};
    EXPECT_EQ(
        shown(primary.picture({1, 1}), cursor.picture(DRM_FORMAT_ARGB8888, {1, 1}), {1, 0}, {1, 1}),
        (std::vector{1}));
    EXPECT_EQ(cursor.calls(DMA_BUF_IOCTL_SYNC), 0);
}

TEST_F(Screenshot, AScaledPictureIsSeenScaled) {
    const FakeDmabuf primary{{1, 2}};
    Scene scene;
    scene.primary = picture_of(primary.picture({2, 1}));
    scene.placement = {{.size = {2, 1}}, {.x = 0, .y = 1, .size = {4, 2}}};
    const auto pixels = read_scene(scene, {4, 4});
    ASSERT_TRUE(pixels);
    EXPECT_EQ(blues(*pixels), (std::vector{0, 0, 0, 0, 1, 1, 2, 2, 1, 1, 2, 2, 0, 0, 0, 0}));
}

TEST_F(Screenshot, ABufferShorterThanItsPictureIsNotRead) {
    const FakeDmabuf primary{{1, 2, 3}};
    const auto pixels = read_pictures(primary.picture({2, 2}), {}, {}, {2, 2});
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(), HasSubstr("is shorter than its picture: 12 bytes of 16"));
}

TEST_F(Screenshot, ABufferThatCannotBeMappedSaysWhy) {
    // A pipe is as unmappable as GVT-g's dma-bufs.
    int ends[2]{};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd out{ends[0]};
    const UniqueFd in{ends[1]};
    const DmabufPicture primary{
        .fd = out.get(),
        .bytes = 4,
        .geometry = {.format = DRM_FORMAT_XRGB8888, .modifier = 0, .size = {1, 1}, .stride = 4}};
    const auto pixels = read_pictures(primary, {}, {}, {1, 1});
    ASSERT_FALSE(pixels);
    EXPECT_EQ(pixels.error(), "the guest's primary buffer cannot be mapped by the CPU: mmap "
                              "of the dma-buf: No such device (ENODEV)");
}

TEST_F(Screenshot, MemoryThatGoesWhileItIsReadIsAnErrorAndNoSignal) {
    FakeDmabuf primary{{1, 2, 3, 4}};
    const auto picture = primary.picture({2, 2});
    primary.when_called(DMA_BUF_IOCTL_SYNC, [&] { primary.vanish(); });
    const auto pixels = read_pictures(picture, {}, {}, {2, 2});
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(),
                AllOf(HasSubstr("primary buffer cannot be read"), HasSubstr("EFAULT")));
}

TEST_F(Screenshot, MemoryThatGoesInTheMiddleIsAnErrorToo) {
    const Size size{512, 1024};  // 2 MiB: two pieces.
    FakeDmabuf primary{std::vector<std::uint32_t>(std::size_t{size.width} * size.height)};
    const auto picture = primary.picture(size);
    primary.when_called(DMA_BUF_IOCTL_SYNC,
                        [&] { EXPECT_EQ(::ftruncate(picture.fd, (1 << 20) + 4096), 0); });
    EXPECT_FALSE(read_pictures(picture, {}, {}, size));
}

TEST_F(Screenshot, CpuAccessIsBegunAgainWhenASignalCame) {
    FakeDmabuf primary{{5}};
    primary.fail_next(DMA_BUF_IOCTL_SYNC, EINTR);
    primary.fail_next(DMA_BUF_IOCTL_SYNC, EAGAIN);
    EXPECT_EQ(shown(primary.picture({1, 1}), {}, {}, {1, 1}), (std::vector{5}));
}

TEST_F(Screenshot, RefusedCpuAccessIsAnError) {
    FakeDmabuf primary{{5}};
    primary.fail_next(DMA_BUF_IOCTL_SYNC, EIO);
    const auto pixels = read_pictures(primary.picture({1, 1}), {}, {}, {1, 1});
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(), HasSubstr("DMA_BUF_IOCTL_SYNC: Input/output error (EIO)"));
}

TEST_F(Screenshot, AnUnreadableCursorIsNamedAsTheCursor) {
    const FakeDmabuf primary{{1}};
    const FakeDmabuf cursor{{1}};
    auto image = cursor.picture(DRM_FORMAT_ARGB8888, {1, 1});
    image.geometry.modifier = I915_FORMAT_MOD_Y_TILED;
    const auto pixels = read_pictures(primary.picture({1, 1}), image, {}, {1, 1});
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(), HasSubstr("the guest's cursor buffer is tiled"));
}

}  // namespace
}  // namespace scanthru
