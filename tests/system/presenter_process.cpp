// SPDX-License-Identifier: MIT
#include "presenter_process.h"

#include "presenter/control.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;

std::string proc(pid_t pid, const std::string& file) {
    return "/proc/" + std::to_string(pid) + "/" + file;
}

std::string first_line(const std::string& path) {
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
}

std::string read_all(const std::string& path) {
    std::ifstream file{path};
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string next_log_file() {
    static int number = 0;
    const std::string folder = "/run/scanthru-test-" + std::to_string(::getpid());
    std::filesystem::create_directories(folder);
    return folder + "/log" + std::to_string(++number);
}

/// Becomes scanthru, in a child.
[[noreturn]] void execute(std::vector<std::string>& words, const OrdinaryUser* user) {
    std::vector<char*> argv{const_cast<char*>(SCANTHRU_BINARY)};
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    if (user == nullptr) {
        ::execv(argv[0], argv.data());
    } else {
        // By its descriptor: the folders of the build may be closed to others than root.
        const int binary = ::open(argv[0], O_RDONLY | O_CLOEXEC);
        user->become();
        ::fexecve(binary, argv.data(), environ);
    }
    std::_Exit(127);
}

/// What most tests want, where they do not say otherwise.
void add_quiet(std::vector<std::string>& words) {
    const auto has = [&words](std::string_view option) {
        return std::ranges::find(words, option) != words.end();
    };
    // A seat takes the console, and hands are at few of these tests.
    if (!has("--seat")) words.insert(words.end(), {"--seat", "off"});
    if (has("--config")) return;
    // What is on screen beside a guest's picture is predicted more easily when it is black.
    if (!has("--idle")) words.insert(words.end(), {"--idle", "black"});
    // A guest that begins again after a rest is not to lose its first pictures.
    if (!has("--idle-poll")) words.insert(words.end(), {"--idle-poll", "off"});
}

/// The Unix sockets with this path, those of a server's clients included, as "socket:[123]".
std::set<std::string> sockets_at(const std::string& path) {
    std::set<std::string> sockets;
    std::ifstream file{"/proc/net/unix"};
    for (std::string line; std::getline(file, line);) {
        std::istringstream words{line};
        std::vector<std::string> fields{std::istream_iterator<std::string>{words}, {}};
        if (fields.size() == 8 && fields[7] == path)
            sockets.insert(fmt::format("socket:[{}]", fields[6]));
    }
    return sockets;
}

}  // namespace

PresenterProcess::PresenterProcess(const std::vector<std::string>& arguments,
                                   const std::vector<std::string>& environment,
                                   std::chrono::seconds limit) {
    log_file_ = next_log_file();
    socket_ = log_file_ + ".control";
    std::vector<std::string> words{"--control", socket_};
    words.insert(words.end(), arguments.begin(), arguments.end());
    start(std::move(words), environment, limit, nullptr);
}

PresenterProcess::PresenterProcess(const OrdinaryUser& user,
                                   const std::vector<std::string>& arguments)
    : socket_(user.runtime_folder() + "/scanthru/control"), log_file_(next_log_file()) {
    start(arguments, {"XDG_RUNTIME_DIR=" + user.runtime_folder()}, std::chrono::seconds{60}, &user);
}

void PresenterProcess::start(std::vector<std::string> words,
                             const std::vector<std::string>& environment,
                             std::chrono::seconds limit,
                             const OrdinaryUser* user) {
    add_quiet(words);
    words.insert(words.begin(), "run");
    pid_ = ::fork();
    if (pid_ == 0) {
        const int file = ::open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(file, STDERR_FILENO);
        for (const std::string& variable : environment)
            ::putenv(const_cast<char*>(variable.c_str()));
        execute(words, user);
    }
    const bool ready = wait(
        [this] {
            if (!alive()) return true;
            try {
                status();
                return true;
            } catch (const std::exception&) {
                return false;
            }
        },
        limit);
    if (ready && alive()) return;
    const std::string text = log();
    kill();
    throw std::runtime_error("scanthru run did not start:\n" + text);
}

PresenterProcess::~PresenterProcess() {
    if (pid_ > 0) stop();
}

int PresenterProcess::stop() {
    if (pid_ <= 0) return 0;
    ::kill(pid_, SIGTERM);
    int status = 0;
    const bool ended =
        wait([&] { return ::waitpid(pid_, &status, WNOHANG) != 0; }, std::chrono::seconds{30});
    if (!ended) {
        std::cerr << "scanthru did not end on SIGTERM\n" << log();
        kill();
        return -SIGKILL;
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void PresenterProcess::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

bool PresenterProcess::alive() {
    if (pid_ <= 0) return false;
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == 0;
}

nlohmann::json PresenterProcess::ask(const nlohmann::json& request) const {
    auto answer = ask_control(socket_, request, std::chrono::seconds{10});
    if (!answer) throw std::runtime_error(answer.error());
    return answer->json;
}

nlohmann::json PresenterProcess::status() const {
    return ask({{"command", "status"}});
}

std::uint64_t PresenterProcess::counter(const std::string& name) const {
    return output()["counters"].at(name).get<std::uint64_t>();
}

void PresenterProcess::collect_flips() {
    const std::uint64_t after = flips_.empty() ? 0 : flips_.back().number;
    const auto answer = ask({{"command", "flips"}, {"after", after}});
    for (const auto& flip : answer["flips"])
        flips_.push_back({.number = flip["number"],
                          .sequence = flip["sequence"],
                          .asked_ns = flip["asked_ns"],
                          .sampled_ns = flip["sampled_ns"],
                          .entered_ns = flip["entered_ns"],
                          .aimed_ns = flip["aimed_ns"],
                          .shown_ns = flip["shown_ns"],
                          .returned_ns = flip["returned_ns"],
                          .primary_id = flip["primary_id"],
                          .cursor_id = flip["cursor_id"],
                          .cursor_x = flip["cursor_x"],
                          .cursor_y = flip["cursor_y"]});
}

bool PresenterProcess::wait(const std::function<bool()>& done, milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(milliseconds{5});
    }
    return true;
}

void PresenterProcess::wait_frames(std::uint64_t more) const {
    const std::uint64_t until = counter("frames") + more;
    EXPECT_TRUE(wait([&] { return counter("frames") >= until; }, std::chrono::seconds{60}))
        << "no more frames\n"
        << log();
}

void PresenterProcess::wait_attached() const {
    const bool attached = wait([this] { return status()["guests"][0]["state"] == "attached"; },
                               std::chrono::seconds{60});
    ASSERT_TRUE(attached) << log();
}

std::size_t PresenterProcess::descriptors() const {
    // First: who has just asked may be let go of at any moment.
    const std::set<std::string> control = sockets_at(socket_);
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{proc(pid_, "fd")}) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone);
        if (!gone && !control.contains(target)) ++count;
    }
    return count;
}

std::uint64_t PresenterProcess::resident_kb() const {
    std::ifstream file{proc(pid_, "status")};
    std::string word;
    while (file >> word)
        if (word == "VmRSS:") break;
    std::uint64_t kb = 0;
    file >> kb;
    return kb;
}

std::vector<pid_t> PresenterProcess::threads() const {
    std::vector<pid_t> ids;
    for (const auto& entry : std::filesystem::directory_iterator{proc(pid_, "task")})
        ids.push_back(std::stoi(entry.path().filename().string()));
    return ids;
}

pid_t PresenterProcess::frame_thread(const std::string& name) const {
    for (const pid_t id : threads())
        if (first_line(proc(pid_, "task/" + std::to_string(id) + "/comm")) == name) return id;
    throw std::runtime_error("no thread " + name);
}

std::string PresenterProcess::log() const {
    return read_all(log_file_);
}

std::string output_of(const OrdinaryUser& user, std::vector<std::string> words) {
    const std::string file = next_log_file();
    const pid_t pid = ::fork();
    if (pid == 0) {
        const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(out, STDERR_FILENO);
        execute(words, &user);
    }
    ::waitpid(pid, nullptr, 0);
    return read_all(file);
}

std::string vkms_card() {
    const char* const card = std::getenv("SCANTHRU_VKMS_CARD");
    return card != nullptr ? card : "";
}

bool virtual_time() {
    return std::getenv("SCANTHRU_VIRTUAL_TIME") != nullptr;
}

unsigned count_of(unsigned whole) {
    return std::getenv("SCANTHRU_FULL") != nullptr ? whole : whole / 10;
}

std::string small_modeline(unsigned hz) {
    return fmt::format("{:.3f} 320 328 360 400 240 243 247 250", hz * 400.0 * 250.0 / 1e6);
}

}  // namespace scanthru::system_test
