// SPDX-License-Identifier: MIT
#include "mdpy_device.h"

#include "vgpu/test/test_vgpu.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace scanthru::system_test {

MdpyDevice::MdpyDevice() {
    const std::string modules = std::getenv("SCANTHRU_MODULES");
    EXPECT_EQ(std::system(("insmod " + modules + "/mdpy.ko").c_str()), 0);
    EXPECT_EQ(
        vgpu::write_file("/sys/class/mdev_bus/mdpy/mdev_supported_types/mdpy-vga/create", uuid_),
        0);
}

MdpyDevice::~MdpyDevice() {
    EXPECT_EQ(vgpu::write_file("/sys/bus/mdev/devices/" + uuid_ + "/remove", "1"), 0);
    EXPECT_EQ(std::system("rmmod mdpy"), 0);
}

Picture MdpyDevice::picture() {
    Picture picture = Picture::filled({640, 480}, 0xFF000000);
    for (std::uint32_t y = 0; y < picture.size.height; ++y) {
        const std::uint32_t grey = y * 255 / picture.size.height;
        for (std::uint32_t x = 0; x < picture.size.width; ++x)
            picture.pixels[y * picture.size.width + x] = 0xFF000000 | grey << 16 | grey << 8 | grey;
    }
    return picture;
}

}  // namespace scanthru::system_test
