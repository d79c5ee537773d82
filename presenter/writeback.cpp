// SPDX-License-Identifier: MIT
#include "presenter/writeback.h"

#include "kms/atomic_request.h"
#include "kms/host_picture.h"

#include <cerrno>
#include <chrono>
#include <drm_fourcc.h>
#include <fmt/format.h>
#include <linux/sync_file.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <utility>

namespace scanthru {
namespace {

constexpr std::chrono::seconds capture_limit{1};

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

Result<kms::HostPicture, std::string> capture_by_writeback(kms::Card& card,
                                                           const kms::Pipeline& pipeline) {
    if (!pipeline.writeback)
        return complain(fmt::format("driver {} has no writeback connector for {}",
                                    card.capabilities().driver, pipeline.connector.name));
    const kms::Connector& connector = *pipeline.writeback;
    if (!connector.properties.writeback_fb_id || !connector.properties.writeback_out_fence_ptr)
        return complain(fmt::format("{} lacks the properties for it", connector.name));
    auto target = kms::HostPicture::create(card, kms::size_of(pipeline.mode));
    if (!target) return complain(fmt::format("{}", target.error()));
    if (const auto memory = target->map(); !memory)
        return complain(fmt::format("{}", memory.error()));
    if (const auto captured = capture(card, pipeline, target->framebuffer().id()); !captured)
        return complain(fmt::format("driver {}, {} beside {}: {}", card.capabilities().driver,
                                    connector.name, pipeline.connector.name, captured.error()));
    return *std::move(target);
}

}  // namespace scanthru
