// SPDX-License-Identifier: MIT
#include "screendump.h"

#include "presenter_process.h"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>

namespace scanthru::system_test {

std::string virtio_card() {
    const char* const card = std::getenv("SCANTHRU_VIRTIO_CARD");
    return card != nullptr ? card : "";
}

// A PPM of 8 bits a channel.
Picture screendump(unsigned head) {
    const std::string file = std::string{std::getenv("SCANTHRU_TEST_OUTPUT")} + "/screen.ppm";
    const std::string command =
        fmt::format("tests/vm/qmp screendump '{{\"filename\": \"{}\", \"device\": \"display\", "
                    "\"head\": {}}}' > /dev/null",
                    file, head);
    if (std::system(command.c_str()) != 0) return {};
    std::ifstream stream{file, std::ios::binary};
    std::string magic;
    Picture picture;
    unsigned most = 0;
    stream >> magic >> picture.size.width >> picture.size.height >> most;
    stream.get();
    picture.pixels.resize(std::size_t{picture.size.width} * picture.size.height);
    for (auto& pixel : picture.pixels) {
        unsigned char rgb[3]{};
        stream.read(reinterpret_cast<char*>(rgb), sizeof(rgb));
        pixel = 0xFF000000U | unsigned{rgb[0]} << 16 | unsigned{rgb[1]} << 8 | rgb[2];
    }
    return picture;
}

Picture opaque(Picture picture) {
    for (auto& pixel : picture.pixels)
        pixel |= 0xFF000000;
    return picture;
}

bool outer_screen_shows(unsigned head, const Picture& expected) {
    return PresenterProcess::wait(
        [&] {
            const Picture seen = screendump(head);
            return seen.size == expected.size && seen.pixels == expected.pixels;
        },
        std::chrono::seconds{20});
}

}  // namespace scanthru::system_test
