// SPDX-License-Identifier: MIT
#include "presenter/cards.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace scanthru {

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

bool Cards::has(const kms::Card& card) const noexcept {
    return std::ranges::any_of(open_,
                               [&card](const auto& opened) { return opened->card.get() == &card; });
}

void Cards::refresh(const std::vector<std::string>& paths,
                    const std::function<bool(const OpenCard&)>& busy) {
    troubles_.clear();
    std::erase_if(open_, [&](const auto& opened) {
        if (busy(*opened)) return false;
        auto topology = kms::Topology::read(*opened->card);
        if (!topology) {
            troubles_.push_back(fmt::format("{}: {}", opened->card->path(), topology.error()));
            return true;
        }
        opened->topology = *std::move(topology);
        return false;
    });
    for (const std::string& path : paths) {
        if (std::ranges::any_of(open_,
                                [&](const auto& opened) { return opened->card->path() == path; }))
            continue;
        auto opened = open(path);
        if (opened)
            open_.push_back(std::make_shared<OpenCard>(*std::move(opened)));
        else
            troubles_.push_back(fmt::format("{}: {}", path, opened.error()));
    }
}

Result<OpenCard> Cards::open(const std::string& path) {
    OpenCard opened;
    if (session_ != nullptr) {
        auto device = session_->open_device(path);
        if (!device) return fail(device.error());
        auto own = device->duplicate();
        if (!own) return fail(own.error());
        auto card = kms::Card::prepare(*std::move(own), path);
        if (!card) return fail(card.error());
        opened.seat = *std::move(device);
        opened.card = *std::move(card);
    } else {
        auto card = kms::Card::open(path);
        if (!card) return fail(card.error());
        opened.card = *std::move(card);
    }
    auto topology = kms::Topology::read(*opened.card);
    if (!topology) return fail(topology.error());
    opened.topology = *std::move(topology);
    return opened;
}

void Cards::drop_unused() {
    std::erase_if(open_, [](const auto& opened) { return opened->taken.empty(); });
}

}  // namespace scanthru
