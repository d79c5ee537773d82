// SPDX-License-Identifier: MIT
#include "kms/hotplug.h"

#include <cerrno>
#include <libudev.h>
#include <unistd.h>

namespace scanthru::kms {
namespace {

/// libudev sets errno or returns a negative one, not always.
int error_of(int result) {
    if (result < 0) return -result;
    return errno != 0 ? errno : ENOMEM;
}

}  // namespace

void HotplugMonitor::Release::operator()(udev* context) const noexcept {
    udev_unref(context);
}

void HotplugMonitor::Release::operator()(udev_monitor* monitor) const noexcept {
    udev_monitor_unref(monitor);
}

Result<HotplugMonitor> HotplugMonitor::open() {
    HotplugMonitor opened;
    errno = 0;
    opened.context_.reset(udev_new());
    if (!opened.context_) return fail(error_of(0), "udev_new");
    const bool udevd = ::access("/run/udev/control", F_OK) == 0;
    opened.monitor_.reset(
        udev_monitor_new_from_netlink(opened.context_.get(), udevd ? "udev" : "kernel"));
    if (!opened.monitor_) return fail(error_of(0), "udev_monitor_new_from_netlink");
    udev_monitor* const monitor = opened.monitor_.get();
    if (const int set = udev_monitor_filter_add_match_subsystem_devtype(monitor, "drm", nullptr);
        set < 0)
        return fail(error_of(set), "udev_monitor_filter_add_match_subsystem_devtype");
    if (const int enabled = udev_monitor_enable_receiving(monitor); enabled < 0)
        return fail(error_of(enabled), "udev_monitor_enable_receiving");
    return opened;
}

int HotplugMonitor::fd() const noexcept {
    return udev_monitor_get_fd(monitor_.get());
}

bool HotplugMonitor::drain() {
    // Which connector it was, not all drivers say; whoever asks looks at all of them.
    bool any = false;
    while (udev_device* const device = udev_monitor_receive_device(monitor_.get())) {
        udev_device_unref(device);
        any = true;
    }
    return any;
}

}  // namespace scanthru::kms
