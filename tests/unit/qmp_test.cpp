// SPDX-License-Identifier: MIT
#include "base/qmp.h"
#include "base/qmp_message.h"
#include "base/unix_socket.h"
#include "unit/temporary_directory.h"

#include <cerrno>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace scanthru {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto greeting = R"({"QMP": {"version": {}, "capabilities": ["oob"]}})"
                          "\r\n";

/// QEMU's side of a monitor, spoken by hand, and a client on a loop of its own.
class QmpTest : public ::testing::Test {
protected:
    void connect(milliseconds patience = std::chrono::seconds{2}) {
        listener = *listen_unix(directory / "qmp", 0600);
        auto connected = QmpClient::connect(*loop, directory / "qmp",
                                            {.ready = [this] { happened.emplace_back("ready"); },
                                             .event =
                                                 [this](const std::string& name, const json& data) {
                                                     happened.push_back(name + data.dump());
                                                     if (on_event) on_event();
                                                 },
                                             .closed =
                                                 [this](const std::string& why) {
                                                     happened.emplace_back("closed");
                                                     why_closed = why;
                                                     if (on_closed) on_closed();
                                                 }},
                                            patience);
        ASSERT_TRUE(connected);
        client = std::move(*connected);
        qemu = *accept_unix(listener.get());
    }

    /// Connected, greeted, capabilities agreed on.
    void make_ready() {
        connect();
        say(greeting);
        settle();
        ASSERT_EQ(heard().size(), 1U);
        say("{\"return\": {}, \"id\": 1}\r\n");
        settle();
        ASSERT_THAT(happened, ElementsAre("ready"));
        happened.clear();
    }

    void say(std::string_view bytes) { ASSERT_TRUE(send_all(qemu.get(), bytes)); }

    /// Serves until nothing more happens.
    void settle() {
        for (int i = 0; i < 8; ++i)
            ASSERT_TRUE(loop->turn(milliseconds{0}));
    }

    /// What the client has sent since the last call.
    std::vector<json> heard() {
        QmpLines lines;
        while (auto received = receive(qemu.get())) {
            if (received->bytes.empty()) break;
            EXPECT_TRUE(lines.feed(received->bytes));
        }
        std::vector<json> messages;
        while (const auto line = lines.next())
            messages.push_back(json::parse(*line));
        return messages;
    }

    QmpClient::Reply note(std::string name) {
        return [this, name = std::move(name)](const Result<json, std::string>& reply) {
            happened.push_back(name + ":" + (reply ? reply->dump() : reply.error()));
        };
    }

    testing::TemporaryDirectory directory;
    std::unique_ptr<EventLoop> loop = *EventLoop::create();
    std::vector<std::string> happened;
    std::string why_closed;
    std::function<void()> on_event;
    std::function<void()> on_closed;
    UniqueFd listener;
    UniqueFd qemu;
    std::unique_ptr<QmpClient> client;
};

TEST_F(QmpTest, AgreesOnCapabilitiesAfterTheGreeting) {
    connect();
    settle();
    EXPECT_THAT(heard(), IsEmpty());
    say(greeting);
    settle();
    EXPECT_THAT(heard(), ElementsAre(json{{"execute", "qmp_capabilities"}, {"id", 1}}));
    EXPECT_THAT(happened, IsEmpty());
    say("{\"return\": {}, \"id\": 1}\r\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("ready"));
}

TEST_F(QmpTest, CommandsGivenEarlyWaitForTheCapabilities) {
    connect();
    client->execute("query-status", {}, {});
    say(greeting);
    settle();
    const auto first = heard();
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0]["execute"], "qmp_capabilities");
    say(json{{"return", json::object()}, {"id", first[0]["id"]}}.dump() + "\n");
    settle();
    const auto second = heard();
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0]["execute"], "query-status");
}

TEST_F(QmpTest, ArgumentsAreSentAsGivenAndLeftOutWhenEmpty) {
    make_ready();
    client->execute("cont", {}, {});
    client->execute("stop", json::object(), {});
    client->execute("qom-get", {{"path", "/m"}}, {});
    EXPECT_THAT(
        heard(),
        ElementsAre(json{{"execute", "cont"}, {"id", 2}}, json{{"execute", "stop"}, {"id", 3}},
                    json{{"execute", "qom-get"}, {"id", 4}, {"arguments", {{"path", "/m"}}}}));
}

TEST_F(QmpTest, EachReplyGoesToItsCommand) {
    make_ready();
    client->execute("a", {}, note("a"));
    client->execute("b", {}, note("b"));
    say("{\"return\": 1, \"id\": 2}\r\n{\"return\": 2, \"id\": 3}\r\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("a:1", "b:2"));
}

TEST_F(QmpTest, AnErrorSaysItsClassAndDescription) {
    make_ready();
    client->execute("nonsuch", {}, note("n"));
    say(R"({"error": {"class": "CommandNotFound", "desc": "no nonsuch"}, "id": 2})"
        "\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("n:CommandNotFound: no nonsuch"));
}

TEST_F(QmpTest, AReplyWithoutIdAnswersTheOldestCommand) {
    make_ready();
    client->execute("a", {}, note("a"));
    client->execute("b", {}, note("b"));
    say("{\"return\": {}}\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("a:{}"));
}

TEST_F(QmpTest, EventsMayComeBeforeTheReply) {
    make_ready();
    client->execute("system_reset", {}, note("reset"));
    say(R"({"event": "RESET", "data": {"guest": false}, "timestamp": {"seconds": 1}})"
        "\n{\"return\": {}, \"id\": 2}\n");
    settle();
    EXPECT_THAT(happened, ElementsAre(R"(RESET{"guest":false})", "reset:{}"));
}

TEST_F(QmpTest, AnEventWithoutDataHasAnEmptyObject) {
    make_ready();
    say("{\"event\": \"STOP\"}\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("STOP{}"));
}

TEST_F(QmpTest, AnEventBetweenGreetingAndCapabilitiesIsHeard) {
    connect();
    say(greeting);
    say("{\"event\": \"STOP\"}\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("STOP{}"));
}

TEST_F(QmpTest, ALineMayArriveByteByByte) {
    make_ready();
    for (const char c : std::string_view{"{\"event\": \"STOP\"}\r\n"}) {
        EXPECT_THAT(happened, IsEmpty());
        say({&c, 1});
        settle();
    }
    EXPECT_THAT(happened, ElementsAre("STOP{}"));
}

TEST_F(QmpTest, HalfALineIsNoNews) {
    make_ready();
    say("{\"event\": \"STOP\"");
    settle();
    EXPECT_THAT(happened, IsEmpty());
}

TEST_F(QmpTest, WithoutAGreetingSomebodyElseHoldsTheMonitor) {
    connect(milliseconds{20});
    while (why_closed.empty())
        ASSERT_TRUE(loop->turn(milliseconds{100}));
    EXPECT_EQ(why_closed, "no greeting from QEMU within 0.02 s: another client holds this monitor; "
                          "give scanthru a -qmp socket of its own");
}

TEST_F(QmpTest, AGreetingInTimeIsNotRevokedLater) {
    connect(milliseconds{20});
    say(greeting);
    settle();
    ASSERT_TRUE(loop->turn(milliseconds{40}));
    EXPECT_EQ(why_closed, "");
}

TEST_F(QmpTest, ReadsWhatQemuSaidBeforeItWent) {
    make_ready();
    say("{\"event\": \"SHUTDOWN\"}\n");
    qemu.reset();
    client->execute("cont", {}, {});  // Cannot be written any more.
    settle();
    EXPECT_THAT(happened, ElementsAre("SHUTDOWN{}", "closed"));
    EXPECT_EQ(why_closed, "QEMU closed the connection");
}

TEST_F(QmpTest, AConnectionResetByQemuIsJustAsClosed) {
    make_ready();
    client->execute("cont", {}, note("cont"));  // Unread when QEMU goes.
    qemu.reset();
    settle();
    EXPECT_THAT(happened, ElementsAre("closed"));
    EXPECT_EQ(why_closed, "QEMU closed the connection");
}

TEST_F(QmpTest, NothingFollowsTheEnd) {
    make_ready();
    client->execute("cont", {}, note("cont"));
    qemu.reset();
    settle();
    happened.clear();
    client->execute("stop", {}, note("stop"));
    settle();
    EXPECT_THAT(happened, IsEmpty());
    EXPECT_EQ(client->peer().error().code, EBADF);
}

TEST_F(QmpTest, RefusedCapabilitiesEndTheConnection) {
    connect();
    say(greeting);
    settle();
    say(R"({"error": {"class": "GenericError", "desc": "no"}, "id": 1})"
        "\n");
    settle();
    EXPECT_EQ(why_closed, "QEMU refused qmp_capabilities: GenericError: no");
}

TEST_F(QmpTest, AnAnswerToNothingIsNonsense) {
    make_ready();
    say("{\"return\": {}, \"id\": 77}\n");
    settle();
    EXPECT_THAT(why_closed, HasSubstr("answered what nobody asked"));
}

TEST_F(QmpTest, ASecondGreetingIsNonsense) {
    make_ready();
    say(greeting);
    settle();
    EXPECT_THAT(why_closed, HasSubstr("no QEMU monitor"));
}

TEST_F(QmpTest, AnythingBeforeTheGreetingIsNonsense) {
    connect();
    say("{\"event\": \"STOP\"}\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("closed"));
    EXPECT_THAT(why_closed, HasSubstr("no QEMU monitor"));
}

TEST_F(QmpTest, ALineThatIsNoJsonEndsTheConnectionAndTheRestIsNotRead) {
    make_ready();
    say("SSH-2.0-OpenSSH\n{\"event\": \"STOP\"}\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("closed"));
    EXPECT_EQ(why_closed, "this is no QEMU monitor: it sent a line that is no JSON object");
}

TEST_F(QmpTest, AnEndlessLineIsNotStored) {
    make_ready();
    const std::string piece(std::size_t{64} * 1024, 'x');
    for (int i = 0; i < 17 && why_closed.empty(); ++i) {
        say(piece);
        settle();
    }
    EXPECT_EQ(why_closed, "this is no QEMU monitor: it sent an endless line");
}

TEST_F(QmpTest, CommandsThatDoNotFitTheSocketAreSentLater) {
    make_ready();
    const json big{{"text", std::string(100'000, 'x')}};
    for (int i = 0; i < 8; ++i)
        client->execute("big", big, {});
    QmpLines lines;
    int arrived = 0;
    for (int i = 0; i < 1000 && arrived < 8; ++i) {
        if (const auto received = receive(qemu.get())) {
            ASSERT_TRUE(lines.feed(received->bytes));
        }
        settle();
        while (const auto line = lines.next()) {
            EXPECT_EQ(json::parse(*line)["arguments"], big);
            ++arrived;
        }
    }
    EXPECT_EQ(arrived, 8);
    EXPECT_THAT(happened, IsEmpty());
}

TEST_F(QmpTest, AQemuThatStopsReadingIsGivenUp) {
    make_ready();
    const json big{{"text", std::string(400'000, 'x')}};
    for (int i = 0; i < 8; ++i)
        client->execute("big", big, {});
    EXPECT_THAT(happened, IsEmpty()) << "never from within execute()";
    settle();
    EXPECT_EQ(why_closed, "QEMU has stopped reading its monitor");
}

TEST_F(QmpTest, AnEventMayDestroyTheClient) {
    make_ready();
    on_event = [this] {
        client.reset();
    };
    say("{\"event\": \"A\"}\n{\"event\": \"B\"}\n");
    settle();
    EXPECT_THAT(happened, ElementsAre("A{}"));
}

TEST_F(QmpTest, AReplyMayDestroyTheClient) {
    make_ready();
    client->execute("a", {}, [this](const auto&) { client.reset(); });
    client->execute("b", {}, note("b"));
    say("{\"return\": {}, \"id\": 2}\n{\"return\": {}, \"id\": 3}\n");
    settle();
    EXPECT_EQ(client, nullptr);
    EXPECT_THAT(happened, IsEmpty());
}

TEST_F(QmpTest, TheEndMayDestroyTheClient) {
    make_ready();
    on_closed = [this] {
        client.reset();
    };
    qemu.reset();
    settle();
    EXPECT_EQ(client, nullptr);
}

TEST_F(QmpTest, ADestroyedClientSaysNothingAndClosesItsSocket) {
    make_ready();
    client.reset();
    settle();
    EXPECT_THAT(happened, IsEmpty());
    const auto received = receive(qemu.get());
    ASSERT_TRUE(received);
    EXPECT_EQ(received->bytes, "");
}

TEST_F(QmpTest, KnowsTheProcessAtTheOtherEnd) {
    connect();
    EXPECT_EQ(client->peer(), ::getpid());
}

TEST_F(QmpTest, ASocketThatIsNotThereIsAnError) {
    const auto connected = QmpClient::connect(*loop, directory / "none", {});
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error(), (Error{ENOENT, "connect"}));
}

TEST_F(QmpTest, TextThatIsNoUtf8IsMendedAndNotFatal) {
    make_ready();
    client->execute("a\xFF", {}, {});
    const auto commands = heard();
    ASSERT_EQ(commands.size(), 1U);
    EXPECT_EQ(commands[0]["execute"], "a\uFFFD");
}

}  // namespace
}  // namespace scanthru
