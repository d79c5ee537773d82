// SPDX-License-Identifier: MIT
#pragma once

#include "prediction.h"

#include <string>

namespace scanthru::system_test {

/// One vGPU of the kernel's sample driver mdpy, unmodified: a region, no dma-bufs, no guest.
class MdpyDevice {
public:
    /// Loads the module. Fails the test when there is no such device.
    MdpyDevice();
    ~MdpyDevice();
    MdpyDevice(const MdpyDevice&) = delete;
    MdpyDevice& operator=(const MdpyDevice&) = delete;

    const std::string& uuid() const noexcept { return uuid_; }

    /// What it shows after a reset: 640x480, every row one grey, from black down to almost white.
    static Picture picture();

private:
    std::string uuid_ = "b0a1c2d3-0000-4000-8000-00000000d001";
};

}  // namespace scanthru::system_test
