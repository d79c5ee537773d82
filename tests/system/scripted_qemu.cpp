// SPDX-License-Identifier: MIT
#include "scripted_qemu.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

using nlohmann::json;

UniqueFd listen_at(const std::string& path) {
    ::unlink(path.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(fd.get(), 8) != 0)
        throw std::runtime_error(path + ": " + std::strerror(errno));
    return fd;
}

/// Cuts the whole lines off `text`.
std::vector<std::string> take_lines(std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        lines.push_back(text.substr(0, end));
        text.erase(0, end + 1);
    }
    return lines;
}

/// Devices of the test would live on in this process.
void close_all_but(int one, int other) {
    const auto [low, high] = std::minmax(one, other);
    ::close_range(STDERR_FILENO + 1, static_cast<unsigned>(low) - 1, 0);
    if (high > low + 1)
        ::close_range(static_cast<unsigned>(low) + 1, static_cast<unsigned>(high) - 1, 0);
    ::close_range(static_cast<unsigned>(high) + 1, ~0U, 0);
}

/// In the process itself.
class Machine {
public:
    Machine(vgpu::TestVgpu& vgpu, UniqueFd server, UniqueFd script, std::string input_file)
        : vgpu_(vgpu),
          server_(std::move(server)),
          script_(std::move(script)),
          input_file_(std::move(input_file)) {}

    /// Until the test closes the script.
    void run() {
        while (true) {
            std::array<pollfd, 3> fds{{{script_.get(), POLLIN, 0},
                                       {server_.get(), POLLIN, 0},
                                       {client_ ? client_.get() : -1, POLLIN, 0}}};
            if (::poll(fds.data(), fds.size(), -1) < 0) return;
            if (fds[0].revents != 0 && !read_script()) return;
            if (fds[2].revents != 0) read_client();
            if (fds[1].revents != 0 && !client_) accept_client();
        }
    }

private:
    static bool append(int fd, std::string& text) {
        std::array<char, 4096> piece{};
        const ssize_t length = ::read(fd, piece.data(), piece.size());
        if (length <= 0) return false;
        text.append(piece.data(), static_cast<std::size_t>(length));
        return true;
    }

    void send(const json& message) const {
        const std::string line = message.dump() + "\r\n";
        if (client_)
            static_cast<void>(::send(client_.get(), line.data(), line.size(), MSG_NOSIGNAL));
    }

    void accept_client() {
        client_.reset(::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        said_.clear();
        send(
            {{"QMP",
              {{"version", {{"qemu", {{"micro", 0}, {"minor", 2}, {"major", 7}}}, {"package", ""}}},
               {"capabilities", json::array()}}}});
    }

    void read_client() {
        if (!append(client_.get(), said_)) return client_.reset();
        read_at_ = std::chrono::steady_clock::now();
        for (const std::string& line : take_lines(said_)) {
            std::this_thread::sleep_for(dawdles_);
            const json command = json::parse(line, nullptr, false);
            json answer = answer_to(command.value("execute", ""), command);
            if (command.contains("id")) answer["id"] = command["id"];
            send(answer);
        }
    }

    json answer_to(const std::string& name, const json& command) const {
        if (name == "query-status")
            return {
                {"return", {{"status", paused_ ? "paused" : "running"}, {"running", !paused_}}}};
        if (name == "query-mice") {
            json mice = json::array();
            for (const char* const kind : {"mouse", "tablet"})
                if (mice_.find(kind) != std::string::npos)
                    mice.push_back({{"name", kind},
                                    {"index", mice.size()},
                                    {"current", mice.empty()},
                                    {"absolute", kind == std::string_view{"tablet"}}});
            return {{"return", mice}};
        }
        if (name == "query-qmp-schema") return {{"return", json::array()}};
        if (name == "input-send-event" && paused_)
            return {{"error", {{"class", "GenericError"}, {"desc", "VM not running"}}}};
        if (name == "input-send-event") record(command["arguments"]["events"]);
        return {{"return", json::object()}};
    }

    /// A line each: "key a 1", "btn left 0", "abs x 32767".
    void record(const json& events) const {
        std::ofstream file{input_file_, std::ios::app};
        for (const json& event : events) {
            const std::string type = event["type"];
            const json& data = event["data"];
            if (stamps_) file << read_at_.time_since_epoch() / std::chrono::nanoseconds{1} << ' ';
            if (type == "key")
                file << "key " << data["key"]["data"].get<std::string>() << ' '
                     << data["down"].get<bool>();
            else if (type == "btn")
                file << "btn " << data["button"].get<std::string>() << ' '
                     << data["down"].get<bool>();
            else
                file << type << ' ' << data["axis"].get<std::string>() << ' '
                     << data["value"].get<int>();
            file << '\n';
        }
    }

    bool read_script() {
        if (!append(script_.get(), script_text_)) return false;
        for (const std::string& line : take_lines(script_text_)) {
            const std::string verb = line.substr(0, line.find(' '));
            const std::string rest = line.substr(std::min(verb.size() + 1, line.size()));
            if (verb == "stamp") stamps_ = true;
            if (verb == "dawdle") dawdles_ = std::chrono::milliseconds{std::stoi(rest)};
            if (verb == "mice") mice_ = rest;
            if (verb == "hang-up") client_.reset();
            if (verb == "unplug") vgpu_.close();
            if (verb == "unplug") happen("DEVICE_DELETED");
            if (verb == "event") happen(rest);
        }
        return true;
    }

    void happen(const std::string& event) {
        if (event == "STOP" || event == "RESUME") paused_ = event == "STOP";
        send({{"event", event}, {"data", json::object()}, {"timestamp", json::object()}});
    }

    vgpu::TestVgpu& vgpu_;
    UniqueFd server_;
    UniqueFd script_;
    std::string input_file_;
    UniqueFd client_;
    std::string said_;
    std::string script_text_;
    bool paused_ = false;
    bool stamps_ = false;
    std::string mice_ = "tablet";
    std::chrono::milliseconds dawdles_{};
    std::chrono::steady_clock::time_point read_at_;
};

}  // namespace

ScriptedQemu::ScriptedQemu(vgpu::TestVgpu& vgpu,
                           const std::string& socket,
                           const OrdinaryUser* user) {
    std::array<int, 2> pipe{};
    std::array<int, 2> ready{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0 || ::pipe2(ready.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("pipe2");
    UniqueFd is_ready{ready[0]};
    UniqueFd tell_ready{ready[1]};
    UniqueFd theirs{pipe[0]};
    script_.reset(pipe[1]);
    pid_ = ::fork();
    if (pid_ != 0) {
        tell_ready.reset();
        char byte = 0;
        if (::read(is_ready.get(), &byte, 1) != 1) throw std::runtime_error("no scripted QEMU");
        return;
    }
    if (user != nullptr) user->become();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_all_but(theirs.get(), tell_ready.get());
    try {
        vgpu.open();
        // Here and not in the test: whoever listens is the peer that clients see.
        UniqueFd server = listen_at(socket);
        if (::write(tell_ready.get(), "r", 1) != 1) std::_Exit(1);
        Machine{vgpu, std::move(server), std::move(theirs), socket + ".input"}.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "scripted QEMU: %s\n", error.what());
    }
    std::_Exit(0);
}

void ScriptedQemu::say(const std::string& line) const {
    const std::string text = line + "\n";
    ASSERT_EQ(::write(script_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

void ScriptedQemu::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

}  // namespace scanthru::system_test
