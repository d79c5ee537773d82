// SPDX-License-Identifier: MIT
// From a report of a device to QEMU, while frames are presented; in virtual time.
#include "hands_fixture.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <linux/input.h>
#include <random>
#include <sched.h>
#include <sstream>
#include <sys/prctl.h>
#include <thread>

namespace scanthru::system_test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Moment = std::chrono::steady_clock::time_point;

constexpr const char* config_file = "/run/hands-latency.toml";

/// Hardware reports by an interrupt: nothing of ours delays it, and it is on time.
class AsAnInterrupt {
public:
    AsAnInterrupt() {
        const sched_param above_frame_threads{.sched_priority = 2};
        EXPECT_EQ(::sched_setscheduler(0, SCHED_RR, &above_frame_threads), 0);
        EXPECT_EQ(::prctl(PR_SET_TIMERSLACK, 1UL), 0);
    }
    ~AsAnInterrupt() {
        const sched_param ordinary{};
        ::sched_setscheduler(0, SCHED_OTHER, &ordinary);
        ::prctl(PR_SET_TIMERSLACK, 0UL);  // The default.
    }
    AsAnInterrupt(const AsAnInterrupt&) = delete;
    AsAnInterrupt& operator=(const AsAnInterrupt&) = delete;
};

/// A line of the scripted QEMU's record, and when it read the command.
struct Received {
    nanoseconds at{};
    std::string what;
};

/// To the right.
int steps_of(const Received& line) {
    int steps = 0;
    return std::sscanf(line.what.c_str(), "rel x %d", &steps) == 1 ? steps : 0;
}

class HandsLatency : public HandsOnGuest {
protected:
    /// A guest that is faster than the screen, so that every vblank has its flip.
    void begin_presenting() {
        std::ofstream{config_file} << "[[input.device]]\nname = \"test mouse*\"\n"
                                      "acceleration = \"flat\"\n";
        qemu.mice("mouse");
        begin({"--config", config_file, "--modeline", small_modeline(60), "--refresh", "never",
               "--idle", "black", "--idle-poll", "off"});
        qemu.stamp();
        ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=5 rate=143700"), 0);
        // Until what is new, and a boot's first frames, are over.
        std::this_thread::sleep_for(seconds{3});
    }

    /// So many reports of one step to the right, and when each was made.
    std::vector<Moment> move(unsigned count, nanoseconds interval) const {
        const AsAnInterrupt on_time;
        std::vector<Moment> made;
        made.reserve(count);
        Moment due = std::chrono::steady_clock::now();
        for (unsigned i = 0; i < count; ++i) {
            due += interval;
            std::this_thread::sleep_until(due);
            made.push_back(std::chrono::steady_clock::now());
            pointer.move(1, 0);
        }
        return made;
    }

    static std::vector<Received> received_when() {
        std::vector<Received> all;
        for (const std::string& line : received()) {
            const std::size_t space = line.find(' ');
            all.push_back({nanoseconds{std::stoll(line)}, line.substr(space + 1)});
        }
        return all;
    }

    /// Vblanks of `during` that passed without a flip, though the guest had one.
    std::uint64_t missed(const std::function<void()>& during) {
        presenter->collect_flips();
        const std::size_t first = presenter->flips().size();
        const auto late = presenter->counter("late_flips");
        const auto begin = std::chrono::steady_clock::now();
        during();
        const auto taken = std::chrono::steady_clock::now() - begin;
        presenter->collect_flips();
        std::uint64_t missed = presenter->counter("late_flips") - late;
        const auto& flips = presenter->flips();
        EXPECT_GE(flips.size() - first, taken / milliseconds{20}) << "60 a second";
        for (std::size_t i = first; i < flips.size(); ++i)
            missed += flips[i].sequence - flips[i - 1].sequence - 1;
        return missed;
    }

    /// Asserts the promise and tells the rest. QEMU reads a command after it was written, so these
    /// are upper bounds.
    static void expect_quick(const std::string& what, std::vector<nanoseconds> taken) {
        ASSERT_FALSE(taken.empty());
        std::ranges::sort(taken);
        const auto part = [&](double quantile) {
            const auto last = static_cast<double>(taken.size() - 1);
            return taken[static_cast<std::size_t>(std::ceil(last * quantile))];
        };
        for (const auto& [name, quantile] :
             {std::pair{"p50", 0.5}, std::pair{"p99", 0.99}, std::pair{"max", 1.0}})
            figure(fmt::format("{} to QEMU, {}", what, name),
                   static_cast<double>(part(quantile).count()) / 1e3, "us");
        EXPECT_LE(part(0.99), microseconds{500}) << what;
    }
};

TEST_F(HandsLatency, AKeyIsWithQemuWithinHalfAMillisecond) {
    begin_presenting();
    const unsigned presses = count_of(2000);
    std::mt19937 random{7};
    std::vector<Moment> made;
    const auto missing = missed([&] {
        const AsAnInterrupt on_time;
        for (unsigned i = 0; i < 2 * presses; ++i) {
            // At every phase of a frame.
            std::this_thread::sleep_for(microseconds{3000 + random() % 30000});
            made.push_back(std::chrono::steady_clock::now());
            keys.key(KEY_A, i % 2 == 0);
        }
    });
    EXPECT_TRUE(wait([&] { return received().size() >= made.size(); }));
    const auto record = received_when();
    ASSERT_EQ(record.size(), made.size());
    std::vector<nanoseconds> taken;
    for (std::size_t i = 0; i < made.size(); ++i) {
        EXPECT_EQ(record[i].what, i % 2 == 0 ? "key a 1" : "key a 0");
        taken.push_back(record[i].at - made[i].time_since_epoch());
    }
    expect_quick("key", taken);
    EXPECT_EQ(missing, 0U);
}

TEST_F(HandsLatency, AMouseOf8KilohertzCostsNoVblankAndLosesNoStep) {
    begin_presenting();
    constexpr unsigned rate = 8000;
    const unsigned reports = count_of(20 * rate);
    const seconds time{reports / rate};
    const auto without = missed([&] { std::this_thread::sleep_for(time); });
    std::vector<Moment> made;
    const auto with = missed([&] { made = move(reports, nanoseconds{seconds{1}} / rate); });
    const auto steps = [] {
        int sum = 0;
        for (const Received& line : received_when())
            sum += steps_of(line);
        return sum;
    };
    EXPECT_TRUE(wait([&] { return steps() >= static_cast<int>(made.size()); }));
    figure("vblanks missed without a mouse", static_cast<double>(without), "vblanks");
    figure("vblanks missed with a mouse of 8 kHz", static_cast<double>(with), "vblanks");
    EXPECT_LE(with, without);

    std::vector<nanoseconds> taken;
    std::size_t arrived = 0;
    std::size_t lists = 0;
    for (const Received& line : received_when()) {
        const int joined = steps_of(line);
        lists += joined != 0 ? 1 : 0;
        for (int i = 0; i < joined && arrived < made.size(); ++i, ++arrived)
            taken.push_back(line.at - made[arrived].time_since_epoch());
    }
    figure("reports of a mouse in a command",
           static_cast<double>(made.size()) / static_cast<double>(lists), "reports");
    EXPECT_EQ(arrived, made.size()) << "the sum of all steps";
    expect_quick("step of an 8 kHz mouse", taken);
}

TEST_F(HandsLatency, AQemuThatTakes200MillisecondsCostsNoVblankAndLosesNothing) {
    qemu.dawdle(milliseconds{200});
    begin_presenting();
    const auto presses = static_cast<int>(count_of(300));
    constexpr int moves = 3;  // Between two of them.
    std::vector<std::string> expected;
    const auto late = missed([&] {
        const AsAnInterrupt on_time;
        std::mt19937 random{9};
        for (int i = 0; i < 2 * presses; ++i) {
            const auto code = static_cast<std::uint16_t>(KEY_Q + i / 2 % 10);
            keys.key(code, i % 2 == 0);
            expected.push_back(fmt::format("key {} {}", input::qcode_of(code), 1 - i % 2));
            for (int step = 0; step < moves; ++step) {
                std::this_thread::sleep_for(microseconds{1000 + random() % 4000});
                pointer.move(1, 0);
            }
        }
    });
    EXPECT_EQ(late, 0U);
    std::vector<std::string> switches;
    int moved = 0;
    const auto all_received = [&] {
        switches.clear();
        moved = 0;
        for (const Received& line : received_when()) {
            if (line.what.starts_with("key ")) switches.push_back(line.what);
            moved += steps_of(line);
        }
        return switches.size() >= expected.size() && moved >= 2 * presses * moves;
    };
    // Motion is not joined across a key, so there are as many commands as keys.
    EXPECT_TRUE(PresenterProcess::wait(all_received, seconds{120}));
    EXPECT_THAT(switches, ::testing::ElementsAreArray(expected));
    EXPECT_EQ(moved, 2 * presses * moves);
    EXPECT_EQ(status_of_input()["dropped"], 0);
}

}  // namespace
}  // namespace scanthru::system_test
