// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.h"

#include <cstdint>
#include <linux/vfio.h>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace scanthru::vgpu {

/// Loads scanthru_vgpu.ko from $SCANTHRU_MODULES, with module parameters; 0 or an errno value.
int load_module(const char* parameters = "");

/// 0 or an errno value; EAGAIN while something of it is in use.
int unload_module();

/// All of a debugfs file; empty when there is none.
std::string read_file(const std::string& path);

/// One write of the whole text; 0 or an errno value.
int write_file(const std::string& path, std::string_view text);

/// "name value" lines of the module's totals or of a device's counters.
std::map<std::string, std::int64_t> parse_counters(const std::string& text);
std::map<std::string, std::int64_t> totals();

/// Draft v14's answer to QUERY: no hotspot, the id at 48.
struct DraftPlane {
    std::uint32_t argsz, flags, drm_plane_type, drm_format;
    std::uint64_t drm_format_mod;
    std::uint32_t width, height, stride, size, x_pos, y_pos, dmabuf_id;
};
inline constexpr std::uint32_t draft_plane_size = 52;

struct DraftGet {
    std::uint32_t argsz = 16, flags = 0, dmabuf_id = 0;
    std::int32_t dmabuf_fd = -1;
};

struct DraftClose {
    std::uint32_t argsz = 12, flags = 0, id = 0;
};

inline constexpr unsigned long close_buf_request = VFIO_DEVICE_IOEVENTFD;

inline constexpr std::uint32_t overlay_plane = 0;
inline constexpr std::uint32_t primary_plane = 1;
inline constexpr std::uint32_t cursor_plane = 2;

/// Result of an ioctl: errno as `error`, 0 on success.
struct Plane : vfio_device_gfx_plane_info {
    int error = 0;
};

/// Pixels of a dma-buf or a region, read through mmap.
class Mapping {
public:
    Mapping(int fd, std::size_t size, std::uint64_t offset = 0, bool writable = false);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    int error() const { return error_; }
    std::uint8_t* data() const { return data_; }
    std::uint32_t pixel(std::size_t index) const;

private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_;
    int error_ = 0;
};

/// A test vGPU: creates the mdev, opens it as user-space drivers do, removes it at the end.
class TestVgpu {
public:
    explicit TestVgpu(std::string_view type = "16m");
    ~TestVgpu();
    TestVgpu(const TestVgpu&) = delete;
    TestVgpu& operator=(const TestVgpu&) = delete;

    void open();   ///< Container, group, device; ends the program's test when that fails.
    void close();  ///< The last descriptor: the device forgets its objects.
    int remove();  ///< sysfs `remove`, blocks while open.
    int fd() const { return device_.get(); }
    const std::string& uuid() const { return uuid_; }

    std::string get(const std::string& file) const;
    int set(const std::string& file, std::string_view text) const;
    std::int64_t counter(const std::string& name) const;
    /// A line "KEY value" of the file `guest`.
    std::string guest(const std::string& key) const;

    Plane query(std::uint32_t type,
                std::uint32_t flags = VFIO_GFX_PLANE_TYPE_DMABUF,
                std::uint32_t argsz = sizeof(vfio_device_gfx_plane_info)) const;
    /// The new descriptor, or -1 and errno.
    UniqueFd fetch(std::uint32_t id) const;
    DraftPlane draft_query(std::uint32_t type) const;
    UniqueFd draft_fetch(std::uint32_t id) const;
    int draft_close(std::uint32_t id) const;
    vfio_region_info region(std::uint32_t index) const;

    void write_dispi(unsigned index, std::uint16_t value) const;
    std::uint16_t read_dispi(unsigned index) const;
    void write_cursor(unsigned index, std::uint32_t value) const;
    /// What bochs-drm writes to show a framebuffer of 32-bit pixels at a line of VRAM.
    void show(std::uint16_t width, std::uint16_t height, std::uint16_t line = 0) const;

private:
    std::string uuid_;
    UniqueFd container_, group_, device_;
};

}  // namespace scanthru::vgpu
