// SPDX-License-Identifier: MIT
#pragma once

#include "kms/card.h"
#include "kms/formats.h"
#include "presenter/guest_memory.h"
#include "presenter/picture.h"
#include "presenter/row_copy.h"
#include "presenter/sprite.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace scanthru {

/// What of a guest's picture goes where in a host picture.
struct Canvas {
    Size size;    ///< Of the host picture.
    Rect source;  ///< Part of the guest's picture, within it.
    Point at;     ///< Where its upper left corner goes; all of it within `size`.
    bool operator==(const Canvas&) const = default;
};

/// The format of a host picture for a guest's, and what becomes of the pixels.
struct HostFormat {
    std::uint32_t format = 0;          ///< DRM_FORMAT_*
    RowConverter converter = nullptr;  ///< Null: the words stay as they are.
    bool operator==(const HostFormat&) const = default;
};

/// Chooses it among what a plane shows (LINEAR): the guest's own colours, for a primary plane
/// without their alpha; else XRGB8888 or ARGB8888. Pure.
///
/// Empty: the plane shows none of these.
std::optional<HostFormat>
choose_host_format(std::uint32_t guest, const kms::FormatSet& formats, bool with_alpha);

/// Copies a guest's pictures into host pictures that a plane can show: the third rung.
///
/// Of one frame thread and one plane. Keeps two host pictures (three while somebody reads one), so
/// that none is written while it is shown. A picture that is copied again and again, because its
/// guest draws in place, is compared with what was read last, and rows that did not change are not
/// written. No allocation once the pictures are there.
class Copier {
public:
    /// `with_alpha`: for a cursor plane. `gbm`: the pictures come from gbm where it has them, once
    /// it is loaded.
    Copier(kms::Card& card, kms::FormatSet formats, bool with_alpha, bool gbm = true);

    struct Copied {
        SharedPicture picture;
        bool changed = true;  ///< False: exactly what the last copy() returned.
    };

    /// Copies `key` out of `memory`, with `sprite` drawn over it, as far as it is over the guest's
    /// part of the canvas.
    ///
    /// Errors: EOPNOTSUPP for a tiled modifier or a format without an answer; EFBIG when `memory`
    /// is shorter than the picture; EFAULT when the memory went while it was read; EBUSY when all
    /// three pictures are in use; those of kms::HostPicture::allocate(), and of GuestMemory.
    Result<Copied> copy(const vfio::BufferKey& key,
                        const GuestMemory& memory,
                        const Canvas& canvas,
                        const Sprite& sprite = {});

    /// Whether the newest copy has this sprite on it.
    bool has_drawn(const Sprite& sprite) const noexcept { return sprite == sprite_; }

    /// Lets go of the pictures; those that are shown stay until they are not.
    void clear();

private:
    struct Target {
        std::shared_ptr<Picture> picture;
        std::span<std::byte> memory;
        std::optional<Canvas> canvas;     ///< What it was last painted for.
        std::vector<std::uint64_t> rows;  ///< The version of each row that it holds.
    };

    /// What the rows of one copy have in common.
    struct Rows {
        const std::byte* from = nullptr;  ///< First pixel of the source.
        std::size_t from_stride = 0;
        std::size_t bytes = 0;  ///< Of a row, as the guest has it.
        std::size_t pixels = 0;
        std::uint32_t count = 0;
    };

    Result<void>
    prepare(const vfio::Geometry& geometry, const Canvas& canvas, const GuestMemory& memory);
    Result<Target*> free_target();
    Result<Target> create_target();
    void repaint(Target& target) const;
    Rows rows_in(const GuestMemory& memory) const;
    bool read_changed(const Rows& rows);
    void write_all(const Rows& rows, Target& target);
    void write_changed(const Rows& rows, Target& target);
    void draw_sprite(Target& target);
    std::byte* row_of(Target& target, std::uint32_t row) const;

    kms::Card& card_;
    kms::FormatSet formats_;
    bool with_alpha_;
    bool wants_gbm_;
    gbm_device* gbm_ = nullptr;  ///< What the pictures come from.

    std::optional<Canvas> canvas_;
    vfio::Geometry geometry_;
    HostFormat format_;
    std::vector<Target> targets_;
    SharedPicture newest_;
    std::optional<vfio::BufferKey> newest_key_;
    Sprite sprite_;  ///< On newest_.

    std::uint64_t version_ = 0;            ///< Of the newest row.
    std::vector<std::uint64_t> versions_;  ///< When each row changed last.
    std::vector<std::byte> shadow_;        ///< The rows as they were read last.
    std::vector<std::byte> row_;
    bool shadow_holds_ = false;  ///< shadow_ is of newest_key_.
};

}  // namespace scanthru
