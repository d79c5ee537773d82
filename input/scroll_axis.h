// SPDX-License-Identifier: MIT
#pragma once

namespace scanthru::input {

/// Makes whole units of 1/120 notch out of what a wheel or a finger scrolls, one axis of it.
class ScrollAxis {
public:
    /// Fingers and rings: libinput counts 15 of its units as what a notch would be.
    static constexpr double units_per_notch = 15;

    /// A wheel's, in 1/120 notch. The whole units there are now; the rest is kept.
    int add_120ths(double amount) noexcept {
        // To turn back is answered at once, not after the rest of the old way.
        if (amount * rest_ < 0) rest_ = 0;
        rest_ += amount;
        const int whole = static_cast<int>(rest_);
        rest_ -= whole;
        return whole;
    }

    /// A finger's or a ring's, in libinput's units. Zero says that the finger was lifted.
    int add_units(double amount) noexcept {
        if (amount == 0) rest_ = 0;
        return add_120ths(amount * 120 / units_per_notch);
    }

private:
    double rest_ = 0;  ///< Less than 1 in size.
};

}  // namespace scanthru::input
