// SPDX-License-Identifier: MIT
#include "input/device_access.h"

#include "base/session.h"

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <memory>
#include <unistd.h>

namespace scanthru::input {

DeviceAccess direct_access() {
    return {.open = [](const char* path, int flags) -> Result<int> {
                const int fd = ::open(path, flags | O_CLOEXEC);
                if (fd < 0) return fail(errno, "open");
                return fd;
            },
            .close =
                [](int fd) {
                    ::close(fd);
                }};
}

DeviceAccess access_through(Session& session) {
    const auto opened = std::make_shared<std::map<int, SeatDevice>>();
    return {.open = [&session, opened](const char* path, int) -> Result<int> {
                auto device = session.open_device(path);
                if (!device) return fail(device.error());
                const int fd = device->fd();
                opened->insert_or_assign(fd, *std::move(device));
                return fd;
            },
            .close =
                [opened](int fd) {
                    opened->erase(fd);
                }};
}

}  // namespace scanthru::input
