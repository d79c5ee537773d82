// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/options.h"

namespace scanthru {

/// `scanthru probe`: what this host can show, which guests it sees, what would work and what would
/// not, and why; to stdout, as text or JSON. Exit code: 0 when there is at least one output and
/// every guest that was named would work on one, else 1.
///
/// Changes nothing: no commit, no modeset, no GET of a guest's buffer. A card without a master has
/// this process for one while its connectors are read, some milliseconds; a guest taken from its
/// QEMU is held for the few calls of one look at it; a draft device gets its ids back (CLOSE_BUF).
///
/// The JSON object; members may be added, what is here stays as it is. Names of things that are
/// not there are null; a "problem" is a sentence, or null when there is none.
///
///     version    1
///     ok         bool: the exit code is 0
///     host       kernel, uid, cap_sys_ptrace (bool), yama_ptrace_scope (number or null),
///                seat: "seatd" | "logind" | "builtin" or null
///     problems   [sentence]: what is missing on this host, and what would help
///     cards      [{path, problem, driver, driver_version,
///                  capabilities {prime_import, fb_modifiers, dumb_buffers, writeback,
///                                async_flips, vblank: bool,
///                                cursor {width, height}},
///                  master {state: "free" | "held", certain: bool, processes [{pid, command}]},
///                  notes [sentence],
///                  connectors [{id, name, connected, writeback, vrr,
///                               millimetres {width, height}, modes: number, preferred: "WxH@HZ",
///                               pipeline {crtc, primary, cursor, writeback: object ids; mode},
///                               problem}],
///                  crtcs [{id, index, active}],
///                  planes [{id, kind: "primary" | "cursor" | "overlay", crtcs [id],
///                           formats [{format: "XR24", modifiers ["LINEAR"]}]}]}]
///                modes and pipeline are those of connected connectors
///     mdevs      [{uuid, type, parent, iommu_group, users [{pid, command}], problem}]
///     processes  [{pid, command, uid, visible: bool, devices: number, iommu_groups [string],
///                  mdevs [uuid], can_take: bool, obstacle}]
///     guests     [{name, source, problem, process {pid, command}, works: bool,
///                  dialect: "mainline" | "draft-v14", export: "dmabuf" | "region" | "none",
///                  primary, cursor: {state: "on" | "off" | "problem", problem, id, format,
///                  modifier,
///                                    width, height, stride, bytes, x, y, hotspot {x, y}},
///                  outputs [{card, connector,
///                            outlook: "works" | "copied" | "without-cursor" | "unknown" | "fails",
///                            reasons [sentence]}]}]
int probe(const ProbeCommand& command);

}  // namespace scanthru
