// SPDX-License-Identifier: MIT
#include "presenter/output.h"

#include "base/log.h"
#include "presenter/guest_monitor.h"
#include "presenter/refresh.h"

#include <algorithm>
#include <filesystem>
#include <fmt/ranges.h>
#include <span>

namespace scanthru {
namespace {

struct Choice {
    Cards::Opened* opened = nullptr;
    kms::Pipeline pipeline;
};

kms::Wish wish_of(const OutputConfig& config, const Cards::Opened& opened) {
    kms::Wish wish;
    wish.connector = config.name;
    wish.mode = config.mode;
    wish.taken = opened.taken;
    if (config.modeline) {
        wish.extra_modes.push_back(*config.modeline);
        wish.mode = {.size = kms::size_of(*config.modeline),
                     .refresh_mhz = kms::refresh_mhz(*config.modeline)};
    }
    return wish;
}

/// The first card on which the output can be had; else why none would do.
Result<Choice, std::string> choose(Cards& cards, const OutputConfig& config) {
    std::vector<std::string> reasons = cards.troubles;
    for (Cards::Opened& opened : cards.opened) {
        if (!config.card.empty() && opened.card->path() != config.card) continue;
        if (!opened.card->is_master()) {
            reasons.push_back(fmt::format("{}: another program drives it (a display server?)",
                                          opened.card->path()));
            continue;
        }
        auto pipeline = kms::choose(opened.topology, wish_of(config, opened));
        if (pipeline) return Choice{&opened, *std::move(pipeline)};
        reasons.push_back(
            fmt::format("{}: {}", opened.card->path(), kms::to_string(pipeline.error())));
    }
    if (reasons.empty()) reasons.emplace_back("there is no /dev/dri/card*");
    return tl::unexpected<std::string>{
        fmt::format("output {}: {}", config.name.empty() ? "(the first connected)" : config.name,
                    fmt::join(reasons, "; "))};
}

Pacing pacing_of(const OutputConfig& config, const kms::Card& card) {
    return {.margin = config.margin,
            .stamped_after_blanking = card.capabilities().driver != "vkms"};
}

Result<kms::HostPicture> light_up(Cards::Opened& opened, const kms::Pipeline& pipeline) {
    auto black = kms::HostPicture::create(*opened.card, kms::size_of(pipeline.mode));
    if (!black) return black;
    const auto lit = kms::light_up(*opened.card, opened.topology, pipeline, black->framebuffer());
    if (!lit) return fail(lit.error());
    return black;
}

}  // namespace

std::vector<std::string> Cards::paths() {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{"/dev/dri", error})
        if (entry.path().filename().string().starts_with("card")) found.push_back(entry.path());
    // By number: card10 comes after card9.
    std::ranges::sort(found, [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    return found;
}

Cards Cards::open(const std::vector<std::string>& paths) {
    Cards cards;
    for (const std::string& path : paths) {
        auto card = kms::Card::open(path);
        if (!card) {
            cards.troubles.push_back(fmt::format("{}: {}", path, card.error()));
            continue;
        }
        auto topology = kms::Topology::read(**card);
        if (!topology) {
            cards.troubles.push_back(fmt::format("{}: {}", path, topology.error()));
            continue;
        }
        cards.opened.push_back({*std::move(card), *std::move(topology), {}});
    }
    return cards;
}

Result<std::unique_ptr<Output>, std::string> Output::light(Cards& cards,
                                                           const OutputConfig& config) {
    auto choice = choose(cards, config);
    if (!choice) return tl::unexpected<std::string>{choice.error()};
    kms::Card& card = *choice->opened->card;
    const kms::Pipeline& pipeline = choice->pipeline;
    const auto failed = [&](std::string_view what, const Error& error) {
        return tl::unexpected<std::string>{fmt::format(
            "output {} on {}: {}: {}", pipeline.connector.name, card.path(), what, error)};
    };
    auto before = kms::SavedState::capture(card, choice->opened->topology, pipeline);
    if (!before) return failed("cannot read what it shows now", before.error());
    auto black = light_up(*choice->opened, pipeline);
    if (!black) return failed("cannot light it up", black.error());

    choice->opened->taken.push_back(pipeline.crtc.id);
    choice->opened->taken.push_back(pipeline.primary.id);
    if (pipeline.cursor) choice->opened->taken.push_back(pipeline.cursor->id);
    const PresenterSettings settings{
        .bounds = {},
        .limits = {},
        .refresh =
            needs_refresh(config.refresh, card.capabilities().driver, pipeline.connector.name),
        .fit = config.fit,
        .mode = config.mode};
    std::unique_ptr<Output> output{
        new Output{config, pipeline.connector.name, card, *std::move(before)}};
    auto frames =
        FrameThread::start(pipeline.connector.name, Scanout{card, pipeline, *std::move(black)},
                           settings, pacing_of(config, card));
    if (!frames) return failed("cannot start its thread", frames.error());
    output->frames_ = *std::move(frames);
    const auto own = kms::read_edid(card.fd(), pipeline.connector.id);
    output->edid_ =
        edid_for_guest(own.value_or(kms::Edid{}), pipeline.mode, pipeline.connector.millimetres);
    if (const auto wished = config.mode.refresh_mhz;
        wished && kms::choose_mode(std::span{&pipeline.mode, 1}, config.mode) == nullptr)
        log(LogLevel::warning, "output {}: it has no mode of {:.3f} Hz; {} is taken", output->name_,
            *wished / 1000.0, kms::to_string(pipeline.mode));
    log(LogLevel::info, "output {}: {} on {} ({})", output->name_, kms::to_string(pipeline.mode),
        card.path(), card.capabilities().driver);
    return output;
}

Output::~Output() {
    if (frames_) frames_->stop();
    if (const auto restored = before_.restore(card_); !restored)
        log(LogLevel::warning, "output {}: what was there before could not be put back: {}", name_,
            restored.error());
}

bool Output::made_progress() noexcept {
    const std::uint64_t turns = frames_->turns();
    return std::exchange(turns_, turns) != turns;
}

}  // namespace scanthru
