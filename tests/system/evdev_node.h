// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.h"

#include <cstdint>
#include <filesystem>
#include <linux/input.h>
#include <optional>
#include <string>
#include <vector>

namespace scanthru::system_test {

/// An input device as a guest's QEMU reads it.
class EvdevNode {
public:
    /// `sysname` as "input7". Fails the test when it cannot be opened, or grabbed.
    EvdevNode(const std::string& sysname, bool grab);

    /// The sysname of the device of this name, where there is one.
    static std::optional<std::string> find(const std::string& name);

    /// What came since the last call: "KEY 30=1" and so on, "SYN" for the sync.
    std::vector<std::string> read() const;

    /// A file of its folder in sysfs.
    std::string attribute(const std::string& name) const;
    input_absinfo axis(unsigned code) const;
    void set_led(std::uint16_t code, bool on) const;

private:
    std::filesystem::path system_;
    UniqueFd fd_;
};

}  // namespace scanthru::system_test
