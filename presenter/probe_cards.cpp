// SPDX-License-Identifier: MIT
#include "presenter/probe_cards.h"

#include "kms/types.h"
#include "kms/vblank_clock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace scanthru {
namespace {

/// Driver and version, of a card that may have no atomic KMS.
kms::Capabilities identify(int drm_fd) {
    kms::Capabilities capabilities;
    if (const kms::VersionPtr version{drmGetVersion(drm_fd)}) {
        capabilities.driver.assign(version->name, static_cast<std::size_t>(version->name_len));
        capabilities.driver_version =
            fmt::format("{}.{}.{}", version->version_major, version->version_minor,
                        version->version_patchlevel);
    }
    return capabilities;
}

CardReport describe_unusable(const std::string& path, UniqueFd drm, const Error& error) {
    CardReport report{.path = path, .capabilities = identify(drm.get())};
    report.problem =
        error.call == "DRM_CLIENT_CAP_ATOMIC"
            ? fmt::format("driver {} has no atomic modesetting{}: {}", report.capabilities.driver,
                          report.capabilities.driver == "nouveau"
                              ? " unless the kernel is started with nouveau.atomic=1"
                              : "",
                          error)
            : fmt::format("{}", error);
    return report;
}

/// Debugfs names a card's folder by its minor: N of /dev/dri/cardN.
std::string read_clients(const std::string& path) {
    std::ifstream file{
        fmt::format("/sys/kernel/debug/dri/{}/clients", path.substr(path.find("card") + 4))};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void name_holders(CardReport& report, const std::vector<ProcessEntry>& processes) {
    if (report.master == MasterState::free) return;
    if (auto master = parse_clients(read_clients(report.path))) {
        report.holders = {std::move(*master)};
        report.holders_certain = true;
        return;
    }
    for (const ProcessEntry& entry : processes)
        if (std::ranges::find(entry.cards, report.path) != entry.cards.end())
            report.holders.push_back(entry.process);
}

bool is_number(std::string_view word) {
    return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_flag(std::string_view word) {
    return word == "y" || word == "n";
}

/// One line of dri/N/clients (drm_clients_info() of drm_debugfs.c): command, which may have blanks,
/// pid, minor, master, authenticated, uid, and more in later kernels. The command if it is master.
std::optional<ProcessName> parse_client(const std::string& line) {
    std::istringstream stream{line};
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
        words.push_back(std::move(word));
    for (std::size_t i = 1; i + 4 < words.size(); ++i) {
        if (!is_number(words[i]) || !is_number(words[i + 1]) || !is_flag(words[i + 2]) ||
            !is_flag(words[i + 3]) || !is_number(words[i + 4]))
            continue;
        if (words[i + 2] != "y") return std::nullopt;
        std::string command = words[0];
        for (std::size_t word = 1; word < i; ++word)
            command += ' ' + words[word];
        pid_t pid = 0;
        std::from_chars(words[i].data(), words[i].data() + words[i].size(), pid);
        return ProcessName{.pid = pid, .command = std::move(command)};
    }
    return std::nullopt;
}

}  // namespace

std::optional<ProcessName> parse_clients(std::string_view clients) {
    std::istringstream lines{std::string{clients}};
    for (std::string line; std::getline(lines, line);)
        if (auto master = parse_client(line); master && master->pid != ::getpid()) return master;
    return std::nullopt;
}

std::vector<OutputReport> choose_outputs(const kms::Topology& topology) {
    std::vector<OutputReport> outputs;
    std::vector<kms::ObjectId> taken;
    for (const kms::Connector& connector : topology.connectors) {
        if (!connector.connected || connector.writeback) continue;
        kms::Wish wish;
        wish.connector = connector.name;
        wish.taken = taken;
        auto pipeline = kms::choose(topology, wish);
        if (pipeline) {
            taken.push_back(pipeline->crtc.id);
            taken.push_back(pipeline->primary.id);
            if (pipeline->cursor) taken.push_back(pipeline->cursor->id);
        }
        outputs.push_back({.connector = connector.name, .pipeline = std::move(pipeline)});
    }
    return outputs;
}

CardReport describe_card(kms::Card& card, KernelVersion kernel) {
    CardReport report{.path = card.path(), .capabilities = card.capabilities()};
    // A descriptor that is opened while there is no master becomes it (drm_master_open()). As such
    // it may also have the connectors probed anew; otherwise they are as the master saw them last.
    report.master = card.is_master() ? MasterState::free : MasterState::held;
    report.notes = traits_of(report.capabilities.driver, kernel).notes;
    auto topology = kms::Topology::read(card);
    if (!topology) {
        report.problem =
            fmt::format("its connectors and planes cannot be read: {}", topology.error());
        return report;
    }
    report.topology = std::move(*topology);
    report.outputs = choose_outputs(report.topology);
    if (!report.topology.crtcs.empty()) {
        const auto vblank = kms::read_vblank(card.fd(), report.topology.crtcs.front().id);
        report.has_vblank = vblank || vblank.error().code != EOPNOTSUPP;
        if (!report.has_vblank)
            report.notes.emplace_back("has no vblank: frames are paced by the mode's period");
    }
    return report;
}

CardReport look_at_card(const std::string& path,
                        const std::vector<ProcessEntry>& processes,
                        KernelVersion kernel) {
    UniqueFd drm{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (!drm) {
        const Error error{errno, "open"};
        const std::string obstacle = find_access_obstacle(path);
        CardReport report{.path = path};
        report.problem = obstacle.empty() ? fmt::format("{}", error) : obstacle;
        report.closed = error.code == EACCES || error.code == EPERM;
        return report;
    }
    // Whoever is refused by Card still has a name to be told.
    UniqueFd again{::fcntl(drm.get(), F_DUPFD_CLOEXEC, 3)};
    const auto card = kms::Card::prepare(std::move(drm), path);
    if (!card) return describe_unusable(path, std::move(again), card.error());
    CardReport report = describe_card(**card, kernel);
    name_holders(report, processes);
    return report;
}

}  // namespace scanthru
