// SPDX-License-Identifier: MIT
#include "presenter/guest_buffers.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace scanthru {
namespace {

std::size_t slot(vfio::PlaneType plane) {
    return plane == vfio::PlaneType::primary ? 0 : 1;
}

}  // namespace

std::shared_ptr<GuestBuffers> GuestBuffers::create(vfio::GfxDevice device) {
    return std::shared_ptr<GuestBuffers>{new GuestBuffers{std::move(device)}};
}

GuestBuffers::~GuestBuffers() {
    for (auto& unfetched : unfetched_)
        close_unfetched(unfetched);
}

Result<SharedImport> GuestBuffers::acquire(std::uint32_t dmabuf_id) {
    std::unique_lock lock{mutex_};
    for (auto found = living_.find(dmabuf_id); found != living_.end();
         found = living_.find(dmabuf_id)) {
        if (auto import = found->second.lock()) return import;
        // Its last owner, on another thread, is about to close it: a GET now would be a second one
        // of an id that still lives.
        closed_.wait(lock);
    }

    auto dmabuf = device_.get_dmabuf(dmabuf_id);
    if (!dmabuf) return fail(dmabuf.error());
    ++gets_;
    const off_t bytes = ::lseek(dmabuf->get(), 0, SEEK_END);
    if (bytes < 0) return fail(errno, "lseek of the dma-buf");
    for (auto& unfetched : unfetched_)
        if (unfetched == dmabuf_id) unfetched.reset();

    // The place first: an allocation that fails after the import is made would close it, locked.
    auto& place = living_[dmabuf_id];
    auto* const import =
        new Import{dmabuf_id, *std::move(dmabuf), static_cast<std::uint64_t>(bytes)};
    const auto close = [self = shared_from_this()](const Import* last) {
        self->close(const_cast<Import*>(last));
    };
    SharedImport shared{import, close};
    place = shared;
    return shared;
}

void GuestBuffers::close(Import* import) {
    const std::lock_guard lock{mutex_};
    const std::uint32_t id = import->dmabuf_id;
    device_.close_buf(id);
    delete import;
    living_.erase(id);
    closed_.notify_all();
}

void GuestBuffers::moved_on(vfio::PlaneType plane) {
    const std::lock_guard lock{mutex_};
    close_unfetched(unfetched_.at(slot(plane)));
}

void GuestBuffers::leave_unfetched(vfio::PlaneType plane, std::uint32_t dmabuf_id) {
    if (device_.dialect() != vfio::Dialect::draft_v14) return;
    if (device_.exports() != vfio::Export::dmabuf) return;  // It names a region.
    const std::lock_guard lock{mutex_};
    auto& unfetched = unfetched_.at(slot(plane));
    if (unfetched == dmabuf_id) return;
    close_unfetched(unfetched);
    // An id that lives is closed with its import; one that both planes show, once.
    if (!living_.contains(dmabuf_id) &&
        std::ranges::find(unfetched_, dmabuf_id) == unfetched_.end())
        unfetched = dmabuf_id;
}

void GuestBuffers::close_unfetched(std::optional<std::uint32_t>& unfetched) {
    if (unfetched) device_.close_buf(*unfetched);
    unfetched.reset();
}

std::uint64_t GuestBuffers::gets() const {
    const std::lock_guard lock{mutex_};
    return gets_;
}

}  // namespace scanthru
