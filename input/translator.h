// SPDX-License-Identifier: MIT
#pragma once

#include "input/event.h"
#include "input/scroll_axis.h"

#include <cstdint>
#include <functional>
#include <vector>

struct libinput_event;
struct libinput_event_pointer;
struct libinput_event_tablet_tool;
struct libinput_event_touch;

namespace scanthru::input {

/// Where a device's places end: libinput's fractions stop one unit of the device before 1.
struct AreaStretch {
    double x = 1;
    double y = 1;
};

/// Turns libinput's events of one device into ours.
///
/// What has no counterpart (gestures, switches, a tablet's pads, the ends of touch frames) is
/// dropped. A pen is an absolute pointer: its tip is BTN_LEFT, its buttons are BTN_RIGHT and
/// BTN_MIDDLE.
class Translator {
public:
    using Sink = std::function<void(const Event&)>;

    explicit Translator(AreaStretch stretch) noexcept : stretch_(stretch) {}

    /// Gives `sink` what `event` means: nothing, one thing, or several in order.
    void translate(libinput_event* event, const Sink& sink);

private:
    void translate_pointer(libinput_event* event, const Sink& sink);
    void translate_scroll(libinput_event_pointer* event, bool wheel, const Sink& sink);
    void translate_touch(libinput_event* event, const Sink& sink) const;
    void translate_tool(libinput_event* event, const Sink& sink);
    void press_tool(std::uint16_t button, bool down, const Sink& sink);
    void lift_tool(const Sink& sink);
    AbsoluteMotion place(double x, double y) const noexcept;

    AreaStretch stretch_;
    ScrollAxis horizontal_;
    ScrollAxis vertical_;
    std::vector<std::uint16_t> tool_buttons_;  ///< Those of a pen that are down.
};

}  // namespace scanthru::input
