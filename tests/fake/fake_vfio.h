// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/unique_fd.h"
#include "fake/fake_kernel.h"
#include "vfio/gfx_device.h"

#include <drm_fourcc.h>
#include <functional>
#include <linux/dma-buf.h>
#include <linux/vfio.h>
#include <map>
#include <optional>
#include <sys/types.h>

namespace scanthru::testing {

/// What the guest shows on one plane: a piece of its memory, taken for a picture.
struct GuestPicture {
    std::uint64_t address = 0;  ///< Of the piece; another address is another buffer.
    Size size{1920, 1080};
    std::uint32_t format = DRM_FORMAT_XRGB8888;
    std::uint64_t modifier = DRM_FORMAT_MOD_LINEAR;
    std::uint32_t stride = 0;  ///< Bytes; 0: width * 4.
    std::uint32_t bytes = 0;   ///< Claimed size; 0: stride * height.
    Point position{};
    std::optional<Point> hotspot{};
    std::uint32_t pixel = 0;  ///< The 32-bit word that all of the memory holds.
};

/// A cursor as guests have it: 64×64 ARGB.
inline GuestPicture guest_cursor(std::uint64_t address, Point position = {}) {
    return {.address = address,
            .size = {64, 64},
            .format = DRM_FORMAT_ARGB8888,
            .position = position,
            .hotspot = Point{0, 0}};
}

/// A vGPU that speaks either dialect and fails the test when the program breaks the ABI's rules:
/// a second GET of an id whose first descriptor lives, a CLOSE too many or too few, a CLOSE on
/// mainline, a question that is not zero behind its three words, an ioctl nobody should issue,
/// a descriptor left behind.
///
/// A buffer object is created by the first QUERY that sees it. It goes when its last descriptor is
/// closed, in the draft dialect when it is closed by CLOSE as well; its id is then unknown. An
/// object that was never fetched stays. Every object is a memory file of its own, so its inode
/// tells buffers apart.
class FakeVfio final : public FakeDevice {
public:
    enum class Ids {
        lowest,   ///< The lowest free id from 1, reused at once: GVT-g.
        growing,  ///< Every id once: mbochs.
    };

    struct Behaviour {
        vfio::Dialect dialect = vfio::Dialect::mainline;
        vfio::Export exports = vfio::Export::dmabuf;
        Ids ids = Ids::lowest;
        bool one_id_per_address = false;  ///< Whatever the geometry.
        bool close_on_exec = false;       ///< Of dma-bufs; mbochs forgets it.
        bool mappable = true;             ///< GVT-g's dma-bufs are not.
    };

    FakeVfio() : FakeVfio(Behaviour{}) {}
    explicit FakeVfio(Behaviour behaviour);
    ~FakeVfio() override;

    /// A new descriptor of the device.
    UniqueFd open() const;

    // What the guest does.
    void show(const GuestPicture& picture) { show(vfio::PlaneType::primary, picture); }
    void show(vfio::PlaneType type, const GuestPicture& picture);
    void hide(vfio::PlaneType type);

    // What goes wrong. Plain errors are planted with fail_next().
    /// The next `times` queries succeed and leave the caller's bytes: GVT-g's "not ready".
    void answer_untouched(int times = 1);
    /// Changes every answer to QUERY last of all; an empty function ends it. In the draft dialect
    /// the hotspot is lost.
    using Forge = std::function<void(vfio::PlaneType, vfio_device_gfx_plane_info&)>;
    void forge_answers(Forge forge);
    /// Memory of objects made from now on has this many bytes, whatever is claimed.
    void shorten_memory(std::uint32_t bytes);
    /// The device is gone: every call is ENODEV, nothing needs to be closed any more.
    void unplug();

    // What there is.
    /// The id under which QUERY reported what this plane shows now, if it did.
    std::optional<std::uint32_t> id_of(vfio::PlaneType type) const;
    /// Living descriptors that GET returned for this id.
    int descriptors(std::uint32_t id) const;
    /// Objects that were not freed.
    std::size_t objects() const;
    /// The memory of this object (borrowed), or -1.
    int memory(std::uint32_t id) const;
    /// The memory of its region (borrowed), for a device that exports one.
    int region() const { return device_.get(); }
    /// Successful CLOSE_BUF calls.
    int closed() const;

    bool owns(int fd) const override;
    int handle(int fd, unsigned long request, void* argument) override;

private:
    struct Object {
        GuestPicture picture;
        UniqueFd memory;
        bool exported = false;
        bool closed = false;
        int accesses = 0;  ///< DMA_BUF_IOCTL_SYNC: begun and not ended.
    };

    bool is_draft() const { return behaviour_.dialect == vfio::Dialect::draft_v14; }
    int get_info(vfio_device_info& info) const;
    int get_region_info(vfio_region_info& info) const;
    int query(void* argument);
    int answer(vfio::PlaneType type, std::uint32_t flags, void* argument);
    std::uint32_t object_for(const GuestPicture& picture);
    bool matches(const Object& object, const GuestPicture& picture) const;
    std::uint32_t free_id();
    int get(void* argument);
    int open_object(std::uint32_t id);
    int close(const void* argument);
    void collect() const;
    static int sync(Object& object, const dma_buf_sync& request);

    const Behaviour behaviour_;
    UniqueFd device_;
    mutable std::mutex state_;
    std::map<vfio::PlaneType, GuestPicture> shown_;
    mutable std::map<std::uint32_t, Object> objects_;  ///< collect() frees late.
    std::uint32_t last_id_ = 0;
    int untouched_ = 0;
    Forge forge_;
    std::optional<std::uint32_t> memory_bytes_;
    bool unplugged_ = false;
    int closed_ = 0;
};

}  // namespace scanthru::testing
