// SPDX-License-Identifier: MIT
#include "presenter/client.h"

#include "base/log.h"
#include "presenter/control.h"
#include "presenter/metrics.h"
#include "presenter/status.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace scanthru {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds answer_limit{10};

/// The answer, when it is a good one.
std::optional<ControlAnswer> ask(const std::string& socket, const json& request) {
    const std::string path = socket.empty() ? default_control_socket() : socket;
    auto answer = ask_control(path, request, answer_limit);
    if (!answer) {
        log(LogLevel::error, "{}", answer.error());
        return std::nullopt;
    }
    if (!answer->json.value("ok", false)) {
        log(LogLevel::error, "{}", answer->json.value("error", "refused without a reason"));
        return std::nullopt;
    }
    return *std::move(answer);
}

}  // namespace

int ask(const StatusCommand& command) {
    const auto answer = ask(command.socket, {{"command", command.flips ? "flips" : "status"}});
    if (!answer) return 1;
    if (command.flips)
        for (const json& flip : answer->json["flips"])
            fmt::print("{}\n", flip.dump());
    else if (command.openmetrics)
        fmt::print("{}", openmetrics_text(answer->json));
    else
        fmt::print("{}", command.json ? answer->json.dump(2) + "\n" : status_text(answer->json));
    return 0;
}

int ask(const ScreenshotCommand& command) {
    const auto answer =
        ask(command.socket, {{"command", "screenshot"}, {"output", command.output}});
    if (!answer) return 1;
    if (!answer->fd) {
        log(LogLevel::error, "the answer came without a picture");
        return 1;
    }
    UniqueFd opened;
    if (command.file != "-") {
        // Readable by its owner only: what a guest shows is the guest's secret.
        opened.reset(::open(command.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!opened) {
            log(LogLevel::error, "{}: {}", command.file, Error{errno, "open"});
            return 1;
        }
    }
    const auto copied = copy_all(answer->fd.get(), opened ? opened.get() : STDOUT_FILENO);
    if (!copied) log(LogLevel::error, "{}: {}", command.file, copied.error());
    return copied ? 0 : 1;
}

int ask(const SwitchCommand& command) {
    const json request{{"command", "switch"}, {"guest", command.guest}, {"output", command.output}};
    return ask(command.socket, request) ? 0 : 1;
}

int ask(const BlankCommand& command) {
    const json request{{"command", command.blank ? "blank" : "unblank"},
                       {"output", command.output}};
    return ask(command.socket, request) ? 0 : 1;
}

int ask(const SendkeyCommand& command) {
    return ask(command.socket,
               {{"command", "sendkey"}, {"keys", command.keys}, {"guest", command.guest}})
               ? 0
               : 1;
}

int ask(const ReleaseCommand& command) {
    return ask(command.socket, {{"command", "release"}, {"guest", command.guest}}) ? 0 : 1;
}

}  // namespace scanthru
