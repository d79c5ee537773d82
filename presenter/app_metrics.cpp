// SPDX-License-Identifier: MIT
// What a running scanthru leaves for node_exporter's textfile collector.
#include "base/log.h"
#include "base/replace_file.h"
#include "presenter/app.h"
#include "presenter/metrics.h"

#include <unistd.h>

namespace scanthru {
namespace {

/// As often as Prometheus asks by default.
constexpr std::chrono::seconds metrics_interval{15};

}  // namespace

/// And again later, where a file is configured.
void App::write_metrics() {
    metrics_timer_.reset();
    const std::string& file = command_.config.metrics.file;
    if (file.empty()) return;
    const auto written = replace_file(file, openmetrics_text(status()));
    if (!written && !metrics_failed_) log(LogLevel::warning, "{}: {}", file, written.error());
    metrics_failed_ = !written;
    metrics_timer_ = loop_->after(metrics_interval, [this] { write_metrics(); });
}

/// What it says would be taken for true for ever.
void App::remove_metrics() const {
    const std::string& file = command_.config.metrics.file;
    if (!file.empty() && !metrics_failed_) ::unlink(file.c_str());
}

}  // namespace scanthru
