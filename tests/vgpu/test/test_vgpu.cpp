// SPDX-License-Identifier: MIT
#include "test_vgpu.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sstream>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace scanthru::vgpu {
namespace {

constexpr const char* debugfs = "/sys/kernel/debug/scanthru_vgpu/";
constexpr const char* types = "/sys/class/mdev_bus/scanthru_vgpu/mdev_supported_types/";

std::string next_uuid() {
    static unsigned number = 0;
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "5ca27412-0000-4000-8000-%012x", ++number);
    return text.data();
}

UniqueFd open_or_throw(const std::string& path) {
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (!fd) throw std::runtime_error(path + ": " + std::strerror(errno));
    return fd;
}

void check(int result, const char* what) {
    if (result < 0) throw std::runtime_error(std::string{what} + ": " + std::strerror(errno));
}

}  // namespace

int load_module(const char* parameters) {
    const char* folder = std::getenv("SCANTHRU_MODULES");
    const std::string path = std::string{folder ? folder : "."} + "/scanthru_vgpu.ko";
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) return errno;
    return ::syscall(SYS_finit_module, file.get(), parameters, 0) ? errno : 0;
}

int unload_module() {
    return ::syscall(SYS_delete_module, "scanthru_vgpu", O_NONBLOCK) ? errno : 0;
}

std::string read_file(const std::string& path) {
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::string text;
    std::array<char, 65536> piece{};
    for (ssize_t got; file && (got = ::read(file.get(), piece.data(), piece.size())) > 0;)
        text.append(piece.data(), static_cast<std::size_t>(got));
    return text;
}

int write_file(const std::string& path, std::string_view text) {
    const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file) return errno;
    const ssize_t put = ::write(file.get(), text.data(), text.size());
    return put < 0 ? errno : 0;
}

std::map<std::string, std::int64_t> parse_counters(const std::string& text) {
    std::istringstream lines{text};
    std::map<std::string, std::int64_t> counters;
    std::string name;
    for (std::int64_t value = 0; lines >> name >> value;)
        counters[name] = value;
    return counters;
}

std::map<std::string, std::int64_t> totals() {
    return parse_counters(read_file(std::string{debugfs} + "totals"));
}

Mapping::Mapping(int fd, std::size_t size, std::uint64_t offset, bool writable) : size_(size) {
    void* data = ::mmap(nullptr, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                        fd, static_cast<off_t>(offset));
    if (data == MAP_FAILED)
        error_ = errno;
    else
        data_ = static_cast<std::uint8_t*>(data);
}

Mapping::~Mapping() {
    if (data_) ::munmap(data_, size_);
}

std::uint32_t Mapping::pixel(std::size_t index) const {
    std::uint32_t value = 0;
    std::memcpy(&value, data_ + index * 4, 4);
    return value;
}

TestVgpu::TestVgpu(std::string_view type) : uuid_(next_uuid()) {
    const std::string create = types + ("scanthru_vgpu-" + std::string{type}) + "/create";
    if (const int error = write_file(create, uuid_))
        throw std::runtime_error(create + ": " + std::strerror(error));
}

TestVgpu::~TestVgpu() {
    close();
    remove();
}

void TestVgpu::open() {
    std::array<char, 256> link{};
    const std::string path = "/sys/bus/mdev/devices/" + uuid_ + "/iommu_group";
    check(static_cast<int>(::readlink(path.c_str(), link.data(), link.size() - 1)), path.c_str());
    const std::string group{std::strrchr(link.data(), '/') + 1};
    container_ = open_or_throw("/dev/vfio/vfio");
    group_ = open_or_throw("/dev/vfio/" + group);
    int container = container_.get();
    check(::ioctl(group_.get(), VFIO_GROUP_SET_CONTAINER, &container), "SET_CONTAINER");
    check(::ioctl(container_.get(), VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "SET_IOMMU");
    device_ = UniqueFd{::ioctl(group_.get(), VFIO_GROUP_GET_DEVICE_FD, uuid_.c_str())};
    check(device_.get(), "GET_DEVICE_FD");
}

void TestVgpu::close() {
    device_.reset();
    group_.reset();
    container_.reset();
}

int TestVgpu::remove() {
    return write_file("/sys/bus/mdev/devices/" + uuid_ + "/remove", "1");
}

std::string TestVgpu::get(const std::string& file) const {
    return read_file(debugfs + uuid_ + "/" + file);
}

int TestVgpu::set(const std::string& file, std::string_view text) const {
    return write_file(debugfs + uuid_ + "/" + file, text);
}

std::int64_t TestVgpu::counter(const std::string& name) const {
    return parse_counters(get("counters")).at(name);
}

std::string TestVgpu::guest(const std::string& key) const {
    std::istringstream lines{get("guest")};
    std::string name, value;
    while (lines >> name >> value)
        if (name == key) return value;
    return {};
}

Plane TestVgpu::query(std::uint32_t type, std::uint32_t flags, std::uint32_t argsz) const {
    Plane plane{};
    plane.argsz = argsz;
    plane.flags = flags;
    plane.drm_plane_type = type;
    vfio_device_gfx_plane_info* info = &plane;
    if (::ioctl(fd(), VFIO_DEVICE_QUERY_GFX_PLANE, info)) plane.error = errno;
    return plane;
}

UniqueFd TestVgpu::fetch(std::uint32_t id) const {
    std::array<std::uint32_t, 4> argument{id};
    return UniqueFd{::ioctl(fd(), VFIO_DEVICE_GET_GFX_DMABUF, argument.data())};
}

DraftPlane TestVgpu::draft_query(std::uint32_t type) const {
    DraftPlane plane{};
    plane.argsz = draft_plane_size;
    plane.flags = VFIO_GFX_PLANE_TYPE_DMABUF;
    plane.drm_plane_type = type;
    EXPECT_EQ(0, ::ioctl(fd(), VFIO_DEVICE_QUERY_GFX_PLANE, &plane)) << std::strerror(errno);
    return plane;
}

UniqueFd TestVgpu::draft_fetch(std::uint32_t id) const {
    DraftGet get;
    get.dmabuf_id = id;
    if (::ioctl(fd(), VFIO_DEVICE_GET_GFX_DMABUF, &get) < 0) return UniqueFd{};
    return UniqueFd{get.dmabuf_fd};
}

int TestVgpu::draft_close(std::uint32_t id) const {
    DraftClose argument;
    argument.id = id;
    return ::ioctl(fd(), close_buf_request, &argument) ? errno : 0;
}

vfio_region_info TestVgpu::region(std::uint32_t index) const {
    vfio_region_info info{};
    info.argsz = sizeof(info);
    info.index = index;
    if (::ioctl(fd(), VFIO_DEVICE_GET_REGION_INFO, &info)) info.argsz = 0;
    return info;
}

void TestVgpu::write_dispi(unsigned index, std::uint16_t value) const {
    const auto offset = region(VFIO_PCI_BAR2_REGION_INDEX).offset + 0x500 + 2 * index;
    ASSERT_EQ(2, ::pwrite(fd(), &value, 2, static_cast<off_t>(offset)));
}

std::uint16_t TestVgpu::read_dispi(unsigned index) const {
    const auto offset = region(VFIO_PCI_BAR2_REGION_INDEX).offset + 0x500 + 2 * index;
    std::uint16_t value = 0;
    EXPECT_EQ(2, ::pread(fd(), &value, 2, static_cast<off_t>(offset)));
    return value;
}

void TestVgpu::write_cursor(unsigned index, std::uint32_t value) const {
    const auto offset = region(VFIO_PCI_BAR2_REGION_INDEX).offset + 0x700 + 4 * index;
    ASSERT_EQ(4, ::pwrite(fd(), &value, 4, static_cast<off_t>(offset)));
}

void TestVgpu::show(std::uint16_t width, std::uint16_t height, std::uint16_t line) const {
    write_dispi(4, 0);
    write_dispi(3, 32);
    write_dispi(1, width);
    write_dispi(2, height);
    write_dispi(6, width);
    write_dispi(8, 0);
    write_dispi(9, line);
    write_dispi(4, 0x41);
}

}  // namespace scanthru::vgpu
