// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace scanthru::system_test {

/// The VM's own virtio keyboard, tablet and mouse, moved from outside: input-send-event on the
/// monitor of the QEMU around it. tests/vm/qmp waits until this is gone.
class OuterInput {
public:
    /// What a device says between two syncs: a list of QMP's InputEvent.
    using Report = nlohmann::json;

    /// Throws std::runtime_error, as send() does.
    OuterInput();

    /// One after another; returns when QEMU has taken all.
    void send(const std::vector<Report>& reports);

    static Report key(std::uint16_t code, bool down);  ///< `code`: one that has a qcode.
    static Report button(const std::string& name, bool down);
    static Report place(int x, int y);  ///< 0 … 0x7fff
    static Report motion(int dx, int dy);

private:
    std::vector<nlohmann::json> execute(const std::vector<std::string>& commands);
    std::string read_line();

    UniqueFd lock_;
    UniqueFd port_;
    std::string unread_;
};

}  // namespace scanthru::system_test
