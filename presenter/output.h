// SPDX-License-Identifier: MIT
#pragma once

#include "kms/card.h"
#include "kms/edid.h"
#include "kms/takeover.h"
#include "kms/topology.h"
#include "presenter/config.h"
#include "presenter/frame_thread.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace scanthru {

/// The cards of this host that can be had, each opened once.
class Cards {
public:
    /// Opens each of `paths`.
    ///
    /// Cards that cannot be opened or have no atomic KMS are left out; `troubles` says why.
    static Cards open(const std::vector<std::string>& paths);
    static std::vector<std::string> paths();

    struct Opened {
        std::unique_ptr<kms::Card> card;
        kms::Topology topology;
        std::vector<kms::ObjectId> taken;  ///< CRTCs and planes that outputs use.
    };

    std::vector<Opened> opened;
    std::vector<std::string> troubles;
};

/// One monitor that we drive: the way to it, what it showed before, and its frame thread.
class Output {
public:
    /// Chooses the card and the pipeline, remembers what is there, lights it up in black and starts
    /// the thread. The error is a sentence for the user.
    static Result<std::unique_ptr<Output>, std::string> light(Cards& cards,
                                                              const OutputConfig& config);

    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    /// Puts back what was there before us (invariant 10).
    ~Output();

    const OutputConfig& config() const noexcept { return config_; }
    const std::string& name() const noexcept { return name_; }
    kms::Card& card() const noexcept { return card_; }
    FrameThread& frames() noexcept { return *frames_; }
    const FrameThread& frames() const noexcept { return *frames_; }

    /// The monitor's EDID with our mode preferred; a generated one where it has none.
    const kms::Edid& edid() const noexcept { return edid_; }

    /// Whether its thread has got on since this was last asked.
    bool made_progress() noexcept;

private:
    Output(OutputConfig config, std::string name, kms::Card& card, kms::SavedState before) noexcept
        : config_(std::move(config)),
          name_(std::move(name)),
          card_(card),
          before_(std::move(before)) {}

    OutputConfig config_;
    std::string name_;  ///< The connector's.
    kms::Card& card_;
    kms::SavedState before_;
    std::unique_ptr<FrameThread> frames_;
    kms::Edid edid_;
    std::uint64_t turns_ = 0;
};

}  // namespace scanthru
