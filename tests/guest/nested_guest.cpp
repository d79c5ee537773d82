// SPDX-License-Identifier: MIT
#include "nested_guest.h"

#include "vgpu/test/test_vgpu.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace scanthru::system_test {
namespace {

int count(const std::string& text, const std::string& words) {
    int found = 0;
    for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1))
        ++found;
    return found;
}

}  // namespace

void run_shell(const std::string& command) {
    FILE* const pipe = ::popen((command + " 2>&1").c_str(), "re");
    if (pipe == nullptr) throw std::runtime_error("popen");
    std::string output;
    std::array<char, 4096> piece{};
    while (std::fgets(piece.data(), piece.size(), pipe) != nullptr)
        output += piece.data();
    if (::pclose(pipe) != 0) throw std::runtime_error(command + ": failed:\n" + output);
}

NestedGuest::~NestedGuest() {
    kill();
}

void NestedGuest::start(const std::string& options) {
    run_shell("tests/vm/guest start " + name_ + " " + options);
}

void NestedGuest::wait_for(const std::string& words, std::chrono::seconds limit, int times) const {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (count(serial(), words) < times) {
        if (::kill(pid(), 0) != 0)
            throw std::runtime_error("guest " + name_ + " ended; expected it to say \"" + words +
                                     "\":\n" + vgpu::read_file(file("qemu.log")));
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("guest " + name_ + " did not say \"" + words + "\" within " +
                                     std::to_string(limit.count()) + " s");
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
}

void NestedGuest::ask(const std::string& command, const std::string& json) const {
    run_shell("tests/vm/guest ask " + name_ + " " + command + " '" + json + "'");
}

void NestedGuest::press(const std::string& key) const {
    ask("send-key", R"({"keys": [{"type": "qcode", "data": ")" + key + R"("}]})");
}

void NestedGuest::kill() {
    const pid_t process = pid();
    if (process > 0) ::kill(process, SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all("/run/guest/" + name_, ignored);
}

pid_t NestedGuest::pid() const {
    return std::atoi(vgpu::read_file(file("pid")).c_str());
}

std::string NestedGuest::uuid() const {
    std::string text = vgpu::read_file(file("uuid"));
    return text.substr(0, text.find('\n'));
}

std::string NestedGuest::serial() const {
    return vgpu::read_file(file("serial"));
}

std::string NestedGuest::monitor_log() const {
    return vgpu::read_file(file("monitor.log"));
}

}  // namespace scanthru::system_test
