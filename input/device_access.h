// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <functional>

namespace scanthru {
class Session;
}

namespace scanthru::input {

/// How event devices are opened and closed: by a seat, or as anyone would.
struct DeviceAccess {
    /// `flags` as for open(2). The descriptor stays valid until `close` is called with it.
    std::function<Result<int>(const char* path, int flags)> open;
    std::function<void(int fd)> close;
};

/// open(2) and close(2): needs the rights of root or of the group input.
DeviceAccess direct_access();

/// By `session`, which must outlive every call of `open`, but not of `close`. Suspend the devices
/// when it is disabled: what it opened is dead by then.
DeviceAccess access_through(Session& session);

}  // namespace scanthru::input
