// SPDX-License-Identifier: MIT
#include "syscall_count.h"

#include "vgpu/test/test_vgpu.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace scanthru::system_test {
namespace {

const std::string events = "/sys/kernel/tracing/events/";

/// The number behind "name:" in a line of a histogram.
std::uint64_t field(const std::string& line, const std::string& name) {
    // With the space before it: "id:" is also the end of "common_pid:".
    const std::size_t at = line.find(" " + name + ":");
    if (at == std::string::npos) return 0;
    return std::strtoull(line.c_str() + at + name.size() + 2, nullptr, 10);
}

}  // namespace

KernelHistogram::KernelHistogram(std::string event, std::string key)
    : event_(std::move(event)), key_(std::move(key)) {
    const std::string trigger = "hist:keys=common_pid," + key_ + ":size=4096";
    if (vgpu::write_file(events + event_ + "/trigger", trigger) != 0)
        throw std::runtime_error("no histogram of " + event_);
}

KernelHistogram::~KernelHistogram() {
    vgpu::write_file(events + event_ + "/trigger", "!hist:keys=common_pid," + key_ + ":size=4096");
}

std::map<std::uint64_t, std::uint64_t> KernelHistogram::hits(pid_t thread) const {
    std::map<std::uint64_t, std::uint64_t> found;
    std::istringstream lines{vgpu::read_file(events + event_ + "/hist")};
    for (std::string line; std::getline(lines, line);) {
        if (line.find("hitcount:") == std::string::npos) continue;
        if (thread != 0 && field(line, "common_pid") != static_cast<std::uint64_t>(thread))
            continue;
        found[field(line, key_)] += field(line, "hitcount");
    }
    return found;
}

}  // namespace scanthru::system_test
