// SPDX-License-Identifier: MIT
#include "base/unix_socket.h"
#include "presenter/control.h"
#include "unit/temporary_directory.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <future>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace scanthru {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

/// A server on a loop of its own, which a test turns by hand.
class Control : public ::testing::Test {
protected:
    void SetUp() override { serve(); }

    void serve() {
        auto listening = ControlServer::listen(*loop, path, "", [this](const json& request) {
            ++requests;
            return handler(request);
        });
        ASSERT_TRUE(listening) << listening.error();
        server = std::move(*listening);
    }

    UniqueFd connect() const {
        auto socket = connect_unix(path);
        EXPECT_TRUE(socket);
        return socket ? std::move(*socket) : UniqueFd{};
    }

    /// Gives the server time for everything that is waiting.
    void settle() const {
        for (int i = 0; i < 100; ++i)
            ASSERT_TRUE(loop->turn(milliseconds{0}));
    }

    /// What the server sends back after `bytes`, all of it.
    std::string answers(const UniqueFd& socket, std::string_view bytes) const {
        EXPECT_TRUE(send_all(socket.get(), bytes));
        settle();
        auto received = receive(socket.get());
        return received ? received->bytes : "";
    }

    static bool is_closed(const UniqueFd& socket) {
        const auto received = receive(socket.get());
        return received ? received->bytes.empty() : received.error().code == ECONNRESET;
    }

    /// ask_control() from another process, as it were, while the server's loop turns.
    Result<ControlAnswer, std::string> ask(const json& request,
                                           milliseconds timeout = std::chrono::seconds{10}) const {
        auto asking =
            std::async(std::launch::async, [&] { return ask_control(path, request, timeout); });
        while (asking.wait_for(milliseconds{0}) != std::future_status::ready)
            EXPECT_TRUE(loop->turn(milliseconds{1}));
        return asking.get();
    }

    testing::TemporaryDirectory directory;
    std::string path = directory / "scanthru/control";
    std::unique_ptr<EventLoop> loop = *EventLoop::create();
    std::function<ControlAnswer(const json&)> handler = [](const json& request) {
        return ControlAnswer{{{"ok", true}, {"echo", request}}, UniqueFd{}};
    };
    int requests = 0;
    std::unique_ptr<ControlServer> server;
};

TEST_F(Control, OneRequestHasOneAnswer) {
    const auto answer = ask({{"command", "status"}, {"n", 7}});
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->json, (json{{"ok", true}, {"echo", {{"command", "status"}, {"n", 7}}}}));
    EXPECT_FALSE(answer->fd);
    EXPECT_EQ(requests, 1);
}

TEST_F(Control, ADescriptorComesAlong) {
    handler = [](const json&) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        EXPECT_EQ(::write(ends[1], "png", 3), 3);
        ::close(ends[1]);
        return ControlAnswer{{{"ok", true}}, UniqueFd{ends[0]}};
    };
    const auto answer = ask({{"command", "screenshot"}});
    ASSERT_TRUE(answer) << answer.error();
    ASSERT_TRUE(answer->fd);
    std::array<char, 8> bytes{};
    EXPECT_EQ(::read(answer->fd.get(), bytes.data(), bytes.size()), 3);
    EXPECT_STREQ(bytes.data(), "png");
}

TEST_F(Control, ALongAnswerArrivesWhole) {
    handler = [](const json&) {
        return ControlAnswer{{{"ok", true}, {"flips", std::string(600'000, 'x')}}, UniqueFd{}};
    };
    const auto answer = ask({{"command", "flips"}});
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->json["flips"].get<std::string>().size(), 600'000U);
}

TEST_F(Control, AClientMayAskSeveralTimesAndInPieces) {
    const auto client = connect();
    EXPECT_EQ(answers(client, "{\"comm"), "");
    EXPECT_EQ(answers(client, "and\":\"a\"}\n\n{\"command\":\"b\"}\n{"),
              "{\"echo\":{\"command\":\"a\"},\"ok\":true}\n"
              "{\"echo\":{\"command\":\"b\"},\"ok\":true}\n");
    EXPECT_EQ(answers(client, "\"command\":\"c\"}\n"),
              "{\"echo\":{\"command\":\"c\"},\"ok\":true}\n");
}

TEST_F(Control, AClientThatHasSaidEverythingStillGetsItsAnswer) {
    const auto client = connect();
    ASSERT_TRUE(send_all(client.get(), "{\"command\":\"a\"}\n"));
    ::shutdown(client.get(), SHUT_WR);
    EXPECT_THAT(answers(client, ""), HasSubstr("\"ok\":true"));
}

TEST_F(Control, NonsenseIsAnsweredAndTheClientMayGoOn) {
    const auto client = connect();
    for (const char* nonsense : {"{", "[]", "7", "\"status\"", "null", "{\"command\":\"\xff\"}"})
        EXPECT_EQ(answers(client, std::string{nonsense} + "\n"),
                  "{\"error\":\"the request is not a JSON object\",\"ok\":false}\n")
            << nonsense;
    for (const char* nonsense : {"{}", "{\"command\":7}", "{\"command\":null}"})
        EXPECT_EQ(answers(client, std::string{nonsense} + "\n"),
                  R"({"error":"the request has no \"command\"","ok":false})"
                  "\n")
            << nonsense;
    EXPECT_EQ(requests, 0);
    EXPECT_THAT(answers(client, "{\"command\":\"a\"}\n"), HasSubstr("\"ok\":true"));
}

TEST_F(Control, DeepNestingIsOnlyAnotherKindOfNonsense) {
    const auto client = connect();
    EXPECT_THAT(answers(client, std::string(60'000, '[') + "\n"), HasSubstr("not a JSON object"));
}

TEST_F(Control, AMemberOfTheWrongTypeIsAnAnswerNotAnEnd) {
    handler = [](const json& request) {
        return ControlAnswer{{{"ok", true}, {"n", request.at("n").get<int>()}}, UniqueFd{}};
    };
    const auto client = connect();
    const auto wrong = answers(client, "{\"command\":\"a\",\"n\":\"seven\"}\n");
    EXPECT_THAT(wrong, HasSubstr("\"ok\":false"));
    EXPECT_THAT(wrong, HasSubstr("a member of the request is not as expected"));
    EXPECT_THAT(answers(client, "{\"command\":\"a\"}\n"), HasSubstr("\"ok\":false"));
    EXPECT_THAT(answers(client, "{\"command\":\"a\",\"n\":7}\n"), HasSubstr("\"n\":7"));
}

TEST_F(Control, AnAnswerThatIsNoUtf8IsMendedNotThrown) {
    handler = [](const json&) {
        return ControlAnswer{{{"ok", true}, {"path", "/tmp/\xff"}}, UniqueFd{}};
    };
    const auto answer = ask({{"command", "a"}});
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->json["path"], "/tmp/\xEF\xBF\xBD");
}

TEST_F(Control, ALineMayHave64KiBAndNotAByteMore) {
    handler = [](const json&) {
        return ControlAnswer{{{"ok", true}}, UniqueFd{}};
    };
    const std::string frame = R"({"command":"a","x":""})";
    for (const std::size_t size : {65'536U, 65'537U}) {
        const auto client = connect();
        auto line = frame;
        line.insert(frame.size() - 2, size - frame.size(), 'x');
        auto sending = std::async(std::launch::async,
                                  [&] { return send_all(client.get(), line + "\n").has_value(); });
        while (sending.wait_for(milliseconds{0}) != std::future_status::ready)
            settle();
        if (size == 65'536U) {
            EXPECT_EQ(answers(client, ""), "{\"ok\":true}\n");
        } else {
            EXPECT_EQ(answers(client, ""), "{\"error\":\"the request is longer than 65536 "
                                           "bytes\",\"ok\":false}\n");
            EXPECT_TRUE(is_closed(client));
        }
    }
    EXPECT_EQ(requests, 1);
}

TEST_F(Control, AClientWithoutEndOfLineIsLetGo) {
    const auto client = connect();
    bool open = true;
    for (int i = 0; i < 20 && open; ++i) {
        open = send_all(client.get(), std::string(10'000, 'x')).has_value();
        settle();
    }
    EXPECT_FALSE(open);
    EXPECT_EQ(requests, 0);
}

TEST_F(Control, AClientThatGoesAwayHarmsNobody) {
    for (const char* bytes : {"", "{\"comm", "{\"command\":\"a\"}\n", "nonsense\n"}) {
        auto client = connect();
        settle();
        ASSERT_TRUE(send_all(client.get(), bytes));
        client.reset();
        settle();
    }
    ASSERT_TRUE(ask({{"command", "b"}}));
}

TEST_F(Control, AClientThatDoesNotReadIsLetGo) {
    constexpr std::size_t too_much = 3'000'000;
    handler = [](const json& request) {
        const std::size_t size = request["command"] == "flips" ? too_much : 1;
        return ControlAnswer{{{"ok", true}, {"flips", std::string(size, 'x')}}, UniqueFd{}};
    };
    const auto client = connect();
    ASSERT_TRUE(send_all(client.get(), "{\"command\":\"flips\"}\n"));
    settle();
    std::size_t taken = 0;
    auto received = receive(client.get());
    for (; received && !received->bytes.empty(); received = receive(client.get()))
        taken += received->bytes.size();
    EXPECT_TRUE(received) << "the connection is still open";
    EXPECT_LT(taken, too_much);
    ASSERT_TRUE(ask({{"command", "status"}}));
}

TEST_F(Control, SixteenClientsAreServedAndTheNextIsTold) {
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 16; ++i) {
        clients.push_back(connect());
        settle();
    }
    const auto late = connect();
    EXPECT_EQ(answers(late, ""),
              "{\"error\":\"16 clients are connected; there is no room\",\"ok\":false}\n");
    EXPECT_TRUE(is_closed(late));
    for (const auto& client : clients)
        EXPECT_THAT(answers(client, "{\"command\":\"a\"}\n"), HasSubstr("\"ok\":true"));

    clients.pop_back();
    settle();
    EXPECT_THAT(answers(connect(), "{\"command\":\"a\"}\n"), HasSubstr("\"ok\":true"));
}

TEST_F(Control, DescriptorsThatAClientSendsAreNotKept) {
    const auto client = connect();
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd reader{ends[0]};
    UniqueFd writer{ends[1]};
    ASSERT_TRUE(send_all(client.get(), "{\"command\":\"a\"}\n", writer.get()));
    writer.reset();
    settle();
    char byte = 0;
    EXPECT_EQ(::read(reader.get(), &byte, 1), 0) << "somebody still holds the writing end";
}

TEST_F(Control, TheSocketIsTheOwnersAndTheFolderOpen) {
    EXPECT_EQ(mode_of(path), 0600U);
    EXPECT_EQ(mode_of(directory / "scanthru"), 0755U);
}

TEST_F(Control, TheFolderUnderTheUsersRuntimeDirectoryIsPrivate) {
    server.reset();
    ::rmdir((directory / "scanthru").c_str());
    const char* const before = std::getenv("XDG_RUNTIME_DIR");
    const std::string kept = before != nullptr ? before : "";
    ::setenv("XDG_RUNTIME_DIR", (directory / "").substr(0, (directory / "").size() - 1).c_str(), 1);
    serve();
    before != nullptr ? ::setenv("XDG_RUNTIME_DIR", kept.c_str(), 1)
                      : ::unsetenv("XDG_RUNTIME_DIR");
    EXPECT_EQ(mode_of(directory / "scanthru"), 0700U);
}

TEST_F(Control, MembersOfAGroupMayConnectToo) {
    const group* const own = ::getgrgid(::getegid());
    if (own == nullptr) GTEST_SKIP() << "this group has no name";
    const std::string shared = directory / "shared";
    const auto listening = ControlServer::listen(*loop, shared, own->gr_name, handler);
    ASSERT_TRUE(listening) << listening.error();
    EXPECT_EQ(mode_of(shared), 0660U);
    struct stat status {};
    ASSERT_EQ(::stat(shared.c_str(), &status), 0);
    EXPECT_EQ(status.st_gid, ::getegid());
}

TEST_F(Control, TheSocketGoesWithTheServer) {
    const auto client = connect();
    settle();
    server.reset();
    EXPECT_FALSE(exists(path));
    EXPECT_TRUE(is_closed(client));
}

TEST_F(Control, ASecondServerIsToldAndLeavesTheFirstAlone) {
    const auto second = ControlServer::listen(*loop, path, "", handler);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), "another scanthru serves at " + path);
    ASSERT_TRUE(ask({{"command", "a"}}));
}

TEST_F(Control, ASocketLeftBehindIsReplaced) {
    server.reset();
    { const UniqueFd dead = *listen_unix(path, 0600); }
    ASSERT_TRUE(exists(path));
    serve();
    ASSERT_TRUE(ask({{"command", "a"}}));
}

TEST_F(Control, WhyNobodyCanBeServedIsSaid) {
    const auto no_group = ControlServer::listen(*loop, directory / "x", "no such group", handler);
    ASSERT_FALSE(no_group);
    EXPECT_EQ(no_group.error(), "control socket: there is no group \"no such group\"");
    EXPECT_FALSE(exists(directory / "x"));

    const auto no_folder = ControlServer::listen(*loop, directory / "a/b/c", "", handler);
    ASSERT_FALSE(no_folder);
    EXPECT_THAT(no_folder.error(), EndsWith("/a/b: mkdir: No such file or directory (ENOENT)"));

    const auto long_path =
        ControlServer::listen(*loop, directory / std::string(108, 'x'), "", handler);
    ASSERT_FALSE(long_path);
    EXPECT_THAT(long_path.error(), HasSubstr("File name too long"));

    ASSERT_EQ(::mkdir((directory / "folder").c_str(), 0700), 0);
    const auto folder = ControlServer::listen(*loop, directory / "folder", "", handler);
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error(), EndsWith("/folder: there is something that is no socket"));
}

TEST_F(Control, AskingWhereNobodyServesSaysSo) {
    server.reset();
    const auto missing = ask_control(path, {{"command", "a"}}, milliseconds{100});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error(), "no scanthru serves at " + path);

    { const UniqueFd dead = *listen_unix(path, 0600); }
    const auto refused = ask_control(path, {{"command", "a"}}, milliseconds{100});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), "no scanthru serves at " + path);
}

TEST_F(Control, AskingWithoutRightsSaysSo) {
    ASSERT_EQ(::chmod(path.c_str(), 0), 0);
    // Root needs to be somebody else to lack a right.
    const uid_t user = ::geteuid();
    if (user == 0) {
        ASSERT_EQ(::seteuid(65'534), 0);
    }
    const auto answer = ask_control(path, {{"command", "a"}}, milliseconds{100});
    ASSERT_EQ(::seteuid(user), 0);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), "no rights to use the control socket " + path);
}

TEST_F(Control, AskingWaitsNoLongerThanItShould) {
    const auto before = Clock::now();
    const auto answer = ask_control(path, {{"command", "a"}}, milliseconds{50});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), path + ": no answer in time");
    EXPECT_GE(Clock::now() - before, milliseconds{50});
}

TEST_F(Control, ARefusalIsAnErrorWithItsReason) {
    handler = [](const json&) {
        return ControlAnswer{{{"ok", false}, {"error", "there is no guest \"a\""}}, UniqueFd{}};
    };
    const auto answer = ask({{"command", "release"}, {"guest", "a"}});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), "there is no guest \"a\"");
}

/// Something else that listens at the path and answers with what a test gives it.
Result<ControlAnswer, std::string> ask_impostor(const std::string& path, std::string_view reply) {
    const UniqueFd listener = *listen_unix(path, 0600);
    auto asking = std::async(std::launch::async, [&path] {
        return ask_control(path, {{"command", "a"}}, std::chrono::seconds{10});
    });
    Result<UniqueFd> socket = accept_unix(listener.get());
    while (!socket && socket.error().code == EAGAIN)
        socket = accept_unix(listener.get());
    auto request = receive(socket->get());
    while (!request && request.error().code == EAGAIN)
        request = receive(socket->get());
    EXPECT_TRUE(send_all(socket->get(), reply));
    socket->reset();
    return asking.get();
}

TEST_F(Control, AnswersThatAreNonsenseAreErrors) {
    server.reset();
    const auto error = [this](std::string_view reply) {
        const auto answer = ask_impostor(path, reply);
        return answer ? "" : answer.error();
    };
    EXPECT_EQ(error(""), path + ": the connection ended before the answer");
    EXPECT_EQ(error("{\"ok\":tr"), path + ": the connection ended before the answer");
    EXPECT_EQ(error("hello\n"), path + ": the answer is no JSON object");
    EXPECT_EQ(error("[true]\n"), path + ": the answer is no JSON object");
    EXPECT_EQ(error("{}\n"), path + ": refused without a reason");
    EXPECT_EQ(error("{\"ok\":1}\n"), path + ": refused without a reason");
    EXPECT_EQ(error("{\"ok\":false,\"error\":7}\n"), path + ": refused without a reason");
    EXPECT_EQ(error("{\"ok\":true}\n"), "");
}

}  // namespace
}  // namespace scanthru
