// SPDX-License-Identifier: MIT
#include "outer_input.h"

#include "input/key_table.h"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/file.h>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

constexpr const char* lock_path = "/run/lock/scanthru-qmp";  // That of tests/vm/qmp.
constexpr int patience_ms = 60'000;

[[noreturn]] void give_up(const std::string& why) {
    throw std::runtime_error{"the monitor of the QEMU around us: " + why};
}

std::string port_path() {
    const char* const path = std::getenv("SCANTHRU_VM_QMP");
    return path != nullptr ? path : "/dev/virtio-ports/qmp";
}

OuterInput::Report axes(const char* type, int x, int y) {
    return OuterInput::Report::array(
        {nlohmann::json{{"type", type}, {"data", {{"axis", "x"}, {"value", x}}}},
         nlohmann::json{{"type", type}, {"data", {{"axis", "y"}, {"value", y}}}}});
}

}  // namespace

OuterInput::OuterInput() : lock_(::open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (!lock_ || ::flock(lock_.get(), LOCK_EX) != 0) give_up(lock_path);
    port_.reset(::open(port_path().c_str(), O_RDWR | O_CLOEXEC));
    if (!port_) give_up("cannot be opened");
    // The connection is as old as the VM: whoever is not its first user is refused here.
    execute({R"({"execute": "qmp_capabilities"})"});
}

void OuterInput::send(const std::vector<Report>& reports) {
    std::vector<std::string> commands;
    commands.reserve(reports.size());
    for (const Report& report : reports)
        commands.push_back(
            nlohmann::json{{"execute", "input-send-event"}, {"arguments", {{"events", report}}}}
                .dump());
    for (const nlohmann::json& answer : execute(commands))
        if (answer.contains("error")) give_up(answer.dump());
}

std::vector<nlohmann::json> OuterInput::execute(const std::vector<std::string>& commands) {
    std::string text;
    for (const std::string& command : commands)
        text += command + '\n';
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t more = ::write(port_.get(), text.data() + done, text.size() - done);
        if (more <= 0) give_up("cannot be written to");
        done += static_cast<std::size_t>(more);
    }
    std::vector<nlohmann::json> answers;
    while (answers.size() < commands.size()) {
        auto line = nlohmann::json::parse(read_line());
        if (line.contains("error") || line.contains("return")) answers.push_back(std::move(line));
    }
    return answers;
}

std::string OuterInput::read_line() {
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            std::string line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return line;
        }
        pollfd readable{.fd = port_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&readable, 1, patience_ms) <= 0) give_up("no answer");
        std::array<char, 4096> piece{};
        const ssize_t got = ::read(port_.get(), piece.data(), piece.size());
        if (got <= 0) give_up("closed");
        unread_.append(piece.data(), static_cast<std::size_t>(got));
    }
}

OuterInput::Report OuterInput::key(std::uint16_t code, bool down) {
    const nlohmann::json key{{"type", "qcode"}, {"data", input::qcode_of(code)}};
    return Report::array(
        {nlohmann::json{{"type", "key"}, {"data", {{"down", down}, {"key", key}}}}});
}

OuterInput::Report OuterInput::button(const std::string& name, bool down) {
    return Report::array(
        {nlohmann::json{{"type", "btn"}, {"data", {{"button", name}, {"down", down}}}}});
}

OuterInput::Report OuterInput::place(int x, int y) {
    return axes("abs", x, y);
}

OuterInput::Report OuterInput::motion(int dx, int dy) {
    return axes("rel", dx, dy);
}

}  // namespace scanthru::system_test
