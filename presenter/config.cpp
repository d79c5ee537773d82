// SPDX-License-Identifier: MIT
#include "presenter/config.h"

#include "base/unique_fd.h"
#include "presenter/config_values.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <span>
#include <toml++/toml.h>
#include <type_traits>
#include <unistd.h>

namespace scanthru {
namespace {

tl::unexpected<std::string> wrong(std::string sentence) {
    return tl::unexpected<std::string>{std::move(sentence)};
}

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

// What reads one value returns what is wrong with it; nothing is, when that is empty.

template <class T, class Into>
std::string keep(Result<T, std::string> parsed, Into& into) {
    if (!parsed) return std::move(parsed.error());
    into = std::move(*parsed);
    return {};
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

template <class T>
std::string
read_parsed(const toml::node& node, Result<T, std::string> (*parse)(std::string_view), T& into) {
    const auto text = text_of(node);
    return text ? keep(parse(*text), into) : text.error();
}

std::string read_modeline(const toml::node& node, std::optional<kms::Mode>& into) {
    kms::Mode mode{};
    std::string complaint = read_parsed(node, kms::parse_modeline, mode);
    if (complaint.empty()) into = mode;
    return complaint;
}

std::string read_margin(const toml::node& node, std::optional<std::chrono::microseconds>& into) {
    if (node.is_string()) return read_parsed(node, parse_margin, into);
    const auto* const number = node.as_integer();
    if (number == nullptr)
        return fmt::format("expected whole microseconds or \"auto\", not {}", kind_of(node));
    return keep(check_margin(number->get()), into);
}

std::string read_idle_poll(const toml::node& node, std::uint32_t& into) {
    if (node.is_string()) return read_parsed(node, parse_idle_poll, into);
    const auto* const number = node.as_integer();
    if (number == nullptr)
        return fmt::format("expected whole hertz or \"off\", not {}", kind_of(node));
    return keep(check_idle_poll(number->get()), into);
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

template <class T>
struct Key {
    std::string_view name;
    std::string (*read)(const toml::node& value, T& into);
};

using Node = const toml::node&;

template <class T>
std::string read_flag(const toml::node& node, T& into) {
    const auto* const flag = node.as_boolean();
    if (flag == nullptr) return fmt::format("expected true or false, not {}", kind_of(node));
    into = flag->get();
    return {};
}

constexpr std::array<Key<OutputConfig>, 17> output_keys{{
    {"name",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.name);
     }},
    {"monitor",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.monitor);
     }},
    {"card",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.card);
     }},
    {"mode",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, kms::parse_mode_wish, output.mode);
     }},
    {"modeline",
     [](Node value, OutputConfig& output) {
         return read_modeline(value, output.modeline);
     }},
    {"rotate",
     [](Node value, OutputConfig& output) {
         return read_rotation(value, output.rotate);
     }},
    {"fit",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, parse_fit, output.fit);
     }},
    {"guest",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.guest);
     }},
    {"refresh",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, parse_refresh, output.refresh);
     }},
    {"idle",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, parse_idle, output.idle);
     }},
    {"paused",
     [](Node value, OutputConfig& output) {
         return read_parsed(value, parse_paused, output.paused);
     }},
    {"blank_after",
     [](Node value, OutputConfig& output) {
         return read_seconds(value, output.blank_after);
     }},
    {"image",
     [](Node value, OutputConfig& output) {
         return read_text(value, output.image);
     }},
    {"margin_us",
     [](Node value, OutputConfig& output) {
         return read_margin(value, output.margin);
     }},
    {"idle_poll",
     [](Node value, OutputConfig& output) {
         return read_idle_poll(value, output.idle_poll);
     }},
    {"vrr",
     [](Node value, OutputConfig& output) {
         return read_flag(value, output.vrr);
     }},
    {"async",
     [](Node value, OutputConfig& output) {
         return read_flag(value, output.async);
     }},
}};

constexpr std::array<Key<GuestConfig>, 5> guest_keys{{
    {"name",
     [](Node value, GuestConfig& guest) {
         return read_text(value, guest.name);
     }},
    {"source",
     [](Node value, GuestConfig& guest) {
         return read_parsed(value, vfio::parse_guest_source, guest.source);
     }},
    {"abi",
     [](Node value, GuestConfig& guest) {
         return read_parsed(value, parse_abi, guest.abi);
     }},
    {"edid",
     [](Node value, GuestConfig& guest) {
         return read_parsed(value, parse_edid, guest.edid);
     }},
    {"input",
     [](Node value, GuestConfig& guest) {
         return read_parsed(value, parse_guest_input, guest.input);
     }},
}};

constexpr std::array<Key<ControlConfig>, 2> control_keys{{
    {"socket",
     [](Node value, ControlConfig& control) {
         return read_parsed(value, check_socket_path, control.socket);
     }},
    {"group",
     [](Node value, ControlConfig& control) {
         return read_text(value, control.group);
     }},
}};

constexpr std::array<Key<Config>, 1> log_keys{{
    {"level",
     [](Node value, Config& config) {
         return read_parsed(value, parse_log_level, config.log_level);
     }},
}};

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

template <class T>
std::string read_optional(const toml::node& node,
                          Result<T, std::string> (*parse)(std::string_view),
                          std::optional<T>& into) {
    T value{};
    std::string complaint = read_parsed(node, parse, value);
    if (complaint.empty()) into = std::move(value);
    return complaint;
}

std::string read_optional_text(const toml::node& node, std::optional<std::string>& into) {
    std::string text;
    std::string complaint = read_text(node, text);
    if (complaint.empty()) into = std::move(text);
    return complaint;
}

using Rule = input::DeviceRule;

constexpr std::array<Key<Rule>, 12> device_keys{{
    {"name",
     [](Node value, Rule& rule) {
         return read_text(value, rule.name);
     }},
    {"path",
     [](Node value, Rule& rule) {
         return read_text(value, rule.path);
     }},
    {"id",
     [](Node value, Rule& rule) {
         return read_optional(value, parse_identity, rule.identity);
     }},
    {"ignore",
     [](Node value, Rule& rule) {
         return read_flag(value, rule.settings.ignore);
     }},
    {"acceleration",
     [](Node value, Rule& rule) {
         return read_optional(value, parse_acceleration, rule.settings.acceleration);
     }},
    {"speed",
     [](Node value, Rule& rule) {
         return read_speed(value, rule.settings.speed);
     }},
    {"natural_scroll",
     [](Node value, Rule& rule) {
         return read_flag(value, rule.settings.natural_scroll);
     }},
    {"tap",
     [](Node value, Rule& rule) {
         return read_flag(value, rule.settings.tap);
     }},
    {"left_handed",
     [](Node value, Rule& rule) {
         return read_flag(value, rule.settings.left_handed);
     }},
    {"calibration",
     [](Node value, Rule& rule) {
         return read_calibration(value, rule.settings.calibration);
     }},
    {"output",
     [](Node value, Rule& rule) {
         return read_optional_text(value, rule.settings.output);
     }},
    {"guest",
     [](Node value, Rule& rule) {
         return read_optional_text(value, rule.settings.guest);
     }},
}};

constexpr std::array<Key<HandsConfig>, 2> input_keys{{
    {"seat",
     [](Node value, HandsConfig& hands) {
         return read_parsed(value, parse_seat, hands.seat);
     }},
    {"device",
     [](Node, HandsConfig&) {
         return std::string{};
     }},  // A list of its own.
}};

template <input::HostAction::Kind kind>
std::string read_key(const toml::node& node, KeysConfig::Chords& into) {
    const auto text = text_of(node);
    return text ? keep(parse_key(*text, {.kind = kind}), into) : text.error();
}

/// The first is for the first guest.
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

using Kind = input::HostAction::Kind;

constexpr std::array<Key<KeysConfig>, 10> keys_keys{{
    {"defaults",
     [](Node value, KeysConfig& keys) {
         return read_parsed(value, parse_key_defaults, keys.defaults);
     }},
    {"switch_to",
     [](Node value, KeysConfig& keys) {
         return read_numbered(value, keys.switch_to);
     }},
    {"next_guest",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::next_guest>(value, keys.next_guest);
     }},
    {"next_output",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::next_output>(value, keys.next_output);
     }},
    {"blank",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::blank>(value, keys.blank);
     }},
    {"screenshot",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::screenshot>(value, keys.screenshot);
     }},
    {"leave",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::leave>(value, keys.leave);
     }},
    {"ctrl_alt_del",
     [](Node value, KeysConfig& keys) {
         return read_key<Kind::send_ctrl_alt_del>(value, keys.ctrl_alt_del);
     }},
    {"vt",
     [](Node value, KeysConfig& keys) {
         return read_flag(value, keys.vt);
     }},
    {"screenshots",
     [](Node value, KeysConfig& keys) {
         return read_text(value, keys.screenshots);
     }},
}};

/// Goes through a file's tables. Keeps the complaint that comes first in the file: toml++ hands
/// out keys in the order of the alphabet.
class Reader {
public:
    void read(const toml::table& root, Config& config) {
        for (const auto& [key, node] : root) {
            if (key.str() == "output") {
                read_list(key, node, output_keys, config.outputs);
            } else if (key.str() == "guest") {
                read_list(key, node, guest_keys, config.guests);
            } else if (key.str() == "input") {
                read_input(key, node, config.input);
            } else if (key.str() == "keys") {
                read_section(key, node, keys_keys, config.keys);
            } else if (key.str() == "control") {
                read_section(key, node, control_keys, config.control);
            } else if (key.str() == "log") {
                read_section(key, node, log_keys, config);
            } else {
                constexpr std::array<std::string_view, 6> known{"output", "guest",   "input",
                                                                "keys",   "control", "log"};
                complain(key.source(),
                         fmt::format("unknown key \"{}\"; {}", key.str(), suggest(key, known)));
            }
        }
    }

    /// "LINE: …", or empty.
    std::string complaint() const {
        return complaint_.empty() ? std::string{} : fmt::format("{}: {}", line_, complaint_);
    }

private:
    /// `path`: what it is called where that is not the key alone.
    template <class T, std::size_t n>
    void read_list(const toml::key& name,
                   Node node,
                   const std::array<Key<T>, n>& keys,
                   std::vector<T>& into,
                   std::string_view path = {}) {
        const std::string_view title = path.empty() ? name.str() : path;
        const toml::array* const list = node.as_array();
        if (list == nullptr || !list->is_array_of_tables())
            return complain(name.source(), fmt::format("\"{}\": expected tables; write [[{}]]",
                                                       name.str(), title));
        for (const toml::node& entry : *list)
            read_table(fmt::format("[[{}]]", title), *entry.as_table(),
                       std::span<const Key<T>>{keys}, into.emplace_back());
    }

    template <class T, std::size_t n>
    void
    read_section(const toml::key& name, Node node, const std::array<Key<T>, n>& keys, T& into) {
        const toml::table* const table = node.as_table();
        if (table == nullptr)
            return complain(name.source(),
                            fmt::format("\"{0}\": expected one table; write [{0}]", name.str()));
        read_table(fmt::format("[{}]", name.str()), *table, std::span<const Key<T>>{keys}, into);
    }

    /// `[input]` with its list of devices.
    void read_input(const toml::key& name, Node node, HandsConfig& into) {
        const toml::table* const table = node.as_table();
        if (table == nullptr)
            return complain(name.source(), "\"input\": expected one table; write [input]");
        read_section(name, node, input_keys, into);
        if (const auto device = table->find("device"); device != table->end())
            read_list(device->first, device->second, device_keys, into.devices, "input.device");
    }

    template <class T>
    void read_table(const std::string& title,
                    const toml::table& table,
                    std::span<const Key<T>> keys,
                    T& into) {
        for (const auto& [key, node] : table) {
            const auto known = std::ranges::find(keys, key.str(), &Key<T>::name);
            if (known == keys.end()) {
                std::vector<std::string_view> names;
                for (const auto& other : keys)
                    names.push_back(other.name);
                complain(key.source(), fmt::format("unknown key \"{}\" in {}; {}", key.str(), title,
                                                   suggest(key, names)));
            } else if (auto complaint = known->read(node, into); !complaint.empty()) {
                complain(node.source(), fmt::format("{}: {}", key.str(), complaint));
            }
        }
        if constexpr (std::is_same_v<T, GuestConfig>)
            if (!table.contains("source"))
                complain(table.source(), "[[guest]] without source; expected source = \"qmp:…\", "
                                         "\"mdev:…\", \"fd:…\" or \"recv:…\"");
    }

    void complain(const toml::source_region& where, std::string text) {
        const auto line = where.begin.line;
        if (!complaint_.empty() && line_ <= line) return;
        line_ = line;
        complaint_ = std::move(text);
    }

    toml::source_index line_ = 0;
    std::string complaint_;
};

/// What a file of more than this holds is no configuration.
constexpr std::size_t max_file = std::size_t{1024} * 1024;

}  // namespace

namespace {

bool same_timings(const std::optional<kms::Mode>& a, const std::optional<kms::Mode>& b) {
    // The kernel's structure has no operator== and no padding.
    static_assert(std::has_unique_object_representations_v<kms::Mode>);
    if (!a || !b) return a.has_value() == b.has_value();
    return std::memcmp(&*a, &*b, sizeof(kms::Mode)) == 0;
}

}  // namespace

bool EdidWish::operator==(const EdidWish& other) const {
    return off == other.off && same_timings(mode, other.mode);
}

bool OutputConfig::operator==(const OutputConfig& other) const {
    return name == other.name && monitor == other.monitor && card == other.card &&
           mode == other.mode && same_timings(modeline, other.modeline) && fit == other.fit &&
           rotate == other.rotate && guest == other.guest && refresh == other.refresh &&
           margin == other.margin && idle_poll == other.idle_poll && idle == other.idle &&
           paused == other.paused && blank_after == other.blank_after && image == other.image &&
           vrr == other.vrr && async == other.async;
}

Result<Config, std::string> parse_config(std::string_view text, const std::string& file) {
    try {
        Config config;
        Reader reader;
        reader.read(toml::parse(text), config);
        if (const auto complaint = reader.complaint(); !complaint.empty())
            return wrong(fmt::format("{}:{}", file, complaint));
        name_guests(config.guests);
        return config;
    } catch (const toml::parse_error& error) {
        return wrong(
            fmt::format("{}:{}: {}", file, error.source().begin.line, error.description()));
    }
}

Result<Config, std::string> read_config(const std::string& file) {
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) return wrong(fmt::format("{}: {}", file, Error{errno, "open"}));
    std::string text;
    std::array<char, 4096> piece{};
    while (true) {
        const ssize_t length = ::read(fd.get(), piece.data(), piece.size());
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return wrong(fmt::format("{}: {}", file, Error{errno, "read"}));
        if (length == 0) return parse_config(text, file);
        text.append(piece.data(), static_cast<std::size_t>(length));
        if (text.size() > max_file)
            return wrong(
                fmt::format("{}: more than {} bytes; that is no configuration", file, max_file));
    }
}

std::vector<OutputConfig> outputs_of(const Config& config) {
    return config.outputs.empty() ? std::vector<OutputConfig>(1) : config.outputs;
}

std::string card_path(const OutputConfig& output) {
    std::error_code error;
    auto path = std::filesystem::canonical(output.card, error);
    return error ? output.card : path.string();
}

bool is_same_output(const OutputConfig& one, const OutputConfig& other) {
    return one.name == other.name && one.monitor == other.monitor && one.card == other.card;
}

std::string title_of(const OutputConfig& output) {
    if (!output.name.empty()) return output.name;
    return output.monitor.empty() ? "(the first connected)"
                                  : fmt::format("(monitor \"{}\")", output.monitor);
}

void name_guests(std::vector<GuestConfig>& guests) {
    for (std::size_t i = 0; i < guests.size(); ++i)
        if (guests[i].name.empty()) guests[i].name = fmt::format("guest{}", i + 1);
}

std::string default_control_socket() {
    const char* const own = std::getenv("XDG_RUNTIME_DIR");
    if (::geteuid() == 0 || own == nullptr || *own == '\0')
        return std::string{system_control_socket};
    return std::string{own} + "/scanthru/control";
}

}  // namespace scanthru
