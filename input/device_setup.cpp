// SPDX-License-Identifier: MIT
#include "input/device_setup.h"

#include <libinput.h>
#include <libudev.h>
#include <memory>

namespace scanthru::input {
namespace {

struct UnrefUdev {
    void operator()(udev_device* device) const noexcept { udev_device_unref(device); }
};

std::string text(const char* value) {
    return value != nullptr ? value : "";
}

void read_udev(udev_device* node, DeviceInfo& info) {
    const auto property = [node](const char* name) {
        return text(udev_device_get_property_value(node, name));
    };
    info.syspath = text(udev_device_get_syspath(node));
    info.node = text(udev_device_get_devnode(node));
    for (auto* link = udev_device_get_devlinks_list_entry(node); link != nullptr;
         link = udev_list_entry_get_next(link))
        info.links.push_back(text(udev_list_entry_get_name(link)));
    // The node's parent is the device itself; borrowed from the node.
    if (udev_device* const parent = udev_device_get_parent(node); parent != nullptr)
        info.phys = text(udev_device_get_sysattr_value(parent, "phys"));
    info.id_path = property("ID_PATH");
    info.wl_output = property("WL_OUTPUT");
    info.scanthru_output = property("SCANTHRU_OUTPUT");
    info.scanthru_guest = property("SCANTHRU_GUEST");
    info.scanthru_ignore = property("SCANTHRU_IGNORE");
}

}  // namespace

DeviceInfo describe(libinput_device* device) {
    DeviceInfo info;
    info.name = text(libinput_device_get_name(device));
    info.sysname = text(libinput_device_get_sysname(device));
    info.vendor = static_cast<std::uint16_t>(libinput_device_get_id_vendor(device));
    info.product = static_cast<std::uint16_t>(libinput_device_get_id_product(device));
    const auto can = [device](libinput_device_capability capability) {
        return libinput_device_has_capability(device, capability) != 0;
    };
    info.kinds = {.keyboard = can(LIBINPUT_DEVICE_CAP_KEYBOARD),
                  .pointer = can(LIBINPUT_DEVICE_CAP_POINTER),
                  .touch = can(LIBINPUT_DEVICE_CAP_TOUCH),
                  .tablet = can(LIBINPUT_DEVICE_CAP_TABLET_TOOL)};
    const std::unique_ptr<udev_device, UnrefUdev> node{libinput_device_get_udev_device(device)};
    if (node) read_udev(node.get(), info);
    return info;
}

std::vector<std::string> apply(const DeviceSettings& settings, libinput_device* device) {
    std::vector<std::string> refused;
    const auto judge = [&refused](libinput_config_status status, const char* what) {
        if (status != LIBINPUT_CONFIG_STATUS_SUCCESS) refused.emplace_back(what);
    };
    // A device that cannot be silenced is not listened to: whether it could is nobody's concern.
    if (settings.ignore.value_or(false)) {
        libinput_device_config_send_events_set_mode(device, LIBINPUT_CONFIG_SEND_EVENTS_DISABLED);
        return refused;
    }
    if (settings.acceleration)
        judge(libinput_device_config_accel_set_profile(
                  device, *settings.acceleration == Acceleration::flat
                              ? LIBINPUT_CONFIG_ACCEL_PROFILE_FLAT
                              : LIBINPUT_CONFIG_ACCEL_PROFILE_ADAPTIVE),
              "acceleration");
    if (settings.speed)
        judge(libinput_device_config_accel_set_speed(device, *settings.speed), "speed");
    if (settings.natural_scroll)
        judge(libinput_device_config_scroll_set_natural_scroll_enabled(
                  device, *settings.natural_scroll ? 1 : 0),
              "natural_scroll");
    if (settings.tap)
        judge(libinput_device_config_tap_set_enabled(device, *settings.tap
                                                                 ? LIBINPUT_CONFIG_TAP_ENABLED
                                                                 : LIBINPUT_CONFIG_TAP_DISABLED),
              "tap");
    if (settings.left_handed)
        judge(libinput_device_config_left_handed_set(device, *settings.left_handed ? 1 : 0),
              "left_handed");
    if (settings.calibration)
        judge(libinput_device_config_calibration_set_matrix(device, settings.calibration->data()),
              "calibration");
    return refused;
}

}  // namespace scanthru::input
