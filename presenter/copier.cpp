// SPDX-License-Identifier: MIT
#include "presenter/copier.h"

#include "base/bus_error.h"
#include "presenter/layout.h"
#include "presenter/pixel_layout.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace scanthru {
namespace {

constexpr std::size_t max_targets = 3;

/// The version of a row that is not as the guest has it.
constexpr std::uint64_t drawn_over = ~std::uint64_t{0};

bool has_alpha(std::uint32_t format) {
    const auto layout = lookup_layout(format);
    return layout && layout->alpha.bits != 0;
}

/// Bytes from a picture's first pixel to the end of its last one.
std::uint64_t extent_of(const vfio::Geometry& geometry, const PixelLayout& layout) {
    const std::uint64_t row = std::uint64_t{geometry.size.width} * layout.bytes;
    return std::uint64_t{geometry.stride} * (geometry.size.height - 1) + row;
}

bool lies_within(const Rect& rect, Size size) {
    return rect.x >= 0 && rect.y >= 0 && std::int64_t{rect.x} + rect.size.width <= size.width &&
           std::int64_t{rect.y} + rect.size.height <= size.height;
}

}  // namespace

std::optional<HostFormat>
choose_host_format(std::uint32_t guest, const kms::FormatSet& formats, bool with_alpha) {
    const auto shows = [&](std::uint32_t format) {
        return format != 0 && formats.contains(format, DRM_FORMAT_MOD_LINEAR);
    };
    const std::uint32_t own =
        lookup_layout(guest) && has_alpha(guest) != with_alpha && twin_of(guest) != 0
            ? twin_of(guest)
            : guest;
    // An opaque guest's unused byte is anything, so its words do not pass for ones with alpha.
    if (has_alpha(own) == with_alpha && (has_alpha(guest) || !with_alpha) && shows(own))
        return HostFormat{own, nullptr};
    const RowConverter converter = find_converter(guest);
    const bool same_words = guest == DRM_FORMAT_XRGB8888 || guest == DRM_FORMAT_ARGB8888;
    if (converter == nullptr && !same_words) return std::nullopt;
    if (!with_alpha && shows(DRM_FORMAT_XRGB8888))
        return HostFormat{DRM_FORMAT_XRGB8888, converter};
    if (shows(DRM_FORMAT_ARGB8888) && guest != DRM_FORMAT_XRGB8888)
        return HostFormat{DRM_FORMAT_ARGB8888, converter};
    return std::nullopt;
}

Copier::Copier(kms::Card& card, kms::FormatSet formats, bool with_alpha, bool gbm)
    : card_(card), formats_(std::move(formats)), with_alpha_(with_alpha), wants_gbm_(gbm) {}

void Copier::clear() {
    targets_.clear();
    newest_.reset();
    newest_key_.reset();
    sprite_ = {};
    canvas_.reset();
    shadow_holds_ = false;
    shadow_ = {};
    row_ = {};
}

/// Makes everything fit this picture and this canvas.
Result<void>
Copier::prepare(const vfio::Geometry& geometry, const Canvas& canvas, const GuestMemory& memory) {
    if (geometry.modifier != DRM_FORMAT_MOD_LINEAR)
        return fail(EOPNOTSUPP, "reading a tiled buffer by the CPU");
    const auto layout = lookup_layout(geometry.format);
    if (!layout) return fail(EOPNOTSUPP, "reading this format");
    if (extent_of(geometry, *layout) > memory.bytes().size())
        return fail(EFBIG, "guest memory shorter than its picture");
    assert(lies_within(canvas.source, geometry.size));
    assert(lies_within({canvas.at.x, canvas.at.y, canvas.source.size}, canvas.size));
    gbm_device* const gbm = wants_gbm_ ? card_.gbm() : nullptr;
    if (gbm != gbm_) clear();
    gbm_ = gbm;
    if (canvas_ == canvas && geometry_ == geometry) return {};

    const auto format = choose_host_format(geometry.format, formats_, with_alpha_);
    if (!format) return fail(EOPNOTSUPP, "a format of the plane for this one");
    if (!canvas_ || canvas_->size != canvas.size || format_.format != format->format) clear();
    canvas_ = canvas;
    geometry_ = geometry;
    format_ = *format;
    shadow_holds_ = false;
    const std::size_t row = std::size_t{canvas.source.size.width} * layout->bytes;
    versions_.assign(canvas.source.size.height, 0);
    row_.resize(row);
    shadow_.resize(row * canvas.source.size.height);
    targets_.reserve(max_targets);
    return {};
}

Result<Copier::Copied> Copier::copy(const vfio::BufferKey& key,
                                    const GuestMemory& memory,
                                    const Canvas& canvas,
                                    const Sprite& sprite) {
    if (const auto prepared = prepare(key.geometry, canvas, memory); !prepared)
        return fail(prepared.error());
    const auto target = free_target();
    if (!target) return fail(target.error());

    const Rows rows = rows_in(memory);
    const bool again = newest_key_ == key;
    bool changed = true;
    if (const auto begun = memory.begin(); !begun) return fail(begun.error());
    const bool whole = survives_bus_error([&] {
        if (again)
            changed = read_changed(rows);
        else
            write_all(rows, **target);
    });
    const auto ended = memory.end();
    shadow_holds_ = again && whole;
    if (!whole) return fail(EFAULT, "reading the guest's memory");
    if (!ended) return fail(ended.error());
    newest_key_ = key;
    if (!changed && sprite_ == sprite) return Copied{newest_, false};
    sprite_ = sprite;
    if (again) write_changed(rows, **target);
    draw_sprite(**target);
    (*target)->picture->key = key;
    newest_ = (*target)->picture;
    return Copied{newest_, true};
}

/// Of the picture and the part that everything was prepared for.
Copier::Rows Copier::rows_in(const GuestMemory& memory) const {
    const std::size_t pixel = lookup_layout(geometry_.format)->bytes;
    const Rect& source = canvas_->source;
    return {.from = memory.bytes().data() +
                    std::size_t{geometry_.stride} * static_cast<std::size_t>(source.y) +
                    pixel * static_cast<std::size_t>(source.x),
            .from_stride = geometry_.stride,
            .bytes = row_.size(),
            .pixels = source.size.width,
            .count = source.size.height};
}

/// Reads the rows into the shadow; whether any of them differs from what it held.
bool Copier::read_changed(const Rows& rows) {
    const std::uint64_t version = version_ + 1;
    bool any = false;
    for (std::uint32_t row = 0; row < rows.count; ++row) {
        std::byte* const last = shadow_.data() + rows.bytes * row;
        stream_copy(row_.data(), rows.from + rows.from_stride * row, rows.bytes);
        if (shadow_holds_ && std::memcmp(last, row_.data(), rows.bytes) == 0) continue;
        std::memcpy(last, row_.data(), rows.bytes);
        versions_[row] = version;
        any = true;
    }
    if (any) version_ = version;
    return any;
}

/// A picture seen for the first time: straight over, and nothing is remembered of it.
void Copier::write_all(const Rows& rows, Target& target) {
    for (std::uint32_t row = 0; row < rows.count; ++row) {
        const std::byte* const from = rows.from + rows.from_stride * row;
        if (format_.converter == nullptr) {
            stream_copy(row_of(target, row), from, rows.bytes);
        } else {
            stream_copy(row_.data(), from, rows.bytes);
            format_.converter(row_of(target, row), row_.data(), rows.pixels);
        }
    }
    std::ranges::fill(target.rows, 0);
}

void Copier::write_changed(const Rows& rows, Target& target) {
    for (std::uint32_t row = 0; row < rows.count; ++row) {
        if (target.rows[row] == versions_[row]) continue;
        const std::byte* const from = shadow_.data() + rows.bytes * row;
        if (format_.converter == nullptr)
            std::memcpy(row_of(target, row), from, rows.bytes);
        else
            format_.converter(row_of(target, row), from, rows.pixels);
        target.rows[row] = versions_[row];
    }
}

/// Reads no more of the host picture, which may be write-combined, than is below the sprite.
void Copier::draw_sprite(Target& target) {
    const Rect clip{.x = canvas_->at.x, .y = canvas_->at.y, .size = canvas_->source.size};
    const Rect part = intersect(sprite_.rect(), clip);
    if (part.size.width == 0) return;
    const PixelLayout layout = *lookup_layout(format_.format);
    for (std::uint32_t row = 0; row < part.size.height; ++row) {
        const std::int32_t y = part.y + static_cast<std::int32_t>(row);
        const auto guest_row = static_cast<std::uint32_t>(y - canvas_->at.y);
        std::byte* const canvas_row =
            row_of(target, guest_row) -
            std::size_t{layout.bytes} * static_cast<std::size_t>(canvas_->at.x);
        blend_row(canvas_row, y, layout, sprite_, clip);
        target.rows[guest_row] = drawn_over;
    }
}

std::byte* Copier::row_of(Target& target, std::uint32_t row) const {
    const auto& host = std::get<kms::HostPicture>(target.picture->shown);
    const std::size_t pixel = lookup_layout(format_.format)->bytes;
    return target.memory.data() +
           std::size_t{host.stride()} * (static_cast<std::size_t>(canvas_->at.y) + row) +
           pixel * static_cast<std::size_t>(canvas_->at.x);
}

/// One that nobody shows, reads or was given last.
Result<Copier::Target*> Copier::free_target() {
    Target* target = nullptr;
    for (Target& one : targets_)
        if (one.picture != newest_ && one.picture.use_count() == 1) target = &one;
    if (target == nullptr) {
        if (targets_.size() == max_targets) return fail(EBUSY, "host pictures all in use");
        auto created = create_target();
        if (!created) return fail(created.error());
        target = &targets_.emplace_back(*std::move(created));
    }
    if (target->canvas != canvas_) repaint(*target);
    return target;
}

/// Black (or clear) where the guest's picture will not be.
void Copier::repaint(Target& target) const {
    if (target.canvas) std::ranges::fill(target.memory, std::byte{0});
    target.canvas = canvas_;
    target.rows.assign(canvas_->source.size.height, 0);
}

Result<Copier::Target> Copier::create_target() {
    auto host = kms::HostPicture::allocate(card_, gbm_, canvas_->size, format_.format);
    if (!host) return fail(host.error());
    const auto memory = host->map();
    if (!memory) return fail(memory.error());
    auto picture = std::make_shared<Picture>(Picture{nullptr, {}, Rung::copy, *std::move(host)});
    return Target{std::move(picture), *memory, canvas_,
                  std::vector<std::uint64_t>(canvas_->source.size.height, 0)};
}

}  // namespace scanthru
