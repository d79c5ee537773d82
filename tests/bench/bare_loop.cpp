// SPDX-License-Identifier: MIT
// What a changed frame costs at least: the same five system calls in a loop, and nothing around
// them. Prints the processor time and the system calls of a frame.
//   bare_loop CARD UUID MODELINE FRAMES
#include "base/clock.h"
#include "base/real_time.h"
#include "kms/framebuffer.h"
#include "kms/host_picture.h"
#include "kms/takeover.h"
#include "kms/vblank_clock.h"
#include "presenter/thread_costs.h"
#include "vfio/acquire.h"
#include "vfio/gfx_device.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <linux/vfio.h>
#include <map>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <type_traits>
#include <unistd.h>

namespace scanthru {
namespace {

constexpr std::int64_t margin_ns = 1'000'000;
constexpr unsigned warm_up_frames = 300;

template <class T>
T must(Result<T> result) {
    if (!result) {
        fmt::print(stderr, "bare_loop: {}\n", result.error());
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

template <class T>
std::uint64_t address_of(const T* object) {
    return reinterpret_cast<std::uintptr_t>(object);
}

/// What the planes get: the properties of a picture that fills the screen.
struct Commit {
    Commit(const kms::Pipeline& pipeline, Size size) : object{raw(pipeline.primary.id)} {
        const kms::PlaneProperties& names = pipeline.primary.properties;
        properties = {raw(names.fb_id),  raw(names.crtc_id), raw(names.src_x),  raw(names.src_y),
                      raw(names.src_w),  raw(names.src_h),   raw(names.crtc_x), raw(names.crtc_y),
                      raw(names.crtc_w), raw(names.crtc_h)};
        values = {0,
                  raw(pipeline.crtc.id),
                  0,
                  0,
                  std::uint64_t{size.width} << 16,
                  std::uint64_t{size.height} << 16,
                  0,
                  0,
                  size.width,
                  size.height};
    }

    std::array<std::uint32_t, 1> object;
    std::array<std::uint32_t, 1> count{10};
    std::array<std::uint32_t, 10> properties{};
    std::array<std::uint64_t, 10> values{};
};

class BareLoop {
public:
    BareLoop(kms::Card& card, const kms::Pipeline& pipeline, const vfio::GfxDevice& guest)
        : card_(card),
          guest_(guest),
          crtc_(raw(pipeline.crtc.id)),
          period_ns_(kms::frame_period(pipeline.mode).count()),
          commit_(pipeline, kms::size_of(pipeline.mode)),
          bell_(::eventfd(0, EFD_CLOEXEC)) {}

    /// Frames of which every one is a new picture. False after a refusal.
    bool run(unsigned frames) {
        for (unsigned i = 0; i < frames; ++i) {
            wait();
            const std::uint32_t id = query(DRM_PLANE_TYPE_PRIMARY);
            static_cast<void>(query(DRM_PLANE_TYPE_CURSOR));
            if (id == 0 || !show(id) || !read_clock()) return false;
        }
        return true;
    }

private:
    void wait() {
        const std::int64_t now = Clock::now().time_since_epoch().count();
        const std::int64_t ns =
            std::max<std::int64_t>(vblank_ns_ + period_ns_ - margin_ns - now, 0);
        const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
        pollfd bell{.fd = bell_.get(), .events = POLLIN, .revents = 0};
        ::ppoll(&bell, 1, &timeout, nullptr);
    }

    std::uint32_t query(std::uint32_t type) {
        plane_ = {};
        plane_.argsz = sizeof(plane_);
        plane_.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
        plane_.drm_plane_type = type;
        return ::ioctl(guest_.fd(), VFIO_DEVICE_QUERY_GFX_PLANE, &plane_) == 0 ? plane_.dmabuf_id
                                                                               : 0;
    }

    bool show(std::uint32_t id) {
        auto found = framebuffers_.find(id);
        if (found == framebuffers_.end()) found = import(id);
        commit_.values[0] = raw(found->second.id());
        drm_mode_atomic atomic{};
        atomic.count_objs = 1;
        atomic.objs_ptr = address_of(commit_.object.data());
        atomic.count_props_ptr = address_of(commit_.count.data());
        atomic.props_ptr = address_of(commit_.properties.data());
        atomic.prop_values_ptr = address_of(commit_.values.data());
        return ::ioctl(card_.fd(), DRM_IOCTL_MODE_ATOMIC, &atomic) == 0;
    }

    std::map<std::uint32_t, kms::Framebuffer>::iterator import(std::uint32_t id) {
        // The cursor's answer came last.
        static_cast<void>(query(DRM_PLANE_TYPE_PRIMARY));
        const UniqueFd dmabuf = must(guest_.get_dmabuf(id));
        auto framebuffer =
            must(kms::Framebuffer::import(card_, {.fd = dmabuf.get(),
                                                  .format = plane_.drm_format,
                                                  .modifier = plane_.drm_format_mod,
                                                  .size = {plane_.width, plane_.height},
                                                  .stride = plane_.stride}));
        return framebuffers_.emplace(id, std::move(framebuffer)).first;
    }

    bool read_clock() {
        drm_crtc_get_sequence clock{};
        clock.crtc_id = crtc_;
        if (::ioctl(card_.fd(), DRM_IOCTL_CRTC_GET_SEQUENCE, &clock) != 0) return false;
        vblank_ns_ = clock.sequence_ns;
        return true;
    }

    kms::Card& card_;
    const vfio::GfxDevice& guest_;
    std::uint32_t crtc_;
    std::int64_t period_ns_;
    Commit commit_;
    UniqueFd bell_;
    vfio_device_gfx_plane_info plane_{};
    std::int64_t vblank_ns_ = 0;
    std::map<std::uint32_t, kms::Framebuffer> framebuffers_;
};

int measure(const std::string& path, const char* uuid, const char* modeline, unsigned frames) {
    const auto mode = kms::parse_modeline(modeline);
    if (!mode) {
        fmt::print(stderr, "bare_loop: {}\n", mode.error());
        return 2;
    }
    const auto card = must(kms::Card::open(path));
    const auto topology = must(kms::Topology::read(*card));
    const auto pipeline = kms::choose(
        topology, {.mode = {.size = kms::size_of(*mode), .refresh_mhz = kms::refresh_mhz(*mode)},
                   .extra_modes = {*mode}});
    if (!pipeline) {
        fmt::print(stderr, "bare_loop: {}\n", kms::to_string(pipeline.error()));
        return 1;
    }
    const auto black = must(kms::HostPicture::create(*card, kms::size_of(pipeline->mode)));
    must(kms::light_up(*card, topology, *pipeline, black.framebuffer()));
    auto opened = must(vfio::open_mdev(uuid));
    const auto guest = must(vfio::GfxDevice::probe(std::move(opened.device), {}));

    static_cast<void>(lock_memory());
    static_cast<void>(make_real_time(pthread_self()));
    BareLoop loop{*card, *pipeline, guest};
    if (!loop.run(warm_up_frames)) return 1;
    const ThreadMeter meter{::gettid()};
    const ThreadCosts before = meter.read();
    if (!loop.run(frames)) return 1;
    const ThreadCosts after = meter.read();
    const auto each = [frames](std::uint64_t from, std::uint64_t to) {
        return static_cast<double>(to - from) / frames;
    };
    fmt::print("processor_us {:.3f}\nsystem_calls {:.3f}\n",
               each(before.processor_ns, after.processor_ns) / 1000,
               each(before.system_calls.value_or(0), after.system_calls.value_or(0)));
    return 0;
}

}  // namespace
}  // namespace scanthru

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("usage: bare_loop CARD UUID MODELINE FRAMES\n", stderr);
        return 2;
    }
    return scanthru::measure(argv[1], argv[2], argv[3],
                             static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10)));
}
