// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace scanthru {

/// One line from QEMU's machine protocol.
struct QmpMessage {
    enum class Kind { greeting, result, error, event };

    Kind kind = Kind::greeting;
    std::string text;      ///< The event's name; of an error, "class: description".
    nlohmann::json value;  ///< `return` of a result, `data` of an event (an object, maybe empty).
    std::optional<std::uint64_t> id;  ///< Of the command that a result or an error answers.
};

/// Longest line that is taken for one of QEMU's: 1 MiB. The longest real one, the answer to
/// query-qmp-schema, has about 200 KiB.
inline constexpr std::size_t max_qmp_line = std::size_t{1} << 20;

/// Reads one line, with or without its end. The error says what is wrong with it. Pure.
Result<QmpMessage, std::string> parse_qmp_message(std::string_view line);

/// Makes lines of the pieces in which a stream arrives.
class QmpLines {
public:
    /// Takes what was read. Returns false when a line is longer than max_qmp_line; it is lost, and
    /// nothing more should be fed.
    [[nodiscard]] bool feed(std::string_view bytes);

    /// The next complete line without its end, empty lines left out; nothing when there is none.
    std::optional<std::string> next();

private:
    std::deque<std::string> complete_;
    std::string unfinished_;
};

}  // namespace scanthru
