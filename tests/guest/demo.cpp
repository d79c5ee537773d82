// SPDX-License-Identifier: MIT
// What tests/demo runs in the VM:
//   guest_demo console FOLDER     a real guest's text console
//   guest_demo synthetic FOLDER   the vGPU's own guest, with its cursor
//   guest_demo latency FOLDER     page-flip latency; for virtual time
// Leaves pictures, latency.txt and a part of the summary in FOLDER. The exit code is 1 when a fact
// does not hold, 3 when it came to no fact.
#include "nested_guest.h"
#include "presenter_process.h"
#include "synthetic_guest.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

void say(const std::string& words) {
    std::cout << "  " << words << std::endl;
}

/// One part of the summary.
class Summary {
public:
    Summary(const std::string& folder, const std::string& part, const std::string& title)
        : file_(folder + "/summary-" + part + ".txt") {
        file_ << title << '\n';
    }

    void tell(const std::string& words) { file_ << "        " << words << '\n'; }

    void fact(bool holds, const std::string& words) {
        file_ << (holds ? "  PASS  " : "  FAIL  ") << words << '\n';
        good_ &= holds;
    }

    bool good() const { return good_; }

private:
    std::ofstream file_;
    bool good_ = true;
};

/// The vGPU's own counters.
std::map<std::string, std::int64_t> counters_of(const std::string& uuid) {
    return vgpu::parse_counters(
        vgpu::read_file("/sys/kernel/debug/scanthru_vgpu/" + uuid + "/counters"));
}

void wait_or_throw(const PresenterProcess& presenter,
                   const std::function<bool()>& done,
                   milliseconds limit,
                   const std::string& what) {
    if (PresenterProcess::wait(done, limit)) return;
    throw std::runtime_error(fmt::format("{} within {} s; scanthru said:\n{}its status:\n{}", what,
                                         limit.count() / 1000, presenter.log(),
                                         presenter.status().dump(1)));
}

void save_screenshot(const PresenterProcess& presenter, const std::string& file) {
    run_shell(SCANTHRU_BINARY " screenshot --control " + presenter.socket() + " " + file);
    std::filesystem::permissions(file, std::filesystem::perms{0644});
}

/// What has to hold of a guest with so many framebuffers on screen. The vGPU counts for itself.
void judge_scan_out(Summary& summary,
                    const PresenterProcess& presenter,
                    const std::string& uuid,
                    std::int64_t framebuffers) {
    auto vgpu = counters_of(uuid);
    const auto output = presenter.output();
    const auto& primary = output["primary"];
    summary.fact(primary.is_object() && primary["width"] == 1024 && primary["height"] == 768,
                 fmt::format("the guest's picture is on the primary plane of {} ({}), {}x{} at "
                             "{:.3f} Hz",
                             output["name"].get<std::string>(), output["driver"].get<std::string>(),
                             output["width"].get<int>(), output["height"].get<int>(),
                             output["refresh_mhz"].get<double>() / 1000));
    const auto& counters = output["counters"];
    summary.tell(fmt::format("frames {}, flips {}", counters["frames"].get<std::uint64_t>(),
                             counters["flips"].get<std::uint64_t>()));
    const auto gets = counters["gets"].get<std::int64_t>();
    const auto made = counters["framebuffers"].get<std::int64_t>();
    summary.fact(gets == framebuffers && made == framebuffers && vgpu["get"] == framebuffers,
                 fmt::format("imports {} and host framebuffers {} for {} framebuffer(s) of the "
                             "guest; dma-bufs given out, says the vGPU: {}",
                             gets, made, framebuffers, vgpu["get"]));
    summary.fact(vgpu["attachments_live"] == framebuffers && vgpu["dmabufs_live"] == framebuffers,
                 fmt::format("living attachments {}, living dma-bufs {}: one for each framebuffer "
                             "of the guest, says the vGPU",
                             vgpu["attachments_live"], vgpu["dmabufs_live"]));
    summary.fact(vgpu["mmaps_total"] == 0,
                 fmt::format("CPU mappings by scanthru: {}, says the vGPU", vgpu["mmaps_total"]));
}

void judge_screenshot(Summary& summary, const std::string& file, const std::string& uuid) {
    // Shows that the count above is one that can move.
    summary.fact(std::filesystem::file_size(file) > 2000 && counters_of(uuid)["mmaps_total"] > 0,
                 fmt::format("{} ({} bytes), for which scanthru did map the dma-bufs: {}",
                             std::filesystem::path{file}.filename().string(),
                             std::filesystem::file_size(file), counters_of(uuid)["mmaps_total"]));
}

void judge_end(Summary& summary, PresenterProcess& presenter) {
    const int code = presenter.stop();
    auto totals = vgpu::totals();
    summary.fact(code == 0 && totals["dmabufs_live"] == 0 && totals["attachments_live"] == 0,
                 fmt::format("scanthru ended with exit code {} and left {} dma-bufs and {} "
                             "attachments",
                             code, totals["dmabufs_live"], totals["attachments_live"]));
}

/// What is to be seen before there is a guest.
void show_splash(Summary& summary, const NestedGuest& guest, const std::string& folder) {
    say("without its guest the screen says how it stands");
    PresenterProcess presenter{
        {"--guest", "qmp:" + guest.socket(), "--card", vkms_card(), "--idle", "message"}};
    wait_or_throw(
        presenter, [&] { return presenter.output()["message"] == true; }, seconds{30},
        "the screen did not say how the guest stands");
    save_screenshot(presenter, folder + "/splash.png");
    summary.fact(true, "before the guest the screen said: " +
                           presenter.output()["says"].get<std::string>());
    presenter.stop();
}

/// The same guest on a monitor of another size, which vkms does not show without a copy.
void show_copied(Summary& summary, const NestedGuest& guest, const std::string& folder) {
    say("the same on a larger monitor, in the middle, for which it is copied");
    PresenterProcess presenter{{"--guest", "qmp:" + guest.socket(), "--card", vkms_card(), "--mode",
                                "1280x1024", "--fit", "center"}};
    wait_or_throw(
        presenter, [&] { return presenter.output()["primary"].is_object(); }, seconds{30},
        "the guest's picture did not come on screen");
    const auto primary = presenter.output()["primary"];
    save_screenshot(presenter, folder + "/guest-copied.png");
    summary.fact(
        primary["rung"] == "copy" && primary["target"]["x"] == 128 && primary["target"]["y"] == 128,
        fmt::format("on a monitor of {}x{} it is shown by {}, at {},{}",
                    presenter.output()["width"].get<int>(), presenter.output()["height"].get<int>(),
                    primary["rung"].get<std::string>(), primary["target"]["x"].get<int>(),
                    primary["target"]["y"].get<int>()));
    judge_end(summary, presenter);
}

bool show_console(const std::string& folder) {
    Summary summary{folder, "1", "A real Linux guest in QEMU, attached by its QMP socket"};
    NestedGuest guest{"demo"};
    show_splash(summary, guest, folder);
    say("starting a real Linux guest on a vGPU");
    guest.start("--do console --add tests/guest/console");
    guest.wait_for("guest: console shown", seconds{900});
    say("presenting its text console with scanthru");
    PresenterProcess presenter{{"--guest", "qmp:" + guest.socket(), "--card", vkms_card()}};
    wait_or_throw(
        presenter, [&] { return presenter.output()["primary"].is_object(); }, seconds{30},
        "the guest's picture did not come on screen");
    std::this_thread::sleep_for(seconds{5});
    judge_scan_out(summary, presenter, guest.uuid(), 1);
    save_screenshot(presenter, folder + "/guest-console.png");
    judge_screenshot(summary, folder + "/guest-console.png", guest.uuid());
    judge_end(summary, presenter);
    show_copied(summary, guest, folder);
    return summary.good();
}

bool show_synthetic(const std::string& folder) {
    Summary summary{folder, "2", "The vGPU's own guest: three framebuffers and a moving cursor"};
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card()}};
    say("presenting the synthetic guest, whose cursor moves");
    // Its last flip leaves the cursor in the middle of the screen.
    if (vgpu.set("guest", "start width=1024 height=768 buffers=3 cursor=1 cursor_size=64 "
                          "draw=ahead frames=95 rate=8000") != 0)
        throw std::runtime_error("the vGPU's synthetic guest did not start");
    GuestLog log{vgpu};
    wait_or_throw(
        presenter,
        [&] {
            log.collect();
            presenter.collect_flips();
            return log.flips().size() > 95 && !presenter.flips().empty() &&
                   presenter.flips().back().sampled_ns > log.flips().back().ns;
        },
        seconds{200}, "the guest did not come to its last picture");
    judge_scan_out(summary, presenter, vgpu.uuid(), 4);
    save_screenshot(presenter, folder + "/synthetic.png");
    judge_screenshot(summary, folder + "/synthetic.png", vgpu.uuid());
    judge_end(summary, presenter);
    return summary.good();
}

/// A figure's distribution, in ms.
class Samples {
public:
    void add(std::int64_t ns) { ms_.push_back(static_cast<double>(ns) / 1e6); }
    std::size_t size() const { return ms_.size(); }

    double mean() const {
        double sum = 0;
        for (const double value : ms_)
            sum += value;
        return sum / static_cast<double>(ms_.size());
    }

    std::string line(const std::string& name) {
        std::ranges::sort(ms_);
        const auto at = [this](double part) {
            return ms_[static_cast<std::size_t>(part * static_cast<double>(ms_.size() - 1))];
        };
        return fmt::format("{:<16} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f}\n", name,
                           ms_.front(), mean(), at(0.5), at(0.99), ms_.back());
    }

private:
    std::vector<double> ms_;
};

constexpr double host_hz = 60.0;
constexpr double guest_hz = 59.94;
constexpr std::int64_t margin_ns = 1'000'000;
constexpr double margin_ms = 1.0;
/// The two clocks run through all their phases in this time; a part of it would not be fair.
constexpr std::int64_t beat_ns = 16'666'666'667;
/// udev and the kernel still tidy up after the boot.
constexpr std::int64_t warm_up_ns = 10'000'000'000;

struct Latency {
    Samples to_scanout;
    Samples age;
    std::size_t guest_flips = 0;
    std::size_t late = 0;
};

/// Of the guest's flips within one beat after the warm-up.
Latency measure(const GuestLog& guest, const PresenterProcess& presenter) {
    const std::int64_t begin = guest.flips().front().ns + warm_up_ns;
    const auto counts = [begin](const GuestFlip& flip) {
        return flip.ns >= begin && flip.ns < begin + beat_ns;
    };
    Latency latency;
    latency.guest_flips = static_cast<std::size_t>(std::ranges::count_if(guest.flips(), counts));
    for (const Flip& flip : presenter.flips()) {
        const GuestFlip* const shown = flip.primary_id == 0 ? nullptr : guest.shown_by(flip);
        if (shown == nullptr || !counts(*shown)) continue;
        latency.to_scanout.add(flip.shown_ns - shown->ns);
        latency.age.add(flip.sampled_ns - shown->ns);
        // One that misses its vblank waits for the next, a frame time later.
        if (flip.shown_ns - flip.sampled_ns > 2 * margin_ns) ++latency.late;
    }
    return latency;
}

std::string report(Latency& latency, double expected_ms) {
    std::string text = fmt::format(
        "Page-flip latency in VIRTUAL time: one instruction counts as 1 ns. It repeats on every\n"
        "machine and says nothing about memory bandwidth or a real display's jitter.\n\n"
        "host    Linux {}, vkms, 320x240 at {:.3f} Hz\n"
        "guest   the vGPU's synthetic one at {:.2f} Hz, three framebuffers\n"
        "d       {:.3f} ms: the guest is asked so long before the vblank\n"
        "n       {} of {} guest flips shown, one whole beat of the two clocks after a warm-up\n\n",
        std::getenv("SCANTHRU_KERNEL"), host_hz, guest_hz, margin_ms, latency.to_scanout.size(),
        latency.guest_flips);
    text += fmt::format("{:<16} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "in ms", "min", "mean", "p50",
                        "p99", "max");
    text += latency.to_scanout.line("flip to scanout");
    text += latency.age.line("sample age");
    text += fmt::format(
        "late flips       {:>9}\n\n"
        "Expected mean of flip to scanout: d + m/2 = {:.3f} ms, m the shorter of the two frame\n"
        "times (phases unsynchronised). Measured: {:.3f} ms, {:+.2f} %.\n",
        latency.late, expected_ms, latency.to_scanout.mean(),
        100 * (latency.to_scanout.mean() / expected_ms - 1));
    return text;
}

bool measure_latency(const std::string& folder) {
    Summary summary{folder, "3", "Page-flip latency in virtual time (latency.txt)"};
    const vgpu::TestVgpu vgpu;
    PresenterProcess presenter{{"--guest", "mdev:" + vgpu.uuid(), "--card", vkms_card(),
                                "--modeline", small_modeline(60), "--refresh", "never",
                                "--margin-us", "1000"}};
    wait_or_throw(
        presenter, [&] { return presenter.status()["guests"][0]["state"] == "attached"; },
        seconds{60}, "the guest was not attached");
    say("measuring page-flip latency in virtual time");
    if (vgpu.set("guest", "start width=320 height=240 buffers=3 rate=59940") != 0)
        throw std::runtime_error("the vGPU's synthetic guest did not start");
    // Nobody asks anything meanwhile: there is one CPU.
    std::this_thread::sleep_for(std::chrono::nanoseconds{beat_ns + warm_up_ns} + seconds{1});
    vgpu.set("guest", "stop");
    GuestLog log{vgpu};
    log.collect();
    presenter.collect_flips();

    Latency latency = measure(log, presenter);
    if (latency.to_scanout.size() == 0) throw std::runtime_error("no flips:\n" + presenter.log());
    const double expected_ms = margin_ms + 1000 / host_hz / 2;
    const double mean = latency.to_scanout.mean();
    std::ofstream{folder + "/latency.txt"} << report(latency, expected_ms);
    summary.fact(
        latency.to_scanout.size() == latency.guest_flips,
        fmt::format("{} of {} guest flips shown", latency.to_scanout.size(), latency.guest_flips));
    summary.fact(latency.late == 0, fmt::format("late flips {}", latency.late));
    summary.fact(
        mean > 0.98 * expected_ms && mean < 1.02 * expected_ms,
        fmt::format("flip to scanout {:.3f} ms on average, expected {:.3f} ms", mean, expected_ms));
    judge_end(summary, presenter);
    return summary.good();
}

int demonstrate(const std::string& part, const std::string& folder) {
    if (const int error = vgpu::load_module(); error != 0 && error != EEXIST)
        throw std::runtime_error(fmt::format("scanthru_vgpu.ko does not load: errno {}", error));
    if (part == "console") return show_console(folder) ? 0 : 1;
    if (part == "synthetic") return show_synthetic(folder) ? 0 : 1;
    if (part == "latency") return measure_latency(folder) ? 0 : 1;
    throw std::runtime_error("expected console, synthetic or latency, not " + part);
}

}  // namespace
}  // namespace scanthru::system_test

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: guest_demo console|synthetic|latency FOLDER\n";
        return 2;
    }
    try {
        return scanthru::system_test::demonstrate(argv[1], argv[2]);
    } catch (const std::exception& failure) {
        std::cerr << "guest_demo " << argv[1] << ": " << failure.what() << '\n';
        return 3;
    }
}
