// SPDX-License-Identifier: MIT
// Only what needs no uinput; the devices themselves are looked at in the VM.
#include "input/uinput_sink.h"

#include <cerrno>
#include <gtest/gtest.h>

namespace scanthru::input {
namespace {

TEST(UinputSink, WithoutUinputSaysWhy) {
    const auto sink = UinputSink::create("guest", "/nonexistent/uinput");
    ASSERT_FALSE(sink);
    EXPECT_EQ(sink.error(), (Error{ENOENT, "open(uinput)"}));
}

TEST(UinputSink, AnEndlessNameIsRefused) {
    const auto sink = UinputSink::create(std::string(60, 'g'), "/nonexistent/uinput");
    EXPECT_EQ(sink.error().code, ENOENT);
    EXPECT_EQ(UinputSink::create(std::string(70, 'g')).error().code, ENAMETOOLONG);
}

}  // namespace
}  // namespace scanthru::input
