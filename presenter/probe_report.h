// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"
#include "kms/card.h"
#include "kms/topology.h"
#include "vfio/gfx_device.h"
#include "vfio/plane_info.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// What `scanthru probe` has found, before anybody reads it. Gathering (probe_cards,
/// probe_processes, probe_guests) fills it, judging (probe_outlook) concludes, rendering
/// (probe_text, probe_json) words it; only gathering asks the host anything.
namespace scanthru {

/// A process as `ps` shows it.
struct ProcessName {
    pid_t pid = 0;
    std::string command{};
    bool operator==(const ProcessName&) const = default;
};

/// A connected connector, and how it would be driven together with the others of its card.
struct OutputReport {
    std::string connector{};
    Result<kms::Pipeline, kms::NoPipeline> pipeline;
};

/// Who may commit on a card now.
enum class MasterState { free, held };

struct CardReport {
    std::string path{};
    std::string problem{};  ///< Why nothing can be shown on it; a sentence, empty when all is well.
    bool closed = false;    ///< This process may not open it; a seat manager may do so for it.
    kms::Capabilities capabilities{};  ///< Only driver and version when it has no atomic KMS.
    bool has_vblank = true;
    kms::Topology topology{};
    std::vector<OutputReport> outputs{};
    MasterState master = MasterState::free;
    /// Master, where debugfs tells; else everybody else who has the card open.
    std::vector<ProcessName> holders{};
    bool holders_certain = false;
    std::vector<std::string> notes{};  ///< What is known of the driver, in this kernel.
};

/// A mediated device in /sys/bus/mdev/devices.
struct MdevReport {
    std::string uuid{};
    std::string type{};                ///< "mbochs-medium", "i915-GVTg_V5_4"
    std::string parent{};              ///< "0000:00:02.0", "mbochs"
    std::string group{};               ///< IOMMU group; empty without a VFIO driver.
    std::vector<ProcessName> users{};  ///< Those seen that have the group open.
    std::string problem{};
};

/// Another process with VFIO devices, or a QEMU that we may not look into.
struct ProcessReport {
    ProcessName process{};
    uid_t uid = 0;
    bool visible = true;      ///< Its descriptors may be listed.
    std::size_t devices = 0;  ///< VFIO device descriptors.
    std::vector<std::string> groups{};
    std::vector<std::string> mdevs{};  ///< UUIDs in those groups.
    std::string obstacle{};            ///< Why its device cannot be taken; empty: it can.
};

/// What a guest says of one plane.
struct GuestPlaneReport {
    std::optional<vfio::GuestPlane> plane{};  ///< Empty: off, or see problem.
    std::string problem{};
};

/// From what would work to what would not.
enum class Outlook {
    works,
    copied,          ///< The picture would be shown by copying it, if a CPU can read it.
    without_cursor,  ///< The picture would be shown, the guest's cursor not.
    unknown,         ///< The guest shows nothing now; nothing known stands in the way.
    fails,
};

std::string_view to_string(Outlook outlook);

/// One guest on one output.
struct OutlookReport {
    std::string card{};
    std::string connector{};
    Outlook outlook = Outlook::unknown;
    std::vector<std::string> reasons{};  ///< Sentences; also remarks on what works.
};

/// A guest that the user named.
struct GuestReport {
    std::string name{};
    std::string source{};   ///< As --guest takes it.
    std::string problem{};  ///< Why it cannot be shown at all; empty when it could be asked.
    std::optional<ProcessName> process{};  ///< The QEMU it was taken from.
    std::optional<vfio::DisplayAbi> abi{};
    GuestPlaneReport primary{};
    GuestPlaneReport cursor{};
    std::vector<OutlookReport> outputs{};

    /// Whether some output would show it.
    bool would_work() const;
};

struct ProbeReport {
    std::string kernel{};  ///< uname -r
    uid_t uid = 0;
    bool can_trace_all = false;           ///< CAP_SYS_PTRACE
    std::optional<int> yama_scope{};      ///< kernel.yama.ptrace_scope, where Yama is.
    std::string seat{};                   ///< The backend that libseat would take; empty: none.
    std::vector<std::string> problems{};  ///< What is missing on this host, and what would help.
    std::vector<CardReport> cards{};
    std::vector<MdevReport> mdevs{};
    std::vector<ProcessReport> processes{};
    std::vector<GuestReport> guests{};

    /// At least one output, and every guest that was named would work on one.
    bool ok() const;
};

/// For administrators. Pure.
std::string render_text(const ProbeReport& report);

/// As documented in presenter/probe.h. Pure.
nlohmann::ordered_json render_json(const ProbeReport& report);

}  // namespace scanthru
