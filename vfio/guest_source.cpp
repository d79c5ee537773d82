// SPDX-License-Identifier: MIT
#include "vfio/guest_source.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>

namespace scanthru::vfio {
namespace {

constexpr std::string_view forms =
    "expected qmp:SOCKET[,pid=N][,mdev=UUID], mdev:UUID, fd:N or recv:SOCKET";

/// What is before `separator`, which goes from `text` together with it; all when there is none.
std::string_view take_until(std::string_view& text, char separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view head = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return head;
}

/// A decimal number from `least` to INT_MAX, or nothing.
std::optional<int> parse_number(std::string_view text, int least) {
    int number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end || number < least) return std::nullopt;
    return number;
}

Result<std::string, std::string> parse_uuid(std::string_view text, std::string_view where) {
    if (auto uuid = normalize_uuid(text)) return std::move(*uuid);
    return wrong(fmt::format("{}: \"{}\" is no UUID; expected 8-4-4-4-12 hexadecimal digits, "
                             "as in /sys/bus/mdev/devices",
                             where, text));
}

Result<std::string, std::string> parse_socket(std::string_view text, std::string_view where) {
    if (text.empty()) return wrong(fmt::format("{}: the path of a socket is missing", where));
    if (text.size() > max_socket_path)
        return wrong(fmt::format("{}: the path has {} bytes; a Unix socket's path has at most "
                                 "{}",
                                 where, text.size(), max_socket_path));
    if (text.find('\0') != std::string_view::npos)
        return wrong(fmt::format("{}: the path contains a zero byte", where));
    return std::string{text};
}

/// Reads `pid=N` or `mdev=UUID` into `source`. Returns what is wrong, empty when nothing is.
std::string parse_option(std::string_view option, QmpSource& source) {
    std::string_view value = option;
    const std::string_view key = take_until(value, '=');
    const bool has_value = key.size() != option.size();
    if (key == "pid" && has_value) {
        if (source.pid) return "qmp: pid is given twice";
        source.pid = parse_number(value, 1);
        if (!source.pid)
            return fmt::format("qmp: pid \"{}\" is no process number; expected 1 or more", value);
        return {};
    }
    if (key == "mdev" && has_value) {
        if (source.mdev) return "qmp: mdev is given twice";
        auto uuid = parse_uuid(value, "qmp: mdev");
        if (!uuid) return std::move(uuid.error());
        source.mdev = std::move(*uuid);
        return {};
    }
    return fmt::format("qmp: unknown option \"{}\"; expected pid=N or mdev=UUID (a socket's path "
                       "cannot contain a comma)",
                       option);
}

Result<GuestSource, std::string> parse_qmp(std::string_view text) {
    std::string_view rest = text;
    const std::string_view path = take_until(rest, ',');
    auto socket = parse_socket(path, "qmp");
    if (!socket) return wrong(std::move(socket.error()));
    QmpSource source{.socket = std::move(*socket), .pid = {}, .mdev = {}};
    for (bool more = path.size() != text.size(); more;) {
        const std::size_t left = rest.size();
        const std::string_view option = take_until(rest, ',');
        more = option.size() != left;
        if (auto complaint = parse_option(option, source); !complaint.empty())
            return wrong(std::move(complaint));
    }
    return source;
}

struct Printer {
    std::string operator()(const QmpSource& source) const {
        std::string text = "qmp:" + source.socket;
        if (source.pid) text += fmt::format(",pid={}", *source.pid);
        if (source.mdev) text += ",mdev=" + *source.mdev;
        return text;
    }
    std::string operator()(const MdevSource& source) const { return "mdev:" + source.uuid; }
    std::string operator()(const InheritedSource& source) const {
        return fmt::format("fd:{}", source.fd);
    }
    std::string operator()(const ReceivedSource& source) const { return "recv:" + source.socket; }
};

}  // namespace

std::optional<std::string> normalize_uuid(std::string_view text) {
    constexpr std::string_view pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.size() != pattern.size()) return std::nullopt;
    std::string uuid;
    for (std::size_t i = 0; i < text.size(); ++i) {
        // Not isxdigit and tolower: they ask the locale.
        const char c = text[i];
        const bool upper = c >= 'A' && c <= 'F';
        const bool digit = upper || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (pattern[i] == '-' ? c != '-' : !digit) return std::nullopt;
        uuid += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return uuid;
}

Result<GuestSource, std::string> parse_guest_source(std::string_view text) {
    std::string_view rest = text;
    const std::string_view kind = take_until(rest, ':');
    if (kind.size() == text.size())
        return wrong(fmt::format("\"{}\" is no guest; {}", text, forms));
    if (kind == "qmp") return parse_qmp(rest);
    if (kind == "mdev") {
        auto uuid = parse_uuid(rest, "mdev");
        if (!uuid) return wrong(std::move(uuid.error()));
        return MdevSource{std::move(*uuid)};
    }
    if (kind == "fd") {
        const auto fd = parse_number(rest, 0);
        if (fd) return InheritedSource{*fd};
        return wrong(fmt::format("fd: \"{}\" is no descriptor; expected 0 or more", rest));
    }
    if (kind == "recv") {
        auto socket = parse_socket(rest, "recv");
        if (!socket) return wrong(std::move(socket.error()));
        return ReceivedSource{std::move(*socket)};
    }
    return wrong(fmt::format("unknown kind of guest \"{}\"; {}", kind, forms));
}

std::string to_string(const GuestSource& source) {
    return std::visit(Printer{}, source);
}

}  // namespace scanthru::vfio
