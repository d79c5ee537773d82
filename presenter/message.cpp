// SPDX-License-Identifier: MIT
#include "presenter/message.h"

#include "base/log.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <drm_fourcc.h>
#include <memory>
#include <pango/pangocairo.h>

namespace scanthru {
namespace {

struct Colour {
    double red, green, blue;
};

constexpr Colour background{0.06, 0.08, 0.10};
constexpr Colour title_colour{0.93, 0.94, 0.95};
constexpr Colour detail_colour{0.62, 0.66, 0.70};

struct Release {
    void operator()(cairo_surface_t* surface) const noexcept { cairo_surface_destroy(surface); }
    void operator()(cairo_t* context) const noexcept { cairo_destroy(context); }
    void operator()(PangoLayout* layout) const noexcept { g_object_unref(layout); }
    void operator()(PangoFontDescription* font) const noexcept {
        pango_font_description_free(font);
    }
};

struct FreeText {
    void operator()(char* text) const noexcept { g_free(text); }
};

template <class T>
using Owned = std::unique_ptr<T, Release>;

/// A block of text, centred, wrapped at `width` pixels.
Owned<PangoLayout> lay_out(cairo_t* context, const std::string& text, double height, int width) {
    Owned<PangoLayout> layout{pango_cairo_create_layout(context)};
    const Owned<PangoFontDescription> font{pango_font_description_from_string("Sans")};
    pango_font_description_set_absolute_size(font.get(), height * PANGO_SCALE);
    pango_layout_set_font_description(layout.get(), font.get());
    pango_layout_set_alignment(layout.get(), PANGO_ALIGN_CENTER);
    pango_layout_set_width(layout.get(), width * PANGO_SCALE);
    pango_layout_set_wrap(layout.get(), PANGO_WRAP_WORD_CHAR);
    // Names and errors may hold anything.
    const std::unique_ptr<char, FreeText> valid{
        g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()))};
    pango_layout_set_text(layout.get(), valid.get(), -1);
    return layout;
}

int height_of(PangoLayout* layout) {
    int height = 0;
    pango_layout_get_pixel_size(layout, nullptr, &height);
    return height;
}

void paint(cairo_t* context, PangoLayout* layout, Colour colour, double left, double top) {
    cairo_set_source_rgb(context, colour.red, colour.green, colour.blue);
    cairo_move_to(context, left, top);
    pango_cairo_show_layout(context, layout);
}

/// An image above the text, at most as large as its room; its height on the screen.
double
paint_image(cairo_t* context, cairo_surface_t* image, double left, double top, double w, double h) {
    const double width = cairo_image_surface_get_width(image);
    const double height = cairo_image_surface_get_height(image);
    const double scale = std::min({1.0, w / width, h / height});
    cairo_save(context);
    cairo_translate(context, left + (w - width * scale) / 2, top);
    cairo_scale(context, scale, scale);
    cairo_set_source_surface(context, image, 0, 0);
    cairo_paint(context);
    cairo_restore(context);
    return height * scale;
}

}  // namespace

Result<void, std::string>
draw_message(std::span<std::byte> memory, std::size_t stride, Size size, const Message& message) {
    assert(memory.size() >= stride * size.height);
    const int width = static_cast<int>(size.width);
    const int height = static_cast<int>(size.height);
    const Owned<cairo_surface_t> surface{cairo_image_surface_create_for_data(
        reinterpret_cast<unsigned char*>(memory.data()), CAIRO_FORMAT_RGB24, width, height,
        static_cast<int>(stride))};
    const Owned<cairo_t> context{cairo_create(surface.get())};
    cairo_set_source_rgb(context.get(), background.red, background.green, background.blue);
    cairo_paint(context.get());

    Owned<cairo_surface_t> image;
    std::string complaint;
    if (!message.image.empty()) {
        image.reset(cairo_image_surface_create_from_png(message.image.c_str()));
        if (const auto status = cairo_surface_status(image.get()); status != CAIRO_STATUS_SUCCESS) {
            complaint = fmt::format("{}: {}", message.image, cairo_status_to_string(status));
            image.reset();
        }
    }

    // Sizes go with the screen, so that a wall and a small panel are read alike.
    const double unit = std::max(std::min(width * 0.75, height * 1.0) / 30, 8.0);
    const int room = width * 4 / 5;
    const double left = (width - room) / 2.0;
    const auto title = lay_out(context.get(), message.title, unit * 1.8, room);
    const auto detail = lay_out(context.get(), message.detail, unit, room);
    const double gap = unit;
    const double text = height_of(title.get()) + gap + height_of(detail.get());
    double top = std::max((height - text) / 2, 0.0);
    if (image) {
        const double above = height * 0.4;
        const double tall = std::min<double>(cairo_image_surface_get_height(image.get()), above);
        top = std::max((height - text - gap - tall) / 2, 0.0);
        top += paint_image(context.get(), image.get(), left, top, room, above) + gap;
    }
    paint(context.get(), title.get(), title_colour, left, top);
    paint(context.get(), detail.get(), detail_colour, left, top + height_of(title.get()) + gap);
    cairo_surface_flush(surface.get());
    if (!complaint.empty()) return tl::unexpected{std::move(complaint)};
    return {};
}

Result<SharedPicture> make_still(kms::Card& card, const Pixels& pixels) {
    auto host = kms::HostPicture::create(card, pixels.size);
    if (!host) return fail(host.error());
    const auto memory = host->map();
    if (!memory) return fail(memory.error());
    const std::uint8_t* rgb = pixels.rgb.data();
    for (std::uint32_t y = 0; y < pixels.size.height; ++y) {
        std::byte* to = memory->data() + std::size_t{host->stride()} * y;
        for (std::uint32_t x = 0; x < pixels.size.width; ++x, rgb += 3, to += 4) {
            const std::uint32_t word =
                0xFF000000U | std::uint32_t{rgb[0]} << 16 | std::uint32_t{rgb[1]} << 8 | rgb[2];
            std::memcpy(to, &word, sizeof(word));
        }
    }
    return std::make_shared<const Picture>(Picture{nullptr, {}, Rung::message, *std::move(host)});
}

Result<SharedPicture> make_message(kms::Card& card, Size screen, const Message& message) {
    auto host = kms::HostPicture::create(card, screen);
    if (!host) return fail(host.error());
    const auto memory = host->map();
    if (!memory) return fail(memory.error());
    if (const auto drawn = draw_message(*memory, host->stride(), screen, message); !drawn)
        log(LogLevel::warning, "the configured image cannot be shown: {}", drawn.error());
    return std::make_shared<const Picture>(Picture{nullptr, {}, Rung::message, *std::move(host)});
}

}  // namespace scanthru
