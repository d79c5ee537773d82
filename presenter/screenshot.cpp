// SPDX-License-Identifier: MIT
#include "presenter/screenshot.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/dma-buf.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <vector>

namespace scanthru {
namespace {

/// A dma-buf in our address space, for reading.
class Mapping {
public:
    static Result<Mapping> create(int fd, std::size_t bytes) {
        void* const address = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (address == MAP_FAILED) return fail(errno, "mmap");
        return Mapping{static_cast<const std::byte*>(address), bytes};
    }

    Mapping(Mapping&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), bytes_(other.bytes_) {}
    Mapping& operator=(Mapping&&) = delete;

    ~Mapping() {
        if (address_ != nullptr) ::munmap(const_cast<std::byte*>(address_), bytes_);
    }

    const std::byte* data() const noexcept { return address_; }

private:
    Mapping(const std::byte* address, std::size_t bytes) noexcept
        : address_(address), bytes_(bytes) {}

    const std::byte* address_;
    std::size_t bytes_;
};

Result<void> sync_dmabuf(int fd, std::uint64_t flags) {
    dma_buf_sync sync{.flags = flags | DMA_BUF_SYNC_READ};
    int outcome = -1;
    do
        outcome = ::ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
    while (outcome != 0 && (errno == EINTR || errno == EAGAIN));
    if (outcome != 0) return fail(errno, "DMA_BUF_IOCTL_SYNC");
    return {};
}

/// Copies `from`, a mapping of memory that may be a device's and may go at any moment.
///
/// Reading it ourselves would then be a SIGBUS. So the kernel reads it, in write(2) to a memory
/// file: a fault there is EFAULT. No signal handler, and right on any thread. (process_vm_readv(2)
/// would do too, but refuses mappings of device memory.)
Result<void> copy_through_kernel(const std::byte* from, std::span<std::byte> to) {
    constexpr std::size_t piece = std::size_t{1} << 20;
    const UniqueFd file{::memfd_create("scanthru-copy", MFD_CLOEXEC)};
    if (!file) return fail(errno, "memfd_create");
    for (std::size_t done = 0; done < to.size();) {
        const std::size_t wanted = std::min(piece, to.size() - done);
        const ssize_t written = ::pwrite(file.get(), from + done, wanted, 0);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return fail(written < 0 ? errno : EIO, "reading the mapped dma-buf");
        const ssize_t read =
            ::pread(file.get(), to.data() + done, static_cast<std::size_t>(written), 0);
        if (read != written) return fail(read < 0 ? errno : EIO, "pread");
        done += static_cast<std::size_t>(read);
    }
    return {};
}

tl::unexpected<std::string> complain(std::string_view which, std::string_view what) {
    return tl::unexpected<std::string>{fmt::format("the guest's {} buffer {}", which, what)};
}

Result<std::vector<std::byte>, std::string> read_picture(const DmabufPicture& picture,
                                                         std::string_view which) {
    const auto needed = measure_picture(picture.geometry);
    if (!needed) return complain(which, needed.error());
    if (*needed > picture.bytes)
        return complain(which, fmt::format("is shorter than its picture: {} bytes of {}",
                                           picture.bytes, *needed));
    const auto mapping = Mapping::create(picture.fd, *needed);
    if (!mapping)
        return complain(which, fmt::format("cannot be mapped by the CPU: {}", mapping.error()));

    std::vector<std::byte> memory(*needed);
    const auto begun = sync_dmabuf(picture.fd, DMA_BUF_SYNC_START);
    const auto copied = begun ? copy_through_kernel(mapping->data(), memory) : begun;
    const auto ended = begun ? sync_dmabuf(picture.fd, DMA_BUF_SYNC_END) : begun;
    for (const auto& step : {begun, copied, ended})
        if (!step)
            return complain(which, fmt::format("cannot be read by the CPU: {}", step.error()));
    return memory;
}

std::optional<DmabufPicture> picture_of(const SharedFramebuffer& framebuffer) {
    if (!framebuffer) return std::nullopt;
    return DmabufPicture{.fd = framebuffer->import->dmabuf.get(),
                         .bytes = framebuffer->import->bytes,
                         .geometry = framebuffer->key.geometry};
}

}  // namespace

Result<Pixels, std::string> read_scene(const Scene& scene, Size screen) {
    return read_pictures(picture_of(scene.primary), picture_of(scene.cursor), scene.cursor_position,
                         screen);
}

Result<Pixels, std::string> read_pictures(const std::optional<DmabufPicture>& primary,
                                          const std::optional<DmabufPicture>& cursor,
                                          Point cursor_position,
                                          Size screen) {
    Pixels pixels = black_pixels(screen);
    if (!primary) return pixels;
    const auto picture = read_picture(*primary, "primary");
    if (!picture) return tl::unexpected{picture.error()};
    const Placement placement = place_centred(primary->geometry.size, screen);
    draw_picture(pixels, *picture, primary->geometry, placement.source,
                 {placement.target.x, placement.target.y}, Blend::none);
    if (!cursor) return pixels;

    const Size size = cursor->geometry.size;
    const Rect target = place_cursor(cursor_position, size, placement);
    if (!touches(target, screen)) return pixels;
    const auto image = read_picture(*cursor, "cursor");
    if (!image) return tl::unexpected{image.error()};
    draw_picture(pixels, *image, cursor->geometry, {.x = 0, .y = 0, .size = size},
                 {target.x, target.y}, Blend::premultiplied);
    return pixels;
}

}  // namespace scanthru
