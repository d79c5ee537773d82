// SPDX-License-Identifier: MIT
#include "base/qmp_message.h"

#include <fmt/format.h>

namespace scanthru {
namespace {

using Json = nlohmann::json;
using Message = Result<QmpMessage, std::string>;

tl::unexpected<std::string> nonsense(std::string_view reason) {
    return tl::unexpected<std::string>{std::string{reason}};
}

/// The string at `key`, or nothing.
const std::string* find_string(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

Message read_error(const Json& error, std::optional<std::uint64_t> id) {
    if (!error.is_object()) return nonsense("an error that is no object");
    const std::string* const name = find_string(error, "class");
    const std::string* const description = find_string(error, "desc");
    if (name == nullptr || description == nullptr)
        return nonsense("an error without class or description");
    return QmpMessage{.kind = QmpMessage::Kind::error,
                      .text = fmt::format("{}: {}", *name, *description),
                      .value = {},
                      .id = id};
}

Message read_event(Json& message) {
    const std::string* const name = find_string(message, "event");
    if (name == nullptr) return nonsense("an event whose name is no string");
    Json data = Json::object();
    if (const auto found = message.find("data"); found != message.end()) {
        if (!found->is_object()) return nonsense("an event whose data is no object");
        data = std::move(*found);
    }
    return QmpMessage{
        .kind = QmpMessage::Kind::event, .text = *name, .value = std::move(data), .id = {}};
}

}  // namespace

Message parse_qmp_message(std::string_view line) {
    Json message = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!message.is_object()) return nonsense("a line that is no JSON object");

    std::optional<std::uint64_t> id;
    if (const auto found = message.find("id"); found != message.end()) {
        // Ours are numbers; QEMU sends back what it was sent.
        if (!found->is_number_unsigned()) return nonsense("an id that is not ours");
        id = found->get<std::uint64_t>();
    }
    if (message.contains("event")) return read_event(message);
    if (const auto error = message.find("error"); error != message.end())
        return read_error(*error, id);
    if (const auto result = message.find("return"); result != message.end())
        return QmpMessage{
            .kind = QmpMessage::Kind::result, .text = {}, .value = std::move(*result), .id = id};
    if (message.contains("QMP")) return QmpMessage{};
    return nonsense("a message of an unknown kind");
}

bool QmpLines::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        unfinished_ += bytes.substr(0, end);
        if (unfinished_.size() > max_qmp_line) return false;
        if (end == bytes.size()) break;
        bytes.remove_prefix(end + 1);
        // QEMU ends its lines with CR LF.
        if (unfinished_.ends_with('\r')) unfinished_.pop_back();
        if (!unfinished_.empty()) complete_.push_back(std::move(unfinished_));
        unfinished_.clear();
    }
    return true;
}

std::optional<std::string> QmpLines::next() {
    if (complete_.empty()) return std::nullopt;
    std::string line = std::move(complete_.front());
    complete_.pop_front();
    return line;
}

}  // namespace scanthru
