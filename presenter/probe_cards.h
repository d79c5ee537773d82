// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/probe_outlook.h"
#include "presenter/probe_processes.h"
#include "presenter/probe_report.h"

#include <string>
#include <string_view>
#include <vector>

namespace scanthru {

/// Opens a card and looks at it. The card is closed again when this returns.
///
/// Who is master comes from debugfs where that is mounted and ours to read, else from who has the
/// card open.
CardReport look_at_card(const std::string& path,
                        const std::vector<ProcessEntry>& processes,
                        KernelVersion kernel);

/// What an open card can show, and how. Reads only.
CardReport describe_card(kms::Card& card, KernelVersion kernel);

/// How each connected connector would be driven, all of them together. Pure.
std::vector<OutputReport> choose_outputs(const kms::Topology& topology);

/// The master in debugfs's dri/N/clients, or nothing. Pure.
std::optional<ProcessName> parse_clients(std::string_view clients);

}  // namespace scanthru
