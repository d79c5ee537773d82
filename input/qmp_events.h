// SPDX-License-Identifier: MIT
#pragma once

#include "input/injection_queue.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace scanthru::input {

/// Which pointers a guest has.
struct Mice {
    bool absolute = false;
    bool relative = false;
    bool operator==(const Mice&) const = default;
};

/// Reads the answer to query-mice; what is not as it should be counts for nothing.
Mice read_mice(const nlohmann::json& answer);

/// What input-send-event takes beyond QEMU 7.2.
struct QmpOffers {
    bool touch = false;         ///< Events of type mtt, since QEMU 8.1.
    bool touch_button = false;  ///< The button "touch", which came with them.
    bool newer_keys = false;    ///< F13 … F24.
    bool operator==(const QmpOffers&) const = default;
};

/// Reads the answer to query-qmp-schema; what is not as it should be counts for nothing.
QmpOffers read_offers(const nlohmann::json& schema);

/// QEMU's name of a pointer's button, empty when it has none. BTN_BACK and BTN_FORWARD count as
/// BTN_SIDE and BTN_EXTRA: guests know four or five buttons.
std::string_view button_name(std::uint16_t code);

/// The place of a `fraction` of the picture on an absolute axis, 0 … 0x7fff, to the nearest.
int absolute_value(double fraction);

/// Makes QMP's events of steps and knows what they leave in the guest. Pure.
class QmpTranslator {
public:
    /// What the guest has been sent; copied to go back to it when QEMU refuses a list.
    struct GuestState {
        std::vector<HeldId> down;            ///< Sorted.
        std::optional<std::uint8_t> finger;  ///< The slot that plays the pointer's left button.
        bool pointer_known = false;          ///< By absolute motion.
        double x = 0.5;                      ///< Where it is, in fractions of the picture.
        double y = 0.5;
        double dx = 0;  ///< Of relative motion, less than a pixel that was not sent yet.
        double dy = 0;
    };

    Mice mice;
    QmpOffers offers;
    GuestState guest;

    /// Size of the guest's picture in pixels, for motion that is turned from one kind into the
    /// other. An empty one changes nothing. Before the first: 1024x768.
    void set_size(std::uint32_t width, std::uint32_t height);

    /// Appends the events of `step` to the array `events`: none for a press of what is down, a
    /// release of what is not, and what the guest has no device for.
    void append(const Step& step, nlohmann::json& events);

    bool is_down(HeldId id) const;

    /// Whether this step's meaning depends on `mice`, or on `offers`.
    static bool needs_mice(const Step& step) { return !std::holds_alternative<Key>(step); }
    static bool needs_offers(const Step& step);

private:
    bool has_pointer() const { return mice.absolute || mice.relative; }
    bool change(HeldId id, bool down);
    void append_key(const Key& key, nlohmann::json& events);
    void append_button(const Button& button, nlohmann::json& events);
    void append_relative(double dx, double dy, nlohmann::json& events);
    void append_absolute(double x, double y, nlohmann::json& events);
    void append_notches(const Notches& notches, nlohmann::json& events) const;
    void append_touch(const Touch& touch, nlohmann::json& events);
    void append_finger_as_pointer(const Touch& touch, nlohmann::json& events);
    bool any_touch() const { return !guest.down.empty() && guest.down.back() >= touch_id(0); }

    double width_ = 1024;
    double height_ = 768;
};

}  // namespace scanthru::input
