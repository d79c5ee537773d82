// SPDX-License-Identifier: MIT
#include "base/event_loop.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <vector>

namespace scanthru {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Both ends of a pipe that never blocks.
struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
    void fill() const { EXPECT_EQ(::write(write.get(), "x", 1), 1); }
    void drain() const {
        char byte = 0;
        EXPECT_EQ(::read(read.get(), &byte, 1), 1);
    }
    UniqueFd read;
    UniqueFd write;
};

class EventLoopTest : public ::testing::Test {
protected:
    void turn(milliseconds limit = milliseconds{0}) { ASSERT_TRUE(loop->turn(limit)); }

    EventLoop::Action note(std::string name) {
        return [this, name = std::move(name)] {
            happened.push_back(name);
        };
    }

    std::unique_ptr<EventLoop> loop = *EventLoop::create();
    std::vector<std::string> happened;
};

TEST_F(EventLoopTest, CallsTheHandlerOfAReadyDescriptor) {
    const Pipe pipe;
    std::uint32_t seen = 0;
    const auto watch =
        loop->watch(pipe.read.get(), EPOLLIN, [&](std::uint32_t events) { seen = events; });
    ASSERT_TRUE(watch);
    turn();
    EXPECT_EQ(seen, 0U);
    pipe.fill();
    turn();
    EXPECT_EQ(seen, std::uint32_t{EPOLLIN});
}

TEST_F(EventLoopTest, CallsAgainAsLongAsTheDescriptorIsReady) {
    const Pipe pipe;
    int calls = 0;
    const auto watch = loop->watch(pipe.read.get(), EPOLLIN, [&](std::uint32_t) { ++calls; });
    pipe.fill();
    turn();
    turn();
    EXPECT_EQ(calls, 2);
    pipe.drain();
    turn();
    EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, HangupIsReportedUnasked) {
    Pipe pipe;
    std::uint32_t seen = 0;
    const auto watch =
        loop->watch(pipe.read.get(), EPOLLIN, [&](std::uint32_t events) { seen = events; });
    pipe.write.reset();
    turn();
    EXPECT_EQ(seen, std::uint32_t{EPOLLHUP});
}

TEST_F(EventLoopTest, ADestroyedWatchIsSilent) {
    const Pipe pipe;
    {
        const auto watch = loop->watch(pipe.read.get(), EPOLLIN, [&](auto) { note("in")(); });
    }
    pipe.fill();
    turn();
    EXPECT_THAT(happened, IsEmpty());
}

TEST_F(EventLoopTest, AMovedWatchGoesOn) {
    const Pipe pipe;
    EventLoop::Watch kept;
    EXPECT_FALSE(kept);
    {
        auto watch = loop->watch(pipe.read.get(), EPOLLIN, [&](auto) { note("in")(); });
        kept = std::move(*watch);
    }
    EXPECT_TRUE(kept);
    pipe.fill();
    turn();
    EXPECT_THAT(happened, ElementsAre("in"));
}

TEST_F(EventLoopTest, AHandlerMayEndItsOwnWatch) {
    const Pipe pipe;
    EventLoop::Watch watch;
    watch = *loop->watch(pipe.read.get(), EPOLLIN, [&](auto) {
        watch.reset();
        happened.emplace_back("once");
    });
    pipe.fill();
    turn();
    turn();
    EXPECT_THAT(happened, ElementsAre("once"));
}

TEST_F(EventLoopTest, AHandlerMayEndAnotherWatchOfTheSameTurn) {
    const Pipe first;
    const Pipe second;
    EventLoop::Watch a;
    EventLoop::Watch b;
    a = *loop->watch(first.read.get(), EPOLLIN, [&](auto) {
        b.reset();
        happened.emplace_back("one");
    });
    b = *loop->watch(second.read.get(), EPOLLIN, [&](auto) {
        a.reset();
        happened.emplace_back("one");
    });
    first.fill();
    second.fill();
    turn();
    EXPECT_THAT(happened, ElementsAre("one"));
}

TEST_F(EventLoopTest, AHandlerMayAddAWatch) {
    const Pipe first;
    const Pipe second;
    second.fill();
    EventLoop::Watch added;
    const auto watch = loop->watch(first.read.get(), EPOLLIN, [&](auto) {
        first.drain();
        added = *loop->watch(second.read.get(), EPOLLIN, [&](auto) { note("added")(); });
    });
    first.fill();
    turn();
    turn();
    EXPECT_THAT(happened, ElementsAre("added"));
}

TEST_F(EventLoopTest, ADescriptorCannotBeWatchedTwice) {
    const Pipe pipe;
    const auto first = loop->watch(pipe.read.get(), EPOLLIN, [&](auto) { note("first")(); });
    const auto second = loop->watch(pipe.read.get(), EPOLLIN, [&](auto) { note("second")(); });
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), (Error{EEXIST, "epoll_ctl"}));
    pipe.fill();
    turn();
    EXPECT_THAT(happened, ElementsAre("first"));
}

TEST_F(EventLoopTest, AClosedDescriptorCannotBeWatched) {
    const auto watch = loop->watch(-1, EPOLLIN, [](auto) {});
    ASSERT_FALSE(watch);
    EXPECT_EQ(watch.error().code, EBADF);
}

TEST_F(EventLoopTest, TimersRunInTheOrderOfTheirDeadlines) {
    const auto late = loop->after(milliseconds{4}, note("late"));
    const auto early = loop->after(milliseconds{2}, note("early"));
    while (happened.size() < 2)
        turn(milliseconds{100});
    EXPECT_THAT(happened, ElementsAre("early", "late"));
}

TEST_F(EventLoopTest, ATimerNeverRunsBeforeItsDeadline) {
    const auto start = Clock::now();
    const auto timer = loop->after(milliseconds{5}, note("now"));
    while (happened.empty())
        turn(milliseconds{100});
    EXPECT_GE(Clock::now() - start, milliseconds{5});
}

TEST_F(EventLoopTest, ATimerRunsOnce) {
    const auto timer = loop->after({}, note("now"));
    turn();
    turn();
    EXPECT_THAT(happened, ElementsAre("now"));
}

TEST_F(EventLoopTest, ADestroyedTimerIsSilent) {
    { const auto timer = loop->after({}, note("never")); }
    turn();
    EXPECT_THAT(happened, IsEmpty());
}

TEST_F(EventLoopTest, AMovedTimerStillRuns) {
    EventLoop::Timer kept;
    {
        auto timer = loop->after({}, note("now"));
        kept = std::move(timer);
    }
    turn();
    EXPECT_THAT(happened, ElementsAre("now"));
}

TEST_F(EventLoopTest, ResettingATimerThatHasRunIsHarmless) {
    auto timer = loop->after({}, note("now"));
    turn();
    timer.reset();
    EXPECT_FALSE(timer);
}

TEST_F(EventLoopTest, AnActionMayEndAndRenewItsOwnTimer) {
    EventLoop::Timer timer;
    timer = loop->after({}, [&] {
        happened.emplace_back("first");
        timer = loop->after({}, note("second"));
    });
    turn();
    EXPECT_THAT(happened, ElementsAre("first")) << "a timer that renews itself must not stop time";
    turn();
    EXPECT_THAT(happened, ElementsAre("first", "second"));
}

TEST_F(EventLoopTest, AnActionMayEndAnotherTimerThatIsDue) {
    EventLoop::Timer second;
    const auto first = loop->after({}, [&] {
        happened.emplace_back("first");
        second.reset();
    });
    second = loop->after({}, note("second"));
    turn();
    EXPECT_THAT(happened, ElementsAre("first"));
}

TEST_F(EventLoopTest, WaitsNoLongerThanTheNextDeadline) {
    const auto timer = loop->after(milliseconds{1}, note("now"));
    const auto start = Clock::now();
    while (happened.empty())
        turn(std::chrono::hours{1});
    EXPECT_LT(Clock::now() - start, std::chrono::seconds{10});
}

TEST_F(EventLoopTest, WaitsNoLongerThanItsLimit) {
    const auto timer = loop->after(std::chrono::hours{1}, note("never"));
    turn(milliseconds{1});
    EXPECT_THAT(happened, IsEmpty());
}

TEST_F(EventLoopTest, RunsUntilStopped) {
    EventLoop::Timer again;
    const auto timer = loop->after({}, [&] {
        happened.emplace_back("first");
        again = loop->after({}, [&] {
            happened.emplace_back("second");
            loop->stop();
        });
    });
    ASSERT_TRUE(loop->run());
    EXPECT_THAT(happened, ElementsAre("first", "second"));
}

TEST_F(EventLoopTest, StopReturnsAfterTheHandlerThatIsRunning) {
    const auto first = loop->after({}, [&] {
        loop->stop();
        happened.emplace_back("first");
    });
    const auto second = loop->after({}, note("second"));
    ASSERT_TRUE(loop->run());
    EXPECT_THAT(happened, ElementsAre("first"));
}

}  // namespace
}  // namespace scanthru
