// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <memory>

struct udev;
struct udev_monitor;

namespace scanthru::kms {

/// Hears from udev when monitors and cards come and go.
class HotplugMonitor {
public:
    /// From udevd where one runs, so that its rules are done; else from the kernel itself.
    ///
    /// Errors: ENOMEM, and those of socket(2) and bind(2) as far as libudev tells them.
    static Result<HotplugMonitor> open();

    /// Readable when there is something for drain().
    int fd() const noexcept;

    /// Takes every event there is. Whether one of them was of a card or a connector.
    bool drain();

private:
    struct Release {
        void operator()(udev* context) const noexcept;
        void operator()(udev_monitor* monitor) const noexcept;
    };

    std::unique_ptr<udev, Release> context_;
    std::unique_ptr<udev_monitor, Release> monitor_;
};

}  // namespace scanthru::kms
