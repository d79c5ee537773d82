// SPDX-License-Identifier: MIT
// In the nested guest: shows numbered pictures through libdrm, and does what its keyboard says.
//   at once   tells of its monitor, and shows picture 1, in 640x480
//   F         300 page flips between pictures 2 and 3, which have been drawn before
//   S         shows picture 4 in 800x600, and the next time picture 1 again
//   R         reboots
// What it says on standard output, the serial console, is what the test waits for.
#include "vgpu/picture.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <thread>
#include <unistd.h>
#include <vector>
#include <xf86drm.h>
#include <xf86drmMode.h>

namespace {

constexpr unsigned flips = 300;
/// Without a vblank to wait for, bochs-drm would flip faster than anybody could see.
constexpr std::chrono::milliseconds between_flips{25};

void say(const std::string& words) {
    std::printf("guest: %s\n", words.c_str());
    std::fflush(stdout);
}

/// Returns `result` unless it is negative.
int must(int result, const char* what) {
    if (result >= 0) return result;
    say(std::string{"failed: "} + what + ": " + std::strerror(errno));
    std::exit(1);
}

/// VESA's at 60 Hz: the monitor's EDID need not list them.
drmModeModeInfo vesa_mode(std::uint32_t clock,
                          const std::array<std::uint16_t, 4>& across,
                          const std::array<std::uint16_t, 4>& down) {
    drmModeModeInfo mode{};
    mode.clock = clock;
    mode.hdisplay = across[0];
    mode.hsync_start = across[1];
    mode.hsync_end = across[2];
    mode.htotal = across[3];
    mode.vdisplay = down[0];
    mode.vsync_start = down[1];
    mode.vsync_end = down[2];
    mode.vtotal = down[3];
    mode.vrefresh = 60;
    mode.flags = DRM_MODE_FLAG_NHSYNC | DRM_MODE_FLAG_NVSYNC;
    return mode;
}

drmModeModeInfo vga_mode() {
    return vesa_mode(25175, {640, 656, 752, 800}, {480, 490, 492, 525});
}

drmModeModeInfo svga_mode() {
    return vesa_mode(40000, {800, 840, 968, 1056}, {600, 601, 605, 628});
}

/// The guest's only card, CRTC and connector.
struct Display {
    int card;
    std::uint32_t crtc;
    std::uint32_t connector;
};

Display open_display() {
    const int card = must(::open("/dev/dri/card0", O_RDWR | O_CLOEXEC), "card0");
    drmModeRes* const resources = drmModeGetResources(card);
    must(resources != nullptr ? 0 : -1, "drmModeGetResources");
    const Display display{card, resources->crtcs[0], resources->connectors[0]};
    drmModeFreeResources(resources);
    return display;
}

/// What the guest's driver believes to be plugged in: the EDID, and the mode it would take.
void say_monitor(const Display& display) {
    drmModeConnector* const connector = drmModeGetConnector(display.card, display.connector);
    must(connector != nullptr ? 0 : -1, "drmModeGetConnector");
    for (int i = 0; i < connector->count_props; ++i) {
        drmModePropertyRes* const property = drmModeGetProperty(display.card, connector->props[i]);
        must(property != nullptr ? 0 : -1, "drmModeGetProperty");
        const auto blob_id = static_cast<std::uint32_t>(connector->prop_values[i]);
        if (std::strcmp(property->name, "EDID") == 0 && blob_id != 0) {
            drmModePropertyBlobRes* const blob = drmModeGetPropertyBlob(display.card, blob_id);
            must(blob != nullptr ? 0 : -1, "drmModeGetPropertyBlob");
            std::string hex;
            for (std::uint32_t byte = 0; byte < blob->length; ++byte) {
                constexpr const char* digits = "0123456789abcdef";
                const unsigned value = static_cast<const unsigned char*>(blob->data)[byte];
                hex += digits[value >> 4];
                hex += digits[value & 15];
            }
            say("edid " + hex);
            drmModeFreePropertyBlob(blob);
        }
        drmModeFreeProperty(property);
    }
    must(connector->count_modes > 0 ? 0 : -1, "no modes");
    const drmModeModeInfo& mode = connector->modes[0];
    say("first mode " + std::to_string(mode.hdisplay) + "x" + std::to_string(mode.vdisplay) +
        " at " + std::to_string(mode.clock) + " kHz");
    drmModeFreeConnector(connector);
}

/// A framebuffer for this mode with picture `number` on it; lives until the program ends.
std::uint32_t draw(const Display& display, const drmModeModeInfo& mode, std::uint32_t number) {
    const std::uint32_t width = mode.hdisplay;
    const std::uint32_t height = mode.vdisplay;
    std::uint32_t handle = 0;
    std::uint32_t stride = 0;
    std::uint64_t size = 0;
    std::uint64_t offset = 0;
    std::uint32_t framebuffer = 0;
    must(drmModeCreateDumbBuffer(display.card, width, height, 32, 0, &handle, &stride, &size),
         "drmModeCreateDumbBuffer");
    must(drmModeAddFB(display.card, width, height, 24, 32, stride, handle, &framebuffer),
         "drmModeAddFB");
    must(drmModeMapDumbBuffer(display.card, handle, &offset), "drmModeMapDumbBuffer");
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, display.card,
                                static_cast<off_t>(offset));
    must(memory != MAP_FAILED ? 0 : -1, "mmap");
    for (std::uint32_t y = 0; y < height; ++y) {
        auto* row = static_cast<std::uint32_t*>(memory) + std::size_t{y} * stride / 4;
        for (std::uint32_t x = 0; x < width; ++x)
            row[x] = vgpu_picture(x, y, number, width, height);
    }
    ::munmap(memory, size);
    return framebuffer;
}

void flip(const Display& display, std::uint32_t framebuffer) {
    must(
        drmModePageFlip(display.card, display.crtc, framebuffer, DRM_MODE_PAGE_FLIP_EVENT, nullptr),
        "drmModePageFlip");
    drmEventContext events{};
    events.version = 2;
    must(drmHandleEvent(display.card, &events), "drmHandleEvent");
}

void flip_many(const Display& display, const std::array<std::uint32_t, 2>& framebuffers) {
    for (unsigned i = 0; i < flips; ++i) {
        flip(display, framebuffers.at(i % 2));
        std::this_thread::sleep_for(between_flips);
    }
    say("flipped " + std::to_string(flips));
}

void light(Display& display, drmModeModeInfo mode, std::uint32_t framebuffer) {
    must(
        drmModeSetCrtc(display.card, display.crtc, framebuffer, 0, 0, &display.connector, 1, &mode),
        "drmModeSetCrtc");
}

std::vector<pollfd> open_keyboards() {
    std::vector<pollfd> inputs;
    for (unsigned i = 0; i < 8; ++i) {
        const std::string path = "/dev/input/event" + std::to_string(i);
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd >= 0) inputs.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    }
    must(inputs.empty() ? -1 : 0, "no /dev/input/event*");
    return inputs;
}

/// The next key that is pressed, KEY_….
int next_key(std::vector<pollfd>& inputs) {
    while (true) {
        must(::poll(inputs.data(), inputs.size(), -1), "poll");
        for (const pollfd& input : inputs) {
            if ((input.revents & POLLIN) == 0) continue;
            input_event event{};
            must(static_cast<int>(::read(input.fd, &event, sizeof(event))), "read");
            if (event.type == EV_KEY && event.value == 1) return event.code;
        }
    }
}

}  // namespace

int main() {
    Display display = open_display();
    say_monitor(display);
    const drmModeModeInfo mode = vga_mode();
    const std::uint32_t first = draw(display, mode, 1);
    const std::array two{draw(display, mode, 2), draw(display, mode, 3)};
    const std::uint32_t large = draw(display, svga_mode(), 4);
    bool is_large = false;
    auto keyboards = open_keyboards();
    light(display, mode, first);
    say("painted");
    while (true) {
        switch (next_key(keyboards)) {
        case KEY_F: flip_many(display, two); break;
        case KEY_S:
            is_large = !is_large;
            light(display, is_large ? svga_mode() : mode, is_large ? large : first);
            say(is_large ? "800x600" : "640x480");
            break;
        case KEY_R:
            say("reboots");
            ::reboot(RB_AUTOBOOT);
            break;
        default: break;
        }
    }
}
