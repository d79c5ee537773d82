// SPDX-License-Identifier: MIT
#pragma once

#include "prediction.h"

#include <string>

namespace scanthru::system_test {

/// The VM's virtio-gpu, /dev/dri/cardN; empty without one.
std::string virtio_card();

/// What the outer QEMU shows on output `head` of that card, as 0xFFRRGGBB; no pixels when it cannot
/// be had.
Picture screendump(unsigned head);

/// `picture` as a screendump has it: without alpha.
Picture opaque(Picture picture);

/// Waits until a screendump is this picture; false after 20 s.
bool outer_screen_shows(unsigned head, const Picture& expected);

}  // namespace scanthru::system_test
