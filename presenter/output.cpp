// SPDX-License-Identifier: MIT
#include "presenter/output.h"

#include "base/log.h"
#include "kms/cvt.h"
#include "presenter/guest_monitor.h"
#include "presenter/refresh.h"

#include <algorithm>
#include <cstring>
#include <fmt/ranges.h>
#include <span>

namespace scanthru {
namespace {

struct Choice {
    std::shared_ptr<OpenCard> opened;
    kms::Pipeline pipeline;
};

kms::Wish wish_of(const OutputConfig& config, const OpenCard& opened) {
    kms::Wish wish;
    wish.connector = config.name;
    wish.monitor = config.monitor;
    wish.mode = config.mode;
    wish.rotation = config.rotate;
    wish.vrr = config.vrr;
    wish.taken = opened.taken;
    if (config.modeline) {
        wish.extra_modes.push_back(*config.modeline);
        wish.mode = {.size = kms::size_of(*config.modeline),
                     .refresh_mhz = kms::refresh_mhz(*config.modeline)};
    }
    return wish;
}

bool may_come(kms::NoPipeline reason) {
    return reason == kms::NoPipeline::no_connected_output ||
           reason == kms::NoPipeline::no_such_monitor;
}

/// The first card on which the output can be had; else why none would do.
Result<Choice, NotLit> choose(const Cards& cards, const OutputConfig& config) {
    NotLit failure;
    std::vector<std::string> reasons = cards.troubles();
    for (const auto& opened : cards.all()) {
        const kms::Card& card = *opened->card;
        if (!config.card.empty() && card.path() != card_path(config)) continue;
        if (!card.is_master()) {
            reasons.push_back(
                fmt::format("{}: another program drives it (a display server?)", card.path()));
            continue;
        }
        auto pipeline = kms::choose(opened->topology, wish_of(config, *opened));
        if (pipeline) return Choice{opened, *std::move(pipeline)};
        failure.unplugged |= may_come(pipeline.error());
        reasons.push_back(fmt::format("{}: {}", card.path(), kms::to_string(pipeline.error())));
    }
    if (reasons.empty())
        reasons.push_back(config.card.empty() ? "there is no /dev/dri/card*"
                                              : config.card + ": there is no such card");
    failure.reason = fmt::format("output {}: {}", title_of(config), fmt::join(reasons, "; "));
    return tl::unexpected{std::move(failure)};
}

Pacing pacing_of(const OutputConfig& config, const kms::Card& card, const kms::Pipeline& pipeline) {
    Pacing pacing{.margin = config.margin,
                  .early = config.trial.early,
                  .real_time = config.trial.real_time,
                  .stamped_after_blanking = card.capabilities().driver != "vkms",
                  .variable = pipeline.vrr};
    if (config.idle_poll > 0)
        pacing.idle_poll = std::chrono::nanoseconds{std::chrono::seconds{1}} / config.idle_poll;
    return pacing;
}

bool flips_async(const OutputConfig& config, const kms::Card& card) {
    return config.async && card.capabilities().async_flips;
}

PresenterSettings
settings_of(const OutputConfig& config, const kms::Card& card, const kms::Pipeline& pipeline) {
    CacheBounds bounds;
    if (config.trial.import_every_frame) bounds = {.entries = 2, .imports_per_second = 100'000};
    return {.bounds = bounds,
            .limits = {},
            .refresh =
                needs_refresh(config.refresh, card.capabilities().driver, pipeline.connector.name),
            .fit = config.fit,
            .mode = config.mode,
            .copy = config.trial.copy};
}

Result<kms::HostPicture> light_up(const OpenCard& opened, const kms::Pipeline& pipeline) {
    auto black = kms::HostPicture::create(
        *opened.card, kms::rotated(kms::size_of(pipeline.mode), pipeline.rotation));
    if (!black) return black;
    const auto lit = kms::light_up(*opened.card, opened.topology, pipeline, black->framebuffer());
    if (!lit) return fail(lit.error());
    return black;
}

std::vector<kms::ObjectId> objects_of(const kms::Pipeline& pipeline) {
    std::vector<kms::ObjectId> objects{pipeline.connector.id, pipeline.crtc.id,
                                       pipeline.primary.id};
    if (pipeline.cursor) objects.push_back(pipeline.cursor->id);
    return objects;
}

bool same_modes(const std::vector<kms::Mode>& a, const std::vector<kms::Mode>& b) {
    return std::ranges::equal(a, b, [](const kms::Mode& one, const kms::Mode& other) {
        return std::memcmp(&one, &other, sizeof(kms::Mode)) == 0;
    });
}

/// What the guest sees of a monitor that stands on its side is one that is upright.
kms::Edid edid_of_upright(const kms::Edid& own, const kms::Pipeline& pipeline) {
    const kms::Mode& mode = pipeline.mode;
    const Size millimetres = pipeline.connector.millimetres;
    if (!kms::is_sideways(pipeline.rotation)) return edid_for_guest(own, mode, millimetres);
    const auto upright =
        kms::calculate_mode(rotated(kms::size_of(mode), pipeline.rotation), kms::refresh_mhz(mode));
    if (!upright) return {};
    return kms::generate_edid(*upright, rotated(millimetres, pipeline.rotation));
}

kms::Edid edid_of(const kms::Card& card, const kms::Connector& connector) {
    return kms::read_edid(card.fd(), connector.id).value_or(kms::Edid{});
}

}  // namespace

Output::Output(OutputConfig config,
               kms::Pipeline pipeline,
               std::shared_ptr<OpenCard> opened,
               kms::SavedState before)
    : config_(std::move(config)),
      name_(pipeline.connector.name),
      pipeline_(std::move(pipeline)),
      opened_(std::move(opened)),
      before_(std::move(before)) {
    for (const kms::ObjectId object : objects_of(pipeline_))
        opened_->taken.push_back(object);
}

/// Ends what we show, and gives away what was there before us if `next` goes the same way.
std::optional<kms::SavedState> Output::hand_over(const kms::Pipeline& next) {
    if (objects_of(next) != objects_of(pipeline_)) return std::nullopt;
    return std::exchange(before_, std::nullopt);
}

/// What is to be put back at our end: what `former` found at its beginning, or what is there now.
Result<kms::SavedState> Output::state_before(std::unique_ptr<Output>& former,
                                             const std::shared_ptr<OpenCard>& opened,
                                             const kms::Pipeline& pipeline) {
    if (former && former->opened_ == opened)
        if (auto before = former->hand_over(pipeline)) return *std::move(before);
    former.reset();
    return kms::SavedState::capture(*opened->card, opened->topology, pipeline);
}

Result<std::unique_ptr<Output>, NotLit>
Output::light(const Cards& cards, const OutputConfig& config, std::unique_ptr<Output> former) {
    if (former) former->leave();
    auto choice = choose(cards, config);
    if (!choice) return tl::unexpected{choice.error()};
    const auto& opened = choice->opened;
    kms::Card& card = *opened->card;
    const kms::Pipeline& pipeline = choice->pipeline;
    const auto failed = [&](std::string_view what, const Error& error) {
        return tl::unexpected{
            NotLit{.reason = fmt::format("output {} on {}: {}: {}", pipeline.connector.name,
                                         card.path(), what, error)}};
    };
    auto before = state_before(former, opened, pipeline);
    if (!before) return failed("cannot read what it shows now", before.error());
    auto black = light_up(*opened, pipeline);
    if (!black) {
        if (former) former->before_ = *std::move(before);
        return failed("cannot light it up", black.error());
    }
    former.reset();

    std::unique_ptr<Output> output{new Output{config, pipeline, opened, *std::move(before)}};
    auto frames =
        FrameThread::start(pipeline.connector.name,
                           Scanout{card, pipeline, *std::move(black), flips_async(config, card)},
                           settings_of(config, card, pipeline), pacing_of(config, card, pipeline));
    if (!frames) return failed("cannot start its thread", frames.error());
    output->frames_ = *std::move(frames);
    output->own_edid_ = edid_of(card, pipeline.connector);
    output->edid_ = edid_of_upright(output->own_edid_, pipeline);
    output->introduce();
    return output;
}

/// Says in the log what was lit.
void Output::introduce() const {
    if (const auto wished = config_.mode.refresh_mhz;
        wished && kms::choose_mode(std::span{&pipeline_.mode, 1}, config_.mode) == nullptr)
        log(LogLevel::warning, "output {}: it has no mode of {:.3f} Hz; {} is taken", name_,
            *wished / 1000.0, kms::to_string(pipeline_.mode));
    if (pipeline_.rotation != kms::Rotation::by_0 && !pipeline_.cursor)
        log(LogLevel::warning, "output {}: its cursor plane does not turn; cursors are not shown",
            name_);
    if (config_.vrr && !pipeline_.vrr)
        log(LogLevel::warning,
            "output {}: its monitor or driver has no variable refresh rate; the rate is the mode's",
            name_);
    if (config_.async && !flips_async(config_, card()))
        log(LogLevel::warning,
            "output {}: driver {} does not flip at once; flips wait for refreshes", name_,
            card().capabilities().driver);
    if (const auto& refused = frames_->ordinary())
        log(LogLevel::info,
            "output {}: no real-time priority ({}): frames may be missed when the host is busy",
            name_, *refused);
    log(LogLevel::info, "output {}: {} on {} ({})", name_, kms::to_string(pipeline_.mode),
        card().path(), card().capabilities().driver);
}

/// Ends the thread, and no longer stands in the way of another output.
void Output::leave() {
    if (frames_) frames_->stop();
    for (const kms::ObjectId object : objects_of(pipeline_))
        std::erase(opened_->taken, object);
}

Output::~Output() {
    leave();
    if (!before_ || (frames_ && frames_->card_gone())) return;
    if (const auto restored = before_->restore(card()); !restored)
        log(LogLevel::warning, "output {}: what was there before could not be put back: {}", name_,
            restored.error());
}

Output::Plug Output::plug(const Cards& cards) const {
    // A card that no longer answers was left out.
    if (std::ranges::find(cards.all(), opened_) == cards.all().end()) return Plug::gone;
    const auto& connectors = opened_->topology.connectors;
    const auto now = std::ranges::find(connectors, pipeline_.connector.id, &kms::Connector::id);
    if (now == connectors.end() || frames_->card_gone()) return Plug::gone;
    if (pipeline_.connector.connected && !now->connected) return Plug::gone;
    const bool same = now->connected == pipeline_.connector.connected &&
                      same_modes(now->modes, pipeline_.connector.modes) &&
                      edid_of(card(), *now) == own_edid_;
    return same ? Plug::same : Plug::changed;
}

bool Output::made_progress() noexcept {
    const std::uint64_t turns = frames_->turns();
    return std::exchange(turns_, turns) != turns;
}

}  // namespace scanthru
