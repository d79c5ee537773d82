// SPDX-License-Identifier: MIT
// scanthru.toml(5), from its text to a Config.
#include "base/unique_fd.h"
#include "presenter/config.h"
#include "presenter/config_keys.h"
#include "presenter/config_values.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <span>
#include <toml++/toml.h>
#include <type_traits>
#include <unistd.h>

namespace scanthru {
namespace {

using namespace config_text;

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
            } else if (key.str() == "metrics") {
                read_section(key, node, metrics_keys, config.metrics);
            } else if (key.str() == "log") {
                read_section(key, node, log_keys, config);
            } else {
                constexpr std::array<std::string_view, 7> known{
                    "output", "guest", "input", "keys", "control", "metrics", "log"};
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

}  // namespace scanthru
