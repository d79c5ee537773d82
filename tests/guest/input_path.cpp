// SPDX-License-Identifier: MIT
#include "input_path.h"

#include "presenter_process.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <linux/input.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds limit{240'000};  ///< A busy machine's.
constexpr milliseconds a_while{200};    ///< Between two attempts.

/// What is under way at once. With its sync each event takes two of 64 places, in virtio's queues
/// and in the kernels' queues for their readers, and so does a light that is switched.
constexpr std::size_t window = 16;

bool is_at(int place, int wanted) {
    const bool is_end = wanted == 0 || wanted == InputPath::far;
    return std::abs(place - wanted) <= (is_end ? 0 : 1);
}

}  // namespace

void InputPath::use(Devices devices) {
    devices_ = std::move(devices);
    place_ = {};
    caps_ = false;
    fingers_.clear();
    down_.clear();
    slot_ = 0;
}

void InputPath::type(const std::vector<input::Key>& keys, const Press& press) {
    for (std::size_t begin = 0; begin < keys.size(); begin += window) {
        const auto batch = std::span{keys}.subspan(begin, std::min(window, keys.size() - begin));
        press(batch);
        std::vector<GuestEvent> expected;
        for (const input::Key& key : batch) {
            expected.push_back({devices_.keyboard, 'k', key.code, key.down ? 1 : 0});
            caps_ ^= key.code == KEY_CAPSLOCK && key.down;
        }
        ASSERT_EQ(log_.take(batch.size(), limit), expected) << "after " << begin;
    }
}

void InputPath::type(const std::vector<input::Key>& keys) {
    type(keys, [this](std::span<const input::Key> batch) {
        std::vector<OuterInput::Report> reports;
        for (const input::Key& key : batch)
            reports.push_back(OuterInput::key(key.code, key.down));
        outer_.send(reports);
    });
}

void InputPath::point_at(Place wanted) {
    outer_.send({OuterInput::place(wanted.x, wanted.y)});
    const auto arrived = [&] {
        for (const GuestEvent& event : log_.take())
            if (event.kind == 'a' && event.device == devices_.tablet)
                (event.code == ABS_X ? place_.x : place_.y) = event.value;
        return is_at(place_.x, wanted.x) && is_at(place_.y, wanted.y);
    };
    ASSERT_TRUE(PresenterProcess::wait(arrived, limit)) << "at " << place_ << ", not at " << wanted;
}

void InputPath::move(std::span<const Place> steps) {
    Place sent;
    Place got;
    const auto arrived = [&] {
        for (const GuestEvent& event : log_.take())
            if (event.kind == 'r' && event.device == devices_.mouse)
                (event.code == REL_X ? got.x : got.y) += event.value;
        return got == sent;
    };
    for (; !steps.empty(); steps = steps.subspan(std::min(window, steps.size()))) {
        std::vector<OuterInput::Report> reports;
        for (const Place& step : steps.first(std::min(window, steps.size()))) {
            sent = {sent.x + step.x, sent.y + step.y};
            reports.push_back(OuterInput::motion(step.x, step.y));
        }
        outer_.send(reports);
        ASSERT_TRUE(PresenterProcess::wait(arrived, limit)) << "at " << got << ", not at " << sent;
    }
}

void InputPath::click(const std::string& button, std::uint16_t code) {
    for (const int down : {1, 0}) {
        outer_.send({OuterInput::button(button, down != 0)});
        ASSERT_EQ(log_.take(1, limit),
                  (std::vector<GuestEvent>{{devices_.mouse, 'k', code, down}}));
    }
}

void InputPath::turn(const std::string& wheel, int notches) {
    for (int i = 0; i < std::abs(notches); ++i)
        outer_.send({OuterInput::button(wheel, true), OuterInput::button(wheel, false)});
    int turned = 0;
    const auto arrived = [&] {
        for (const GuestEvent& event : log_.take())
            if (event.kind == 'r' && event.device == devices_.mouse && event.code == REL_WHEEL)
                turned += event.value;
        return turned == notches;
    };
    EXPECT_TRUE(PresenterProcess::wait(arrived, limit)) << turned << ", not " << notches;
}

/// What has not changed the kernel does not say again, neither of an axis nor of the slot.
void InputPath::follow_finger(const GuestEvent& event) {
    switch (event.code) {
    case ABS_MT_SLOT: slot_ = event.value; break;
    case ABS_MT_POSITION_X: fingers_[slot_].x = event.value; break;
    case ABS_MT_POSITION_Y: fingers_[slot_].y = event.value; break;
    case ABS_MT_TRACKING_ID:
        if (event.value < 0)
            down_.erase(slot_);
        else
            down_.insert(slot_);
        break;
    default: break;
    }
}

void InputPath::wait_for_fingers(const std::map<int, Place>& wanted) {
    std::map<int, Place> now;
    const auto arrived = [&] {
        for (const GuestEvent& event : log_.take())
            if (event.kind == 'a' && event.device == devices_.touch_screen) follow_finger(event);
        now.clear();
        for (const int slot : down_)
            now[slot] = fingers_[slot];
        return now == wanted;
    };
    EXPECT_TRUE(PresenterProcess::wait(arrived, limit)) << ::testing::PrintToString(now);
}

void InputPath::wait_for_mouse() {
    const auto hears = [this](char kind, int value) {
        return std::ranges::any_of(log_.take(1, a_while), [&](const GuestEvent& event) {
            return event.kind == kind && event.device == devices_.mouse && event.value == value;
        });
    };
    ASSERT_TRUE(PresenterProcess::wait(
        [&] {
            outer_.send({OuterInput::motion(1, 1)});
            return hears('r', 1);
        },
        limit));
    // What was sent before it has arrived by then.
    outer_.send({OuterInput::button("left", true), OuterInput::button("left", false)});
    ASSERT_TRUE(PresenterProcess::wait([&] { return hears('k', 0); }, limit));
}

}  // namespace scanthru::system_test
