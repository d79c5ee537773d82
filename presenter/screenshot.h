// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "presenter/layout.h"
#include "presenter/pixels.h"
#include "presenter/scanout.h"

#include <cstdint>
#include <optional>
#include <string>

namespace scanthru {

/// What is to be seen on a screen of this size: primary and cursor composed as the hardware does
/// (cursor premultiplied over primary, black around), read by the CPU through the dma-bufs. Not for
/// frame threads: it copies megabytes.
///
/// The error is a sentence with the reason; a dma-buf that no CPU can map (GVT-g, mbochs), a tiled
/// modifier, a format we do not read and memory that is gone are named as such.
Result<Pixels, std::string> read_scene(const Scene& scene, Size screen);

/// A mapped host picture, all of it.
Pixels read_host_picture(const kms::HostPicture& picture);

/// A PNG of `pixels` in a memfd, position at its start. Errors: memfd_create(2)'s, libpng's.
Result<UniqueFd, std::string> encode_png(const Pixels& pixels);

}  // namespace scanthru
