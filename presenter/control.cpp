// SPDX-License-Identifier: MIT
#include "presenter/control.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/unix_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace scanthru {
namespace {

constexpr std::size_t max_clients = 16;
constexpr std::size_t max_request = std::size_t{64} * 1024;
/// Lines that wait for their turn.
constexpr std::size_t max_waiting = 4 * max_request;
constexpr std::chrono::seconds silence_limit{10};
constexpr std::size_t max_answer = std::size_t{16} * 1024 * 1024;

/// One line. Bytes that are no UTF-8 (file names may hold them) become U+FFFD.
std::string line_of(const nlohmann::json& json) {
    using Handler = nlohmann::json::error_handler_t;
    return json.dump(-1, ' ', false, Handler::replace) + '\n';
}

ControlAnswer refusal(std::string_view sentence) {
    return {{{"ok", false}, {"error", sentence}}, UniqueFd{}};
}

ControlAnswer answer(const ControlHandler& handler, std::string_view line) {
    const auto request = nlohmann::json::parse(line, nullptr, false);
    if (!request.is_object()) return refusal("the request is not a JSON object");
    const auto command = request.find("command");
    if (command == request.end() || !command->is_string())
        return refusal("the request has no \"command\"");
    try {
        return handler(request);
    } catch (const nlohmann::json::exception& exception) {
        // How nlohmann-json reports a member of another type than the handler reads.
        return refusal(
            fmt::format("a member of the request is not as expected: {}", exception.what()));
    }
}

/// The folder of the socket, made if it is missing: everybody may pass, or, among a user's own
/// things, nobody else.
Result<void, std::string> make_folder(const std::filesystem::path& folder) {
    if (folder.empty()) return {};
    const char* const own = std::getenv("XDG_RUNTIME_DIR");
    const bool private_one = own != nullptr && *own != '\0' && folder.parent_path() == own;
    if (::mkdir(folder.c_str(), private_one ? 0700 : 0755) == 0 || errno == EEXIST) return {};
    return wrong(fmt::format("{}: {}", folder.native(), Error{errno, "mkdir"}));
}

Result<gid_t, std::string> lookup_group(const std::string& name) {
    std::vector<char> text(1024);
    group entry{};
    group* found = nullptr;
    while (::getgrnam_r(name.c_str(), &entry, text.data(), text.size(), &found) == ERANGE)
        text.resize(text.size() * 2);
    if (found == nullptr)
        return wrong(fmt::format("control socket: there is no group \"{}\"", name));
    return entry.gr_gid;
}

/// Lets the members of `group` in. The owner's rights are all there is until both calls succeed.
Result<void, std::string> admit(const std::string& path, gid_t group) {
    if (::chown(path.c_str(), static_cast<uid_t>(-1), group) != 0)
        return wrong(fmt::format("{}: {}", path, Error{errno, "chown"}));
    if (::chmod(path.c_str(), 0660) != 0)
        return wrong(fmt::format("{}: {}", path, Error{errno, "chmod"}));
    return {};
}

std::string why_no_connection(const std::string& path, const Error& error) {
    switch (error.code) {
    case ENOENT:
    case ECONNREFUSED: return fmt::format("no scanthru serves at {}", path);
    case EACCES:
    case EPERM: return fmt::format("no rights to use the control socket {}", path);
    default: return fmt::format("{}: {}", path, error);
    }
}

std::string why_no_listener(const std::string& path, const Error& error) {
    if (error.code != EADDRINUSE) return fmt::format("{}: {}", path, error);
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
        return fmt::format("{}: there is something that is no socket", path);
    return fmt::format("another scanthru serves at {}", path);
}

/// False after `deadline`.
Result<bool> wait_readable(int socket, Clock::time_point deadline) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return false;
        pollfd wait{.fd = socket, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&wait, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return fail(errno, "poll");
    }
}

/// One line and the descriptor that came with it. The error is the end of a sentence.
Result<Received, std::string> receive_line(int socket, Clock::time_point deadline) {
    Received line;
    while (line.bytes.find('\n') == std::string::npos) {
        const auto ready = wait_readable(socket, deadline);
        if (!ready) return wrong(fmt::format("{}", ready.error()));
        if (!*ready) return wrong("no answer in time");
        auto more = receive(socket);
        if (!more && more.error().code == EAGAIN) continue;
        if (!more) return wrong(fmt::format("{}", more.error()));
        if (more->bytes.empty()) return wrong("the connection ended before the answer");
        line.bytes += more->bytes;
        if (more->fd && !line.fd) line.fd = std::move(more->fd);
        if (line.bytes.size() > max_answer) return wrong("the answer is too long");
    }
    return line;
}

}  // namespace

Result<std::unique_ptr<ControlServer>, std::string> ControlServer::listen(EventLoop& loop,
                                                                          const std::string& path,
                                                                          const std::string& group,
                                                                          ControlHandler handler) {
    gid_t gid = 0;
    if (!group.empty()) {
        const auto found = lookup_group(group);
        if (!found) return wrong(found.error());
        gid = *found;
    }
    if (const auto made = make_folder(std::filesystem::path{path}.parent_path()); !made)
        return wrong(made.error());

    std::unique_ptr<ControlServer> server{new ControlServer{loop, path, std::move(handler)}};
    auto listener = listen_unix(path, 0600);
    if (!listener) {
        server->path_.clear();  // It is not ours to remove.
        return wrong(why_no_listener(path, listener.error()));
    }
    server->listener_ = std::move(*listener);
    if (!group.empty())
        if (const auto admitted = admit(path, gid); !admitted) return wrong(admitted.error());
    if (const auto watched = server->start_accepting(); !watched)
        return wrong(fmt::format("{}: {}", path, watched.error()));
    return server;
}

ControlServer::ControlServer(EventLoop& loop, std::string path, ControlHandler handler)
    : loop_(loop), path_(std::move(path)), handler_(std::move(handler)) {}

ControlServer::~ControlServer() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> ControlServer::start_accepting() {
    auto watch = loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
    if (!watch) return fail(watch.error());
    watch_ = std::move(*watch);
    return {};
}

void ControlServer::accept() {
    auto socket = accept_unix(listener_.get());
    if (!socket) {
        const int code = socket.error().code;
        if (code == EAGAIN || code == ECONNABORTED || code == EINTR) return;
        // Out of descriptors or memory: whoever waits would wake us without end.
        log(LogLevel::warning, "control socket: {}", socket.error());
        watch_.reset();
        retry_ = loop_.after(std::chrono::seconds{1}, [this] {
            if (const auto watched = start_accepting(); !watched)
                log(LogLevel::error, "control socket: {}", watched.error());
        });
        return;
    }
    const int fd = socket->get();
    if (clients_.size() >= max_clients && !make_room()) {
        const auto busy = fmt::format("{} clients are connected; there is no room", max_clients);
        static_cast<void>(send_all(fd, line_of(refusal(busy).json)));
        return;
    }
    auto watch = loop_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) { read(fd); });
    if (!watch) return log(LogLevel::warning, "control socket: {}", watch.error());
    clients_.emplace(fd, Client{std::move(*socket), {}, std::move(*watch), {}, Clock::now()});
}

/// Lets go of the client that has been silent for longest, if that is long.
bool ControlServer::make_room() {
    const auto oldest = std::ranges::min_element(
        clients_, {}, [](const auto& entry) { return entry.second.heard; });
    if (Clock::now() - oldest->second.heard < silence_limit) return false;
    clients_.erase(oldest);
    return true;
}

void ControlServer::read(int fd) {
    auto received = receive(fd);
    if (!received && received.error().code == EAGAIN) return;
    if (!received || received->bytes.empty()) {
        clients_.erase(fd);
        return;
    }
    Client& client = clients_.at(fd);
    client.heard = Clock::now();
    client.received += received->bytes;
    if (!client.more) return serve(fd);
    if (client.received.size() > max_waiting && !refuse_long(fd)) clients_.erase(fd);
}

void ControlServer::serve(int fd) {
    Client& client = clients_.at(fd);
    client.more.reset();
    std::string& text = client.received;
    text.erase(0, text.find_first_not_of('\n'));
    const auto end = text.find('\n');
    if (std::min(end, text.size()) > max_request) {
        if (!refuse_long(fd)) clients_.erase(fd);
        return;
    }
    if (end == std::string::npos) return;
    const ControlAnswer reply = answer(handler_, std::string_view{text}.substr(0, end));
    if (!send_all(fd, line_of(reply.json), reply.fd.get())) {
        clients_.erase(fd);
        return;
    }
    text.erase(0, end + 1);
    if (text.find('\n') != std::string::npos)
        client.more = loop_.after(std::chrono::milliseconds{0}, [this, fd] { serve(fd); });
}

bool ControlServer::refuse_long(int fd) {
    const auto sentence = fmt::format("the request is longer than {} bytes", max_request);
    static_cast<void>(send_all(fd, line_of(refusal(sentence).json)));
    return false;
}

Result<ControlAnswer, std::string> ask_control(const std::string& path,
                                               const nlohmann::json& request,
                                               std::chrono::milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    const auto socket = connect_unix(path);
    if (!socket) return wrong(why_no_connection(path, socket.error()));
    if (const auto sent = send_all(socket->get(), line_of(request)); !sent)
        return wrong(fmt::format("{}: {}", path, sent.error()));
    auto received = receive_line(socket->get(), deadline);
    if (!received) return wrong(fmt::format("{}: {}", path, received.error()));

    auto json = nlohmann::json::parse(received->bytes, nullptr, false);
    if (!json.is_object()) return wrong(fmt::format("{}: the answer is no JSON object", path));
    if (json.value("ok", nlohmann::json{}) != true) {
        const auto error = json.value("error", nlohmann::json{});
        if (error.is_string()) return wrong(error.get<std::string>());
        return wrong(fmt::format("{}: refused without a reason", path));
    }
    return ControlAnswer{std::move(json), std::move(received->fd).value_or(UniqueFd{})};
}

}  // namespace scanthru
