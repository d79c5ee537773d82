// SPDX-License-Identifier: MIT
#pragma once

#include "base/session.h"
#include "kms/card.h"
#include "kms/topology.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace scanthru {

/// A card that is open, and what of it is in use.
struct OpenCard {
    SeatDevice seat;  ///< What keeps it open, where a seat manager does.
    std::unique_ptr<kms::Card> card;
    kms::Topology topology;            ///< As it was read last.
    std::vector<kms::ObjectId> taken;  ///< Connectors, CRTCs and planes that outputs use.
};

/// The cards of this host that can be had, each opened once. Main thread.
class Cards {
public:
    /// Every /dev/dri/card*, in the order of their numbers.
    static std::vector<std::string> paths();

    /// Reads the topologies of the open cards anew, and opens those of `paths` that are not open.
    ///
    /// What cannot be opened, has no atomic KMS or has gone is left out; troubles() says why.
    /// Those for which `busy` says so are left as they are.
    void refresh(const std::vector<std::string>& paths,
                 const std::function<bool(const OpenCard&)>& busy);

    /// Cards are opened by this seat from now on; null: directly. Borrowed.
    void use_seat(Session* session) noexcept { session_ = session; }

    bool has(const kms::Card& card) const noexcept;

    /// Closes what no output uses: not to stay master of cards that others may want to drive.
    void drop_unused();

    const std::vector<std::shared_ptr<OpenCard>>& all() const noexcept { return open_; }
    const std::vector<std::string>& troubles() const noexcept { return troubles_; }

private:
    Result<OpenCard> open(const std::string& path);

    Session* session_ = nullptr;
    std::vector<std::shared_ptr<OpenCard>> open_;  ///< Shared with the outputs on them.
    std::vector<std::string> troubles_;
};

}  // namespace scanthru
