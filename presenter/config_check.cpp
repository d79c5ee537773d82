// SPDX-License-Identifier: MIT
#include "kms/edid.h"
#include "presenter/config.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <vector>

namespace scanthru {
namespace {

Result<void, std::string> check_guests(const std::vector<GuestConfig>& guests) {
    for (auto guest = guests.begin(); guest != guests.end(); ++guest) {
        if (std::any_of(guests.begin(), guest,
                        [&](const auto& other) { return other.name == guest->name; }))
            return wrong(fmt::format("two guests are called \"{}\"", guest->name));
        const auto same = std::find_if(guests.begin(), guest, [&](const auto& other) {
            return other.source == guest->source;
        });
        if (same != guest)
            return wrong(fmt::format("the guests \"{}\" and \"{}\" have the same source, {}; two "
                                     "outputs may show one guest",
                                     same->name, guest->name, vfio::to_string(guest->source)));
    }
    return {};
}

bool may_be_same_card(const OutputConfig& one, const OutputConfig& other) {
    return one.card.empty() || other.card.empty() || one.card == other.card;
}

/// Whether these two could turn out to be one connector.
bool may_clash(const OutputConfig& one, const OutputConfig& other) {
    if (!may_be_same_card(one, other)) return false;
    // One that is a part of the other may mean the same monitor.
    if (!one.monitor.empty() && !other.monitor.empty())
        return kms::is_monitor(one.monitor, other.monitor) ||
               kms::is_monitor(other.monitor, one.monitor);
    return one.name.empty() || other.name.empty() || one.name == other.name;
}

Result<void, std::string> check_outputs(const std::vector<OutputConfig>& outputs) {
    for (auto output = outputs.begin(); output != outputs.end(); ++output) {
        const auto rival = std::find_if(
            outputs.begin(), output, [&](const auto& other) { return may_clash(other, *output); });
        if (rival == output) continue;
        if (!output->monitor.empty() && !rival->monitor.empty())
            return wrong(fmt::format("two outputs may be the same monitor, {}", output->monitor));
        if (output->name.empty() || rival->name.empty())
            return wrong("of several outputs each needs a name, the connector as `scanthru probe` "
                         "lists it, or each a monitor");
        if (output->card == rival->card)
            return wrong(fmt::format("two outputs are the same connector, {}", output->name));
        return wrong(
            fmt::format("two outputs are called {}; each of them needs its card", output->name));
    }
    return {};
}

}  // namespace

Result<void, std::string> check_config(const Config& config) {
    if (auto guests = check_guests(config.guests); !guests) return guests;
    if (auto outputs = check_outputs(config.outputs); !outputs) return outputs;
    for (const auto& output : config.outputs) {
        if (output.guest.empty()) continue;
        if (std::ranges::find(config.guests, output.guest, &GuestConfig::name) !=
            config.guests.end())
            continue;
        std::vector<std::string_view> names;
        for (const auto& guest : config.guests)
            names.emplace_back(guest.name);
        return wrong(
            fmt::format("an output is to show \"{}\", but no guest is called so; {}", output.guest,
                        names.empty() ? std::string{"there is no guest at all"}
                                      : fmt::format("there is {}", fmt::join(names, ", "))));
    }
    return {};
}

}  // namespace scanthru
