// SPDX-License-Identifier: MIT
#include "kms/mode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <vector>

namespace scanthru::kms {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// "65", "59.94": in thousandths, rounded. Nothing else: no sign, no exponent, no bare point.
std::optional<std::uint32_t> parse_thousandths(std::string_view text) {
    const auto point = text.find('.');
    const auto whole = parse_number<std::uint32_t>(text.substr(0, point));
    if (!whole || *whole > 4'000'000) return std::nullopt;
    std::uint32_t thousandths = *whole * 1000;
    if (point == std::string_view::npos) return thousandths;

    const std::string_view decimals = text.substr(point + 1);
    if (decimals.empty()) return std::nullopt;
    std::uint32_t weight = 1000;
    for (const char digit : decimals) {
        if (digit < '0' || digit > '9') return std::nullopt;
        const auto value = static_cast<std::uint32_t>(digit - '0');
        // The fourth decimal rounds, those after it do not count.
        if (weight == 1 && value >= 5) ++thousandths;
        weight /= 10;
        thousandths += value * weight;
    }
    return thousandths;
}

std::vector<std::string_view> words_of(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    std::vector<std::string_view> words;
    while (true) {
        const auto start = text.find_first_not_of(blanks);
        if (start == std::string_view::npos) return words;
        text.remove_prefix(start);
        const auto length = std::min(text.find_first_of(blanks), text.size());
        words.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
}

/// The order of the numbers in a modeline, after the clock.
constexpr std::array<std::uint16_t Mode::*, 8> timings{
    &Mode::hdisplay, &Mode::hsync_start, &Mode::hsync_end, &Mode::htotal,
    &Mode::vdisplay, &Mode::vsync_start, &Mode::vsync_end, &Mode::vtotal,
};

struct Flag {
    std::string_view name;
    std::uint32_t bit;
};

constexpr std::array<Flag, 6> flags{{
    {"+hsync", DRM_MODE_FLAG_PHSYNC},
    {"-hsync", DRM_MODE_FLAG_NHSYNC},
    {"+vsync", DRM_MODE_FLAG_PVSYNC},
    {"-vsync", DRM_MODE_FLAG_NVSYNC},
    {"interlace", DRM_MODE_FLAG_INTERLACE},
    {"doublescan", DRM_MODE_FLAG_DBLSCAN},
}};

char to_lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// X writes "+HSync" and "Interlace", sway small letters.
bool same_word(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, {}, to_lower, to_lower);
}

/// What drm_mode_validate_basic() in the kernel asks for.
bool in_order(std::uint16_t display, std::uint16_t start, std::uint16_t end, std::uint16_t total) {
    return display > 0 && display <= start && start <= end && end <= total;
}

Result<std::uint32_t, std::string> parse_flags(std::span<const std::string_view> words) {
    std::uint32_t bits = 0;
    for (const std::string_view word : words) {
        const auto* const known = std::ranges::find_if(
            flags, [word](const Flag& flag) { return same_word(flag.name, word); });
        if (known == flags.end())
            return wrong(fmt::format("\"{}\" is no modeline flag; they are +hsync, -hsync, +vsync, "
                                     "-vsync, interlace and doublescan",
                                     word));
        bits |= known->bit;
    }
    return bits;
}

Result<Size, std::string> parse_size(std::string_view text) {
    const auto cross = text.find('x');
    if (cross != std::string_view::npos) {
        const auto width = parse_number<std::uint16_t>(text.substr(0, cross));
        const auto height = parse_number<std::uint16_t>(text.substr(cross + 1));
        if (width && height && *width > 0 && *height > 0) return Size{*width, *height};
    }
    return wrong(fmt::format("\"{}\" is no size; write WIDTHxHEIGHT, such as 1920x1080", text));
}

}  // namespace

Result<Mode, std::string> parse_modeline(std::string_view text) {
    auto words = words_of(text);
    // As xorg.conf and cvt(1) have it: Modeline "name" 65.00 1024 …
    if (words.size() >= 2 && same_word(words.front(), "modeline"))
        words.erase(words.begin(), words.begin() + 2);
    if (words.size() < 1 + timings.size())
        return wrong(fmt::format("a modeline has a clock in MHz and eight numbers, not {} words",
                                 words.size()));

    Mode mode{};
    const auto clock = parse_thousandths(words.front());
    if (!clock || *clock == 0)
        return wrong(fmt::format("\"{}\" is no pixel clock in MHz", words.front()));
    mode.clock = *clock;
    for (std::size_t i = 0; i < timings.size(); ++i) {
        const auto number = parse_number<std::uint16_t>(words[1 + i]);
        if (!number)
            return wrong(fmt::format("\"{}\" is no number between 0 and 65535", words[1 + i]));
        mode.*timings.at(i) = *number;
    }
    if (!in_order(mode.hdisplay, mode.hsync_start, mode.hsync_end, mode.htotal))
        return wrong("the four horizontal numbers must not decrease (display, sync, total)");
    if (!in_order(mode.vdisplay, mode.vsync_start, mode.vsync_end, mode.vtotal))
        return wrong("the four vertical numbers must not decrease (display, sync, total)");

    const auto bits = parse_flags(std::span{words}.subspan(1 + timings.size()));
    if (!bits) return wrong(bits.error());
    mode.flags = *bits;
    mode.type = DRM_MODE_TYPE_USERDEF;
    mode.vrefresh = (refresh_mhz(mode) + 500) / 1000;
    const std::string name = fmt::format("{}x{}", mode.hdisplay, mode.vdisplay);
    name.copy(std::data(mode.name), std::size(mode.name) - 1);
    return mode;
}

Result<ModeWish, std::string> parse_mode_wish(std::string_view text) {
    if (text == "preferred") return ModeWish{};
    const auto at = text.find('@');
    const auto size = parse_size(text.substr(0, at));
    if (!size) return wrong(size.error());
    ModeWish wish{.size = *size};
    if (at == std::string_view::npos) return wish;

    const auto refresh = parse_thousandths(text.substr(at + 1));
    if (!refresh || *refresh == 0)
        return wrong(fmt::format("\"{}\" is no refresh rate in Hz", text.substr(at + 1)));
    wish.refresh_mhz = *refresh;
    return wish;
}

}  // namespace scanthru::kms
