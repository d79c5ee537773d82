// SPDX-License-Identifier: MIT
#include "presenter/screenshot.h"

#include <cerrno>
#include <fmt/format.h>
#include <png.h>
#include <span>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace scanthru {
namespace {

tl::unexpected<std::string> complain(std::string_view why) {
    return tl::unexpected<std::string>{
        fmt::format("the picture cannot be written as PNG: {}", why)};
}

/// libpng's simplified interface: it keeps its longjmp to itself and returns a sentence.
Result<std::vector<std::byte>, std::string> compress(const Pixels& pixels) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = pixels.size.width;
    image.height = pixels.size.height;
    image.format = PNG_FORMAT_RGB;
    image.flags = PNG_IMAGE_FLAG_FAST;
    // The macros below multiply in 32 or 64 bits as they please; this is far beyond any screen.
    constexpr std::uint64_t max_bytes = std::uint64_t{1} << 30;
    if (pixels.rgb.empty() || pixels.rgb.size() > max_bytes)
        return complain(fmt::format("{}x{} is no size for it", image.width, image.height));

    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::vector<std::byte> png(bytes);
    if (png_image_write_to_memory(&image, png.data(), &bytes, 0, pixels.rgb.data(), 0, nullptr) ==
        0)
        return complain(&image.message[0]);
    png.resize(bytes);
    return png;
}

Result<void> write_all(int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail(errno, "write");
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

Result<UniqueFd, std::string> encode_png(const Pixels& pixels) {
    const auto png = compress(pixels);
    if (!png) return tl::unexpected{png.error()};
    UniqueFd file{::memfd_create("screenshot.png", MFD_CLOEXEC)};
    if (!file) return complain(fmt::format("{}", Error{errno, "memfd_create"}));
    if (const auto written = write_all(file.get(), *png); !written)
        return complain(fmt::format("{}", written.error()));
    if (::lseek(file.get(), 0, SEEK_SET) != 0)
        return complain(fmt::format("{}", Error{errno, "lseek"}));
    return file;
}

}  // namespace scanthru
