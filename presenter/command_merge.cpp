// SPDX-License-Identifier: MIT
// The command line over the configuration file.
#include "presenter/command_line.h"
#include "presenter/config_values.h"

#include <algorithm>

namespace scanthru::command_line {
namespace {

bool says_something_of_an_output(const Given& given) {
    return given.card || given.mode || given.modeline || given.fit || given.idle || given.refresh ||
           given.margin || given.idle_poll || given.vrr || given.async;
}

/// The one output that the command line speaks of, in `config`.
Result<OutputConfig*, std::string> choose_output(const Given& given, Config& config) {
    auto& outputs = config.outputs;
    if (given.output) {
        auto name = parse_text(*given.output);
        if (!name) return wrong(fmt::format("--output: {}", name.error()));
        // What the file says of this connector still holds.
        std::erase_if(outputs, [&](const auto& output) {
            return output.name != *name ||
                   (given.card && !output.card.empty() && output.card != *given.card);
        });
        if (outputs.empty()) outputs.emplace_back().name = *name;
    }
    if (outputs.empty()) outputs.emplace_back();
    if (outputs.size() == 1) return &outputs.front();
    return wrong(given.output
                     ? fmt::format("--output: the configuration has {} outputs called {}; choose "
                                   "one with --card",
                                   outputs.size(), *given.output)
                     : fmt::format("the configuration has {} outputs; choose one with --output, or "
                                   "leave out the options that speak of one",
                                   outputs.size()));
}

}  // namespace

Result<std::string, std::string> parse_text(std::string_view text) {
    if (text.empty()) return wrong("expected text, not an empty string");
    return std::string{text};
}

Result<std::vector<GuestConfig>, std::string> parse_guests(const Given& given) {
    std::vector<GuestConfig> guests;
    std::string complaint;
    for (const auto& source : given.guests) {
        auto& guest = guests.emplace_back();
        if (!take("--guest", source, vfio::parse_guest_source, guest.source, complaint))
            return wrong(std::move(complaint));
    }
    name_guests(guests);
    std::optional<vfio::Dialect> abi;
    if (!take("--abi", given.abi, parse_abi, abi, complaint)) return wrong(std::move(complaint));
    for (auto& guest : guests)
        guest.abi = abi;
    return guests;
}

Result<void, std::string> merge_guests(const Given& given, Config& config) {
    auto guests = parse_guests(given);
    if (!guests) return wrong(std::move(guests.error()));
    if (!guests->empty()) {
        config.guests = std::move(*guests);
        // The file's outputs name guests that are no more.
        for (auto& output : config.outputs)
            output.guest.clear();
        return {};
    }
    std::string complaint;
    for (auto& guest : config.guests)
        if (!take("--abi", given.abi, parse_abi, guest.abi, complaint))
            return wrong(std::move(complaint));
    return {};
}

Result<void, std::string> merge_output(const Given& given, Config& config) {
    if (!given.output && !says_something_of_an_output(given)) return {};
    const auto chosen = choose_output(given, config);
    if (!chosen) return wrong(chosen.error());
    OutputConfig& output = **chosen;
    // A mode given here goes before a modeline of the file.
    if (given.mode && !given.modeline) output.modeline.reset();
    std::string complaint;
    if (take("--card", given.card, parse_text, output.card, complaint) &&
        take("--mode", given.mode, kms::parse_mode_wish, output.mode, complaint) &&
        take("--modeline", given.modeline, kms::parse_modeline, output.modeline, complaint) &&
        take("--fit", given.fit, parse_fit, output.fit, complaint) &&
        take("--idle", given.idle, parse_idle, output.idle, complaint) &&
        take("--refresh", given.refresh, parse_refresh, output.refresh, complaint) &&
        take("--margin-us", given.margin, parse_margin, output.margin, complaint) &&
        take("--idle-poll", given.idle_poll, parse_idle_poll, output.idle_poll, complaint) &&
        take("--vrr", given.vrr, parse_switch, output.vrr, complaint) &&
        take("--async", given.async, parse_switch, output.async, complaint))
        return {};
    return wrong(std::move(complaint));
}

}  // namespace scanthru::command_line
