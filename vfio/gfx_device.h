// SPDX-License-Identifier: MIT
#pragma once

#include "base/mapping.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "vfio/plane_info.h"

#include <optional>
#include <string_view>

namespace scanthru::vfio {

/// The two forms of the display ABI. Not told apart by any ioctl; see GfxDevice::probe().
enum class Dialect {
    mainline,   ///< linux/vfio.h since 4.16.
    draft_v14,  ///< The proposal of 27 September 2017, with VFIO_DEVICE_CLOSE_BUF.
};

/// How a device hands out its planes.
enum class Export { dmabuf, region, none };

std::string_view to_string(Dialect dialect);
std::string_view to_string(Export exports);

/// How a device speaks and what it has to offer.
struct DisplayAbi {
    Dialect dialect = Dialect::mainline;
    Export exports = Export::none;
    bool operator==(const DisplayAbi&) const = default;
};

/// Finds out what `device` (borrowed) can do, without side effects and in at most five calls.
///
/// VFIO_DEVICE_GET_INFO comes first and must succeed: the display's ioctl numbers mean other things
/// on a container. Then PROBE: a mainline device refuses the draft's 52 bytes, a draft device
/// accepts them. `forced` leaves out the other dialect's question.
/// Errors: those of VFIO_DEVICE_GET_INFO (ENOTTY: no VFIO device); what PROBE reports, other than
/// EINVAL, ENOTTY and EOPNOTSUPP, which say that there is no such display.
Result<DisplayAbi> probe_display(int device, std::optional<Dialect> forced);

/// The display side of a VFIO device.
///
/// Its methods may be called from several threads at once: each is one or two ioctls, and the
/// object never changes after probe().
class GfxDevice {
public:
    /// Finds out what `device` (a VFIO device descriptor, owned from now on) can do.
    ///
    /// As probe_display(). Errors: ENOTTY and the like when the descriptor is no VFIO device. A
    /// device without any display is no error: exports() says none.
    static Result<GfxDevice> probe(UniqueFd device, std::optional<Dialect> forced);

    /// Asks what the guest shows on this plane now. One system call; one more after ENOMEM.
    ///
    /// The structure is zero before every call: GVT-g answers "not ready" with success and leaves
    /// the caller's bytes, which inspect() then sees as a plane that is off.
    /// Errors: those of VFIO_DEVICE_QUERY_GFX_PLANE. All of them mean "no news".
    Result<RawPlane> query(PlaneType type) const;

    /// Opens the buffer with this id; the descriptor is CLOEXEC. Each call returns a new one.
    ///
    /// Never twice for an id whose first descriptor still lives: that crashes mbochs.
    /// Errors: those of VFIO_DEVICE_GET_GFX_DMABUF; EBADF when a draft device forgot to give one.
    Result<UniqueFd> get_dmabuf(std::uint32_t dmabuf_id) const;

    /// The first `bytes` bytes of a region, for reading; QUERY names it where exports() says
    /// region.
    ///
    /// The region is asked for even beyond num_regions, where mdpy keeps its own.
    /// Errors: those of VFIO_DEVICE_GET_REGION_INFO and mmap(2); EFBIG when the region is shorter;
    /// EACCES when it cannot be mapped or read.
    Result<Mapping> map_region(std::uint32_t region, std::uint64_t bytes) const;

    /// Gives back an id that QUERY created. Draft dialect; in mainline nothing is to be done.
    void close_buf(std::uint32_t dmabuf_id) const;

    Dialect dialect() const noexcept { return dialect_; }
    Export exports() const noexcept { return exports_; }
    int fd() const noexcept { return device_.get(); }

private:
    GfxDevice(UniqueFd device, Dialect dialect, Export exports) noexcept
        : device_(std::move(device)), dialect_(dialect), exports_(exports) {}

    UniqueFd device_;
    Dialect dialect_;
    Export exports_;
};

}  // namespace scanthru::vfio
