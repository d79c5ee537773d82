// SPDX-License-Identifier: MIT
#pragma once

#include "base/geometry.h"
#include "base/unique_fd.h"

namespace scanthru::system_test {

/// The window in which the outer QEMU shows the first output of the VM's virtio-gpu: a VNC client
/// at its end of a virtio port. Its size is the monitor's mode. The port takes one for the VM's
/// whole life.
class OuterWindow {
public:
    /// Shakes hands with QEMU. Throws with what was missing.
    OuterWindow();

    /// The user draws the window larger or smaller: QEMU plugs in a monitor of this size.
    void resize(Size size) const;

private:
    UniqueFd port_;
};

}  // namespace scanthru::system_test
