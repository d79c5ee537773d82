// SPDX-License-Identifier: MIT
#include "base/console.h"
#include "base/log.h"
#include "presenter/app.h"
#include "presenter/bench.h"
#include "presenter/client.h"
#include "presenter/options.h"
#include "presenter/probe.h"

#include <cstdio>
#include <exception>
#include <type_traits>
#include <variant>

namespace scanthru {
namespace {

int present(RunCommand command) {
    auto app = App::create(std::move(command));
    if (!app) {
        log(LogLevel::error, "{}", app.error());
        return 1;
    }
    return (*app)->run();
}

int restore(const RestoreConsoleCommand& command) {
    const auto state = restore_console(command.tty);
    if (!state) {
        log(LogLevel::error, "{}", state.error());
        return 1;
    }
    log(LogLevel::info, "{}", describe(*state));
    return state->outcome == ConsoleOutcome::in_use ? 1 : 0;
}

int execute(Command command) {
    return std::visit(
        [](auto& chosen) -> int {
            using Chosen = std::decay_t<decltype(chosen)>;
            if constexpr (std::is_same_v<Chosen, Answer>) {
                std::fputs(chosen.text.c_str(), chosen.exit_code == 0 ? stdout : stderr);
                return chosen.exit_code;
            } else if constexpr (std::is_same_v<Chosen, RunCommand>) {
                return present(std::move(chosen));
            } else if constexpr (std::is_same_v<Chosen, BenchCommand>) {
                return bench(chosen);
            } else if constexpr (std::is_same_v<Chosen, ProbeCommand>) {
                return probe(chosen);
            } else if constexpr (std::is_same_v<Chosen, RestoreConsoleCommand>) {
                return restore(chosen);
            } else {
                return ask(chosen);
            }
        },
        command);
}

}  // namespace
}  // namespace scanthru

int main(int argc, char** argv) {
    // Out of memory, or a library that throws: the destructors have put the console back by now.
    try {
        const std::span<const char* const> arguments{argv, static_cast<std::size_t>(argc)};
        return scanthru::execute(scanthru::parse_command_line(arguments.subspan(1)));
    } catch (const std::exception& error) {
        scanthru::log_line(scanthru::LogLevel::error, error.what());
        return 1;
    }
}
