// SPDX-License-Identifier: MIT
#include "presenter/thread_costs.h"

#include <ctime>
#include <fmt/format.h>
#include <fstream>
#include <linux/perf_event.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace scanthru {
namespace {

UniqueFd count_system_calls(pid_t thread) {
    std::uint64_t event = 0;
    std::ifstream{"/sys/kernel/tracing/events/raw_syscalls/sys_enter/id"} >> event;
    if (event == 0) return UniqueFd{};
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof(attributes);
    attributes.config = event;
    return UniqueFd{static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC))};
}

}  // namespace

std::chrono::nanoseconds processor_time() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

ThreadMeter::ThreadMeter(pid_t thread)
    : thread_(thread), system_calls_(count_system_calls(thread)) {}

ThreadCosts ThreadMeter::read() const {
    ThreadCosts costs;
    const std::string folder = fmt::format("/proc/self/task/{}/", thread_);
    std::ifstream{folder + "schedstat"} >> costs.processor_ns;
    std::ifstream status{folder + "status"};
    for (std::string word; status >> word;)
        if (word == "voluntary_ctxt_switches:") status >> costs.wakeups;
    std::uint64_t calls = 0;
    if (system_calls_ && ::read(system_calls_.get(), &calls, sizeof(calls)) == sizeof(calls))
        costs.system_calls = calls;
    return costs;
}

}  // namespace scanthru
