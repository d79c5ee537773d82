// SPDX-License-Identifier: MIT
#include "presenter/screenshot.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <png.h>

namespace scanthru {
namespace {

/// Reads it as any viewer would.
Pixels decode(int fd) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    std::FILE* const file = ::fdopen(::dup(fd), "rb");
    EXPECT_NE(png_image_begin_read_from_stdio(&image, file), 0) << &image.message[0];
    image.format = PNG_FORMAT_RGB;
    Pixels pixels = black_pixels({image.width, image.height});
    EXPECT_NE(png_image_finish_read(&image, nullptr, pixels.rgb.data(), 0, nullptr), 0);
    std::fclose(file);
    return pixels;
}

TEST(Png, APictureComesBackAsItWent) {
    Pixels pixels = black_pixels({37, 11});
    for (std::size_t i = 0; i < pixels.rgb.size(); ++i)
        pixels.rgb[i] = static_cast<std::uint8_t>(i * 7 % 251);
    const auto png = encode_png(pixels);
    ASSERT_TRUE(png) << png.error();
    EXPECT_EQ(decode(png->get()), pixels);
}

TEST(Png, TheFileIsReadFromItsStart) {
    const auto png = encode_png(black_pixels({4, 4}));
    ASSERT_TRUE(png) << png.error();
    EXPECT_EQ(::lseek(png->get(), 0, SEEK_CUR), 0);
}

TEST(Png, NoiseThatDoesNotCompressFits) {
    Pixels pixels = black_pixels({256, 256});
    std::uint32_t noise = 1;
    for (std::uint8_t& byte : pixels.rgb) {
        noise = noise * 1664525 + 1013904223;
        byte = static_cast<std::uint8_t>(noise >> 24);
    }
    const auto png = encode_png(pixels);
    ASSERT_TRUE(png) << png.error();
    EXPECT_EQ(decode(png->get()), pixels);
}

TEST(Png, APictureWithoutPixelsIsAnErrorAndNoCrash) {
    const auto png = encode_png(black_pixels({0, 10}));
    ASSERT_FALSE(png);
    EXPECT_NE(png.error().find("0x10"), std::string::npos) << png.error();
}

}  // namespace
}  // namespace scanthru
