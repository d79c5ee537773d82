// SPDX-License-Identifier: MIT
#include "vfio/gfx_device.h"

#include "vfio/draft_abi.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>

namespace scanthru::vfio {
namespace {

/// Room for the plane info of either dialect, zero before every call.
using Answer = std::array<std::byte, sizeof(vfio_device_gfx_plane_info)>;

template <class Argument>
Argument read_as(const Answer& answer) {
    static_assert(sizeof(Argument) <= sizeof(Answer));
    Argument argument{};
    std::memcpy(&argument, answer.data(), sizeof(argument));
    return argument;
}

/// Asks with the three words that both dialects begin with. Returns 0 or a positive errno value.
int ask(int device, Answer& answer, std::uint32_t argsz, std::uint32_t flags, PlaneType type) {
    const std::array<std::uint32_t, 3> question{argsz, flags, static_cast<std::uint32_t>(type)};
    answer.fill(std::byte{0});
    std::memcpy(answer.data(), question.data(), sizeof(question));
    return ::ioctl(device, VFIO_DEVICE_QUERY_GFX_PLANE, answer.data()) < 0 ? errno : 0;
}

std::uint32_t argsz_of(Dialect dialect) {
    return dialect == Dialect::draft_v14 ? sizeof(draft::PlaneInfo)
                                         : sizeof(vfio_device_gfx_plane_info);
}

/// Whether the device can hand out planes this way, in this dialect.
Result<bool> supports(int device, Dialect dialect, std::uint32_t way) {
    Answer answer{};
    switch (const int error = ask(device, answer, argsz_of(dialect),
                                  VFIO_GFX_PLANE_TYPE_PROBE | way, PlaneType::primary)) {
    case 0: return true;
    case EINVAL:
    case ENOTTY:
    case EOPNOTSUPP: return false;
    default: return fail(error, "VFIO_DEVICE_QUERY_GFX_PLANE");
    }
}

RawPlane raw_plane(const vfio_device_gfx_plane_info& info) {
    return {
        .argsz = info.argsz,
        .flags = info.flags,
        .drm_plane_type = info.drm_plane_type,
        .drm_format = info.drm_format,
        .drm_format_mod = info.drm_format_mod,
        .width = info.width,
        .height = info.height,
        .stride = info.stride,
        .size = info.size,
        .x_pos = info.x_pos,
        .y_pos = info.y_pos,
        .x_hot = info.x_hot,
        .y_hot = info.y_hot,
        .dmabuf_id = info.dmabuf_id,
        .min_argsz = mainline_min_argsz,
    };
}

RawPlane raw_plane(const draft::PlaneInfo& info) {
    return {
        .argsz = info.argsz,
        .flags = info.flags,
        .drm_plane_type = info.drm_plane_type,
        .drm_format = info.drm_format,
        .drm_format_mod = std::uint64_t{info.drm_format_mod_high} << 32 | info.drm_format_mod_low,
        .width = info.width,
        .height = info.height,
        .stride = info.stride,
        .size = info.size,
        .x_pos = info.x_pos,
        .y_pos = info.y_pos,
        .dmabuf_id = info.dmabuf_id,
        .min_argsz = sizeof(draft::PlaneInfo),
    };
}

/// mbochs returns a descriptor that a child process would inherit.
void close_on_exec(int fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

}  // namespace

std::string_view to_string(Dialect dialect) {
    switch (dialect) {
    case Dialect::mainline: return "mainline";
    case Dialect::draft_v14: return "draft-v14";
    }
    return "?";
}

std::string_view to_string(Export exports) {
    switch (exports) {
    case Export::dmabuf: return "dmabuf";
    case Export::region: return "region";
    case Export::none: return "none";
    }
    return "?";
}

Result<DisplayAbi> probe_display(int device, std::optional<Dialect> forced) {
    // First of all: on a container, QUERY's number is VFIO_IOMMU_UNMAP_DMA.
    vfio_device_info info{};
    info.argsz = sizeof(info);
    if (::ioctl(device, VFIO_DEVICE_GET_INFO, &info) < 0)
        return fail(errno, "VFIO_DEVICE_GET_INFO");

    struct Way {
        std::uint32_t flag;
        Export exports;
    };
    for (const Way& way : {Way{VFIO_GFX_PLANE_TYPE_DMABUF, Export::dmabuf},
                           Way{VFIO_GFX_PLANE_TYPE_REGION, Export::region}}) {
        // The draft first: mainline refuses its 52 bytes, the draft would take mainline's 64.
        for (const Dialect dialect : {Dialect::draft_v14, Dialect::mainline}) {
            if (forced && *forced != dialect) continue;
            const auto supported = supports(device, dialect, way.flag);
            if (!supported) return fail(supported.error());
            if (*supported) return DisplayAbi{dialect, way.exports};
        }
    }
    return DisplayAbi{forced.value_or(Dialect::mainline), Export::none};
}

Result<GfxDevice> GfxDevice::probe(UniqueFd device, std::optional<Dialect> forced) {
    const auto abi = probe_display(device.get(), forced);
    if (!abi) return fail(abi.error());
    return GfxDevice{std::move(device), abi->dialect, abi->exports};
}

Result<RawPlane> GfxDevice::query(PlaneType type) const {
    Answer answer{};
    const std::uint32_t argsz = argsz_of(dialect_);
    const std::uint32_t way =
        exports_ == Export::region ? VFIO_GFX_PLANE_TYPE_REGION : VFIO_GFX_PLANE_TYPE_DMABUF;
    int error = ask(device_.get(), answer, argsz, way, type);
    // mbochs: the first QUERY after every mode or offset change, and the next one works.
    if (error == ENOMEM) error = ask(device_.get(), answer, argsz, way, type);
    if (error != 0) return fail(error, "VFIO_DEVICE_QUERY_GFX_PLANE");
    RawPlane raw = dialect_ == Dialect::draft_v14
                       ? raw_plane(read_as<draft::PlaneInfo>(answer))
                       : raw_plane(read_as<vfio_device_gfx_plane_info>(answer));
    raw.asked_flags = way;
    return raw;
}

Result<Mapping> GfxDevice::map_region(std::uint32_t region, std::uint64_t bytes) const {
    vfio_region_info info{};
    info.argsz = sizeof(info);
    info.index = region;
    if (::ioctl(device_.get(), VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
        return fail(errno, "VFIO_DEVICE_GET_REGION_INFO");
    if (info.size < bytes) return fail(EFBIG, "region shorter than its picture");
    constexpr std::uint32_t needed = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP;
    if ((info.flags & needed) != needed) return fail(EACCES, "region that cannot be mapped");
    auto mapping =
        Mapping::create(device_.get(), bytes, PROT_READ, static_cast<off_t>(info.offset));
    if (!mapping) return fail(mapping.error().code, "mmap of the region");
    return mapping;
}

Result<UniqueFd> GfxDevice::get_dmabuf(std::uint32_t dmabuf_id) const {
    // Mainline reads its bare id from the first word. It gets the draft's 16 bytes all the same: a
    // draft device that was taken for mainline would write to all of them.
    draft::GetDmabuf argument{};
    if (dialect_ == Dialect::mainline) {
        argument.argsz = dmabuf_id;
    } else {
        argument.argsz = sizeof(argument);
        argument.dmabuf_id = dmabuf_id;
        argument.dmabuf_fd = -1;  // Zero would be somebody's standard input.
    }
    const int returned = ::ioctl(device_.get(), VFIO_DEVICE_GET_GFX_DMABUF, &argument);
    if (returned < 0) return fail(errno, "VFIO_DEVICE_GET_GFX_DMABUF");
    UniqueFd dmabuf{dialect_ == Dialect::mainline ? returned : argument.dmabuf_fd};
    if (!dmabuf) return fail(EBADF, "VFIO_DEVICE_GET_GFX_DMABUF");
    close_on_exec(dmabuf.get());
    return dmabuf;
}

void GfxDevice::close_buf(std::uint32_t dmabuf_id) const {
    if (dialect_ != Dialect::draft_v14) return;
    draft::CloseBuf argument{.argsz = sizeof(draft::CloseBuf), .flags = 0, .dmabuf_id = dmabuf_id};
    // A device that is gone has nothing to give back, and nobody could do anything about the rest.
    ::ioctl(device_.get(), draft::close_buf_request, &argument);
}

}  // namespace scanthru::vfio
