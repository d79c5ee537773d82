// SPDX-License-Identifier: MIT
// Our names of keys against those of the QEMU of this machine.
#include "base/qmp.h"
#include "input/key_table.h"
#include "unit/temporary_directory.h"

#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>

namespace scanthru::input {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::IsEmpty;

constexpr std::chrono::seconds patience{60};

/// A QEMU without a machine, asked once for its schema.
class KeyTableAgainstQemu : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        const testing::TemporaryDirectory directory;
        const std::string socket = directory / "qmp";
        const std::string listen = "unix:" + socket + ",server=on,wait=off";
        std::vector<std::string> words{"qemu-system-x86_64", "-M",   "none", "-display", "none",
                                       "-nodefaults",        "-qmp", listen};
        std::vector<char*> arguments;
        for (std::string& word : words)
            arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_t pid = -1;
        if (::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0)
            return;
        schema() = ask(socket);
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }

    void SetUp() override {
        if (schema().is_null()) GTEST_SKIP() << "no qemu-system-x86_64 that answers";
    }

    static json& schema() {
        static json answer;
        return answer;
    }

    static json ask(const std::string& socket) {
        const auto end = Clock::now() + patience;
        while (!std::filesystem::exists(socket) && Clock::now() < end)
            std::this_thread::sleep_for(milliseconds{10});
        const auto loop = *EventLoop::create();
        auto client = QmpClient::connect(*loop, socket, {}, patience);
        if (!client) return {};
        json answer;
        (*client)->execute("query-qmp-schema", {}, [&](Result<json, std::string> reply) {
            if (reply) answer = std::move(*reply);
        });
        while (answer.is_null() && Clock::now() < end)
            if (!loop->turn(milliseconds{100})) break;
        return answer;
    }

    /// The values of the enumeration that has "lang2".
    static std::set<std::string> qcodes() {
        for (const json& type : schema()) {
            if (type["meta-type"] != "enum") continue;
            auto values = type["values"].get<std::set<std::string>>();
            if (values.contains("lang2")) return values;
        }
        return {};
    }
};

TEST_F(KeyTableAgainstQemu, QemuKnowsEveryQcodeOfOurs) {
    const auto known = qcodes();
    std::vector<std::string> unknown;
    for (const KeyEntry& entry : key_table())
        if (!entry.qcode.empty() && !known.contains(std::string{entry.qcode}) &&
            !is_newer_than_qemu_7_2(entry.code))
            unknown.emplace_back(entry.qcode);
    EXPECT_THAT(unknown, IsEmpty());
}

TEST_F(KeyTableAgainstQemu, WeKnowEveryQcodeOfQemus) {
    const auto theirs = qcodes();
    ASSERT_GT(theirs.size(), 100U);
    std::vector<std::string> unknown;
    for (const std::string& qcode : theirs)
        // QEMU's word for no key.
        if (qcode != "unmapped" && !key_of_qcode(qcode)) unknown.push_back(qcode);
    EXPECT_THAT(unknown, IsEmpty());
}

}  // namespace
}  // namespace scanthru::input
