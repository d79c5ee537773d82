// SPDX-License-Identifier: MIT
#include "input/translator.h"

#include <algorithm>
#include <libinput.h>
#include <linux/input-event-codes.h>

namespace scanthru::input {
namespace {

std::uint16_t code_of(std::uint32_t code) {
    return static_cast<std::uint16_t>(code);
}

/// A pen's buttons in a mouse's words.
std::uint16_t pointer_button(std::uint32_t tool_button) {
    switch (tool_button) {
    case BTN_STYLUS: return BTN_RIGHT;
    case BTN_STYLUS2: return BTN_MIDDLE;
    case BTN_STYLUS3: return BTN_SIDE;
    default: return code_of(tool_button);
    }
}

}  // namespace

void Translator::translate(libinput_event* event, const Sink& sink) {
    switch (libinput_event_get_type(event)) {
    case LIBINPUT_EVENT_KEYBOARD_KEY: {
        auto* const key = libinput_event_get_keyboard_event(event);
        return sink(Key{code_of(libinput_event_keyboard_get_key(key)),
                        libinput_event_keyboard_get_key_state(key) == LIBINPUT_KEY_STATE_PRESSED});
    }
    case LIBINPUT_EVENT_POINTER_MOTION:
    case LIBINPUT_EVENT_POINTER_MOTION_ABSOLUTE:
    case LIBINPUT_EVENT_POINTER_BUTTON:
    case LIBINPUT_EVENT_POINTER_SCROLL_WHEEL:
    case LIBINPUT_EVENT_POINTER_SCROLL_FINGER:
    case LIBINPUT_EVENT_POINTER_SCROLL_CONTINUOUS: return translate_pointer(event, sink);
    case LIBINPUT_EVENT_TOUCH_DOWN:
    case LIBINPUT_EVENT_TOUCH_MOTION:
    case LIBINPUT_EVENT_TOUCH_UP:
    case LIBINPUT_EVENT_TOUCH_CANCEL: return translate_touch(event, sink);
    case LIBINPUT_EVENT_TABLET_TOOL_AXIS:
    case LIBINPUT_EVENT_TABLET_TOOL_PROXIMITY:
    case LIBINPUT_EVENT_TABLET_TOOL_TIP:
    case LIBINPUT_EVENT_TABLET_TOOL_BUTTON: return translate_tool(event, sink);
    default: return;
    }
}

AbsoluteMotion Translator::place(double x, double y) const noexcept {
    return {std::clamp(x * stretch_.x, 0.0, 1.0), std::clamp(y * stretch_.y, 0.0, 1.0)};
}

void Translator::translate_pointer(libinput_event* event, const Sink& sink) {
    auto* const pointer = libinput_event_get_pointer_event(event);
    switch (libinput_event_get_type(event)) {
    case LIBINPUT_EVENT_POINTER_MOTION:
        return sink(RelativeMotion{libinput_event_pointer_get_dx(pointer),
                                   libinput_event_pointer_get_dy(pointer)});
    case LIBINPUT_EVENT_POINTER_MOTION_ABSOLUTE:
        return sink(place(libinput_event_pointer_get_absolute_x_transformed(pointer, 1),
                          libinput_event_pointer_get_absolute_y_transformed(pointer, 1)));
    case LIBINPUT_EVENT_POINTER_BUTTON:
        return sink(Button{code_of(libinput_event_pointer_get_button(pointer)),
                           libinput_event_pointer_get_button_state(pointer) ==
                               LIBINPUT_BUTTON_STATE_PRESSED});
    case LIBINPUT_EVENT_POINTER_SCROLL_WHEEL: return translate_scroll(pointer, true, sink);
    default: return translate_scroll(pointer, false, sink);
    }
}

void Translator::translate_scroll(libinput_event_pointer* event, bool wheel, const Sink& sink) {
    const auto scrolled = [&](libinput_pointer_axis axis, ScrollAxis& notches) {
        // Asked about an axis that is not part of the event, libinput calls it our bug.
        if (libinput_event_pointer_has_axis(event, axis) == 0) return 0;
        return wheel ? notches.add_120ths(libinput_event_pointer_get_scroll_value_v120(event, axis))
                     : notches.add_units(libinput_event_pointer_get_scroll_value(event, axis));
    };
    const Wheel turned{scrolled(LIBINPUT_POINTER_AXIS_SCROLL_HORIZONTAL, horizontal_),
                       scrolled(LIBINPUT_POINTER_AXIS_SCROLL_VERTICAL, vertical_)};
    if (turned != Wheel{}) sink(turned);
}

void Translator::translate_touch(libinput_event* event, const Sink& sink) const {
    auto* const source = libinput_event_get_touch_event(event);
    Touch touch;
    // A screen for one finger has no slots and says -1.
    touch.slot =
        static_cast<std::uint8_t>(std::clamp(libinput_event_touch_get_slot(source), 0, 255));
    switch (libinput_event_get_type(event)) {
    case LIBINPUT_EVENT_TOUCH_DOWN: touch.phase = Touch::Phase::down; break;
    case LIBINPUT_EVENT_TOUCH_MOTION: touch.phase = Touch::Phase::move; break;
    case LIBINPUT_EVENT_TOUCH_UP: touch.phase = Touch::Phase::up; break;
    default: touch.phase = Touch::Phase::cancel; break;
    }
    if (touch.phase == Touch::Phase::down || touch.phase == Touch::Phase::move) {
        const AbsoluteMotion at = place(libinput_event_touch_get_x_transformed(source, 1),
                                        libinput_event_touch_get_y_transformed(source, 1));
        touch.x = at.x;
        touch.y = at.y;
    }
    sink(touch);
}

void Translator::translate_tool(libinput_event* event, const Sink& sink) {
    auto* const tool = libinput_event_get_tablet_tool_event(event);
    const auto type = libinput_event_get_type(event);
    if (type == LIBINPUT_EVENT_TABLET_TOOL_PROXIMITY &&
        libinput_event_tablet_tool_get_proximity_state(tool) ==
            LIBINPUT_TABLET_TOOL_PROXIMITY_STATE_OUT)
        return lift_tool(sink);
    if (type == LIBINPUT_EVENT_TABLET_TOOL_BUTTON)
        return press_tool(pointer_button(libinput_event_tablet_tool_get_button(tool)),
                          libinput_event_tablet_tool_get_button_state(tool) ==
                              LIBINPUT_BUTTON_STATE_PRESSED,
                          sink);
    sink(place(libinput_event_tablet_tool_get_x_transformed(tool, 1),
               libinput_event_tablet_tool_get_y_transformed(tool, 1)));
    if (type == LIBINPUT_EVENT_TABLET_TOOL_TIP)
        press_tool(BTN_LEFT,
                   libinput_event_tablet_tool_get_tip_state(tool) == LIBINPUT_TABLET_TOOL_TIP_DOWN,
                   sink);
}

void Translator::press_tool(std::uint16_t button, bool down, const Sink& sink) {
    std::erase(tool_buttons_, button);
    if (down) tool_buttons_.push_back(button);
    sink(Button{button, down});
}

void Translator::lift_tool(const Sink& sink) {
    while (!tool_buttons_.empty())
        press_tool(tool_buttons_.back(), false, sink);
}

}  // namespace scanthru::input
