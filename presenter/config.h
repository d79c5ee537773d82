// SPDX-License-Identifier: MIT
#pragma once

#include "base/log.h"
#include "base/result.h"
#include "kms/mode.h"
#include "kms/rotation.h"
#include "presenter/hands_config.h"
#include "presenter/layout.h"
#include "vfio/gfx_device.h"
#include "vfio/guest_source.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scanthru {

/// Whether an unchanged picture is committed again at every vblank, for drivers that copy at
/// commit.
enum class Refresh {
    automatic,  ///< Where the driver is known to copy (drivers_that_copy() in presenter/refresh.h).
    always,
    never,
};

/// What is shown where no guest is to be seen.
enum class Idle {
    message,
    black,
    hold,  ///< The last picture of a guest that has gone; a message where there was none.
};

/// What is shown of a guest that is paused.
enum class Paused { hold, message };

/// What the benchmark does otherwise, for comparison; not to be configured.
struct Trial {
    bool early = false;               ///< Asks right after each vblank.
    bool import_every_frame = false;  ///< Keeps no framebuffers.
    bool copy = false;                ///< Copies what could be shown directly.
    bool real_time = true;            ///< The frame thread has real-time priority.
};

/// One `[[output]]`.
struct OutputConfig {
    std::string name;     ///< Connector ("HDMI-A-1"); empty: the first that is connected.
    std::string monitor;  ///< "MAKE MODEL SERIAL" or its first words; empty: any.
    std::string card;     ///< "/dev/dri/card0"; empty: the first card that has such a connector.
    kms::ModeWish mode;   ///< `mode = "preferred" | "WxH" | "WxH@HZ"`
    std::optional<kms::Mode> modeline;  ///< `modeline = "…"`: used as it is, before `mode`.
    kms::Rotation rotate{};             ///< `rotate = 0 | 90 | 180 | 270`, counter-clockwise.
    Fit fit = Fit::follow;              ///< `fit = "follow" | "scale" | "center" | "crop"`
    std::string guest;                  ///< Name of the guest to show; empty: the first one.
    Refresh refresh = Refresh::automatic;
    Idle idle = Idle::message;           ///< `idle = "message" | "black" | "hold"`
    Paused paused = Paused::hold;        ///< `paused = "hold" | "message"`
    std::chrono::seconds blank_after{};  ///< `blank_after`, without change; zero: never.
    std::string image;                   ///< `image = "FILE.png"`: shown above the message.
    /// `margin_us`: the guest is asked this long before the vblank; empty ("auto"): it is learnt.
    std::optional<std::chrono::microseconds> margin = std::chrono::microseconds{1000};
    std::uint32_t idle_poll = 10;  ///< `idle_poll`, in Hz; 0 ("off"): every vblank.
    bool vrr = false;              ///< `vrr`: a variable refresh rate, where there is one.
    bool async = false;            ///< `async`: flips do not wait for vblanks, where they need not.
    Trial trial{};
    bool operator==(const OutputConfig& other) const;
};

/// Which monitor a guest believes to have.
struct EdidWish {
    bool off = false;                 ///< It is left as its device and QEMU made it.
    std::optional<kms::Mode> mode{};  ///< One with this mode; empty: the host's own.
    bool operator==(const EdidWish& other) const;
};

/// One `[[guest]]`.
struct GuestConfig {
    std::string name;  ///< Without one: name_guests().
    vfio::GuestSource source;
    std::optional<vfio::Dialect> abi;  ///< `abi = "auto" | "mainline" | "draft-v14"`
    EdidWish edid{};                   ///< `edid = "monitor" | "off" | "WxH@HZ"`
    GuestInput input{};                ///< `input = "auto" | "off" | "uinput" | "qmp:SOCKET"`
    bool operator==(const GuestConfig&) const = default;
};

/// `[control]`
struct ControlConfig {
    std::string socket;  ///< Empty: default_control_socket().
    std::string group;   ///< Members may connect too (mode 0660); empty: the owner only (0600).
    bool operator==(const ControlConfig&) const = default;
};

/// `[metrics]`
struct MetricsConfig {
    std::string file;  ///< For node_exporter's textfile collector; empty: none.
    bool operator==(const MetricsConfig&) const = default;
};

/// Everything that can be configured, after defaults, file and command line.
struct Config {
    std::vector<OutputConfig> outputs;  ///< Empty: one, with defaults.
    std::vector<GuestConfig> guests;
    HandsConfig input;
    KeysConfig keys;
    ControlConfig control;
    MetricsConfig metrics;
    LogLevel log_level = LogLevel::info;
    bool operator==(const Config&) const = default;
};

/// Reads scanthru.toml(5). `file` names it in errors.
///
/// The error is for the user: "FILE:LINE: what was wrong, what was expected"; a wrong key names the
/// key that was probably meant.
Result<Config, std::string> parse_config(std::string_view text, const std::string& file);

/// The same from a file. An unreadable file is an error that says so.
Result<Config, std::string> read_config(const std::string& file);

/// What hangs together: guests that outputs name exist, no two guests have one name or one source,
/// no two outputs can be the same connector. The error is a sentence for the user. Pure.
Result<void, std::string> check_config(const Config& config);

/// Guests without a name are called by their place: "guest1", "guest2", …
void name_guests(std::vector<GuestConfig>& guests);

/// The outputs of a configuration: one with defaults where it has none.
std::vector<OutputConfig> outputs_of(const Config& config);

/// The output's card by the name the kernel gives it now: a card has several (/dev/dri/by-path/…),
/// and only its first opener drives it. Empty: any.
std::string card_path(const OutputConfig& output);

/// Whether two outputs mean the same connector or monitor. Pure.
bool is_same_output(const OutputConfig& one, const OutputConfig& other);

/// An output as its configuration names it: its connector or its monitor.
std::string title_of(const OutputConfig& output);

/// Where the system's own scanthru serves.
inline constexpr std::string_view system_control_socket = "/run/scanthru/control";

/// system_control_socket for root and where XDG_RUNTIME_DIR is not set, else
/// $XDG_RUNTIME_DIR/scanthru/control.
std::string default_control_socket();

}  // namespace scanthru
