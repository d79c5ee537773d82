// SPDX-License-Identifier: MIT
#include "presenter/probe.h"

#include "base/seat_surroundings.h"
#include "presenter/output.h"
#include "presenter/probe_cards.h"
#include "presenter/probe_guests.h"
#include "presenter/probe_outlook.h"
#include "presenter/probe_processes.h"
#include "presenter/probe_report.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace scanthru {
namespace {

std::string read_kernel_release() {
    utsname name{};
    return ::uname(&name) == 0 ? &name.release[0] : "";
}

void judge_guest(GuestReport& guest, const std::vector<CardReport>& cards, KernelVersion kernel) {
    for (const CardReport& card : cards)
        for (const OutputReport& output : card.outputs)
            if (output.pipeline)
                guest.outputs.push_back(judge(guest, card, *output.pipeline, kernel));
}

/// What would keep any guest from being shown, whoever it is.
void list_problems(ProbeReport& report, const vfio::Places& places) {
    const auto miss = [&report](std::string what) {
        report.problems.push_back(std::move(what));
    };
    if (report.cards.empty())
        miss("there is no /dev/dri/card*: load the graphics card's driver, or pass the device to "
             "this container");
    bool any_output = false;
    bool any_closed = false;
    for (const CardReport& card : report.cards) {
        any_closed = any_closed || card.closed;
        for (const OutputReport& output : card.outputs)
            any_output = any_output || output.pipeline.has_value();
    }
    if (!report.cards.empty() && !any_output)
        miss(any_closed ? "no card has an output that could be used and that probe, which opens "
                          "cards directly, may look at"
                        : "no card has an output that could be used");

    if (::access(places.vfio.c_str(), F_OK) != 0)
        miss("there is no /dev/vfio: load the module vfio, and the driver of the vGPU");
    else if (!report.mdevs.empty())
        if (auto obstacle = find_access_obstacle(places.vfio + "/vfio"); !obstacle.empty())
            miss(std::move(obstacle));
}

/// Who would open cards and input devices for us.
void look_at_seat(ProbeReport& report) {
    const SeatSurroundings here = read_seat_surroundings();
    report.seat = expected_backend(here);
    if (report.seat.empty()) {
        report.problems.push_back(
            fmt::format("no seat: {}; cards and input devices have to be opened directly",
                        why_no_seat(here, ENODEV)));
        return;
    }
    for (CardReport& card : report.cards)
        if (card.closed)
            card.problem += fmt::format("; scanthru run gets it from {} all the same", report.seat);
}

ProbeReport gather(const ProbeCommand& command) {
    const vfio::Places places;
    ProbeReport report{.kernel = read_kernel_release(), .uid = ::getuid()};
    const KernelVersion kernel = parse_kernel_version(report.kernel);
    const TracerRights rights = read_tracer_rights(places);
    report.can_trace_all = rights.can_trace_all;
    report.yama_scope = rights.yama_scope;

    const auto processes = scan_processes(places);
    for (const std::string& path : Cards::paths())
        report.cards.push_back(look_at_card(path, processes, kernel));
    report.mdevs = list_mdevs(processes, places);
    report.processes = pick_vfio_users(processes, report.mdevs, rights);
    for (const GuestConfig& guest : command.guests) {
        report.guests.push_back(look_at_guest(guest, places));
        judge_guest(report.guests.back(), report.cards, kernel);
    }
    look_at_seat(report);
    list_problems(report, places);
    return report;
}

}  // namespace

int probe(const ProbeCommand& command) {
    const ProbeReport report = gather(command);
    // Commands of processes need not be UTF-8.
    const std::string text =
        command.json
            ? render_json(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                  '\n'
            : render_text(report);
    fmt::print("{}", text);
    return report.ok() ? 0 : 1;
}

}  // namespace scanthru
