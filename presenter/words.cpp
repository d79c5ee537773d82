// SPDX-License-Identifier: MIT
#include "presenter/words.h"

#include "kms/formats.h"

namespace scanthru {
namespace {

std::string claim(const vfio::RawPlane& raw) {
    return fmt::format(
        "flags {:#x}, format {}, modifier {:#x}, {}x{}, stride {}, size {}, position {},{}, id {}",
        raw.flags, kms::format_name(raw.drm_format), raw.drm_format_mod, raw.width, raw.height,
        raw.stride, raw.size, static_cast<std::int32_t>(raw.x_pos),
        static_cast<std::int32_t>(raw.y_pos), raw.dmabuf_id);
}

std::string rejected(std::string_view plane, const Note& note) {
    return fmt::format("the guest's {} plane makes no sense ({}): {}; the last good picture stays",
                       plane, note.rejected ? vfio::to_string(*note.rejected) : "?",
                       claim(note.raw));
}

/// Where the reasons for both differ.
std::string nor_copied(const Note& note) {
    if (note.copy_error.code == 0 || note.copy_error == note.error) return "";
    return fmt::format("; nor can it be copied: {}", note.copy_error);
}

std::string body(const Note& note) {
    using Kind = Note::Kind;
    switch (note.kind) {
    case Kind::query_failed:
        return fmt::format("the guest's device gives no news: {}; the last picture stays",
                           note.error);
    case Kind::rejected_primary: return rejected("primary", note);
    case Kind::rejected_cursor: return rejected("cursor", note);
    case Kind::unshowable_primary:
        return "the guest's picture " + why_unshowable(note) + "; the last good one stays";
    case Kind::unshowable_cursor:
        return fmt::format("the guest's cursor ({}) cannot be shown: {}{}; it is left out",
                           to_string(note.geometry), note.error, nor_copied(note));
    case Kind::copying:
        return fmt::format("the guest's picture ({}) is copied: {}", to_string(note.geometry),
                           note.error);
    case Kind::refused_primary:
        return fmt::format("the hardware refuses the guest's picture ({}): {}; the last good one "
                           "stays until another way is found",
                           to_string(note.geometry), note.error);
    case Kind::refused_cursor:
        return fmt::format("the hardware refuses the guest's cursor ({}): {}; it is not shown",
                           to_string(note.geometry), note.error);
    case Kind::refused_mode:
        return fmt::format("the hardware refuses mode {}: {}", kms::to_string(note.mode),
                           note.error);
    case Kind::commit_failed:
        return fmt::format("a commit failed: {}; it is tried again", note.error);
    case Kind::abandoned:
        return fmt::format("the guest's picture could not be taken off the screen: {}; its planes "
                           "were switched off, what comes next is shown by a modeset",
                           note.error);
    case Kind::async_refused:
        return fmt::format("the hardware refuses to flip at once: {}; flips wait for the refresh "
                           "until the next change of mode",
                           note.error);
    case Kind::not_master:
        return fmt::format("another program drives the card: {}; nothing is shown until it lets go",
                           note.error);
    case Kind::card_gone: return fmt::format("the card has gone: {}", note.error);
    case Kind::device_gone: return fmt::format("the guest's device has gone: {}", note.error);
    case Kind::mode_changed:
        return fmt::format("mode {}, the guest's size", kms::to_string(note.mode));
    }
    return "?";
}

}  // namespace

std::string why_unshowable(const Note& note) {
    return fmt::format("({}) cannot be shown: {}{}", to_string(note.geometry), note.error,
                       nor_copied(note));
}

std::string to_string(const Note& note) {
    if (note.suppressed == 0) return body(note);
    return fmt::format("{} ({} more like it were not logged)", body(note), note.suppressed);
}

LogLevel urgency(Note::Kind kind) {
    switch (kind) {
    case Note::Kind::copying:
    case Note::Kind::mode_changed: return LogLevel::info;
    case Note::Kind::card_gone: return LogLevel::error;
    default: return LogLevel::warning;
    }
}

std::string to_string(const vfio::Geometry& geometry) {
    return fmt::format("{}x{} {} {}, stride {}", geometry.size.width, geometry.size.height,
                       kms::format_name(geometry.format), kms::modifier_name(geometry.modifier),
                       geometry.stride);
}

}  // namespace scanthru
