// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "vfio/gfx_device.h"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <variant>

namespace scanthru::vfio {

/// A running QEMU, named by its QMP socket.
struct QmpSource {
    std::string socket;
    std::optional<pid_t> pid;         ///< Where the socket's peer is not QEMU itself.
    std::optional<std::string> mdev;  ///< UUID of the device, where QEMU has several.
    bool operator==(const QmpSource&) const = default;
};

/// A mediated device that we open ourselves.
struct MdevSource {
    std::string uuid;
    bool operator==(const MdevSource&) const = default;
};

/// A VFIO device descriptor that this process inherited.
struct InheritedSource {
    int fd = -1;
    bool operator==(const InheritedSource&) const = default;
};

/// A VFIO device descriptor that somebody sends over a Unix socket at which we connect.
struct ReceivedSource {
    std::string socket;
    bool operator==(const ReceivedSource&) const = default;
};

using GuestSource = std::variant<QmpSource, MdevSource, InheritedSource, ReceivedSource>;

/// Longest path that fits a sockaddr_un with its final zero, in bytes.
inline constexpr std::size_t max_socket_path = 107;

/// The UUID in lower case, as sysfs has it, or nothing where `text` is none. Pure.
std::optional<std::string> normalize_uuid(std::string_view text);

/// Reads `qmp:SOCK[,pid=N][,mdev=UUID]`, `mdev:UUID`, `fd:N` or `recv:SOCK`.
///
/// The error is a sentence for the user that says what was wrong and what was expected. The path of
/// a `qmp:` socket cannot contain a comma. UUIDs become lower case. Pure.
Result<GuestSource, std::string> parse_guest_source(std::string_view text);

/// The inverse of parse_guest_source().
std::string to_string(const GuestSource& source);

}  // namespace scanthru::vfio
