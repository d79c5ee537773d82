// SPDX-License-Identifier: MIT
#pragma once

#include "fake/fake_drm.h"
#include "fake/fake_vfio.h"
#include "presenter/probe_cards.h"
#include "presenter/probe_guests.h"
#include "presenter/probe_outlook.h"

#include <gtest/gtest.h>

namespace scanthru::testing {

inline constexpr KernelVersion debian_12{6, 1};

/// What probe would say of such a card.
inline CardReport describe(const FakeDrmOptions& options) {
    const FakeDrm drm{options};
    return describe_card(*drm.card(), debian_12);
}

/// What probe would say of a guest on this device.
inline GuestReport describe(const FakeVfio& vfio) {
    GuestReport report{.name = "guest", .source = "fd:9"};
    const auto device = vfio::GfxDevice::probe(vfio.open(), std::nullopt);
    EXPECT_TRUE(device);
    describe_guest(*device, report);
    return report;
}

/// What it would say of both together.
inline OutlookReport judge_on(const FakeVfio& vfio, const FakeDrmOptions& options) {
    const CardReport card = describe(options);
    EXPECT_TRUE(card.outputs.at(0).pipeline);
    return judge(describe(vfio), card, *card.outputs.at(0).pipeline, debian_12);
}

}  // namespace scanthru::testing
