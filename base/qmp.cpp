// SPDX-License-Identifier: MIT
#include "base/qmp.h"

#include "base/qmp_message.h"
#include "base/unix_socket.h"

#include <cerrno>
#include <deque>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace scanthru {
namespace {

/// Commands that QEMU has not read yet; more means that it has stopped reading.
constexpr std::size_t max_unsent = std::size_t{1} << 20;

}  // namespace

/// Lives as long as the client or a callback that is running, whichever is longer.
class QmpClient::State : public std::enable_shared_from_this<State> {
public:
    State(EventLoop& loop, UniqueFd socket, Listener listener)
        : loop_(loop), socket_(std::move(socket)), listener_(std::move(listener)) {}

    Result<void> start(std::chrono::milliseconds patience);
    void execute(std::string command, const nlohmann::json& arguments, Reply reply);
    Result<pid_t> peer() const;
    /// Lets go of socket, watch and timer; no callback follows.
    void detach();

private:
    enum class Phase { greeting, negotiating, ready, over };

    struct Pending {
        std::uint64_t id;
        Reply reply;
    };

    Result<void> watch(std::uint32_t events);
    void serve(std::uint32_t events);
    void take(QmpMessage message);
    void greeted();
    void answered(QmpMessage message);
    void flush();
    void give_up(const char* why);
    void close(const std::string& why);
    const char* farewell() const {
        return gave_up_ != nullptr ? gave_up_ : "QEMU closed the connection";
    }

    EventLoop& loop_;
    UniqueFd socket_;
    Listener listener_;
    EventLoop::Watch watch_;
    EventLoop::Timer greeting_timer_;
    EventLoop::Timer closing_timer_;
    Phase phase_ = Phase::greeting;
    QmpLines lines_;
    std::string unsent_;   ///< Commands QEMU is to read.
    std::string waiting_;  ///< Commands given before the capabilities were agreed on.
    std::deque<Pending> pending_;
    std::uint64_t last_id_ = 0;
    std::uint32_t watched_ = 0;
    const char* gave_up_ = nullptr;
};

Result<void> QmpClient::State::start(std::chrono::milliseconds patience) {
    greeting_timer_ = loop_.after(patience, [this, patience] {
        const auto self = shared_from_this();
        close(fmt::format("no greeting from QEMU within {} s: another client holds this monitor; "
                          "give scanthru a -qmp socket of its own",
                          std::chrono::duration<double>{patience}.count()));
    });
    return watch(EPOLLIN);
}

Result<void> QmpClient::State::watch(std::uint32_t events) {
    if (events == watched_) return {};
    watch_.reset();
    auto watching = loop_.watch(socket_.get(), events, [this](std::uint32_t happened) {
        // A callback may destroy the client; this keeps what is left of it until we return.
        const auto self = shared_from_this();
        serve(happened);
    });
    if (!watching) {
        watched_ = 0;
        return fail(watching.error());
    }
    watch_ = std::move(*watching);
    watched_ = events;
    return {};
}

void QmpClient::State::serve(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) flush();
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
    const auto received = receive(socket_.get());
    if (!received) {
        // A reset is how a socket ends whose last command nobody read.
        if (received.error().code == ECONNRESET)
            close(farewell());
        else if (received.error().code != EAGAIN)
            close(fmt::format("{}", received.error()));
        return;
    }
    if (received->bytes.empty()) {
        close(farewell());
        return;
    }
    const bool whole = lines_.feed(received->bytes);
    while (phase_ != Phase::over) {
        const auto line = lines_.next();
        if (!line) break;
        auto message = parse_qmp_message(*line);
        if (message) {
            take(std::move(*message));
        } else {
            close(fmt::format("this is no QEMU monitor: it sent {}", message.error()));
        }
    }
    if (!whole && phase_ != Phase::over) close("this is no QEMU monitor: it sent an endless line");
}

void QmpClient::State::take(QmpMessage message) {
    using Kind = QmpMessage::Kind;
    if ((message.kind == Kind::greeting) != (phase_ == Phase::greeting)) {
        close("this is no QEMU monitor: its greeting is not where it belongs");
        return;
    }
    switch (message.kind) {
    case Kind::greeting: greeted(); break;
    case Kind::event:
        if (listener_.event) listener_.event(message.text, message.value);
        break;
    case Kind::result:
    case Kind::error: answered(std::move(message)); break;
    }
}

void QmpClient::State::greeted() {
    greeting_timer_.reset();
    phase_ = Phase::negotiating;
    // What was given earlier waits in pending_ with lower ids; this one goes before them.
    const std::uint64_t id = ++last_id_;
    pending_.push_front({id, [this](Result<nlohmann::json, std::string> outcome) {
                             if (!outcome) {
                                 close("QEMU refused qmp_capabilities: " + outcome.error());
                                 return;
                             }
                             phase_ = Phase::ready;
                             unsent_ += waiting_;
                             waiting_.clear();
                             flush();
                             if (listener_.ready) listener_.ready();
                         }});
    unsent_ += nlohmann::json{{"execute", "qmp_capabilities"}, {"id", id}}.dump() + '\n';
    flush();
}

void QmpClient::State::answered(QmpMessage message) {
    auto asked = pending_.begin();
    // QEMU leaves the id out when it could not read the command; its answers are in order.
    if (message.id)
        while (asked != pending_.end() && asked->id != *message.id)
            ++asked;
    if (asked == pending_.end()) {
        close("this is no QEMU monitor: it answered what nobody asked");
        return;
    }
    const Reply reply = std::move(asked->reply);
    pending_.erase(asked);
    if (!reply) return;
    if (message.kind == QmpMessage::Kind::error) {
        reply(tl::unexpected<std::string>{std::move(message.text)});
    } else {
        reply(std::move(message.value));
    }
}

void QmpClient::State::execute(std::string command, const nlohmann::json& arguments, Reply reply) {
    if (phase_ == Phase::over) return;
    const std::uint64_t id = ++last_id_;
    nlohmann::json message{{"execute", std::move(command)}, {"id", id}};
    if (!arguments.empty()) message["arguments"] = arguments;
    // Bytes that are no UTF-8 become the replacement character: dump() must not throw.
    std::string line = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    line += '\n';
    pending_.push_back({id, std::move(reply)});
    if (phase_ == Phase::ready) {
        unsent_ += line;
        flush();
    } else {
        waiting_ += line;
    }
    if (unsent_.size() + waiting_.size() > max_unsent)
        give_up("QEMU has stopped reading its monitor");
}

void QmpClient::State::flush() {
    while (!unsent_.empty()) {
        const ssize_t sent =
            ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            unsent_.erase(0, static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            // What QEMU said before it went is still to be read; the end of it is the end.
            give_up(farewell());
            break;
        }
    }
    if (!watch(unsent_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT)) {
        // Nothing wakes us for this socket any more.
        closing_timer_ = loop_.after({}, [this] {
            const auto self = shared_from_this();
            close("the kernel no longer lets us watch the connection");
        });
    }
}

/// Ends the connection from outside the loop: what is there is read, then comes the end.
void QmpClient::State::give_up(const char* why) {
    if (gave_up_ == nullptr) gave_up_ = why;
    unsent_.clear();
    waiting_.clear();
    ::shutdown(socket_.get(), SHUT_RDWR);
}

void QmpClient::State::close(const std::string& why) {
    detach();
    if (const auto closed = std::move(listener_.closed)) closed(why);
}

void QmpClient::State::detach() {
    phase_ = Phase::over;
    watch_.reset();
    greeting_timer_.reset();
    closing_timer_.reset();
    socket_.reset();
}

Result<pid_t> QmpClient::State::peer() const {
    if (!socket_) return fail(EBADF, "SO_PEERCRED");
    return peer_pid(socket_.get());
}

QmpClient::QmpClient(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<QmpClient>> QmpClient::connect(EventLoop& loop,
                                                      const std::string& path,
                                                      Listener listener,
                                                      std::chrono::milliseconds patience) {
    auto socket = connect_unix(path);
    if (!socket) return fail(socket.error());
    auto state = std::make_shared<State>(loop, std::move(*socket), std::move(listener));
    if (const auto started = state->start(patience); !started) return fail(started.error());
    return std::unique_ptr<QmpClient>{new QmpClient{std::move(state)}};
}

QmpClient::~QmpClient() {
    state_->detach();
}

void QmpClient::execute(std::string command, const nlohmann::json& arguments, Reply reply) {
    state_->execute(std::move(command), arguments, std::move(reply));
}

Result<pid_t> QmpClient::peer() const {
    return state_->peer();
}

}  // namespace scanthru
