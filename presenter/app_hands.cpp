// SPDX-License-Identifier: MIT
// The main thread's seat: who may use cards and input devices, and what hands do.
#include "base/log.h"
#include "base/seat_surroundings.h"
#include "input/key_table.h"
#include "presenter/app.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <linux/kd.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

namespace scanthru {
namespace {

using input::HostAction;

/// A commit that is under way ends with its vblank; what takes longer hangs.
constexpr std::chrono::milliseconds pause_limit{500};

constexpr std::string_view without_seat =
    "cards and input devices are opened directly, and the host's console takes what is typed too, "
    "Ctrl+Alt+Del and Ctrl+Alt+F1 included";

/// Whether the console is in text mode: nobody else draws on it.
bool console_is_free() {
    const UniqueFd console{::open("/dev/tty0", O_RDWR | O_CLOEXEC | O_NOCTTY)};
    int mode = 0;
    return console && ::ioctl(console.get(), KDGETMODE, &mode) == 0 && mode == KD_TEXT;
}

/// Without a seat manager we would be one ourselves, which takes the console from whoever has it.
bool may_be_seat_manager(const SeatSurroundings& here) {
    return !here.forced.empty() || here.seatd_error == 0 || here.seated ||
           (here.root && console_is_free());
}

}  // namespace

/// A seat that cannot be had is no reason not to begin: the rights may be there without one.
void App::open_seat() {
    if (command_.config.input.seat != SeatChoice::automatic) return;
    const SeatSurroundings here = read_seat_surroundings();
    if (!may_be_seat_manager(here))
        return log(LogLevel::warning, "no seat: {}; {}", why_no_seat(here, EBUSY), without_seat);
    auto session = Session::open(*loop_, {.enabled = [this] { come_back(); },
                                          .disabled = [this] { stand_aside(); },
                                          .lost =
                                              [this](const std::string& why) {
                                                  lose_seat(why);
                                              }});
    if (!session) return log(LogLevel::warning, "no seat: {}; {}", session.error(), without_seat);
    session_ = *std::move(session);
    cards_.use_seat(session_.get());
    log(LogLevel::info, "seat {} by {}", session_->name(), session_->backend());
}

/// Neither the keyboard nor another VT is to be had again: whoever started us is to do so anew.
void App::lose_seat(const std::string& why) {
    log(LogLevel::error, "the seat is lost: {}", why);
    exit_code_ = 1;
    loop_->stop();
}

/// Another VT is to be seen: nothing of ours touches cards or devices until come_back().
void App::stand_aside() {
    log(LogLevel::info, "the seat goes to somebody else");
    away_ = true;
    if (devices_) devices_->suspend();
    for (const auto& screen : screens_)
        if (screen->output() != nullptr) screen->output()->frames().pause(true);
    const auto deadline = Clock::now() + pause_limit;
    for (const auto& screen : screens_)
        if (screen->output() != nullptr)
            screen->output()->frames().wait_paused(std::max(
                std::chrono::milliseconds{0},
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now())));
}

void App::come_back() {
    log(LogLevel::info, "the seat is ours again");
    away_ = false;
    for (const auto& screen : screens_) {
        screen->used();  // Whoever comes back wants to see it.
        if (screen->output() != nullptr) screen->output()->frames().pause(false);
    }
    if (devices_)
        if (const auto resumed = devices_->resume(); !resumed)
            log(LogLevel::error, "input devices: {}", resumed.error());
    // Nobody told us what was plugged in meanwhile.
    replug_soon();
}

void App::start_hands() {
    if (command_.config.input.seat == SeatChoice::off) return;
    hands_.emplace(
        Hands::Host{.on_output =
                        [this](const std::string& output) {
                            const Screen* const screen = find_screen(output);
                            return screen != nullptr ? hands_of(screen->guest()) : nullptr;
                        },
                    .guest = [this](const std::string& guest) { return hands_of(guest); },
                    .seen_on =
                        [this](const std::string& guest) {
                            const auto on = std::ranges::find(
                                screens_, guest, [](const auto& s) { return s->guest(); });
                            return on != screens_.end() ? title_of((*on)->config())
                                                        : std::string{"-"};
                        },
                    .picture = [this](const std::string& output) { return picture_on(output); },
                    .used = [this](const std::string& output) { on_use(output); },
                    .act =
                        [this](const HostAction& action, const std::string& output) {
                            act(action, output);
                        }},
        chords_of(command_.config.keys));
    auto devices = input::Devices::open(
        *loop_, session_ ? session_->name() : "seat0",
        session_ ? input::access_through(*session_) : input::direct_access(),
        {command_.config.input.devices},
        {.device_added = [this](const auto& device) { hands_->device_added(device); },
         .device_removed = [this](std::uint32_t device) { hands_->device_removed(device); },
         .event = [this](std::uint32_t device,
                         const input::Event& event) { hands_->event(device, event); },
         .batch_end =
             [this] {
                 hands_->batch_end();
             }});
    if (!devices) return log(LogLevel::warning, "no input devices: {}", devices.error());
    devices_ = *std::move(devices);
}

/// The configuration was read again.
void App::reload_hands() {
    if (!hands_) return;
    hands_->set_chords(chords_of(command_.config.keys));
    if (!devices_) return;
    if (const auto done = devices_->configure({command_.config.input.devices}); !done)
        log(LogLevel::error, "input devices: {}", done.error());
}

/// The output that a device names; without a name the one that has the focus, and the first where
/// that is none of ours.
Screen* App::find_screen(const std::string& output) const {
    if (screens_.empty()) return nullptr;
    const std::string& wanted = output.empty() ? focus_ : output;
    const auto found = std::ranges::find_if(screens_, [&wanted](const auto& screen) {
        return screen->name() == wanted || title_of(screen->config()) == wanted ||
               (!wanted.empty() && screen->config().monitor == wanted);
    });
    if (found != screens_.end()) return found->get();
    return output.empty() ? screens_.front().get() : nullptr;
}

GuestHands* App::hands_of(const std::string& guest) const {
    const auto found = guest_hands_.find(guest);
    return found != guest_hands_.end() ? found->second.get() : nullptr;
}

std::optional<PictureOnScreen> App::picture_on(const std::string& output) const {
    const Screen* const screen = find_screen(output);
    if (screen == nullptr || screen->output() == nullptr) return std::nullopt;
    const OutputView view = screen->output()->frames().view();
    if (!view.primary) return std::nullopt;
    const Size picture = view.primary->geometry.size;
    if (GuestHands* const hands = hands_of(screen->guest())) hands->set_picture(picture);
    return PictureOnScreen{.screen = view.screen,
                           .rotation = screen->config().rotate,
                           .placement = view.placement,
                           .picture = picture};
}

/// A hand is at work before this output.
void App::on_use(const std::string& output) {
    Screen* const screen = find_screen(output);
    if (screen != nullptr) screen->used();
}

/// What is down in the guest of this output is let go of: another has the hands now.
void App::take_hands_off(const Screen& screen) {
    if (!hands_) return;
    hands_->leave([&](const std::string& output) { return find_screen(output) == &screen; },
                  hands_of(screen.guest()));
}

void App::act(const HostAction& action, const std::string& output) {
    Screen* const screen = find_screen(output);
    if (screen == nullptr) return;
    const auto& guests = command_.config.guests;
    using Kind = HostAction::Kind;
    switch (action.kind) {
    case Kind::switch_to:
        if (action.number <= guests.size()) show_guest(*screen, guests[action.number - 1].name);
        break;
    case Kind::next_guest: {
        const auto now = std::ranges::find(guests, screen->guest(), &GuestConfig::name);
        if (now != guests.end())
            show_guest(*screen, now + 1 == guests.end() ? guests.front().name : (now + 1)->name);
        break;
    }
    case Kind::next_output: focus_next(); break;
    case Kind::blank: screen->blank(!screen->blanked()); break;
    case Kind::screenshot: save_screenshot(*screen); break;
    case Kind::leave:
        log(LogLevel::info, "a host key says so: leaving");
        loop_->stop();
        break;
    case Kind::send_ctrl_alt_del:
        if (const auto done = press(screen->guest(), *input::parse_chord("Ctrl+Alt+Delete")); !done)
            log(LogLevel::warning, "{}", done.error());
        break;
    case Kind::vt: go_to_vt(static_cast<int>(action.number)); break;
    }
}

void App::focus_next() {
    Screen* const before = find_screen({});
    const auto at = std::ranges::find_if(
        screens_, [before](const auto& screen) { return screen.get() == before; });
    if (at == screens_.end()) return;
    take_hands_off(*before);
    const Screen& next = *(at + 1 == screens_.end() ? screens_.front() : *(at + 1));
    focus_ = title_of(next.config());
    log(LogLevel::info, "output {} has the keyboard now", next.name());
}

void App::go_to_vt(int number) {
    if (!session_)
        return log(LogLevel::warning, "VT {}: without a seat the kernel switches VTs", number);
    if (const auto done = session_->switch_vt(number); !done)
        log(LogLevel::warning, "VT {}: {}", number, done.error());
}

/// Presses these keys in their order and releases them the other way round. The error is a
/// sentence.
Result<void, std::string> App::press(const std::string& guest,
                                     const std::vector<std::uint16_t>& keys) {
    GuestHands* const hands = hands_of(guest);
    if (hands == nullptr || !hands->listens())
        return tl::unexpected{fmt::format(
            "guest {} takes no input: it is not connected, stopped, or configured without", guest)};
    for (const std::uint16_t key : keys)
        hands->send(input::Key{key, true});
    for (const std::uint16_t key : std::vector<std::uint16_t>{keys.rbegin(), keys.rend()})
        hands->send(input::Key{key, false});
    hands->flush();
    return {};
}

/// The guest's locks on the host's keyboards, while it has them.
void App::show_leds(const std::string& guest, const input::UinputSink::Leds& leds) {
    const Screen* const screen = find_screen({});
    if (!devices_ || screen == nullptr || screen->guest() != guest) return;
    devices_->set_leds(input::Leds{.caps = leds.caps, .num = leds.num, .scroll = leds.scroll});
}

/// Into the configured folder; nothing of it is a reason to stop.
void App::save_screenshot(Screen& screen) {
    const std::string& folder = command_.config.keys.screenshots;
    if (folder.empty())
        return log(LogLevel::warning, "no screenshot: [keys] names no folder for \"screenshots\"");
    const ControlAnswer picture = screenshot({{"output", screen.name()}});
    if (!picture.fd)
        return log(LogLevel::warning, "no screenshot: {}", picture.json.value("error", ""));
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    std::string path(64, '\0');
    path.resize(std::strftime(path.data(), path.size(), "scanthru-%Y-%m-%d-%H-%M-%S.png", &local));
    path = folder + "/" + path;
    // A picture of a guest is the guest's secret.
    const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file) return log(LogLevel::warning, "no screenshot: {}: {}", path, Error{errno, "open"});
    if (const auto written = copy_all(picture.fd.get(), file.get()); !written)
        return log(LogLevel::warning, "no screenshot: {}: {}", path, written.error());
    log(LogLevel::info, "output {}: screenshot in {}", screen.name(), path);
}

}  // namespace scanthru
