// SPDX-License-Identifier: MIT
#include "presenter/writeback.h"

#include "kms/atomic_request.h"
#include "kms/framebuffer.h"

#include <cerrno>
#include <chrono>
#include <drm_fourcc.h>
#include <fmt/format.h>
#include <linux/sync_file.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <utility>

namespace scanthru {
namespace {

constexpr std::chrono::seconds capture_limit{1};

/// What the hardware writes into: a dumb buffer, its framebuffer, and the memory as we see it.
class Target {
public:
    static Result<std::unique_ptr<Target>> create(kms::Card& card, Size size);

    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    ~Target() {
        if (memory_ != MAP_FAILED) ::munmap(memory_, bytes_);
        framebuffer_.reset();
        drmModeDestroyDumbBuffer(drm_fd_, handle_);
    }

    kms::FramebufferId framebuffer() const noexcept { return framebuffer_->id(); }
    Pixels read() const;

private:
    Target(int drm_fd, std::uint32_t handle) noexcept : drm_fd_(drm_fd), handle_(handle) {}

    int drm_fd_;
    std::uint32_t handle_;
    std::size_t bytes_ = 0;
    void* memory_ = MAP_FAILED;
    vfio::Geometry geometry_;
    std::optional<kms::Framebuffer> framebuffer_;
};

Result<std::unique_ptr<Target>> Target::create(kms::Card& card, Size size) {
    std::uint32_t handle = 0;
    std::uint32_t pitch = 0;
    std::uint64_t bytes = 0;
    if (const int ret = drmModeCreateDumbBuffer(card.fd(), size.width, size.height, 32, 0, &handle,
                                                &pitch, &bytes);
        ret != 0)
        return fail(-ret, "drmModeCreateDumbBuffer");
    std::unique_ptr<Target> target{new Target{card.fd(), handle}};
    target->geometry_ = {.format = DRM_FORMAT_XRGB8888,
                         .modifier = DRM_FORMAT_MOD_LINEAR,
                         .size = size,
                         .stride = pitch};
    target->bytes_ = bytes;
    auto framebuffer = kms::Framebuffer::wrap(card, handle,
                                              {.format = DRM_FORMAT_XRGB8888,
                                               .modifier = DRM_FORMAT_MOD_LINEAR,
                                               .size = size,
                                               .stride = pitch});
    if (!framebuffer) return fail(framebuffer.error());
    target->framebuffer_ = std::move(*framebuffer);

    std::uint64_t offset = 0;
    if (const int ret = drmModeMapDumbBuffer(card.fd(), handle, &offset); ret != 0)
        return fail(-ret, "drmModeMapDumbBuffer");
    target->memory_ =
        ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, card.fd(), static_cast<off_t>(offset));
    if (target->memory_ == MAP_FAILED) return fail(errno, "mmap of the dumb buffer");
    return target;
}

Pixels Target::read() const {
    Pixels pixels = black_pixels(geometry_.size);
    draw_picture(pixels, {static_cast<const std::byte*>(memory_), bytes_}, geometry_,
                 {.x = 0, .y = 0, .size = geometry_.size}, {}, Blend::none);
    return pixels;
}

/// Waits until the hardware has written.
Result<void> wait_for(int fence) {
    const auto deadline = std::chrono::steady_clock::now() + capture_limit;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() < 0) return fail(ETIMEDOUT, "waiting for the writeback fence");
        pollfd wait{.fd = fence, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&wait, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno != EINTR) return fail(errno, "poll of the writeback fence");
        if (ready > 0) break;
    }
    // A fence is signalled by failure too; a negative status says which.
    sync_file_info info{};
    if (::ioctl(fence, SYNC_IOC_FILE_INFO, &info) == 0 && info.status < 0)
        return fail(-info.status, "writeback");
    return {};
}

/// Lets go of the writeback connector on every way out of a capture.
class Detach {
public:
    Detach(kms::Card& card, const kms::Connector& connector) noexcept
        : card_(card), connector_(connector) {}
    Detach(const Detach&) = delete;
    Detach& operator=(const Detach&) = delete;
    ~Detach() {
        // Nothing more can be done about an error here: the next modeset of this CRTC meets it.
        if (!done_) static_cast<void>(detach());
    }

    Result<void> detach() {
        done_ = true;
        kms::AtomicRequest request;
        request.set(connector_.id, connector_.properties.crtc_id, 0);
        return request.commit_modeset(card_.fd());
    }

private:
    kms::Card& card_;
    const kms::Connector& connector_;
    bool done_ = false;
};

/// Attaches the connector for one frame and waits for that.
Result<void>
capture(kms::Card& card, const kms::Pipeline& pipeline, kms::FramebufferId framebuffer) {
    const kms::Connector& connector = *pipeline.writeback;
    std::int32_t fence = -1;
    kms::AtomicRequest request;
    request.set(connector.id, connector.properties.crtc_id, raw(pipeline.crtc.id));
    request.set(connector.id, *connector.properties.writeback_fb_id, raw(framebuffer));
    request.set(connector.id, *connector.properties.writeback_out_fence_ptr,
                reinterpret_cast<std::uintptr_t>(&fence));
    if (const auto attached = request.commit_modeset(card.fd()); !attached) return attached;

    Detach attachment{card, connector};
    const UniqueFd written{fence};
    if (!written) return fail(EBADF, "WRITEBACK_OUT_FENCE_PTR");
    const auto waited = wait_for(written.get());
    const auto detached = attachment.detach();
    return waited ? detached : waited;
}

tl::unexpected<std::string> complain(std::string_view what) {
    return tl::unexpected<std::string>{
        fmt::format("the screen cannot be captured by writeback: {}", what)};
}

}  // namespace

Result<Pixels, std::string> capture_by_writeback(kms::Card& card, const kms::Pipeline& pipeline) {
    if (!pipeline.writeback)
        return complain(fmt::format("driver {} has no writeback connector for {}",
                                    card.capabilities().driver, pipeline.connector.name));
    const kms::Connector& connector = *pipeline.writeback;
    if (!connector.properties.writeback_fb_id || !connector.properties.writeback_out_fence_ptr)
        return complain(fmt::format("{} lacks the properties for it", connector.name));
    const auto target = Target::create(card, kms::size_of(pipeline.mode));
    if (!target) return complain(fmt::format("{}", target.error()));
    if (const auto captured = capture(card, pipeline, (*target)->framebuffer()); !captured)
        return complain(fmt::format("driver {}, {} beside {}: {}", card.capabilities().driver,
                                    connector.name, pipeline.connector.name, captured.error()));
    return (*target)->read();
}

}  // namespace scanthru
