// SPDX-License-Identifier: MIT
// Everything that a guest can claim of its planes: the picture stays, it is counted, nobody falls.
#include "crc_reader.h"
#include "prediction.h"
#include "presenter_process.h"
#include "synthetic_guest.h"
#include "vgpu/picture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

constexpr Size screen{320, 240};
constexpr std::uint32_t cursor_size = 64;
const std::string start_guest =
    "start width=320 height=240 buffers=3 rate=0 cursor=1 cursor_size=64";

/// How the presenter is to take a claim.
enum class Taken {
    refused,   ///< Counted, and the last good picture stays on screen.
    harmless,  ///< May be shown or not; what counts is that nothing breaks.
};

struct Claim {
    const char* what;  ///< "PLANE FIELD VALUE" for the vGPU's knob.
    Taken taken = Taken::refused;
};

constexpr Claim claims[] = {
    {"primary argsz 0"},
    {"primary argsz 8"},
    {"primary argsz 4294967295", Taken::harmless},
    {"primary flags 0"},
    {"primary flags 1"},
    {"primary flags 4"},
    {"primary flags 6"},
    {"primary flags 4294967295"},
    {"primary drm_plane_type 2"},
    {"primary drm_format 0"},
    {"primary drm_format NV12"},
    {"primary drm_format YUYV"},
    {"primary drm_format 538982467"},  // C8
    {"primary drm_format 3735928559"},
    {"primary drm_format 3022287448"},  // XRGB8888, big endian
    {"primary drm_format AR24", Taken::harmless},
    {"primary drm_format_mod 72057594037927935"},  // DRM_FORMAT_MOD_INVALID
    {"primary drm_format_mod 72057594037927937"},  // I915_FORMAT_MOD_X_TILED
    {"primary drm_format_mod -1"},
    {"primary width 0"},
    {"primary width 1", Taken::harmless},    // A line, shown by a copy.
    {"primary width 19", Taken::harmless},   // Newer vkms shows it.
    {"primary width 319", Taken::harmless},  // Another picture of the same buffer.
    {"primary width 321"},
    {"primary width 8193"},
    {"primary width 2147483648"},
    {"primary width 4294967295"},
    {"primary height 0"},
    {"primary height 1", Taken::harmless},   // A line, shown by a copy.
    {"primary height 19", Taken::harmless},  // Newer vkms shows it.
    {"primary height 8193"},
    {"primary height 2147483648"},
    {"primary height 4294967295"},
    {"primary stride 0"},
    {"primary stride 1279"},
    {"primary stride 1281"},
    {"primary stride 4294967292"},
    {"primary size 0"},
    {"primary size 307199"},
    {"primary size 4194304"},
    {"primary x_pos 17", Taken::harmless},
    {"primary x_hot 5", Taken::harmless},
    {"primary dmabuf_id 0"},
    {"primary dmabuf_id 4294967295"},
    {"primary dmabuf_id 77"},
    {"cursor argsz 0"},
    {"cursor flags 4"},
    {"cursor drm_plane_type 1"},
    {"cursor drm_format NV12"},
    {"cursor drm_format_mod 72057594037927935"},
    {"cursor width 1", Taken::harmless},  // Copied.
    {"cursor width 16", Taken::harmless},
    {"cursor width 513"},
    {"cursor height 4294967295"},
    {"cursor stride 255"},
    {"cursor size 16383"},
    {"cursor dmabuf_id 4294967295"},
    {"cursor x_pos -1", Taken::harmless},
    {"cursor x_pos -64", Taken::harmless},
    {"cursor x_pos 32767", Taken::harmless},
    {"cursor x_pos -32767", Taken::harmless},
    {"cursor x_pos 2147483647", Taken::harmless},
    {"cursor y_pos -2147483648", Taken::harmless},
    {"cursor x_hot 4294967295", Taken::harmless},
    {"cursor x_hot 64", Taken::harmless},
    {"cursor y_hot 2147483648", Taken::harmless},
};

/// Everything the presenter counts when it does not show something.
std::uint64_t complaints(const PresenterProcess& presenter) {
    const auto output = presenter.output();
    std::uint64_t sum = 0;
    for (const char* name : {"unshowable", "refused_commits", "no_news"})
        sum += output["counters"][name].get<std::uint64_t>();
    for (const char* plane : {"primary", "cursor"})
        for (const auto& [reason, count] : output["rejected"][plane].items())
            sum += count.get<std::uint64_t>();
    return sum;
}

class BadInput : public ::testing::TestWithParam<const char*> {};

TEST_P(BadInput, KeepsThePictureIsCountedAndHarmsNobody) {
    const vgpu::TestVgpu vgpu;
    ASSERT_EQ(vgpu.set("dialect", GetParam()), 0);
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never"}};
    presenter.wait_attached();
    const CrcReader crcs{vkms_card()};
    const Picture cursor = guest_cursor(cursor_size);
    const Point at{vgpu_cursor_x(0, screen.width, cursor_size),
                   vgpu_cursor_y(0, screen.height, cursor_size)};
    const std::uint32_t good = predict_crc(guest_picture(0, screen), &cursor, at);
    const std::uint32_t bare = predict_crc(guest_picture(0, screen), nullptr, {});

    for (const Claim& claim : claims) {
        SCOPED_TRACE(claim.what);
        ASSERT_EQ(vgpu.set("override", "clear"), 0);
        ASSERT_EQ(vgpu.set("guest", start_guest), 0);
        ASSERT_TRUE(crcs.wait_for(good, milliseconds{8000})) << presenter.log();

        // The CRC may have been an older frame's, from before the start switched the plane off and
        // on.
        presenter.wait_frames(3);
        ASSERT_TRUE(crcs.wait_for(good, milliseconds{8000})) << presenter.log();

        const std::uint64_t before = complaints(presenter);
        ASSERT_EQ(vgpu.set("override", claim.what), 0);
        if (claim.taken == Taken::refused) {
            EXPECT_TRUE(PresenterProcess::wait([&] { return complaints(presenter) > before + 1; },
                                               milliseconds{8000}))
                << "not counted";
            presenter.wait_frames(3);
            const std::uint32_t seen = crcs.newest();
            const bool of_the_cursor = std::string_view{claim.what}.starts_with("cursor");
            // A frame that was composed in between may still be on its way.
            const bool kept = seen == good || (of_the_cursor && seen == bare) ||
                              crcs.wait_for(good, milliseconds{3000});
            EXPECT_TRUE(kept) << "the picture changed";
        } else {
            presenter.wait_frames(6);
        }
        ASSERT_TRUE(presenter.alive()) << presenter.log();
    }
    ASSERT_EQ(vgpu.set("override", "clear"), 0);
    ASSERT_EQ(vgpu.set("guest", start_guest), 0);
    EXPECT_TRUE(crcs.wait_for(good, milliseconds{8000}));
    EXPECT_EQ(presenter.stop(), 0);
    EXPECT_EQ(vgpu.counter("dmabufs_live"), 0);
}

/// A fault for the vGPU to plant, and the counter of the presenter that must tell of it, if any.
struct Fault {
    const char* knob;
    const char* value;
    const char* counter = nullptr;
};

constexpr Fault faults[] = {
    {"fail_query", "1 ENOMEM"},  // Asked again at once.
    {"fail_query", "10 EINVAL", "no_news"},
    {"fail_query", "5 EFAULT primary", "no_news"},
    {"untouched", "6"},  // Taken for a plane that is off.
    {"fail_get", "1 EMFILE", "unshowable"},
    {"fail_get", "1 EINVAL", "unshowable"},
    {"fail_attach", "1 ENODEV"},  // The next rung is tried.
    {"fail_map", "1 EINVAL"},
    {"fail_query", "3 EINTR"},
    {"fail_get", "1 ENOENT", "unshowable"},
    {"query_delay_ms", "300"},
    {"short_dmabuf", "4096", "unshowable"},
};

TEST_P(BadInput, FailingQueriesGetsAndImportsPassAndLeaveNothing) {
    const vgpu::TestVgpu vgpu;
    ASSERT_EQ(vgpu.set("dialect", GetParam()), 0);
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never"}};
    presenter.wait_attached();
    const CrcReader crcs{vkms_card()};
    const std::uint32_t black = predict_crc(Picture::filled(screen, 0xFF000000), nullptr, {});
    unsigned offset = 0;
    for (const Fault& fault : faults) {
        SCOPED_TRACE(fmt::format("{} {}", fault.knob, fault.value));
        ASSERT_EQ(vgpu.set("guest", "off"), 0);
        ASSERT_TRUE(crcs.wait_for(black, milliseconds{8000})) << presenter.log();
        const std::uint64_t before = fault.counter ? presenter.counter(fault.counter) : 0;
        ASSERT_EQ(vgpu.set(fault.knob, fault.value), 0);
        // At a new place in VRAM, so that nothing is known of the buffers.
        offset += 4096;
        ASSERT_EQ(vgpu.set("guest", fmt::format("start width=320 height=240 buffers=2 rate=0 "
                                                "offset={}",
                                                offset)),
                  0);
        if (fault.counter) {
            EXPECT_TRUE(PresenterProcess::wait(
                [&] { return presenter.counter(fault.counter) > before; }, milliseconds{8000}));
        } else {
            presenter.wait_frames(12);
        }
        ASSERT_TRUE(presenter.alive()) << presenter.log();
        ASSERT_EQ(vgpu.set("query_delay_ms", "0"), 0);
        ASSERT_EQ(vgpu.set("short_dmabuf", "0"), 0);
        // The next buffer is good.
        ASSERT_EQ(vgpu.set("guest", "flip"), 0);
        EXPECT_TRUE(
            crcs.wait_for(predict_crc(guest_picture(1, screen), nullptr, {}), milliseconds{8000}))
            << presenter.log();
    }
    EXPECT_EQ(presenter.stop(), 0);
    EXPECT_EQ(vgpu.counter("dmabufs_live"), 0);
    EXPECT_EQ(vgpu.counter("attachments_live"), 0);
}

TEST_P(BadInput, OutlastsAGuestThatChangesEverythingAllTheTime) {
    const vgpu::TestVgpu vgpu;
    ASSERT_EQ(vgpu.set("dialect", GetParam()), 0);
    ASSERT_EQ(vgpu.set("id_policy", "growing"), 0);
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never"}};
    presenter.wait_attached();
    const CrcReader crcs{vkms_card()};
    const std::uint32_t good = predict_crc(guest_picture(0, screen), nullptr, {});
    const auto recovers = [&](const char* from) {
        ASSERT_EQ(vgpu.set("override", "clear"), 0);
        ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
        EXPECT_TRUE(crcs.wait_for(good, milliseconds{8000})) << from << presenter.log();
        ASSERT_TRUE(presenter.alive()) << from << presenter.log();
    };

    // More buffers than are kept, so that hardly a flip finds its own.
    ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=16 rate=10000000 cursor=1"), 0);
    std::this_thread::sleep_for(milliseconds{2000});
    recovers("10,000 flips a second");

    for (int i = 0; i < 40; ++i) {
        const char* const size = i % 2 == 0 ? "width=200 height=100" : "width=320 height=240";
        ASSERT_EQ(vgpu.set("guest", fmt::format("start {} buffers=1 rate=0", size)), 0);
        std::this_thread::sleep_for(milliseconds{20});  // A frame or two, and often none.
    }
    recovers("two sizes in alternation");

    ASSERT_EQ(vgpu.set("guest", start_guest), 0);
    ASSERT_TRUE(PresenterProcess::wait([&] { return presenter.output()["cursor"].is_object(); },
                                       milliseconds{8000}));
    const auto cursor = presenter.output()["cursor"]["id"].get<unsigned>();
    ASSERT_EQ(vgpu.set("override", fmt::format("primary dmabuf_id {}", cursor)), 0);
    presenter.wait_frames(12);
    recovers("the cursor's id on the primary");

    ASSERT_EQ(vgpu.set("fail_query", "1 ENODEV"), 0);
    EXPECT_TRUE(PresenterProcess::wait(
        [&] { return presenter.log().find("its device has gone") != std::string::npos; },
        milliseconds{8000}));
    presenter.wait_attached();
    recovers("a device that says it has gone");
    EXPECT_EQ(presenter.stop(), 0);
    EXPECT_EQ(vgpu.counter("dmabufs_live"), 0);
    EXPECT_EQ(vgpu.counter("objects_live"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Dialects, BadInput, ::testing::Values("mainline", "draft-v14"), [](const auto& dialect) {
        return std::string{dialect.param} == "mainline" ? "Mainline" : "DraftV14";
    });

}  // namespace
}  // namespace scanthru::system_test
