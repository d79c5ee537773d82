// SPDX-License-Identifier: MIT
#include "presenter/guest_memory.h"

#include "base/bus_error.h"
#include "presenter/row_copy.h"

#include <algorithm>
#include <cerrno>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>

namespace scanthru {
namespace {

Result<void> sync_dmabuf(int fd, std::uint64_t flags) {
    dma_buf_sync sync{.flags = flags | DMA_BUF_SYNC_READ};
    int outcome = -1;
    do
        outcome = ::ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
    while (outcome != 0 && (errno == EINTR || errno == EAGAIN));
    if (outcome != 0) return fail(errno, "DMA_BUF_IOCTL_SYNC");
    return {};
}

}  // namespace

Result<GuestMemory> GuestMemory::map(SharedImport import, std::uint64_t bytes) {
    if (import->bytes < bytes) return fail(EFBIG, "dma-buf shorter than its picture");
    auto mapping = Mapping::create(import->dmabuf.get(), bytes, PROT_READ);
    if (!mapping) return fail(mapping.error().code, "mmap of the dma-buf");
    return GuestMemory{std::move(import), *std::move(mapping)};
}

Result<GuestMemory>
GuestMemory::map(const vfio::GfxDevice& device, std::uint32_t region, std::uint64_t bytes) {
    auto mapping = device.map_region(region, bytes);
    if (!mapping) return fail(mapping.error());
    return GuestMemory{nullptr, *std::move(mapping)};
}

Result<void> GuestMemory::begin() const {
    return import_ ? sync_dmabuf(import_->dmabuf.get(), DMA_BUF_SYNC_START) : Result<void>{};
}

Result<void> GuestMemory::end() const {
    return import_ ? sync_dmabuf(import_->dmabuf.get(), DMA_BUF_SYNC_END) : Result<void>{};
}

Result<void> GuestMemory::read(std::span<std::byte> to) const {
    if (const auto begun = begin(); !begun) return begun;
    const std::size_t length = std::min(to.size(), bytes().size());
    const bool whole = survives_bus_error([&] { stream_copy(to.data(), bytes().data(), length); });
    const auto ended = end();
    if (!whole) return fail(EFAULT, "reading the guest's memory");
    return ended;
}

}  // namespace scanthru
