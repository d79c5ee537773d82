// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"
#include "kms/host_picture.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace scanthru::kms {
namespace {

using testing::FakeDrm;
using testing::make_dmabuf;

constexpr Size xga{1024, 768};

/// The fake kernel fails these tests for a handle closed twice or left open.
class FramebufferTest : public ::testing::Test {
protected:
    DmabufImage image() const {
        return {.fd = memory.get(),
                .format = DRM_FORMAT_XRGB8888,
                .modifier = DRM_FORMAT_MOD_LINEAR,
                .size = xga,
                .stride = xga.width * 4};
    }

    Framebuffer import() const {
        auto imported = Framebuffer::import(*card, image());
        EXPECT_TRUE(imported);
        return std::move(*imported);
    }

    FakeDrm fake;
    std::unique_ptr<Card> card = fake.card();
    UniqueFd memory = make_dmabuf(std::size_t{1024} * 768 * 4);
};

TEST_F(FramebufferTest, ShowsTheDmabufAsDescribed) {
    const Framebuffer imported = import();
    EXPECT_EQ(imported.size(), xga);
    const auto known = fake.framebuffer(imported.id());
    ASSERT_TRUE(known);
    EXPECT_EQ(known->size, xga);
    EXPECT_EQ(known->format, std::uint32_t{DRM_FORMAT_XRGB8888});
    EXPECT_EQ(known->stride, 4096U);
    EXPECT_NE(known->inode, 0U);
}

TEST_F(FramebufferTest, NamesTheModifierEvenWhenItIsLinear) {
    const Framebuffer imported = import();
    EXPECT_TRUE(fake.framebuffer(imported.id())->has_modifier);
    EXPECT_EQ(fake.framebuffer(imported.id())->modifier, DRM_FORMAT_MOD_LINEAR);
}

TEST_F(FramebufferTest, LeavesNoHandleOpenAfterTheImport) {
    const Framebuffer imported = import();
    EXPECT_EQ(fake.gem_handles(), 0U);
    EXPECT_EQ(fake.calls(DRM_IOCTL_GEM_CLOSE), 1);
}

TEST_F(FramebufferTest, LeavesNoHandleOpenWhenTheKernelRefusesTheFramebuffer) {
    fake.fail_next(DRM_IOCTL_MODE_ADDFB2, ENOSPC);
    const auto refused = Framebuffer::import(*card, image());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{ENOSPC, "drmModeAddFB2WithModifiers"}));
    EXPECT_EQ(fake.gem_handles(), 0U);
}

TEST_F(FramebufferTest, PassesOnThatTheDmabufCannotBeImported) {
    fake.fail_next(DRM_IOCTL_PRIME_FD_TO_HANDLE, ENODEV);
    const auto refused = Framebuffer::import(*card, image());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{ENODEV, "drmPrimeFDToHandle"}));
    EXPECT_EQ(fake.calls(DRM_IOCTL_GEM_CLOSE), 0);
}

TEST_F(FramebufferTest, OutlivesTheDescriptorItCameFrom) {
    const Framebuffer imported = import();
    memory.reset();
    EXPECT_TRUE(fake.framebuffer(imported.id()));
}

TEST_F(FramebufferTest, MayShareItsMemoryWithAnother) {
    const Framebuffer first = import();
    const Framebuffer second = import();
    EXPECT_NE(first.id(), second.id());
    EXPECT_EQ(fake.framebuffers(), 2U);
}

TEST_F(FramebufferTest, IsRemovedOnceAfterMoves) {
    {
        Framebuffer first = import();
        const FramebufferId id = first.id();
        Framebuffer second{std::move(first)};
        EXPECT_EQ(second.id(), id);
        Framebuffer third = import();
        third = std::move(second);
        EXPECT_EQ(third.id(), id);
        EXPECT_EQ(fake.framebuffers(), 1U);
    }
    EXPECT_EQ(fake.framebuffers(), 0U);
    EXPECT_EQ(fake.calls(DRM_IOCTL_MODE_RMFB), 2);
}

TEST_F(FramebufferTest, IsRefusedWhenTheDmabufIsSmallerThanClaimed) {
    DmabufImage tall = image();
    ++tall.size.height;
    const auto refused = Framebuffer::import(*card, tall);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, EINVAL);
}

TEST_F(FramebufferTest, CanBeImportedFromManyThreads) {
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([this] {
            for (int n = 0; n < 50; ++n)
                EXPECT_TRUE(Framebuffer::import(*card, image()));
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(fake.calls(DRM_IOCTL_GEM_CLOSE), 200);
}

TEST_F(FramebufferTest, IsImportedWithOthersShutOut) {
    // From the handle's birth to its end: the other thread gets the lock after GEM_CLOSE only.
    std::atomic<bool> free_in_between{false};
    for (const unsigned long request :
         {DRM_IOCTL_PRIME_FD_TO_HANDLE, DRM_IOCTL_MODE_ADDFB2, DRM_IOCTL_GEM_CLOSE})
        fake.when_called(request, [&] {
            std::thread{[&] {
                if (!card->import_mutex().try_lock()) return;
                card->import_mutex().unlock();
                free_in_between = true;
            }}.join();
        });
    const Framebuffer imported = import();
    EXPECT_FALSE(free_in_between);
    EXPECT_TRUE(card->import_mutex().try_lock());
    card->import_mutex().unlock();
}

class FramebufferWithoutModifiers : public ::testing::Test {
protected:
    DmabufImage image(std::uint64_t modifier) const {
        return {.fd = memory.get(),
                .format = DRM_FORMAT_XRGB8888,
                .modifier = modifier,
                .size = xga,
                .stride = xga.width * 4};
    }

    FakeDrm fake{{.modifiers = false}};
    std::unique_ptr<Card> card = fake.card();
    UniqueFd memory = make_dmabuf(std::size_t{1024} * 768 * 4);
};

TEST_F(FramebufferWithoutModifiers, IsImportedWithoutTheFlagWhenItIsLinear) {
    const auto imported = Framebuffer::import(*card, image(DRM_FORMAT_MOD_LINEAR));
    ASSERT_TRUE(imported);
    EXPECT_FALSE(fake.framebuffer(imported->id())->has_modifier);
}

TEST_F(FramebufferWithoutModifiers, IsRefusedWhenItIsTiled) {
    const auto refused = Framebuffer::import(*card, image(I915_FORMAT_MOD_X_TILED));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{EINVAL, "modifier without DRM_CAP_ADDFB2_MODIFIERS"}));
    EXPECT_EQ(fake.calls(DRM_IOCTL_MODE_ADDFB2), 0);
    EXPECT_EQ(fake.gem_handles(), 0U);
}

TEST_F(FramebufferWithoutModifiers, NamesTheCallThatFailed) {
    fake.fail_next(DRM_IOCTL_MODE_ADDFB2, ENOMEM);
    const auto refused = Framebuffer::import(*card, image(DRM_FORMAT_MOD_LINEAR));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{ENOMEM, "drmModeAddFB2"}));
}

class HostPictureTest : public ::testing::Test {
protected:
    HostPicture create(Size size = xga) const {
        auto picture = HostPicture::create(*card, size);
        EXPECT_TRUE(picture);
        return std::move(*picture);
    }

    FakeDrm fake;
    std::unique_ptr<Card> card = fake.card();
};

TEST_F(HostPictureTest, IsAnOpaqueFramebufferOfItsSize) {
    const HostPicture picture = create();
    const auto known = fake.framebuffer(picture.framebuffer().id());
    ASSERT_TRUE(known);
    EXPECT_EQ(known->size, xga);
    EXPECT_EQ(known->format, std::uint32_t{DRM_FORMAT_XRGB8888});
}

TEST_F(HostPictureTest, TakesTheStrideFromTheDriver) {
    const HostPicture picture = create({1000, 100});  // The fake aligns rows to 64 bytes.
    EXPECT_EQ(fake.framebuffer(picture.framebuffer().id())->stride, 4032U);
}

TEST_F(HostPictureTest, RemovesTheFramebufferBeforeTheMemory) {
    fake.when_called(DRM_IOCTL_MODE_DESTROY_DUMB, [&] { EXPECT_EQ(fake.framebuffers(), 0U); });
    { const HostPicture picture = create(); }
    EXPECT_EQ(fake.calls(DRM_IOCTL_MODE_DESTROY_DUMB), 1);
    EXPECT_EQ(fake.gem_handles(), 0U);
}

TEST_F(HostPictureTest, GoesOnceAfterMoves) {
    {
        HostPicture first = create();
        const FramebufferId id = first.framebuffer().id();
        HostPicture second{std::move(first)};
        HostPicture third = create({800, 600});
        third = std::move(second);
        EXPECT_EQ(third.framebuffer().id(), id);
        EXPECT_EQ(fake.framebuffers(), 1U);
        EXPECT_EQ(fake.gem_handles(), 1U);
    }
    EXPECT_EQ(fake.calls(DRM_IOCTL_MODE_DESTROY_DUMB), 2);
}

TEST_F(HostPictureTest, GivesTheMemoryBackWhenTheFramebufferIsRefused) {
    fake.fail_next(DRM_IOCTL_MODE_ADDFB2, EINVAL);
    const auto refused = HostPicture::create(*card, xga);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{EINVAL, "drmModeAddFB2WithModifiers"}));
    EXPECT_EQ(fake.gem_handles(), 0U);
}

TEST_F(HostPictureTest, PassesOnThatThereIsNoMemory) {
    fake.fail_next(DRM_IOCTL_MODE_CREATE_DUMB, ENOMEM);
    const auto refused = HostPicture::create(*card, xga);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{ENOMEM, "drmModeCreateDumbBuffer"}));
}

}  // namespace
}  // namespace scanthru::kms
