// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace scanthru::system_test {

/// Somebody who is not root: a number without an entry in /etc/passwd, and a runtime folder.
class OrdinaryUser {
public:
    /// `groups`: by name, which it is in beside its own. Its own group has the user's number.
    explicit OrdinaryUser(uid_t uid, const std::vector<std::string>& groups = {});

    uid_t uid() const noexcept { return uid_; }

    /// What XDG_RUNTIME_DIR is for it: "/run/user/UID", nobody else's.
    const std::string& runtime_folder() const noexcept { return runtime_folder_; }

    /// Gives it a file or device.
    void own(const std::string& path) const;

    /// This process becomes it for good: no capability, and none to be had by what it executes.
    /// For children; ends the process where that fails.
    void become() const;

private:
    uid_t uid_;
    std::vector<gid_t> groups_;
    std::string runtime_folder_;
};

}  // namespace scanthru::system_test
