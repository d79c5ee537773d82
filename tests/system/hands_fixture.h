// SPDX-License-Identifier: MIT
#pragma once

#include "input/key_table.h"
#include "presenter_process.h"
#include "scripted_qemu.h"
#include "synthetic_guest.h"
#include "uinput_device.h"

#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <set>

namespace scanthru::system_test {

/// Of every key of the table.
inline UinputDevice::Features full_keyboard(unsigned generation) {
    UinputDevice::Features features = keyboard(fmt::format("test keyboard {}", generation));
    for (const input::KeyEntry& key : input::key_table())
        features.keys.push_back(key.code);
    return features;
}

/// A guest with a picture, its QEMU, a presenter with hands, and devices to hold.
class HandsOnGuest : public ::testing::Test {
protected:
    static constexpr std::chrono::milliseconds limit{20000};
    static constexpr const char* socket_path = "/run/hands.qmp";
    static constexpr const char* input_path = "/run/hands.qmp.input";

    void begin(const std::vector<std::string>& more = {}) {
        std::remove(input_path);
        start_presenter(more);
        ASSERT_EQ(vgpu.set("guest", "start width=320 height=240 buffers=2 rate=0"), 0);
        presenter->wait_attached();
        // What may have been left down by somebody else is released first.
        ASSERT_TRUE(wait([this] { return status_of_input()["owed"] == 0; })) << presenter->log();
        std::remove(input_path);
    }

    void start_presenter(const std::vector<std::string>& more = {}) {
        std::vector<std::string> words = arguments;
        words.insert(words.end(), more.begin(), more.end());
        presenter.emplace(words, environment);
        ASSERT_TRUE(wait([this] { return sees_devices(); })) << presenter->log();
    }

    /// Whether the devices of this test, and none that it had before, are open.
    bool sees_devices() const {
        std::set<std::string> names = devices();
        std::erase_if(names, [](const auto& name) { return !name.starts_with("test "); });
        return names == std::set{fmt::format("test keyboard {}", generation),
                                 fmt::format("test mouse {}", generation),
                                 std::string{"test tablet"}};
    }

    /// The names of those that are open.
    std::set<std::string> devices() const {
        std::set<std::string> names;
        const nlohmann::json status = presenter->status();
        for (const auto& device : status["devices"])
            names.insert(device["name"].get<std::string>());
        return names;
    }

    nlohmann::json status_of_input() const { return presenter->status()["guests"][0]["input"]; }

    static bool wait(const std::function<bool()>& done) {
        return PresenterProcess::wait(done, limit);
    }

    static std::vector<std::string> received(const std::string& path = input_path) {
        std::ifstream file{path};
        std::vector<std::string> lines;
        for (std::string line; std::getline(file, line);)
            lines.push_back(line);
        return lines;
    }

    /// Empty when nothing was received.
    static std::string received_last() {
        const auto lines = received();
        return lines.empty() ? std::string{} : lines.back();
    }

    void expect_received(const std::vector<std::string>& expected) const {
        EXPECT_TRUE(wait([&] { return received().size() >= expected.size(); })) << presenter->log();
        presenter->wait_frames(5);
        EXPECT_THAT(received(), ::testing::ElementsAreArray(expected));
    }

    /// All that was received: what is down after it.
    static std::set<std::string> left_down(const std::string& path = input_path) {
        std::set<std::string> down;
        for (const std::string& line : received(path)) {
            const std::size_t last = line.rfind(' ');
            if (!line.starts_with("key ") && !line.starts_with("btn ")) continue;
            if (line.substr(last) == " 1")
                down.insert(line.substr(0, last));
            else
                down.erase(line.substr(0, last));
        }
        return down;
    }

    void TearDown() override {
        if (presenter) {
            EXPECT_EQ(presenter->stop(), 0);
        }
    }

    /// Of the presenter, before what a test adds.
    std::vector<std::string> arguments{
        "--guest", fmt::format("qmp:{}", socket_path), "--card", vkms_card(), "--seat", "direct"};
    std::vector<std::string> environment;
    vgpu::TestVgpu vgpu;
    ScriptedQemu qemu{vgpu, socket_path};
    unsigned generation = 0;  ///< Of keyboard and mouse.
    UinputDevice keys{full_keyboard(generation)};
    UinputDevice pointer{mouse("test mouse 0")};
    UinputDevice pad{tablet()};
    std::optional<PresenterProcess> presenter;
};

}  // namespace scanthru::system_test
