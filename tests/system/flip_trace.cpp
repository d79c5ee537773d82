// SPDX-License-Identifier: MIT
#include "flip_trace.h"

#include "vgpu/test/test_vgpu.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace scanthru::system_test {
namespace {

const std::string tracing = "/sys/kernel/tracing/";
const std::string event = tracing + "events/drm/drm_vblank_event_delivered/enable";

}  // namespace

FlipTrace::FlipTrace() {
    vgpu::write_file(tracing + "buffer_size_kb", "8192");
    std::ofstream{tracing + "trace"};  // Truncation empties it.
    if (vgpu::write_file(event, "1") != 0) throw std::runtime_error("no " + event);
}

FlipTrace::~FlipTrace() {
    vgpu::write_file(event, "0");
}

std::vector<std::uint64_t> FlipTrace::sequences() {
    std::vector<std::uint64_t> found;
    const std::string text = vgpu::read_file(tracing + "trace");
    constexpr std::string_view name = "drm_vblank_event_delivered: ";
    constexpr std::string_view key = "seq=";
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1))
        found.push_back(std::strtoull(text.c_str() + text.find(key, at) + key.size(), nullptr, 10));
    return found;
}

}  // namespace scanthru::system_test
