// SPDX-License-Identifier: MIT
#include "base/session.h"

#include "base/log.h"
#include "base/seat_surroundings.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <string_view>
#include <sys/epoll.h>

// Debian 12's says nothing of C++.
extern "C" {
#include <libseat.h>
}

namespace scanthru {

struct SeatConnection {
    libseat* handle = nullptr;  ///< Null at the end and when the seat manager has gone.
    std::deque<bool> news;      ///< Enabled or disabled, not acted on yet.
};

namespace {

constexpr std::chrono::seconds patience{5};

/// libseat has one log for the whole process, and says by it alone which backend it took.
struct LogState {
    bool opening = false;
    bool closing = false;  ///< What has gone already.
    std::string backend;
};

LogState& log_state() {
    static LogState state;
    return state;
}

void note_backend(std::string_view line) {
    constexpr std::string_view before = "Seat opened with backend '";
    const auto found = line.find(before);
    if (found == std::string_view::npos) return;
    line.remove_prefix(found + before.size());
    log_state().backend = line.substr(0, line.find('\''));
}

void pass_log(libseat_log_level level, const char* format, va_list arguments) {
    std::array<char, 512> text{};
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it comes from libseat.
    if (std::vsnprintf(text.data(), text.size(), format, arguments) < 0) return;
    std::string_view line{text.data()};
    // "[../libseat/libseat.c:75] …"
    if (const auto place = line.find("] ");
        line.starts_with('[') && place != std::string_view::npos)
        line.remove_prefix(place + 2);
    note_backend(line);
    // While it opens it tries one way after the other; what comes of it, we say.
    const bool expected = log_state().opening || log_state().closing;
    log(level == LIBSEAT_LOG_LEVEL_ERROR && !expected ? LogLevel::warning : LogLevel::debug,
        "libseat: {}", line);
}

/// libseat's builtin server is a fork of us and inherits our mask: with SIGTERM blocked it would
/// outlive us, and the VT stay as it is. SIGINT, which a terminal sends to both, stays blocked: we
/// are the one to react to it.
void unblock_in_server() {
    if (!log_state().opening) return;
    sigset_t signals{};
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2})
        sigaddset(&signals, signal);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGHUP})
        sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void enable(libseat*, void* seat) {
    static_cast<SeatConnection*>(seat)->news.push_back(true);
}

void disable(libseat*, void* seat) {
    static_cast<SeatConnection*>(seat)->news.push_back(false);
}

constexpr libseat_seat_listener callbacks{.enable_seat = enable, .disable_seat = disable};

/// libseat does not set errno at every failure.
int reason(int fallback) {
    return errno != 0 ? errno : fallback;
}

libseat* open_libseat(SeatConnection& seat) {
    [[maybe_unused]] static const int registered =
        ::pthread_atfork(nullptr, nullptr, unblock_in_server);
    libseat_set_log_handler(pass_log);
    libseat_set_log_level(log_level() == LogLevel::debug ? LIBSEAT_LOG_LEVEL_DEBUG
                                                         : LIBSEAT_LOG_LEVEL_INFO);
    log_state() = {};
    log_state().opening = true;
    errno = 0;
    libseat* const opened = libseat_open_seat(&callbacks, &seat);
    log_state().opening = false;
    return opened;
}

}  // namespace

SeatDevice::SeatDevice(std::shared_ptr<SeatConnection> seat, int id, UniqueFd fd) noexcept
    : seat_(std::move(seat)), id_(id), fd_(std::move(fd)) {}

SeatDevice::SeatDevice(SeatDevice&& other) noexcept
    : seat_(std::move(other.seat_)), id_(std::exchange(other.id_, -1)), fd_(std::move(other.fd_)) {}

SeatDevice& SeatDevice::operator=(SeatDevice&& other) noexcept {
    if (this == &other) return *this;
    reset();
    seat_ = std::move(other.seat_);
    id_ = std::exchange(other.id_, -1);
    fd_ = std::move(other.fd_);
    return *this;
}

void SeatDevice::reset() noexcept {
    // First the seat manager: under logind it looks at the descriptor to see which device it is.
    if (fd_ && seat_ && seat_->handle != nullptr) libseat_close_device(seat_->handle, id_);
    fd_.reset();
    seat_.reset();
    id_ = -1;
}

Result<UniqueFd> SeatDevice::duplicate() const {
    UniqueFd copy{::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 3)};
    if (!copy) return fail(errno, "fcntl");
    return copy;
}

Session::Session(EventLoop& loop, Listener listener, std::shared_ptr<SeatConnection> seat) noexcept
    : loop_(loop), listener_(std::move(listener)), seat_(std::move(seat)) {}

Session::~Session() {
    watch_.reset();
    if (libseat* const handle = std::exchange(seat_->handle, nullptr)) libseat_close_seat(handle);
}

Result<std::unique_ptr<Session>, std::string> Session::open(EventLoop& loop, Listener listener) {
    const auto sentence = [](std::string text) {
        return tl::unexpected<std::string>{std::move(text)};
    };
    auto seat = std::make_shared<SeatConnection>();
    seat->handle = open_libseat(*seat);
    if (seat->handle == nullptr) {
        const int error = reason(ENODEV);
        return sentence(why_no_seat(read_seat_surroundings(), error));
    }
    std::unique_ptr<Session> session{new Session{loop, std::move(listener), std::move(seat)}};
    const std::string& backend = log_state().backend;
    session->backend_ = backend.empty() ? "unknown" : backend;
    if (auto active = session->wait_until_active(); !active) return sentence(active.error());
    if (const auto watched = session->watch(); !watched)
        return sentence(fmt::format("{}", watched.error()));
    return session;
}

Result<void, std::string> Session::wait_until_active() {
    const auto deadline = Clock::now() + patience;
    while (!active_) {
        using std::chrono::milliseconds;
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        if (left <= 0)
            return tl::unexpected{
                fmt::format("{} gave no seat within {} s: another session has it, or another VT "
                            "is in front",
                            backend_, patience.count())};
        errno = 0;
        if (seat_->news.empty() && libseat_dispatch(seat_->handle, static_cast<int>(left)) < 0)
            return tl::unexpected{fmt::format("{} went while we waited for the seat ({})", backend_,
                                              std::strerror(reason(EIO)))};
        // logind says first that it is not, when it is not.
        while (!active_ && !seat_->news.empty()) {
            active_ = seat_->news.front();
            seat_->news.pop_front();
            if (!active_) libseat_disable_seat(seat_->handle);
        }
    }
    return {};
}

Result<void> Session::watch() {
    // libseat itself takes an end of file for no news.
    auto watched = loop_.watch(libseat_get_fd(seat_->handle), EPOLLIN | EPOLLRDHUP,
                               [this](std::uint32_t events) {
                                   dispatch((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
                               });
    if (!watched) return fail(watched.error());
    watch_ = *std::move(watched);
    dispatch_soon();
    return {};
}

void Session::dispatch(bool ended) {
    soon_.reset();
    if (seat_->handle == nullptr) return;
    errno = 0;
    const bool failed = libseat_dispatch(seat_->handle, 0) < 0;
    const int error = failed ? reason(EIO) : EPIPE;
    act();
    if (failed || ended) lose(error);
}

/// What came along with the answer to a request lies in libseat's buffer, and its descriptor is
/// quiet about it.
void Session::dispatch_soon() {
    if (!soon_) soon_ = loop_.after(Clock::duration::zero(), [this] { dispatch(false); });
}

void Session::act() {
    while (!seat_->news.empty()) {
        const bool active = seat_->news.front();
        seat_->news.pop_front();
        if (active != std::exchange(active_, active))
            active ? listener_.enabled() : listener_.disabled();
        if (!active) libseat_disable_seat(seat_->handle);
    }
}

void Session::lose(int error) {
    watch_.reset();
    // First of all: nothing that is closed now can be told to it any more.
    log_state().closing = true;
    libseat_close_seat(std::exchange(seat_->handle, nullptr));
    log_state().closing = false;
    if (std::exchange(active_, false)) listener_.disabled();
    listener_.lost(fmt::format("{} has gone ({})", backend_, std::strerror(error)));
}

Result<SeatDevice> Session::open_device(const std::string& path) {
    if (seat_->handle == nullptr) return fail(ENOTCONN, "libseat_open_device");
    if (!active_) return fail(EPERM, "libseat_open_device");
    int fd = -1;
    errno = 0;
    const int id = libseat_open_device(seat_->handle, path.c_str(), &fd);
    const int error = reason(EIO);
    dispatch_soon();
    if (id < 0) return fail(error, "libseat_open_device");
    return SeatDevice{seat_, id, UniqueFd{fd}};
}

Result<void> Session::switch_vt(int number) {
    if (seat_->handle == nullptr) return fail(ENOTCONN, "libseat_switch_session");
    if (!active_) return fail(EPERM, "libseat_switch_session");
    errno = 0;
    if (libseat_switch_session(seat_->handle, number) < 0)
        return fail(reason(EIO), "libseat_switch_session");
    return {};
}

std::string Session::name() const {
    if (seat_->handle == nullptr) return {};
    const char* const name = libseat_seat_name(seat_->handle);
    return name != nullptr ? name : "";
}

}  // namespace scanthru
