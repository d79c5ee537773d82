// SPDX-License-Identifier: MIT
#include "base/replace_file.h"

#include "base/unique_fd.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace scanthru {
namespace {

Result<void> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail(errno, "write");
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view text) {
    std::string draft = path + ".XXXXXX";
    const UniqueFd fd{::mkostemp(draft.data(), O_CLOEXEC)};
    if (!fd) return fail(errno, "mkostemp");
    auto done = write_all(fd.get(), text);
    if (done && ::fchmod(fd.get(), 0644) != 0) done = fail(errno, "fchmod");
    if (done && ::rename(draft.c_str(), path.c_str()) != 0) done = fail(errno, "rename");
    if (!done) ::unlink(draft.c_str());
    return done;
}

}  // namespace scanthru
