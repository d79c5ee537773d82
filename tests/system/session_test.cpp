// SPDX-License-Identifier: MIT
// The seat on a real kernel with real VTs, by seatd and by libseat's own server.
#include "base/console.h"
#include "base/session.h"
#include "input/devices.h"
#include "presenter_process.h"
#include "seatd.h"
#include "uinput_device.h"
#include "virtual_terminal.h"

#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <linux/input.h>
#include <sys/wait.h>
#include <thread>
#include <xf86drm.h>
#include <xf86drmMode.h>

namespace scanthru::system_test {
namespace {

constexpr int our_vt = 1;
constexpr int other_vt = 2;

/// Switches every CRTC off, which nothing but a master may: 0, or what the kernel says.
int commit(int card) {
    drmSetClientCap(card, DRM_CLIENT_CAP_ATOMIC, 1);
    drmModeRes* const resources = drmModeGetResources(card);
    const std::uint32_t crtc = resources->crtcs[0];
    drmModeFreeResources(resources);
    auto* const properties = drmModeObjectGetProperties(card, crtc, DRM_MODE_OBJECT_CRTC);
    drmModeAtomicReq* const request = drmModeAtomicAlloc();
    for (std::uint32_t i = 0; i < properties->count_props; ++i) {
        drmModePropertyRes* const property = drmModeGetProperty(card, properties->props[i]);
        if (std::string_view{property->name} == "ACTIVE")
            drmModeAtomicAddProperty(request, crtc, property->prop_id, 0);
        drmModeFreeProperty(property);
    }
    drmModeFreeObjectProperties(properties);
    const int result = drmModeAtomicCommit(card, request, DRM_MODE_ATOMIC_ALLOW_MODESET, nullptr);
    drmModeAtomicFree(request);
    return result;
}

std::vector<pid_t> children_of(pid_t parent) {
    std::ifstream list{fmt::format("/proc/{}/task/{}/children", parent, parent)};
    std::vector<pid_t> found;
    for (pid_t pid = 0; list >> pid;)
        found.push_back(pid);
    return found;
}

class SessionTest : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        ASSERT_TRUE(go_to_vt(our_vt));
        ::setenv("LIBSEAT_BACKEND", GetParam(), 1);
        if (by_seatd()) seatd_ = std::make_unique<Seatd>();
        loop_ = *EventLoop::create();
    }

    void TearDown() override {
        devices_.reset();
        session_.reset();
        seatd_.reset();
        EXPECT_TRUE(wait([] { return is_usable(our_vt); }));
        EXPECT_TRUE(ask_for_vt(our_vt));
    }

    static bool by_seatd() { return std::string_view{GetParam()} == "seatd"; }
    static bool wait(const std::function<bool()>& done) {
        return PresenterProcess::wait(done, std::chrono::seconds{10});
    }

    void open() {
        auto opened = Session::open(*loop_, {.enabled =
                                                 [this] {
                                                     ++enabled_;
                                                     if (devices_)
                                                         resumed_ = resumed_ && devices_->resume();
                                                 },
                                             .disabled =
                                                 [this] {
                                                     ++disabled_;
                                                     if (devices_) devices_->suspend();
                                                 },
                                             .lost =
                                                 [this](const std::string& why) {
                                                     lost_ = why;
                                                 }});
        ASSERT_TRUE(opened) << opened.error();
        session_ = *std::move(opened);
        ASSERT_TRUE(session_->active());
    }

    void open_devices() {
        auto opened =
            input::Devices::open(*loop_, session_->name(), input::access_through(*session_), {},
                                 {.device_added =
                                      [this](const input::DeviceInfo& info) {
                                          if (info.name == "test keyboard") keyboard_ = info.id;
                                      },
                                  .device_removed =
                                      [this](std::uint32_t id) {
                                          if (id == keyboard_) keyboard_ = 0;
                                      },
                                  .event =
                                      [this](std::uint32_t id, const input::Event& event) {
                                          if (id == keyboard_) events_.push_back(event);
                                      },
                                  .batch_end =
                                      [] {
                                      }});
        ASSERT_TRUE(opened) << fmt::format("{}", opened.error());
        devices_ = *std::move(opened);
        ASSERT_TRUE(turn_until([this] { return keyboard_ != 0; }));
    }

    void end_server(int signal) {
        if (seatd_) return seatd_->end(signal);
        for (const pid_t child : children_of(::getpid()))
            ::kill(child, signal);
    }

    bool turn_until(const std::function<bool()>& done) {
        const auto limit = Clock::now() + std::chrono::seconds{20};
        while (!done()) {
            if (Clock::now() > limit) return false;
            EXPECT_TRUE(loop_->turn(std::chrono::milliseconds{20}));
        }
        return true;
    }

    std::unique_ptr<Seatd> seatd_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<Session> session_;
    std::unique_ptr<input::Devices> devices_;
    int enabled_ = 0;
    int disabled_ = 0;
    bool resumed_ = true;
    std::string lost_;
    std::uint32_t keyboard_ = 0;
    std::vector<input::Event> events_;
};

INSTANTIATE_TEST_SUITE_P(By, SessionTest, testing::Values("seatd", "builtin"), [](const auto& one) {
    return std::string{one.param};
});

TEST_P(SessionTest, OpensACardAsItsMasterAndTakesTheConsole) {
    open();
    EXPECT_EQ(session_->name(), "seat0");
    EXPECT_EQ(session_->backend(), GetParam());
    EXPECT_FALSE(is_usable(our_vt)) << "what is typed would reach the console, too";
    const auto card = session_->open_device(vkms_card());
    ASSERT_TRUE(card) << fmt::format("{}", card.error());
    EXPECT_EQ(commit(card->fd()), 0);
    const auto copy = card->duplicate();
    ASSERT_TRUE(copy);
    EXPECT_EQ(commit(copy->get()), 0);
    EXPECT_EQ(session_->open_device("/dev/null").error().code, ENOENT);
    EXPECT_EQ(enabled_, 0) << "whoever opened it knows";
}

TEST_P(SessionTest, AnotherVtTakesTheSeatAndGivesItBack) {
    const UinputDevice device{keyboard()};
    open();
    open_devices();
    const auto card = session_->open_device(vkms_card());
    ASSERT_TRUE(card);
    for (int round = 1; round <= 5; ++round) {
        device.key(KEY_A, true);
        ASSERT_TRUE(turn_until([this] { return events_.size() == 1; }));
        ASSERT_TRUE(round % 2 == 0 ? ask_for_vt(other_vt)
                                   : session_->switch_vt(other_vt).has_value());
        ASSERT_TRUE(turn_until([&] { return disabled_ == round; }));
        EXPECT_FALSE(session_->active());
        EXPECT_TRUE(wait([] { return active_vt() == other_vt; }));
        EXPECT_THAT(events_,
                    testing::ElementsAre(input::Key{KEY_A, true}, input::Key{KEY_A, false}));
        EXPECT_EQ(commit(card->fd()), -EACCES);
        EXPECT_EQ(session_->open_device(vkms_card()).error().code, EPERM);
        EXPECT_EQ(session_->switch_vt(our_vt).error().code, EPERM);
        EXPECT_TRUE(is_usable(other_vt));

        device.key(KEY_A, false);
        device.key(KEY_B, true);
        device.key(KEY_B, false);
        events_.clear();
        ASSERT_TRUE(ask_for_vt(our_vt));
        ASSERT_TRUE(turn_until([&] { return enabled_ == round; }));
        EXPECT_TRUE(session_->active());
        EXPECT_TRUE(resumed_);
        EXPECT_EQ(commit(card->fd()), 0);
        ASSERT_TRUE(turn_until([this] { return keyboard_ != 0; }));
        device.key(KEY_C, true);
        device.key(KEY_C, false);
        ASSERT_TRUE(turn_until([this] { return events_.size() >= 2; }));
        EXPECT_THAT(events_,
                    testing::ElementsAre(input::Key{KEY_C, true}, input::Key{KEY_C, false}));
        events_.clear();
    }
}

TEST_P(SessionTest, DevicesMayOutliveIt) {
    open();
    auto card = session_->open_device(vkms_card());
    ASSERT_TRUE(card);
    session_.reset();
    EXPECT_EQ(commit(card->fd()), -EACCES);
    card->reset();
    EXPECT_TRUE(wait([] { return is_usable(our_vt); }));
}

TEST_P(SessionTest, NoDescriptorIsLost) {
    const UinputDevice device{keyboard()};
    const auto count = [] {
        return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {});
    };
    const auto before = count();
    for (int i = 0; i < 5; ++i) {
        open();
        open_devices();
        { const auto card = session_->open_device(vkms_card()); }
        devices_.reset();
        keyboard_ = 0;
        session_.reset();
        seatd_.reset();
        if (by_seatd()) seatd_ = std::make_unique<Seatd>();
    }
    EXPECT_EQ(count(), before);
}

TEST_P(SessionTest, SaysWhenItsServerEnds) {
    const UinputDevice device{keyboard()};
    open();
    open_devices();
    device.key(KEY_A, true);
    ASSERT_TRUE(turn_until([this] { return events_.size() == 1; }));
    end_server(SIGTERM);
    ASSERT_TRUE(turn_until([this] { return !lost_.empty(); }));
    EXPECT_EQ(lost_.substr(0, lost_.find(' ')), GetParam());
    EXPECT_EQ(disabled_, 1);
    EXPECT_EQ(events_.back(), input::Event{(input::Key{KEY_A, false})});
    EXPECT_FALSE(session_->active());
    EXPECT_EQ(session_->open_device(vkms_card()).error().code, ENOTCONN);
    EXPECT_EQ(session_->switch_vt(other_vt).error().code, ENOTCONN);
}

TEST_P(SessionTest, AfterItsServerWasKilledTheConsoleCanBePutBack) {
    open();
    auto card = session_->open_device(vkms_card());
    ASSERT_TRUE(card);
    end_server(SIGKILL);
    ASSERT_TRUE(turn_until([this] { return !lost_.empty(); }));
    EXPECT_EQ(disabled_, 1);
    EXPECT_FALSE(is_usable(our_vt)) << "there is nobody who would have done it";
    EXPECT_EQ(commit(card->fd()), 0) << "nobody was there to take it away";
    EXPECT_EQ(restore_console({})->outcome, ConsoleOutcome::in_use);
    card->reset();
    EXPECT_EQ(restore_console({})->outcome, ConsoleOutcome::restored);
    EXPECT_TRUE(is_usable(our_vt));
    EXPECT_EQ(restore_console({})->outcome, ConsoleOutcome::in_order);
    ::unlink("/run/seatd.sock");
}

TEST_P(SessionTest, AConsoleInUseIsLeftAsItIs) {
    open();
    const auto card = session_->open_device(vkms_card());
    ASSERT_TRUE(card);
    const auto state = restore_console({});
    ASSERT_TRUE(state) << state.error();
    EXPECT_EQ(state->tty, "/dev/tty1");
    EXPECT_EQ(state->outcome, ConsoleOutcome::in_use);
    EXPECT_THAT(state->users.masters, testing::ElementsAre(vkms_card()));
    EXPECT_EQ(commit(card->fd()), 0);
    EXPECT_FALSE(is_usable(our_vt));
}

TEST_P(SessionTest, AfterAKillTheConsoleWorksAgain) {
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        // As scanthru does before it opens anything.
        sigset_t blocked{};
        sigemptyset(&blocked);
        for (const int signal : {SIGTERM, SIGINT, SIGHUP})
            sigaddset(&blocked, signal);
        pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
        const auto loop = EventLoop::create();
        const auto session = Session::open(**loop, {});
        const char answer = session ? 'y' : 'n';
        if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
        ::pause();
    }
    char answer = 'n';
    EXPECT_EQ(::read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    EXPECT_FALSE(is_usable(our_vt));
    const std::vector<pid_t> servers = children_of(child);
    EXPECT_EQ(servers.size(), by_seatd() ? 0u : 1u);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(wait([] { return is_usable(our_vt); }));
    for (const pid_t server : servers)
        EXPECT_TRUE(wait([server] { return ::kill(server, 0) != 0; })) << "the server lives on";
    for (const int fd : ready)
        ::close(fd);
}

TEST(SessionWithoutASeat, SaysWhatIsMissing) {
    ::setenv("LIBSEAT_BACKEND", "seatd", 1);
    const auto loop = *EventLoop::create();
    const auto session = Session::open(*loop, {});
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error(), "seatd does not run (there is no /run/seatd.sock)");
}

}  // namespace
}  // namespace scanthru::system_test
