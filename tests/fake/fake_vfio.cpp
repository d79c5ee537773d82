// SPDX-License-Identifier: MIT
#include "fake/fake_vfio.h"

#include "vfio/draft_abi.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <span>
#include <sys/mman.h>
#include <sys/stat.h>
#include <vector>

namespace scanthru::testing {
namespace {

using vfio::Export;
using vfio::PlaneType;

/// mdpy's; num_regions says 9 all the same.
constexpr std::uint32_t region_index = 16;

bool same_file(int a, int b) {
    struct stat first {};
    struct stat second {};
    return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/// Descriptors of this process that are the same file as `file`, which is not counted.
int count_others(int file) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        const int fd = std::stoi(entry.path().filename().string());
        if (fd != file && same_file(fd, file)) ++count;
    }
    return count;
}

UniqueFd make_memory(std::uint32_t bytes, std::uint32_t pixel) {
    UniqueFd memory{::memfd_create("guest buffer", MFD_CLOEXEC)};
    EXPECT_TRUE(memory);
    EXPECT_EQ(::ftruncate(memory.get(), bytes), 0);
    if (pixel == 0) return memory;
    const std::vector<std::uint32_t> words(bytes / sizeof(pixel), pixel);
    const auto all = std::as_bytes(std::span{words});
    EXPECT_EQ(::pwrite(memory.get(), all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
    return memory;
}

std::uint32_t stride_of(const GuestPicture& picture) {
    return picture.stride != 0 ? picture.stride : picture.size.width * 4;
}

std::uint32_t bytes_of(const GuestPicture& picture) {
    return picture.bytes != 0 ? picture.bytes : stride_of(picture) * picture.size.height;
}

void describe(const GuestPicture& picture, vfio_device_gfx_plane_info& info) {
    info.drm_format = picture.format;
    info.drm_format_mod = picture.modifier;
    info.width = picture.size.width;
    info.height = picture.size.height;
    info.stride = stride_of(picture);
    info.size = bytes_of(picture);
    info.x_pos = static_cast<std::uint32_t>(picture.position.x);
    info.y_pos = static_cast<std::uint32_t>(picture.position.y);
    info.x_hot = picture.hotspot ? static_cast<std::uint32_t>(picture.hotspot->x) : UINT32_MAX;
    info.y_hot = picture.hotspot ? static_cast<std::uint32_t>(picture.hotspot->y) : UINT32_MAX;
}

vfio::draft::PlaneInfo to_draft(const vfio_device_gfx_plane_info& info) {
    return {
        .argsz = info.argsz,
        .flags = info.flags,
        .drm_plane_type = info.drm_plane_type,
        .drm_format = info.drm_format,
        .drm_format_mod_low = static_cast<std::uint32_t>(info.drm_format_mod),
        .drm_format_mod_high = static_cast<std::uint32_t>(info.drm_format_mod >> 32),
        .width = info.width,
        .height = info.height,
        .stride = info.stride,
        .size = info.size,
        .x_pos = info.x_pos,
        .y_pos = info.y_pos,
        .dmabuf_id = info.dmabuf_id,
    };
}

bool all_zero(const void* bytes, std::size_t from, std::size_t to) {
    const std::span all{static_cast<const std::byte*>(bytes), to};
    return std::ranges::all_of(all.subspan(from), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

FakeVfio::FakeVfio(Behaviour behaviour)
    : behaviour_(behaviour), device_(::memfd_create("fake vfio device", MFD_CLOEXEC)) {
    EXPECT_TRUE(device_);
}

FakeVfio::~FakeVfio() {
    for (const auto& [id, object] : objects_) {
        EXPECT_EQ(object.accesses, 0) << "CPU access to buffer " << id << " was not ended";
        EXPECT_EQ(count_others(object.memory.get()), 0)
            << "descriptors of buffer " << id << " were left open";
        if (is_draft() && !unplugged_) {
            EXPECT_TRUE(object.closed) << "buffer " << id << " was never closed with CLOSE_BUF";
        }
    }
    EXPECT_EQ(count_others(device_.get()), 0) << "descriptors of the device were left open";
}

UniqueFd FakeVfio::open() const {
    return UniqueFd{::fcntl(device_.get(), F_DUPFD_CLOEXEC, 0)};
}

void FakeVfio::show(PlaneType type, const GuestPicture& picture) {
    const std::scoped_lock lock{state_};
    shown_.insert_or_assign(type, picture);
    if (behaviour_.exports == Export::region && type == PlaneType::primary) {
        EXPECT_EQ(::ftruncate(device_.get(), bytes_of(picture)), 0);
    }
}

void FakeVfio::hide(PlaneType type) {
    const std::scoped_lock lock{state_};
    shown_.erase(type);
}

void FakeVfio::answer_untouched(int times) {
    const std::scoped_lock lock{state_};
    untouched_ = times;
}

void FakeVfio::forge_answers(Forge forge) {
    const std::scoped_lock lock{state_};
    forge_ = std::move(forge);
}

void FakeVfio::shorten_memory(std::uint32_t bytes) {
    const std::scoped_lock lock{state_};
    memory_bytes_ = bytes;
}

void FakeVfio::unplug() {
    const std::scoped_lock lock{state_};
    unplugged_ = true;
}

std::optional<std::uint32_t> FakeVfio::id_of(PlaneType type) const {
    const std::scoped_lock lock{state_};
    collect();
    const auto picture = shown_.find(type);
    if (picture == shown_.end()) return std::nullopt;
    for (const auto& [id, object] : objects_)
        if (!object.closed && matches(object, picture->second)) return id;
    return std::nullopt;
}

int FakeVfio::descriptors(std::uint32_t id) const {
    const std::scoped_lock lock{state_};
    const auto found = objects_.find(id);
    return found == objects_.end() ? 0 : count_others(found->second.memory.get());
}

std::size_t FakeVfio::objects() const {
    const std::scoped_lock lock{state_};
    collect();
    return objects_.size();
}

int FakeVfio::memory(std::uint32_t id) const {
    const std::scoped_lock lock{state_};
    const auto found = objects_.find(id);
    return found == objects_.end() ? -1 : found->second.memory.get();
}

int FakeVfio::closed() const {
    const std::scoped_lock lock{state_};
    return closed_;
}

bool FakeVfio::owns(int fd) const {
    const std::scoped_lock lock{state_};
    return same_file(fd, device_.get()) || std::ranges::any_of(objects_, [fd](const auto& entry) {
               return same_file(fd, entry.second.memory.get());
           });
}

int FakeVfio::handle(int fd, unsigned long request, void* argument) {
    const std::scoped_lock lock{state_};
    for (auto& [id, object] : objects_)
        if (same_file(fd, object.memory.get()))
            return request == DMA_BUF_IOCTL_SYNC
                       ? sync(object, *static_cast<const dma_buf_sync*>(argument))
                       : -ENOTTY;
    if (unplugged_) return -ENODEV;
    collect();
    switch (request) {
    case VFIO_DEVICE_GET_INFO: return get_info(*static_cast<vfio_device_info*>(argument));
    case VFIO_DEVICE_GET_REGION_INFO:
        return get_region_info(*static_cast<vfio_region_info*>(argument));
    case VFIO_DEVICE_QUERY_GFX_PLANE: return query(argument);
    case VFIO_DEVICE_GET_GFX_DMABUF: return get(argument);
    case vfio::draft::close_buf_request: return close(argument);
    default: ADD_FAILURE() << fmt::format("unexpected ioctl {:#x}", request); return -ENOTTY;
    }
}

int FakeVfio::sync(Object& object, const dma_buf_sync& request) {
    EXPECT_EQ(request.flags & DMA_BUF_SYNC_RW, DMA_BUF_SYNC_READ) << "nobody writes to a guest";
    object.accesses += (request.flags & DMA_BUF_SYNC_END) != 0 ? -1 : 1;
    EXPECT_GE(object.accesses, 0) << "CPU access ended that was not begun";
    return 0;
}

int FakeVfio::get_info(vfio_device_info& info) const {
    if (info.argsz < offsetof(vfio_device_info, num_irqs) + sizeof(info.num_irqs)) return -EINVAL;
    info.flags = VFIO_DEVICE_FLAGS_PCI;
    info.num_regions = VFIO_PCI_NUM_REGIONS;
    info.num_irqs = VFIO_PCI_NUM_IRQS;
    return 0;
}

int FakeVfio::get_region_info(vfio_region_info& info) const {
    if (info.argsz < sizeof(info) || info.index != region_index) return -EINVAL;
    const auto primary = shown_.find(PlaneType::primary);
    info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP;
    info.offset = 0;
    info.size = primary == shown_.end() ? 0 : bytes_of(primary->second);
    return 0;
}

int FakeVfio::query(void* argument) {
    std::array<std::uint32_t, 3> question{};
    std::memcpy(question.data(), argument, sizeof(question));
    const auto [argsz, flags, type] = question;
    const std::size_t least =
        is_draft() ? sizeof(vfio::draft::PlaneInfo) : vfio::mainline_min_argsz;
    if (argsz < least) return -EINVAL;

    constexpr std::uint32_t probe = VFIO_GFX_PLANE_TYPE_PROBE;
    const std::uint32_t way = behaviour_.exports == Export::dmabuf   ? VFIO_GFX_PLANE_TYPE_DMABUF
                              : behaviour_.exports == Export::region ? VFIO_GFX_PLANE_TYPE_REGION
                                                                     : 0;
    if (behaviour_.exports == Export::none) return -ENOTTY;
    if (flags == (probe | way)) return 0;
    if (flags != way) return -EINVAL;

    EXPECT_TRUE(all_zero(argument, sizeof(question), least)) << "QUERY with leftovers";
    if (type != static_cast<std::uint32_t>(PlaneType::primary) &&
        type != static_cast<std::uint32_t>(PlaneType::cursor)) {
        ADD_FAILURE() << "QUERY of plane type " << type;
        return -EINVAL;
    }
    if (untouched_ > 0) {
        --untouched_;
        return 0;
    }
    return answer(static_cast<PlaneType>(type), flags, argument);
}

int FakeVfio::answer(PlaneType type, std::uint32_t flags, void* argument) {
    // Written back as devices do: what they know, not what the caller has room for.
    vfio_device_gfx_plane_info info{};
    std::memcpy(&info, argument, sizeof(std::uint32_t));
    info.flags = flags;
    info.drm_plane_type = static_cast<std::uint32_t>(type);
    if (const auto shown = shown_.find(type); shown != shown_.end()) {
        describe(shown->second, info);
        info.dmabuf_id =
            (flags & VFIO_GFX_PLANE_TYPE_REGION) != 0 ? region_index : object_for(shown->second);
    }
    if (forge_) forge_(type, info);
    if (is_draft()) {
        const auto draft = to_draft(info);
        std::memcpy(argument, &draft, sizeof(draft));
    } else {
        std::memcpy(argument, &info, vfio::mainline_min_argsz);
    }
    return 0;
}

/// Not the stride: GVT-g does not look at it.
bool FakeVfio::matches(const Object& object, const GuestPicture& picture) const {
    const GuestPicture& known = object.picture;
    if (known.address != picture.address) return false;
    return behaviour_.one_id_per_address ||
           (known.size == picture.size && known.format == picture.format &&
            known.modifier == picture.modifier && bytes_of(known) == bytes_of(picture));
}

std::uint32_t FakeVfio::object_for(const GuestPicture& picture) {
    for (const auto& [id, object] : objects_)
        if (!object.closed && matches(object, picture)) return id;
    const std::uint32_t id = free_id();
    objects_[id] = {.picture = picture,
                    .memory = make_memory(memory_bytes_.value_or(bytes_of(picture)), picture.pixel),
                    .exported = false,
                    .closed = false};
    return id;
}

std::uint32_t FakeVfio::free_id() {
    if (behaviour_.ids == Ids::growing) return ++last_id_;
    std::uint32_t id = 1;
    while (objects_.contains(id))
        ++id;
    return id;
}

int FakeVfio::get(void* argument) {
    EXPECT_EQ(behaviour_.exports, Export::dmabuf) << "GET from a device without dma-bufs";
    vfio::draft::GetDmabuf words{};
    std::memcpy(&words, argument, sizeof(words));
    if (!is_draft()) {
        EXPECT_TRUE(all_zero(argument, sizeof(std::uint32_t), sizeof(words)))
            << "GET whose argument is not a bare id in 16 zero bytes";
        return open_object(words.argsz);
    }
    EXPECT_EQ(words.flags, 0U);
    if (words.argsz < sizeof(words)) return -EINVAL;
    words.dmabuf_fd = open_object(words.dmabuf_id);
    if (words.dmabuf_fd < 0) return words.dmabuf_fd;
    std::memcpy(argument, &words, sizeof(words));
    return 0;
}

int FakeVfio::open_object(std::uint32_t id) {
    const auto found = objects_.find(id);
    if (found == objects_.end()) return -ENOENT;
    Object& object = found->second;
    EXPECT_EQ(count_others(object.memory.get()), 0)
        << "a second GET of buffer " << id << ", whose first descriptor lives, crashes mbochs";
    // A file of its own, as every GET makes a new dma-buf.
    const std::string path = fmt::format("/proc/self/fd/{}", object.memory.get());
    const int flags =
        (behaviour_.mappable ? O_RDWR : O_WRONLY) | (behaviour_.close_on_exec ? O_CLOEXEC : 0);
    const int fd = ::open(path.c_str(), flags);
    if (fd < 0) return -errno;
    object.exported = true;
    return fd;
}

int FakeVfio::close(const void* argument) {
    if (!is_draft()) {
        ADD_FAILURE() << "CLOSE_BUF, which is VFIO_DEVICE_IOEVENTFD, on a mainline device";
        return -EINVAL;
    }
    vfio::draft::CloseBuf words{};
    std::memcpy(&words, argument, sizeof(words));
    EXPECT_EQ(words.argsz, sizeof(words));
    EXPECT_EQ(words.flags, 0U);
    const auto found = objects_.find(words.dmabuf_id);
    if (found == objects_.end() || found->second.closed) {
        ADD_FAILURE() << "CLOSE_BUF of buffer " << words.dmabuf_id << ", which is not open";
        return -EINVAL;
    }
    found->second.closed = true;
    ++closed_;
    return 0;
}

/// Frees what nobody holds any more. The kernel does it as the last descriptor goes; we see that
/// only when somebody looks.
void FakeVfio::collect() const {
    std::erase_if(objects_, [this](const auto& entry) {
        const Object& object = entry.second;
        const bool let_go = is_draft() ? object.closed : object.exported;
        return let_go && count_others(object.memory.get()) == 0;
    });
}

}  // namespace scanthru::testing
