// SPDX-License-Identifier: MIT
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

/// A memory file that insists on the CPU-access calls of a dma-buf.
class FakeDmabuf final : public testing::FakeDevice {
public:
    explicit FakeDmabuf(const std::vector<std::uint32_t>& words)
        : file_(::memfd_create("dmabuf", MFD_CLOEXEC)) {
        const auto bytes = words.size() * sizeof(std::uint32_t);
        EXPECT_EQ(::write(file_.get(), words.data(), bytes), static_cast<ssize_t>(bytes));
    }

    ~FakeDmabuf() override { EXPECT_EQ(open_, 0) << "CPU access was begun and not ended"; }

    bool owns(int fd) const override { return fd == file_.get(); }

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

std::vector<int> shown(const std::optional<DmabufPicture>& primary,
                       const std::optional<DmabufPicture>& cursor,
                       Point at,
                       Size screen) {
    const auto pixels = read_pictures(primary, cursor, at, screen);
    EXPECT_TRUE(pixels) << pixels.error();
    return pixels ? blues(*pixels) : std::vector<int>{};
}

TEST(Screenshot, NothingShownIsBlack) {
    const auto pixels = read_scene({}, {2, 1});
    ASSERT_TRUE(pixels) << pixels.error();
    EXPECT_EQ(*pixels, black_pixels({2, 1}));
}

TEST(Screenshot, APictureOfTheScreensSizeIsReadAsItIs) {
    const FakeDmabuf primary{{1, 2, 3, 4}};
    EXPECT_EQ(shown(primary.picture({2, 2}), {}, {}, {2, 2}), (std::vector{1, 2, 3, 4}));
    EXPECT_EQ(primary.calls(DMA_BUF_IOCTL_SYNC), 2);
}

TEST(Screenshot, ASmallPictureStandsInTheMiddle) {
    const FakeDmabuf primary{{9}};
    EXPECT_EQ(shown(primary.picture({1, 1}), {}, {}, {3, 3}),
              (std::vector{0, 0, 0, 0, 9, 0, 0, 0, 0}));
}

TEST(Screenshot, OfALargePictureTheMiddleIsShown) {
    const FakeDmabuf primary{{1, 2, 3, 4, 5, 6, 7, 8, 9}};
    EXPECT_EQ(shown(primary.picture({3, 3}), {}, {}, {1, 1}), (std::vector{5}));
}

TEST(Screenshot, TheCursorMovesWithAPictureInTheMiddle) {
    const FakeDmabuf primary{{1}};
    const FakeDmabuf cursor{{0xFF000007}};
    const auto image = cursor.picture(DRM_FORMAT_ARGB8888, {1, 1});
    EXPECT_EQ(shown(primary.picture({1, 1}), image, {0, 0}, {3, 1}), (std::vector{0, 7, 0}));
    EXPECT_EQ(shown(primary.picture({1, 1}), image, {-1, 0}, {3, 1}), (std::vector{7, 1, 0}));
}

TEST(Screenshot, ACursorOffScreenIsNotEvenRead) {
    const FakeDmabuf primary{{1}};
    const FakeDmabuf cursor{{0xFF000007}};
    EXPECT_EQ(
        shown(primary.picture({1, 1}), cursor.picture(DRM_FORMAT_ARGB8888, {1, 1}), {1, 0}, {1, 1}),
        (std::vector{1}));
    EXPECT_EQ(cursor.calls(DMA_BUF_IOCTL_SYNC), 0);
}

TEST(Screenshot, ABufferShorterThanItsPictureIsNotRead) {
    const FakeDmabuf primary{{1, 2, 3}};
    const auto pixels = read_pictures(primary.picture({2, 2}), {}, {}, {2, 2});
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(), HasSubstr("is shorter than its picture: 12 bytes of 16"));
}

TEST(Screenshot, ABufferThatCannotBeMappedSaysWhy) {
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
    EXPECT_EQ(pixels.error(), "the guest's primary buffer cannot be mapped by the CPU: mmap: No "
                              "such device (ENODEV)");
}

TEST(Screenshot, MemoryThatGoesWhileItIsReadIsAnErrorAndNoSignal) {
    FakeDmabuf primary{{1, 2, 3, 4}};
    const auto picture = primary.picture({2, 2});
    primary.when_called(DMA_BUF_IOCTL_SYNC, [&] { primary.vanish(); });
    const auto pixels = read_pictures(picture, {}, {}, {2, 2});
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(),
                AllOf(HasSubstr("primary buffer cannot be read"), HasSubstr("EFAULT")));
}

TEST(Screenshot, MemoryThatGoesInTheMiddleIsAnErrorToo) {
    const Size size{512, 1024};  // 2 MiB: two pieces.
    FakeDmabuf primary{std::vector<std::uint32_t>(std::size_t{size.width} * size.height)};
    const auto picture = primary.picture(size);
    primary.when_called(DMA_BUF_IOCTL_SYNC,
                        [&] { EXPECT_EQ(::ftruncate(picture.fd, (1 << 20) + 4096), 0); });
    EXPECT_FALSE(read_pictures(picture, {}, {}, size));
}

TEST(Screenshot, CpuAccessIsBegunAgainWhenASignalCame) {
    FakeDmabuf primary{{5}};
    primary.fail_next(DMA_BUF_IOCTL_SYNC, EINTR);
    primary.fail_next(DMA_BUF_IOCTL_SYNC, EAGAIN);
    EXPECT_EQ(shown(primary.picture({1, 1}), {}, {}, {1, 1}), (std::vector{5}));
}

TEST(Screenshot, RefusedCpuAccessIsAnError) {
    FakeDmabuf primary{{5}};
    primary.fail_next(DMA_BUF_IOCTL_SYNC, EIO);
    const auto pixels = read_pictures(primary.picture({1, 1}), {}, {}, {1, 1});
    ASSERT_FALSE(pixels);
    EXPECT_THAT(pixels.error(), HasSubstr("DMA_BUF_IOCTL_SYNC: Input/output error (EIO)"));
}

TEST(Screenshot, AnUnreadableCursorIsNamedAsTheCursor) {
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
