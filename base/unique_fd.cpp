// SPDX-License-Identifier: MIT
#include "base/unique_fd.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <unistd.h>

namespace scanthru {

Result<void> copy_all(int from, int to) {
    std::array<char, 65536> buffer{};
    while (true) {
        const ssize_t length = ::read(from, buffer.data(), buffer.size());
        if (length < 0) return fail(errno, "read");
        if (length == 0) return {};
        for (ssize_t done = 0; done < length;) {
            const ssize_t written =
                ::write(to, buffer.data() + done, static_cast<std::size_t>(length - done));
            if (written < 0) return fail(errno, "write");
            done += written;
        }
    }
}

}  // namespace scanthru
