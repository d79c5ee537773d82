// SPDX-License-Identifier: MIT
#pragma once

#include "base/qmp.h"
#include "base/qmp_message.h"
#include "base/unix_socket.h"
#include "input/qmp_injector.h"
#include "unit/temporary_directory.h"

#include <deque>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace scanthru::input::testing {

/// QEMU's side of a monitor: commands are noted and answered when the test says so; query-mice and
/// query-qmp-schema at once.
class InjectorTest : public ::testing::Test {
protected:
    using json = nlohmann::json;

    void SetUp() override { connect(); }

    /// A new connection, agreed on and handed to the injector.
    void connect() {
        listener = *listen_unix(directory / "qmp", 0600);
        bool ready = false;
        client = *QmpClient::connect(*loop, directory / "qmp",
                                     {.ready = [&] { ready = true; }, .event = {}, .closed = {}});
        qemu = *accept_unix(listener.get());
        say({{"QMP", json::object()}});
        while (!ready)
            turn();
        injector.connected(*client);
        turn();
    }

    void hang_up() {
        injector.disconnected();
        client.reset();
        qemu.reset();
        listener.reset();
        waiting.clear();
        inputs.clear();
        lines = {};
    }

    void say(const json& message) { ASSERT_TRUE(send_all(qemu.get(), message.dump() + "\n")); }

    /// Serves both sides until nothing happens for `time`.
    void turn(std::chrono::milliseconds time = {}) {
        const auto end = Clock::now() + time;
        do {
            for (int i = 0; i < 6; ++i) {
                ASSERT_TRUE(loop->turn(std::chrono::milliseconds{0}));
                listen();
            }
        } while (Clock::now() < end);
    }

    void listen() {
        while (auto received = receive(qemu.get())) {
            if (received->bytes.empty()) break;
            ASSERT_TRUE(lines.feed(received->bytes));
        }
        while (const auto line = lines.next())
            take(json::parse(*line));
    }

    void take(const json& command) {
        const std::string name = command["execute"];
        names.push_back(name);
        if (name == "input-send-event") {
            waiting.push_back(command["id"]);
            inputs.push_back(command["arguments"]["events"]);
            if (at_once) answer();
        } else if (name == "query-mice") {
            if (hold_mice) return held_mice.push_back(command["id"]);
            say({{"return", mice}, {"id", command["id"]}});
        } else {
            say({{"return", name == "query-qmp-schema" ? schema : json::object()},
                 {"id", command["id"]}});
        }
    }

    /// Answers the oldest command under way.
    void answer() {
        ASSERT_FALSE(waiting.empty());
        say({{"return", json::object()}, {"id", waiting.front()}});
        waiting.pop_front();
    }

    void refuse(const std::string& why = "Input handler not found for event type abs") {
        ASSERT_FALSE(waiting.empty());
        say({{"error", {{"class", "GenericError"}, {"desc", why}}}, {"id", waiting.front()}});
        waiting.pop_front();
    }

    /// Takes all of it as one batch of input.
    void hands(const std::vector<Event>& events) {
        for (const Event& event : events)
            injector.send(event);
        injector.flush();
        listen();
    }

    /// The lists that came since the last call, each as one line: "+a -a abs 5,6".
    std::vector<std::string> heard() {
        listen();
        std::vector<std::string> all;
        for (const json& events : inputs)
            all.push_back(line_of(events));
        inputs.clear();
        return all;
    }

    static std::string line_of(const json& events) {
        std::string line;
        for (const json& event : events) {
            const json& data = event["data"];
            if (event["type"] == "key" || event["type"] == "btn") {
                const std::string name =
                    event["type"] == "key" ? data["key"]["data"] : data["button"];
                line += (data["down"] ? " +" : " -") + name;
            } else if (event["type"] == "mtt") {
                line += " " + std::string{data["type"]} + data["slot"].dump();
            } else if (data["axis"] == "x") {
                line += " " + std::string{event["type"]} + " " + data["value"].dump();
            } else {
                line += "," + data["value"].dump();
            }
        }
        return line.empty() ? line : line.substr(1);
    }

    static json enumeration(const json& values) {
        return {{"name", "1"}, {"meta-type", "enum"}, {"values", values}};
    }

    scanthru::testing::TemporaryDirectory directory;
    std::unique_ptr<EventLoop> loop = *EventLoop::create();
    QmpInjector injector{*loop};
    UniqueFd listener;
    UniqueFd qemu;
    std::unique_ptr<QmpClient> client;
    QmpLines lines;
    std::deque<json> waiting;
    std::vector<json> inputs;
    std::vector<std::string> names;
    json mice = {{{"absolute", true}}, {{"absolute", false}}};
    json schema = json::array();
    bool at_once = false;
    bool hold_mice = false;
    std::vector<json> held_mice;
};

}  // namespace scanthru::input::testing
