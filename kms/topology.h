// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/card.h"
#include "kms/formats.h"
#include "kms/mode.h"
#include "kms/properties.h"
#include "kms/rotation.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scanthru::kms {

struct Connector {
    ObjectId id{};
    std::string name;     ///< "HDMI-A-1", as the kernel and drm_info spell it.
    std::string monitor;  ///< What is plugged in, see name_monitor(); empty: unknown.
    bool connected = false;
    bool writeback = false;
    bool vrr_capable = false;          ///< It and its monitor can do with a variable refresh rate.
    ObjectId crtc{};                   ///< The CRTC that drives it now, or 0.
    std::uint32_t possible_crtcs = 0;  ///< Bit n: the CRTC with index n.
    Size millimetres;
    std::vector<Mode> modes;
    ConnectorProperties properties;
};

struct Crtc {
    ObjectId id{};
    std::uint32_t index = 0;  ///< Position among the card's CRTCs; the bit in possible_crtcs.
    bool active = false;
    CrtcProperties properties;
};

enum class PlaneKind { overlay, primary, cursor };

/// A plane of the display hardware. A value: copying it copies names, not state.
struct Plane {
    ObjectId id{};
    PlaneKind kind{};
    std::uint32_t possible_crtcs = 0;
    FormatSet formats;
    PlaneProperties properties;
    std::uint64_t rotations = rotation_bit(Rotation::by_0);  ///< What it can turn by.
};

/// A card's display objects at one moment. Values only: no descriptor, no kernel resource.
struct Topology {
    std::vector<Connector> connectors;
    std::vector<Crtc> crtcs;
    std::vector<Plane> planes;

    /// Probes the connectors (may take a while: EDID reads). Errors: what the getters report.
    static Result<Topology> read(const Card& card);
};

/// Which output is wanted, in which mode.
struct Wish {
    std::string connector{};  ///< Its name; empty: the first connected one.
    std::string monitor{};    ///< As is_monitor() takes it; empty: any.
    ModeWish mode{};          ///< The guest's size, or what the user configured.
    Rotation rotation{};
    bool vrr = false;  ///< A variable refresh rate, where there is one.
    /// The user's modelines; they go before the connector's modes.
    std::vector<Mode> extra_modes{};
    /// CRTCs, planes and connectors that other outputs use already.
    std::vector<ObjectId> taken{};
};

/// A way from planes to a monitor. A value.
struct Pipeline {
    Connector connector;
    Crtc crtc;
    Plane primary;
    std::optional<Plane> cursor;         ///< A cursor plane, else an overlay plane for it.
    std::optional<Connector> writeback;  ///< A writeback connector this CRTC can feed.
    std::vector<Mode> modes;             ///< Everything to choose from: the user's, the monitor's.
    Mode mode{};
    Rotation rotation{};  ///< Of both planes.
    bool vrr = false;     ///< The refresh rate is to be variable.
};

enum class NoPipeline {
    no_such_connector,
    no_such_monitor,
    no_connected_output,
    no_mode,
    no_free_crtc,
    no_primary_plane,
    no_rotation,
};

std::string_view to_string(NoPipeline reason);

/// Chooses connector, CRTC, planes and mode. Pure.
///
/// A connector named by the user is taken even when nothing is plugged in, provided it has a mode
/// (and no monitor is wished for).
/// The CRTC that drives the connector already is preferred, then the lowest that drives no other,
/// then the lowest; one without a primary plane is passed over. Planes that can serve the fewest
/// CRTCs are taken first. A cursor plane that cannot turn by `rotation` is none; an
/// overlay plane with ARGB8888 then takes its place. A rate that
/// nothing meets falls back to another one; a size that nothing has is `no_mode`. An unnamed output
/// is never one that a taken CRTC drives.
Result<Pipeline, NoPipeline> choose(const Topology& topology, const Wish& wish);

}  // namespace scanthru::kms
