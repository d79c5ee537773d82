// SPDX-License-Identifier: MIT
#pragma once

#include "kms/framebuffer.h"
#include "kms/host_picture.h"
#include "presenter/guest_buffers.h"
#include "vfio/plane_info.h"

#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace scanthru {

/// How a guest's picture comes to where a plane can show it, best first.
enum class Rung {
    direct,   ///< Its own memory, scanned out.
    twin,     ///< The same, with the format that has (or lacks) alpha.
    copy,     ///< Copied into a host picture.
    none,     ///< Not at all: the last good picture stays.
    message,  ///< No guest's: what the host says instead.
};

std::string_view to_string(Rung rung);

/// What a plane can show of a guest: its own memory, or a host picture that holds a copy.
///
/// The framebuffer goes first and the import after it: a framebuffer keeps the buffer alive in the
/// kernel, and with it the id.
struct Picture {
    SharedImport import;  ///< Null for a copy.
    vfio::BufferKey key;  ///< What of the guest it shows.
    Rung rung = Rung::direct;
    std::variant<kms::Framebuffer, kms::HostPicture> shown;

    const kms::Framebuffer& framebuffer() const {
        return std::visit(
            [](const auto& picture) -> const kms::Framebuffer& {
                if constexpr (std::is_same_v<decltype(picture), const kms::HostPicture&>)
                    return picture.framebuffer();
                else
                    return picture;
            },
            shown);
    }
};

/// Shared by cache, copier and screen; whoever lets go last removes it (invariant 2).
using SharedPicture = std::shared_ptr<const Picture>;

}  // namespace scanthru
