// SPDX-License-Identifier: MIT
#pragma once

#include "fake/fake_drm.h"
#include "fake/fake_vfio.h"
#include "kms/host_picture.h"
#include "kms/takeover.h"
#include "presenter/presenter.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>

namespace scanthru {

/// A card that is lit, a guest, and the presenter between them, on the fake kernel. Time is what
/// the test says: frame() is one vblank.
class PresenterFixture : public ::testing::Test {
protected:
    using FakeDrm = testing::FakeDrm;
    using FakeVfio = testing::FakeVfio;
    using Frame = Presenter::Frame;

    static constexpr Size screen{1024, 768};

    static testing::GuestPicture picture(std::uint64_t address, Size size = screen) {
        return {.address = address, .size = size};
    }

    /// A guest whose memory no CPU can read, unless the test says so: nothing is ever copied.
    void SetUp() override { set_up({}, {.mappable = false}); }

    void set_up(testing::FakeDrmOptions drm, FakeVfio::Behaviour behaviour) {
        tear_down();
        vgpu = std::make_unique<FakeVfio>(behaviour);
        display = std::make_unique<FakeDrm>(std::move(drm));
        card = display->card();
        const auto topology = kms::Topology::read(*card);
        ASSERT_TRUE(topology);
        auto pipeline = kms::choose(*topology, {.mode = {.size = screen}});
        ASSERT_TRUE(pipeline);
        auto black = kms::HostPicture::create(*card, screen);
        ASSERT_TRUE(black);
        ASSERT_TRUE(kms::light_up(*card, *topology, *pipeline, black->framebuffer()));
        black_id = black->framebuffer().id();
        settings.gbm = false;  // Would load its driver for a card that does not exist.
        presenter.emplace(
            Scanout{*card, *pipeline, *std::move(black), card->capabilities().async_flips},
            settings, counters, notes);
    }

    void attach() {
        auto device = vfio::GfxDevice::probe(vgpu->open(), std::nullopt);
        ASSERT_TRUE(device);
        guest = GuestBuffers::create(*std::move(device));
        presenter->attach(guest, now);
    }

    Frame frame() {
        now += std::chrono::milliseconds{16};
        return presenter->frame(now);
    }

    /// A second later: whatever may happen once a second may happen again.
    Frame later_frame() {
        now += std::chrono::seconds{1};
        return presenter->frame(now);
    }

    std::optional<kms::PlaneState> primary() const { return display->shown(FakeDrm::primary()); }
    std::optional<kms::PlaneState> cursor() const { return display->shown(FakeDrm::cursor()); }

    /// The guest's memory behind what a plane shows; 0 for black.
    ino_t memory_on(kms::ObjectId plane) const {
        const auto state = display->shown(plane);
        return state ? display->framebuffer(state->framebuffer)->inode : 0;
    }

    ino_t memory_of(std::uint32_t id) const {
        struct stat status {};
        return ::fstat(vgpu->memory(id), &status) == 0 ? status.st_ino : 0;
    }

    bool shows_primary() const {
        return memory_on(FakeDrm::primary()) != 0 &&
               memory_on(FakeDrm::primary()) == memory_of(*vgpu->id_of(vfio::PlaneType::primary));
    }

    int gets() const { return vgpu->calls(VFIO_DEVICE_GET_GFX_DMABUF); }
    int commits() const { return display->calls(DRM_IOCTL_MODE_ATOMIC); }

    std::vector<Note::Kind> told() {
        std::vector<Note::Kind> kinds;
        while (const auto note = notes.pop())
            kinds.push_back(note->kind);
        return kinds;
    }

    void TearDown() override { tear_down(); }

    void tear_down() {
        if (presenter) presenter->show_instead(nullptr, now);
        // The screen goes black and everything of the guest is let go; the fakes look after it.
        if (presenter) presenter->attach(nullptr, now);
        if (display) display->allow_removal_on_screen();
        presenter.reset();
        guest.reset();
        card.reset();
    }

    kms::Timestamp now{std::chrono::hours{1}};
    PresenterSettings settings;
    FrameCounters counters;
    NoteQueue notes;
    std::unique_ptr<FakeVfio> vgpu;
    std::unique_ptr<FakeDrm> display;
    std::unique_ptr<kms::Card> card;
    kms::FramebufferId black_id{};
    std::shared_ptr<GuestBuffers> guest;
    std::optional<Presenter> presenter;
};

}  // namespace scanthru
