// SPDX-License-Identifier: MIT
#pragma once

#include "kms/card.h"
#include "kms/edid.h"
#include "kms/takeover.h"
#include "kms/topology.h"
#include "presenter/cards.h"
#include "presenter/config.h"
#include "presenter/frame_thread.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace scanthru {

/// Why an output could not be lit.
struct NotLit {
    std::string reason;      ///< A sentence for the user.
    bool unplugged = false;  ///< Its monitor is not there: it may come.
};

/// One monitor that we drive: the way to it, what it showed before, and its frame thread.
class Output {
public:
    /// Chooses the card and the pipeline, remembers what is there, lights it up in black and starts
    /// the thread.
    ///
    /// `former`: what drove the monitor until now. It is ended first, and what it found at its
    /// beginning is put back at our end, where we take the same way to the same connector.
    static Result<std::unique_ptr<Output>, NotLit>
    light(const Cards& cards, const OutputConfig& config, std::unique_ptr<Output> former = nullptr);

    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    /// Puts back what was there before us (invariant 10).
    ~Output();

    const OutputConfig& config() const noexcept { return config_; }
    const std::string& name() const noexcept { return name_; }
    kms::Card& card() const noexcept { return *opened_->card; }
    FrameThread& frames() noexcept { return *frames_; }
    const FrameThread& frames() const noexcept { return *frames_; }

    /// Of the mode it was lit with.
    std::chrono::nanoseconds period() const { return kms::frame_period(pipeline_.mode); }

    /// The monitor's EDID with our mode preferred; a generated one where it has none.
    const kms::Edid& edid() const noexcept { return edid_; }

    /// How its monitor stands to what was lit.
    enum class Plug {
        same,     ///< As it was.
        changed,  ///< Another monitor, or other modes: to be lit anew.
        gone,     ///< Nothing is plugged in any more, or the connector or the card has gone.
    };
    Plug plug(const Cards& cards) const;

    /// Whether its thread has got on since this was last asked.
    bool made_progress() noexcept;

private:
    Output(OutputConfig config,
           kms::Pipeline pipeline,
           std::shared_ptr<OpenCard> opened,
           kms::SavedState before);

    void introduce() const;
    void leave();
    static Result<kms::SavedState> state_before(std::unique_ptr<Output>& former,
                                                const std::shared_ptr<OpenCard>& opened,
                                                const kms::Pipeline& pipeline);
    std::optional<kms::SavedState> hand_over(const kms::Pipeline& next);

    OutputConfig config_;
    std::string name_;        ///< The connector's.
    kms::Pipeline pipeline_;  ///< As it was lit.
    std::shared_ptr<OpenCard> opened_;
    std::optional<kms::SavedState> before_;  ///< Empty: somebody else puts it back.
    std::unique_ptr<FrameThread> frames_;
    kms::Edid own_edid_;  ///< The monitor's; empty: it has none.
    kms::Edid edid_;
    std::uint64_t turns_ = UINT64_MAX;  ///< Not looked at yet.
};

}  // namespace scanthru
