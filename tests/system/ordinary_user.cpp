// SPDX-License-Identifier: MIT
#include "ordinary_user.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <grp.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <unistd.h>

namespace scanthru::system_test {

OrdinaryUser::OrdinaryUser(uid_t uid, const std::vector<std::string>& groups)
    : uid_(uid), runtime_folder_("/run/user/" + std::to_string(uid)) {
    for (const std::string& name : groups) {
        const group* const found = ::getgrnam(name.c_str());
        if (found == nullptr) throw std::runtime_error("no group " + name);
        groups_.push_back(found->gr_gid);
    }
    std::filesystem::create_directories(runtime_folder_);
    std::filesystem::permissions(runtime_folder_, std::filesystem::perms::owner_all);
    own(runtime_folder_);
}

void OrdinaryUser::own(const std::string& path) const {
    if (::chown(path.c_str(), uid_, uid_) != 0)
        throw std::runtime_error(path + ": " + std::strerror(errno));
}

void OrdinaryUser::become() const {
    // Who changes its user is not to be looked into any more, until it executes something.
    if (::setgroups(groups_.size(), groups_.data()) != 0 || ::setresgid(uid_, uid_, uid_) != 0 ||
        ::setresuid(uid_, uid_, uid_) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        std::_Exit(126);
}

}  // namespace scanthru::system_test
