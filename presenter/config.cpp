// SPDX-License-Identifier: MIT
#include "presenter/config.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <type_traits>
#include <unistd.h>

namespace scanthru {
namespace {

bool same_timings(const std::optional<kms::Mode>& a, const std::optional<kms::Mode>& b) {
    // The kernel's structure has no operator== and no padding.
    static_assert(std::has_unique_object_representations_v<kms::Mode>);
    if (!a || !b) return a.has_value() == b.has_value();
    return std::memcmp(&*a, &*b, sizeof(kms::Mode)) == 0;
}

}  // namespace

bool EdidWish::operator==(const EdidWish& other) const {
    return off == other.off && same_timings(mode, other.mode);
}

bool OutputConfig::operator==(const OutputConfig& other) const {
    return name == other.name && monitor == other.monitor && card == other.card &&
           mode == other.mode && same_timings(modeline, other.modeline) && fit == other.fit &&
           rotate == other.rotate && guest == other.guest && refresh == other.refresh &&
           margin == other.margin && idle_poll == other.idle_poll && idle == other.idle &&
           paused == other.paused && blank_after == other.blank_after && image == other.image &&
           vrr == other.vrr && async == other.async;
}

std::vector<OutputConfig> outputs_of(const Config& config) {
    return config.outputs.empty() ? std::vector<OutputConfig>(1) : config.outputs;
}

std::string card_path(const OutputConfig& output) {
    std::error_code error;
    auto path = std::filesystem::canonical(output.card, error);
    return error ? output.card : path.string();
}

bool is_same_output(const OutputConfig& one, const OutputConfig& other) {
    return one.name == other.name && one.monitor == other.monitor && one.card == other.card;
}

std::string title_of(const OutputConfig& output) {
    if (!output.name.empty()) return output.name;
    return output.monitor.empty() ? "(the first connected)"
                                  : fmt::format("(monitor \"{}\")", output.monitor);
}

void name_guests(std::vector<GuestConfig>& guests) {
    for (std::size_t i = 0; i < guests.size(); ++i)
        if (guests[i].name.empty()) guests[i].name = fmt::format("guest{}", i + 1);
}

std::string default_control_socket() {
    const char* const own = std::getenv("XDG_RUNTIME_DIR");
    if (::geteuid() == 0 || own == nullptr || *own == '\0')
        return std::string{system_control_socket};
    return std::string{own} + "/scanthru/control";
}

}  // namespace scanthru
