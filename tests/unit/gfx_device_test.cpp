// SPDX-License-Identifier: MIT
#include "fake/fake_vfio.h"
#include "vfio/draft_abi.h"
#include "vfio/gfx_device.h"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace scanthru::vfio {
namespace {

using testing::FakeVfio;

constexpr FakeVfio::Behaviour draft{.dialect = Dialect::draft_v14};

GfxDevice probe(const FakeVfio& vgpu) {
    auto device = GfxDevice::probe(vgpu.open(), std::nullopt);
    EXPECT_TRUE(device);
    return std::move(*device);
}

int descriptor_flags(int fd) {
    return ::fcntl(fd, F_GETFD);
}

struct ProbeCase {
    const char* name;
    FakeVfio::Behaviour device;
    std::optional<Dialect> forced{};
    DisplayAbi expected;
};

std::ostream& operator<<(std::ostream& out, const ProbeCase& test) {
    return out << test.name;
}

class ProbeDisplay : public ::testing::TestWithParam<ProbeCase> {};

TEST_P(ProbeDisplay, FindsHowTheDeviceSpeaks) {
    const FakeVfio vgpu{GetParam().device};
    const auto device = GfxDevice::probe(vgpu.open(), GetParam().forced);
    ASSERT_TRUE(device);
    EXPECT_EQ(to_string(device->dialect()), to_string(GetParam().expected.dialect));
    EXPECT_EQ(to_string(device->exports()), to_string(GetParam().expected.exports));
}

constexpr auto mainline = Dialect::mainline;
constexpr auto draft_v14 = Dialect::draft_v14;

INSTANTIATE_TEST_SUITE_P(
    GfxDevice,
    ProbeDisplay,
    ::testing::Values(
        ProbeCase{"mainline", {}, {}, {mainline, Export::dmabuf}},
        ProbeCase{"draft", draft, {}, {draft_v14, Export::dmabuf}},
        ProbeCase{"mainline_region", {.exports = Export::region}, {}, {mainline, Export::region}},
        ProbeCase{"draft_region",
                  {.dialect = draft_v14, .exports = Export::region},
                  {},
                  {draft_v14, Export::region}},
        ProbeCase{"no_display", {.exports = Export::none}, {}, {mainline, Export::none}},
        ProbeCase{"forced_mainline", {}, mainline, {mainline, Export::dmabuf}},
        ProbeCase{"forced_draft", draft, draft_v14, {draft_v14, Export::dmabuf}},
        // A draft device has no objection to a longer struct, so the user may be wrong here.
        ProbeCase{"draft_forced_to_mainline", draft, mainline, {mainline, Export::dmabuf}},
        ProbeCase{"mainline_forced_to_draft", {}, draft_v14, {draft_v14, Export::none}}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(GfxDevice, ProbingCreatesNoBuffer) {
    FakeVfio vgpu{draft};
    vgpu.show({.address = 1});
    const GfxDevice device = probe(vgpu);
    EXPECT_EQ(vgpu.objects(), 0U);
    EXPECT_EQ(vgpu.calls(VFIO_DEVICE_GET_GFX_DMABUF), 0);
    EXPECT_EQ(vgpu.calls(draft::close_buf_request), 0);
}

TEST(GfxDevice, ADescriptorThatIsNoVfioDeviceIsNeverAskedForItsDisplay) {
    FakeVfio vgpu;
    vgpu.fail_next(VFIO_DEVICE_GET_INFO, ENOTTY);  // As a container answers.
    const auto device = GfxDevice::probe(vgpu.open(), std::nullopt);
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error(), (Error{ENOTTY, "VFIO_DEVICE_GET_INFO"}));
    EXPECT_EQ(vgpu.calls(VFIO_DEVICE_QUERY_GFX_PLANE), 0);
}

TEST(GfxDevice, AFileIsNoDevice) {
    const auto device = GfxDevice::probe(UniqueFd{::memfd_create("file", MFD_CLOEXEC)}, {});
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().code, ENOTTY);
}

TEST(GfxDevice, ADeviceThatGoesWhileProbedIsAnErrorAndNotADeviceWithoutDisplay) {
    FakeVfio vgpu;
    vgpu.fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, ENODEV);
    const auto device = GfxDevice::probe(vgpu.open(), std::nullopt);
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error(), (Error{ENODEV, "VFIO_DEVICE_QUERY_GFX_PLANE"}));
}

class EitherDialect : public ::testing::TestWithParam<Dialect> {
protected:
    FakeVfio vgpu{{.dialect = GetParam()}};
    GfxDevice device = probe(vgpu);

    /// In the draft dialect every id is owed a CLOSE.
    void TearDown() override {
        if (GetParam() != draft_v14) return;
        for (const auto type : {PlaneType::primary, PlaneType::cursor})
            if (const auto id = vgpu.id_of(type)) device.close_buf(*id);
    }
};

INSTANTIATE_TEST_SUITE_P(GfxDevice,
                         EitherDialect,
                         ::testing::Values(mainline, draft_v14),
                         [](const auto& test) {
                             return std::string{test.param == mainline ? "mainline" : "draft"};
                         });

TEST_P(EitherDialect, EveryFieldOfAnAnswerArrives) {
    vgpu.show(PlaneType::cursor, {.address = 1,
                                  .size = {64, 48},
                                  .format = DRM_FORMAT_ABGR8888,
                                  .modifier = I915_FORMAT_MOD_Y_TILED,
                                  .stride = 512,
                                  .bytes = 40960,
                                  .position = {-5, 7},
                                  .hotspot = Point{3, 4}});
    const auto raw = device.query(PlaneType::cursor);
    ASSERT_TRUE(raw);
    EXPECT_EQ(raw->flags, std::uint32_t{VFIO_GFX_PLANE_TYPE_DMABUF});
    EXPECT_EQ(raw->drm_plane_type, 2U);
    EXPECT_EQ(raw->drm_format, std::uint32_t{DRM_FORMAT_ABGR8888});
    EXPECT_EQ(raw->drm_format_mod, I915_FORMAT_MOD_Y_TILED);
    EXPECT_EQ(raw->width, 64U);
    EXPECT_EQ(raw->height, 48U);
    EXPECT_EQ(raw->stride, 512U);
    EXPECT_EQ(raw->size, 40960U);
    EXPECT_EQ(static_cast<std::int32_t>(raw->x_pos), -5);
    EXPECT_EQ(raw->y_pos, 7U);
    EXPECT_EQ(raw->dmabuf_id, *vgpu.id_of(PlaneType::cursor));
}

TEST_P(EitherDialect, TheAnswerPassesInspection) {
    vgpu.show({.address = 1, .size = {1920, 1080}});
    const auto raw = device.query(PlaneType::primary);
    ASSERT_TRUE(raw);
    const auto plane = inspect(*raw, PlaneType::primary, {});
    ASSERT_TRUE(plane);
    ASSERT_TRUE(*plane);
    EXPECT_EQ((*plane)->buffer.geometry.size, (Size{1920, 1080}));
}

TEST_P(EitherDialect, APlaneTheGuestDoesNotShowIsOff) {
    const auto raw = device.query(PlaneType::cursor);
    ASSERT_TRUE(raw);
    const auto plane = inspect(*raw, PlaneType::cursor, {});
    ASSERT_TRUE(plane);
    EXPECT_FALSE(*plane);
}

TEST_P(EitherDialect, SuccessWithUntouchedBytesIsAPlaneThatIsOff) {
    vgpu.show({.address = 1});
    ASSERT_TRUE(device.query(PlaneType::primary));
    vgpu.answer_untouched();
    const auto raw = device.query(PlaneType::primary);
    ASSERT_TRUE(raw);
    const auto plane = inspect(*raw, PlaneType::primary, {});
    ASSERT_TRUE(plane);
    EXPECT_FALSE(*plane);
}

TEST_P(EitherDialect, GetOpensTheBufferThatQueryReported) {
    vgpu.show({.address = 1});
    const auto raw = device.query(PlaneType::primary);
    ASSERT_TRUE(raw);
    const auto dmabuf = device.get_dmabuf(raw->dmabuf_id);
    ASSERT_TRUE(dmabuf);
    struct stat ours {};
    struct stat guests {};
    ASSERT_EQ(::fstat(dmabuf->get(), &ours), 0);
    ASSERT_EQ(::fstat(vgpu.memory(raw->dmabuf_id), &guests), 0);
    EXPECT_EQ(ours.st_ino, guests.st_ino);
}

TEST_P(EitherDialect, ABufferIsNeverInheritedByAChildEvenIfTheDeviceForgets) {
    vgpu.show({.address = 1});
    const auto raw = device.query(PlaneType::primary);
    ASSERT_TRUE(raw);
    const auto dmabuf = device.get_dmabuf(raw->dmabuf_id);
    ASSERT_TRUE(dmabuf);
    EXPECT_EQ(descriptor_flags(dmabuf->get()), FD_CLOEXEC);
}

TEST_P(EitherDialect, AnUnknownIdIsRefused) {
    const auto dmabuf = device.get_dmabuf(4711);
    ASSERT_FALSE(dmabuf);
    EXPECT_EQ(dmabuf.error(), (Error{ENOENT, "VFIO_DEVICE_GET_GFX_DMABUF"}));
}

TEST_P(EitherDialect, LackOfMemoryIsAskedAboutOnceMoreAtOnce) {
    const int before = vgpu.calls(VFIO_DEVICE_QUERY_GFX_PLANE);
    vgpu.fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, ENOMEM);
    EXPECT_TRUE(device.query(PlaneType::primary));
    EXPECT_EQ(vgpu.calls(VFIO_DEVICE_QUERY_GFX_PLANE) - before, 2);
}

TEST_P(EitherDialect, LackOfMemoryTwiceIsAnError) {
    vgpu.fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, ENOMEM, 2);
    const auto raw = device.query(PlaneType::primary);
    ASSERT_FALSE(raw);
    EXPECT_EQ(raw.error(), (Error{ENOMEM, "VFIO_DEVICE_QUERY_GFX_PLANE"}));
}

TEST_P(EitherDialect, NoOtherErrorIsAskedAboutAgain) {
    for (const int error : {EINVAL, ENODEV, EINTR, EFAULT}) {
        const int before = vgpu.calls(VFIO_DEVICE_QUERY_GFX_PLANE);
        vgpu.fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, error);
        const auto raw = device.query(PlaneType::primary);
        ASSERT_FALSE(raw);
        EXPECT_EQ(raw.error().code, error);
        EXPECT_EQ(vgpu.calls(VFIO_DEVICE_QUERY_GFX_PLANE) - before, 1);
    }
}

TEST(GfxDevice, AnUnchangedFrameCostsOneCall) {
    FakeVfio vgpu;
    vgpu.show({.address = 1});
    const GfxDevice device = probe(vgpu);
    const int before = vgpu.calls(VFIO_DEVICE_QUERY_GFX_PLANE);
    ASSERT_TRUE(device.query(PlaneType::primary));
    EXPECT_EQ(vgpu.calls(VFIO_DEVICE_QUERY_GFX_PLANE) - before, 1);
}

TEST(GfxDevice, MainlineKnowsTheHotspot) {
    FakeVfio vgpu;
    vgpu.show(PlaneType::cursor, {.size = {64, 64}, .hotspot = Point{3, 4}});
    const auto raw = probe(vgpu).query(PlaneType::cursor);
    ASSERT_TRUE(raw);
    EXPECT_EQ(raw->x_hot, 3U);
    EXPECT_EQ(raw->y_hot, 4U);
}

TEST(GfxDevice, InTheDraftTheHotspotIsUnknown) {
    FakeVfio vgpu{draft};
    vgpu.show(PlaneType::cursor, {.size = {64, 64}, .hotspot = Point{3, 4}});
    const GfxDevice device = probe(vgpu);
    const auto raw = device.query(PlaneType::cursor);
    ASSERT_TRUE(raw);
    EXPECT_EQ(raw->x_hot, UINT32_MAX);
    EXPECT_EQ(raw->y_hot, UINT32_MAX);
    device.close_buf(raw->dmabuf_id);
}

TEST(GfxDevice, AMainlineAnswerShorterThanItsStructIsRefused) {
    FakeVfio vgpu;
    vgpu.show({.address = 1});
    vgpu.forge_answers([](PlaneType, vfio_device_gfx_plane_info& info) { info.argsz = 52; });
    const auto raw = probe(vgpu).query(PlaneType::primary);
    ASSERT_TRUE(raw);
    EXPECT_EQ(inspect(*raw, PlaneType::primary, {}).error(), Rejected::answer);
}

TEST(GfxDevice, CloseGivesBackAnIdOfTheDraft) {
    FakeVfio vgpu{draft};
    vgpu.show({.address = 1});
    const GfxDevice device = probe(vgpu);
    const auto raw = device.query(PlaneType::primary);
    ASSERT_TRUE(raw);
    device.close_buf(raw->dmabuf_id);
    EXPECT_EQ(vgpu.closed(), 1);
    EXPECT_EQ(vgpu.objects(), 0U);
}

TEST(GfxDevice, CloseIsNoCallAtAllOnMainlineWhereItsNumberMeansSomethingElse) {
    FakeVfio vgpu;
    probe(vgpu).close_buf(1);
    EXPECT_EQ(vgpu.calls(VFIO_DEVICE_IOEVENTFD), 0);
}

/// Says yes to everything and does nothing.
class SilentDevice final : public testing::FakeDevice {
public:
    UniqueFd open() {
        UniqueFd device{::memfd_create("silent device", MFD_CLOEXEC)};
        fd_ = device.get();
        return device;
    }
    bool owns(int fd) const override { return fd == fd_; }
    int handle(int, unsigned long, void*) override { return 0; }

private:
    int fd_ = -1;
};

TEST(GfxDevice, ADraftDeviceThatGivesNoDescriptorIsAnErrorAndNobodysStandardInput) {
    SilentDevice silent;
    const auto device = GfxDevice::probe(silent.open(), draft_v14);
    ASSERT_TRUE(device);
    const auto dmabuf = device->get_dmabuf(1);
    ASSERT_FALSE(dmabuf);
    EXPECT_EQ(dmabuf.error().code, EBADF);
}

}  // namespace
}  // namespace scanthru::vfio
