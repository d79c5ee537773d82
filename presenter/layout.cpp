// SPDX-License-Identifier: MIT
#include "presenter/layout.h"

#include "presenter/picture.h"

namespace scanthru {
namespace {

constexpr std::array<Fit, 4> all_fits{Fit::follow, Fit::scale, Fit::center, Fit::crop};

}  // namespace

std::string_view to_string(Fit fit) {
    switch (fit) {
    case Fit::follow: return "follow";
    case Fit::scale: return "scale";
    case Fit::center: return "center";
    case Fit::crop: return "crop";
    }
    return "?";
}

std::span<const Fit> fits_from(Fit first) {
    return std::span{all_fits}.subspan(static_cast<std::size_t>(first));
}

std::string_view to_string(Rung rung) {
    switch (rung) {
    case Rung::direct: return "direct";
    case Rung::twin: return "twin";
    case Rung::copy: return "copy";
    case Rung::none: return "none";
    case Rung::message: return "message";
    }
    return "?";
}

}  // namespace scanthru
