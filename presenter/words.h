// SPDX-License-Identifier: MIT
#pragma once

#include "base/log.h"
#include "presenter/telemetry.h"

#include <string>

namespace scanthru {

/// A note in a person's words: what was wrong, and what happens now. Pure.
std::string to_string(const Note& note);

/// How urgent it is. Pure.
LogLevel urgency(Note::Kind kind);

/// "1024x768 XR24 LINEAR, stride 4096". Pure.
std::string to_string(const vfio::Geometry& geometry);

/// Of an unshowable picture: what it is and why it can be shown in no way, "(640x480 …) cannot be
/// shown: …".
std::string why_unshowable(const Note& note);

}  // namespace scanthru
