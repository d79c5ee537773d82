// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/result.h"
#include "kms/card.h"
#include "presenter/picture.h"
#include "presenter/pixels.h"

#include <cstddef>
#include <span>
#include <string>

namespace scanthru {

/// What the host says on a screen on which no guest is to be seen.
struct Message {
    std::string title;   ///< The guest's name.
    std::string detail;  ///< How it stands; a sentence or two.
    std::string image;   ///< A PNG file above the text; empty: none.
    bool operator==(const Message&) const = default;
};

/// Draws it in the middle of XRGB8888 rows of `stride` bytes, light on dark, as large as suits the
/// screen. Not for frame threads: fonts are looked for on disk.
///
/// The error is a sentence: an image that cannot be read. The text is drawn all the same.
Result<void, std::string>
draw_message(std::span<std::byte> memory, std::size_t stride, Size size, const Message& message);

/// What was on a screen as a picture of our own, for a primary plane. Errors: those of
/// kms::HostPicture::create().
Result<SharedPicture> make_still(kms::Card& card, const Pixels& pixels);

/// The same as a picture that a primary plane can show. Errors: those of
/// kms::HostPicture::create(); an image that cannot be read is logged.
Result<SharedPicture> make_message(kms::Card& card, Size screen, const Message& message);

}  // namespace scanthru
