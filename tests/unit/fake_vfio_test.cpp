// SPDX-License-Identifier: MIT
#include "fake/fake_vfio.h"
#include "vfio/draft_abi.h"

#include <cerrno>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

namespace scanthru::testing {
namespace {

using vfio::Dialect;
using vfio::GfxDevice;
using vfio::PlaneType;

/// A program that breaks the rules, and the device it breaks them on.
class Culprit {
public:
    explicit Culprit(FakeVfio::Behaviour behaviour = {}) : vgpu(behaviour) {}

    std::uint32_t query() { return device->query(PlaneType::primary)->dmabuf_id; }

    FakeVfio vgpu;
    Result<GfxDevice> device = GfxDevice::probe(vgpu.open(), std::nullopt);
};

constexpr FakeVfio::Behaviour draft{.dialect = Dialect::draft_v14};

// The macros of gtest-spi take statements without local variables: hence the functions.
void get_twice() {
    Culprit culprit;
    culprit.vgpu.show({.address = 1});
    const auto first = culprit.device->get_dmabuf(culprit.query());
    const auto second = culprit.device->get_dmabuf(culprit.query());
}

void keep_a_buffer() {
    UniqueFd kept;
    Culprit culprit;
    culprit.vgpu.show({.address = 1});
    kept = std::move(*culprit.device->get_dmabuf(culprit.query()));
}

void keep_the_device() {
    UniqueFd kept;
    const FakeVfio vgpu;
    kept = vgpu.open();
}

void never_close() {
    Culprit culprit{draft};
    culprit.vgpu.show({.address = 1});
    culprit.query();
}

void close_twice() {
    Culprit culprit{draft};
    culprit.vgpu.show({.address = 1});
    const auto id = culprit.query();
    culprit.device->close_buf(id);
    culprit.device->close_buf(id);
}

void close_on_mainline() {
    Culprit culprit;
    vfio::draft::CloseBuf argument{.argsz = sizeof(argument), .flags = 0, .dmabuf_id = 1};
    ::ioctl(culprit.device->fd(), vfio::draft::close_buf_request, &argument);
}

void query_with_leftovers() {
    Culprit culprit;
    vfio_device_gfx_plane_info info{};
    info.argsz = sizeof(info);
    info.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
    info.drm_plane_type = 1;
    info.width = 1920;
    ::ioctl(culprit.device->fd(), VFIO_DEVICE_QUERY_GFX_PLANE, &info);
}

void ask_for_the_overlay() {
    Culprit culprit;
    EXPECT_FALSE(culprit.device->query(static_cast<PlaneType>(0)));
}

void set_irqs() {
    Culprit culprit;
    ::ioctl(culprit.device->fd(), VFIO_DEVICE_SET_IRQS, nullptr);
}

TEST(FakeVfio, ASecondGetOfALivingIdFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(get_twice(), "crashes mbochs");
}

TEST(FakeVfio, ABufferLeftOpenFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(keep_a_buffer(), "descriptors of buffer 1 were left open");
}

TEST(FakeVfio, ADeviceLeftOpenFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(keep_the_device(), "descriptors of the device were left open");
}

TEST(FakeVfio, AnIdOfTheDraftThatIsNeverClosedFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(never_close(), "never closed");
}

TEST(FakeVfio, AnIdOfTheDraftThatIsClosedTwiceFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(close_twice(), "which is not open");
}

TEST(FakeVfio, ACloseOnMainlineFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(close_on_mainline(), "on a mainline device");
}

TEST(FakeVfio, AQueryThatIsNotZeroedFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(query_with_leftovers(), "leftovers");
}

TEST(FakeVfio, AskingForTheOverlayFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(ask_for_the_overlay(), "plane type 0");
}

TEST(FakeVfio, AnIoctlThatNobodyShouldIssueFailsTheTest) {
    EXPECT_NONFATAL_FAILURE(set_irqs(), "unexpected ioctl");
}

TEST(FakeVfio, AnUnpluggedDeviceIsGoneAndOwedNothing) {
    Culprit culprit{draft};
    culprit.vgpu.show({.address = 1});
    const auto id = culprit.query();
    culprit.vgpu.unplug();
    culprit.device->close_buf(id);
    EXPECT_EQ(culprit.device->query(PlaneType::primary).error().code, ENODEV);
}

TEST(FakeVfio, TheLowestIdIsReusedAtOnce) {
    Culprit culprit;
    culprit.vgpu.show({.address = 1});
    ASSERT_EQ(culprit.query(), 1U);
    ASSERT_TRUE(culprit.device->get_dmabuf(1));  // And closed again at once.
    culprit.vgpu.show({.address = 2});
    EXPECT_EQ(culprit.query(), 1U);
}

TEST(FakeVfio, GrowingIdsAreNeverReused) {
    Culprit culprit{{.ids = FakeVfio::Ids::growing}};
    culprit.vgpu.show({.address = 1});
    ASSERT_EQ(culprit.query(), 1U);
    ASSERT_TRUE(culprit.device->get_dmabuf(1));
    EXPECT_EQ(culprit.query(), 2U);
}

TEST(FakeVfio, ALivingBufferKeepsItsId) {
    Culprit culprit;
    culprit.vgpu.show({.address = 1});
    const auto dmabuf = culprit.device->get_dmabuf(culprit.query());
    culprit.vgpu.show({.address = 2});
    EXPECT_EQ(culprit.query(), 2U);
    culprit.vgpu.show({.address = 1});
    EXPECT_EQ(culprit.query(), 1U);
    EXPECT_EQ(culprit.vgpu.descriptors(1), 1);
}

TEST(FakeVfio, AClosedIdOfTheDraftLivesOnWithItsDescriptorButIsNotHandedOutAgain) {
    Culprit culprit{draft};
    culprit.vgpu.show({.address = 1});
    const auto id = culprit.query();
    auto dmabuf = culprit.device->get_dmabuf(id);
    ASSERT_TRUE(dmabuf);
    culprit.device->close_buf(id);
    const auto other = culprit.query();
    EXPECT_NE(other, id);
    EXPECT_EQ(culprit.vgpu.objects(), 2U);
    dmabuf->reset();
    EXPECT_EQ(culprit.vgpu.objects(), 1U);
    culprit.device->close_buf(other);
}

TEST(FakeVfio, OneIdMayComeWithSeveralGeometries) {
    Culprit culprit{{.one_id_per_address = true}};
    culprit.vgpu.show({.address = 1, .size = {640, 480}});
    const auto first = culprit.device->query(PlaneType::primary);
    culprit.vgpu.show({.address = 1, .size = {800, 600}});
    const auto second = culprit.device->query(PlaneType::primary);
    EXPECT_EQ(first->dmabuf_id, second->dmabuf_id);
    EXPECT_NE(first->width, second->width);
}

TEST(FakeVfio, MemoryHoldsTheColourOfThePicture) {
    Culprit culprit;
    culprit.vgpu.show({.address = 1, .size = {16, 16}, .pixel = 0xFF336699});
    const auto dmabuf = culprit.device->get_dmabuf(culprit.query());
    std::uint32_t last = 0;
    ASSERT_EQ(::pread(dmabuf->get(), &last, sizeof(last), 1020), 4);
    EXPECT_EQ(last, 0xFF336699U);
}

TEST(FakeDevice, PlantedFaultsComeInOrderAndRunOut) {
    Culprit culprit;
    culprit.vgpu.fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, EINVAL, 2);
    culprit.vgpu.fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, ENODEV);
    for (const int expected : {EINVAL, EINVAL, ENODEV})
        EXPECT_EQ(culprit.device->query(PlaneType::primary).error().code, expected);
    EXPECT_TRUE(culprit.device->query(PlaneType::primary));
}

TEST(FakeDevice, AHookRunsAtEveryCallUntilItIsTakenAway) {
    Culprit culprit;
    int hooked = 0;
    culprit.vgpu.when_called(VFIO_DEVICE_QUERY_GFX_PLANE, [&] { ++hooked; });
    ASSERT_TRUE(culprit.device->query(PlaneType::primary));
    culprit.vgpu.fail_next(VFIO_DEVICE_QUERY_GFX_PLANE, EINVAL);
    ASSERT_FALSE(culprit.device->query(PlaneType::primary));
    culprit.vgpu.when_called(VFIO_DEVICE_QUERY_GFX_PLANE, {});
    ASSERT_TRUE(culprit.device->query(PlaneType::primary));
    EXPECT_EQ(hooked, 2);
}

}  // namespace
}  // namespace scanthru::testing
