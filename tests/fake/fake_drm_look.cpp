// SPDX-License-Identifier: MIT
// What tests see of the fake card.
#include "fake/fake_drm.h"

#include <gtest/gtest.h>

namespace scanthru::testing {

std::uint64_t
FakeDrm::value_in(const FakeState& state, std::uint32_t object, std::string_view name) const {
    const auto values = state.find(object);
    if (values == state.end()) return 0;
    const auto found = values->second.find(model_.property_id(object, name));
    return found != values->second.end() ? found->second : 0;
}

std::uint64_t FakeDrm::value(kms::ObjectId object, std::string_view property) const {
    const std::scoped_lock lock{state_mutex_};
    EXPECT_NE(model_.property_id(raw(object), property), 0U)
        << "object " << raw(object) << " has no property " << property;
    return value_in(model_.state, raw(object), property);
}

std::optional<kms::PlaneState> FakeDrm::shown(kms::ObjectId plane) const {
    const std::scoped_lock lock{state_mutex_};
    const auto pixels = [&](std::string_view name) {
        return static_cast<std::uint32_t>(value_in(model_.state, raw(plane), name));
    };
    if (pixels("FB_ID") == 0) return std::nullopt;
    return kms::PlaneState{.framebuffer = kms::FramebufferId{pixels("FB_ID")},
                           .source = {.x = static_cast<std::int32_t>(pixels("SRC_X") >> 16U),
                                      .y = static_cast<std::int32_t>(pixels("SRC_Y") >> 16U),
                                      .size = {pixels("SRC_W") >> 16U, pixels("SRC_H") >> 16U}},
                           .target = {.x = static_cast<std::int32_t>(pixels("CRTC_X")),
                                      .y = static_cast<std::int32_t>(pixels("CRTC_Y")),
                                      .size = {pixels("CRTC_W"), pixels("CRTC_H")}}};
}

std::optional<kms::Mode> FakeDrm::mode(unsigned output) const {
    const std::scoped_lock lock{state_mutex_};
    const std::uint32_t number = raw(crtc(output));
    if (value_in(model_.state, number, "ACTIVE") == 0) return std::nullopt;
    return mode_in(model_.state, number);
}

std::optional<FakeFramebuffer> FakeDrm::framebuffer(kms::FramebufferId framebuffer) const {
    const std::scoped_lock lock{state_mutex_};
    const auto found = framebuffers_.find(raw(framebuffer));
    return found != framebuffers_.end() ? std::optional{found->second.what} : std::nullopt;
}

std::vector<std::byte> FakeDrm::blob(std::uint64_t blob) const {
    const std::scoped_lock lock{state_mutex_};
    const auto* const bytes = blob_bytes(blob);
    EXPECT_NE(bytes, nullptr) << "no blob " << blob;
    return bytes != nullptr ? *bytes : std::vector<std::byte>{};
}

std::vector<FakeCommit> FakeDrm::commits() const {
    const std::scoped_lock lock{state_mutex_};
    return commits_;
}

FakeCommit FakeDrm::last_commit() const {
    const std::scoped_lock lock{state_mutex_};
    EXPECT_FALSE(commits_.empty()) << "nothing was committed";
    return commits_.empty() ? FakeCommit{} : commits_.back();
}

std::size_t FakeDrm::framebuffers() const {
    const std::scoped_lock lock{state_mutex_};
    std::size_t count = 0;
    for (const auto& [number, framebuffer] : framebuffers_)
        count += framebuffer.what.of_others ? 0 : 1;
    return count;
}

std::size_t FakeDrm::gem_handles() const {
    const std::scoped_lock lock{state_mutex_};
    return handles_.size();
}

std::size_t FakeDrm::blobs() const {
    const std::scoped_lock lock{state_mutex_};
    std::size_t count = 0;
    for (const auto& [number, blob] : blobs_)
        count += blob.of_program ? 1 : 0;
    return count;
}

}  // namespace scanthru::testing
