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

template <class T>
std::string keep(Result<T, std::string> parsed, T& into) {
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

std::string read_margin(const toml::node& node, std::chrono::microseconds& into) {
    const auto* const number = node.as_integer();
    if (number == nullptr) return fmt::format("expected whole microseconds, not {}", kind_of(node));
    return keep(check_margin(number->get()), into);
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

constexpr std::array<Key<OutputConfig>, 14> output_keys{{
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
}};

constexpr std::array<Key<GuestConfig>, 4> guest_keys{{
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
            } else if (key.str() == "control") {
                read_section(key, node, control_keys, config.control);
            } else if (key.str() == "log") {
                read_section(key, node, log_keys, config);
            } else {
                constexpr std::array<std::string_view, 4> known{"output", "guest", "control",
                                                                "log"};
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
    template <class T, std::size_t n>
    void read_list(const toml::key& name,
                   Node node,
                   const std::array<Key<T>, n>& keys,
                   std::vector<T>& into) {
        const toml::array* const list = node.as_array();
        if (list == nullptr || !list->is_array_of_tables())
            return complain(name.source(),
                            fmt::format("\"{0}\": expected tables; write [[{0}]]", name.str()));
        for (const toml::node& entry : *list)
            read_table(fmt::format("[[{}]]", name.str()), *entry.as_table(),
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
           margin == other.margin && idle == other.idle && paused == other.paused &&
           blank_after == other.blank_after && image == other.image;
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
