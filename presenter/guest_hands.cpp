// SPDX-License-Identifier: MIT
#include "presenter/guest_hands.h"

#include "base/log.h"

#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <utility>

namespace scanthru {
namespace {

constexpr std::chrono::milliseconds retry_delay{500};

}  // namespace

GuestHands::GuestHands(EventLoop& loop, const GuestConfig& config, OnLeds on_leds)
    : loop_(loop),
      name_(config.name),
      way_(config.input),
      injector_(loop),
      on_leds_(std::move(on_leds)) {
    injector_.distrust();
    if (std::holds_alternative<UinputInput>(way_)) make_devices();
    if (std::holds_alternative<QmpInput>(way_)) connect();
}

GuestHands::~GuestHands() {
    injector_.disconnected();
}

void GuestHands::source_monitor(QmpClient* client) {
    if (!std::holds_alternative<std::monostate>(way_)) return;
    if (connected_) injector_.disconnected();
    connected_ = client != nullptr;
    if (connected_) injector_.connected(*client);
}

void GuestHands::source_runs(bool running) {
    if (std::holds_alternative<std::monostate>(way_)) set_running(running);
}

void GuestHands::set_running(bool running) {
    runs_ = running;
    injector_.set_running(running);
}

void GuestHands::forget() {
    injector_.forget();
}

void GuestHands::set_picture(Size size) {
    injector_.set_guest_size(size.width, size.height);
}

void GuestHands::send(const input::Event& event) {
    if (uinput_) return uinput_->send(event);
    if (!std::holds_alternative<NoInput>(way_)) injector_.send(event);
}

void GuestHands::flush() {
    if (!uinput_) return injector_.flush();
    if (const auto written = uinput_->flush(); !written)
        log(LogLevel::warning, "guest {}: input: {}", name_, written.error());
}

void GuestHands::release_all() {
    if (!uinput_) return injector_.release_all();
    if (const auto written = uinput_->release_all(); !written)
        log(LogLevel::warning, "guest {}: input: {}", name_, written.error());
}

void GuestHands::make_devices() {
    auto made = input::UinputSink::create(name_);
    if (!made)
        return log(LogLevel::error, "guest {}: no input devices for it: {}", name_, made.error());
    uinput_ = *std::move(made);
    auto watch = loop_.watch(uinput_->leds_fd(), EPOLLIN, [this](auto) {
        const auto leds = uinput_->read_leds();
        if (on_leds_) on_leds_(leds);
    });
    if (watch) leds_watch_ = *std::move(watch);
}

void GuestHands::connect() {
    monitor_.reset();
    QmpClient::Listener listener;
    listener.ready = [this] {
        on_ready();
    };
    listener.event = [this](const std::string& name, const nlohmann::json&) {
        on_event(name);
    };
    listener.closed = [this](const std::string& why) {
        if (std::exchange(connected_, false)) injector_.disconnected();
        complain(why);
        connect_later();
    };
    const std::string& socket = std::get<QmpInput>(way_).socket;
    auto client = QmpClient::connect(loop_, socket, std::move(listener));
    if (!client) {
        complain(fmt::format("{}: {}", socket, client.error()));
        return connect_later();
    }
    monitor_ = *std::move(client);
}

void GuestHands::on_ready() {
    connected_ = true;
    trouble_.clear();
    injector_.connected(*monitor_);
    monitor_->execute("query-status", nullptr, [this](const auto& reply) {
        if (reply && reply->is_object()) set_running(reply->value("running", true));
    });
}

/// Said once, not twice a second.
void GuestHands::complain(const std::string& why) {
    if (std::exchange(trouble_, why) != why)
        log(LogLevel::warning, "guest {}: input: {}", name_, why);
}

void GuestHands::connect_later() {
    retry_ = loop_.after(retry_delay, [this] { connect(); });
}

void GuestHands::on_event(const std::string& name) {
    if (name == "STOP" || name == "RESUME") set_running(name == "RESUME");
    if (name == "RESET") injector_.forget();
}

nlohmann::json GuestHands::describe() const {
    if (std::holds_alternative<NoInput>(way_)) return nullptr;
    if (uinput_) return {{"connected", true}, {"by", "uinput"}};
    const auto counts = injector_.statistics();
    return {{"connected", connected_},        {"commands", counts.commands},
            {"rejected", counts.rejected},    {"coalesced", counts.coalesced},
            {"dropped", counts.dropped},      {"owed", counts.owed},
            {"down", injector_.down().size()}};
}

}  // namespace scanthru
