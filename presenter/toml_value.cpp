// SPDX-License-Identifier: MIT
#include "presenter/toml_value.h"

#include <algorithm>
#include <vector>

namespace scanthru::config_text {

std::string_view kind_of(const toml::node& node) {
    switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a point";
    case toml::node_type::boolean: return "a boolean";
    default: return "a date or time";
    }
}

Result<std::string, std::string> text_of(const toml::node& node) {
    const auto* const text = node.as_string();
    if (text == nullptr)
        return wrong(fmt::format("expected a string in quotes, not {}", kind_of(node)));
    const auto control = [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    if (std::ranges::any_of(text->get(), control)) return wrong("contains a control character");
    return text->get();
}

std::string read_text(const toml::node& node, std::string& into) {
    auto text = text_of(node);
    if (text && text->empty()) return "expected a string that is not empty";
    return keep(std::move(text), into);
}

std::string read_modeline(const toml::node& node, std::optional<kms::Mode>& into) {
    kms::Mode mode{};
    std::string complaint = read_parsed(node, kms::parse_modeline, mode);
    if (complaint.empty()) into = mode;
    return complaint;
}

namespace {

/// A whole number, or a word that stands for one.
template <class T, class Checked>
std::string read_number(const toml::node& node,
                        std::string_view expected,
                        Result<T, std::string> (*parse)(std::string_view),
                        Result<Checked, std::string> (*check)(std::int64_t),
                        T& into) {
    if (node.is_string()) return read_parsed(node, parse, into);
    const auto* const number = node.as_integer();
    if (number == nullptr) return fmt::format("expected {}, not {}", expected, kind_of(node));
    return keep(check(number->get()), into);
}

}  // namespace

std::string read_margin(const toml::node& node, std::optional<std::chrono::microseconds>& into) {
    return read_number(node, "whole microseconds or \"auto\"", parse_margin, check_margin, into);
}

std::string read_idle_poll(const toml::node& node, std::uint32_t& into) {
    return read_number(node, "whole hertz or \"off\"", parse_idle_poll, check_idle_poll, into);
}

std::string read_rotation(const toml::node& node, kms::Rotation& into) {
    const auto* const number = node.as_integer();
    if (number == nullptr) return fmt::format("expected 0, 90, 180 or 270, not {}", kind_of(node));
    if (number->get() < 0 || number->get() > 270 || number->get() % 90 != 0)
        return fmt::format("expected 0, 90, 180 or 270, not {}", number->get());
    into = static_cast<kms::Rotation>(number->get() / 90);
    return {};
}

std::string read_seconds(const toml::node& node, std::chrono::seconds& into) {
    const auto* const number = node.as_integer();
    if (number == nullptr) return fmt::format("expected whole seconds, not {}", kind_of(node));
    constexpr std::int64_t most = std::int64_t{7} * 24 * 3600;
    if (number->get() < 0 || number->get() > most)
        return fmt::format("expected 0 (never) to {} seconds, not {}", most, number->get());
    into = std::chrono::seconds{number->get()};
    return {};
}

std::string read_speed(const toml::node& node, std::optional<double>& into) {
    const auto number = node.value<double>();
    if (!number || !(*number >= -1 && *number <= 1))
        return "expected a number from -1 (slowest) to 1";
    into = *number;
    return {};
}

std::string read_calibration(const toml::node& node, std::optional<std::array<float, 6>>& into) {
    const toml::array* const list = node.as_array();
    std::array<float, 6> matrix{};
    if (list == nullptr || list->size() != matrix.size())
        return "expected six numbers, the upper two rows of the matrix";
    for (std::size_t i = 0; i < matrix.size(); ++i) {
        const auto number = (*list)[i].value<double>();
        if (!number) return "expected six numbers, the upper two rows of the matrix";
        matrix.at(i) = static_cast<float>(*number);
    }
    into = matrix;
    return {};
}

std::string read_optional_text(const toml::node& node, std::optional<std::string>& into) {
    std::string text;
    std::string complaint = read_text(node, text);
    if (complaint.empty()) into = std::move(text);
    return complaint;
}

std::string read_numbered(const toml::node& node, KeysConfig::Chords& into) {
    const toml::array* const list = node.as_array();
    if (list == nullptr) return fmt::format("expected a list of keys, not {}", kind_of(node));
    std::vector<input::HostChord> chords;
    for (const toml::node& entry : *list) {
        const auto text = text_of(entry);
        if (!text) return text.error();
        const auto number = static_cast<unsigned>(chords.size() + 1);
        auto chord = input::parse_host_chord(*text, {input::HostAction::Kind::switch_to, number});
        if (!chord) return chord.error();
        chords.push_back(*std::move(chord));
    }
    into = std::move(chords);
    return {};
}

}  // namespace scanthru::config_text
