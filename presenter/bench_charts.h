// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>

/// The drawings on a benchmark's page: SVG in HTML. All pure.
namespace scanthru {

/// Text that may stand anywhere in HTML.
std::string escape_html(const std::string& text);

/// How often which value came: a figure's histogram, with lines at p50 and p99.
std::string distribution_chart(const nlohmann::json& figure);

/// [[seconds, milliseconds]] as dots, with lines where they lie between if `expected` (of a report)
/// is an object.
std::string time_chart(const nlohmann::json& points, const nlohmann::json& expected);

}  // namespace scanthru
