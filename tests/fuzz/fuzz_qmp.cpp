// SPDX-License-Identifier: MIT
#include "base/qmp_message.h"

#include <cstdlib>
#include <string_view>

// The input is what something at the other end of a monitor's socket sent, cut into pieces at
// zero bytes; the property is that the pieces make the same lines as the whole, and that a message
// has what its kind promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using scanthru::QmpMessage;
    std::string_view bytes{reinterpret_cast<const char*>(data), size};
    scanthru::QmpLines in_pieces;
    std::string together;
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, bytes.find('\0'));
        if (!in_pieces.feed(piece)) return 0;
        together += piece;
        bytes.remove_prefix(std::min(piece.size() + 1, bytes.size()));
    }
    scanthru::QmpLines at_once;
    if (!at_once.feed(together)) std::abort();

    while (const auto line = at_once.next()) {
        if (in_pieces.next() != line) std::abort();
        const auto message = scanthru::parse_qmp_message(*line);
        if (!message && message.error().empty()) std::abort();
        if (!message) continue;
        if (message->kind == QmpMessage::Kind::event && !message->value.is_object()) std::abort();
        if (message->kind == QmpMessage::Kind::error && message->text.empty()) std::abort();
    }
    if (in_pieces.next()) std::abort();
    return 0;
}
