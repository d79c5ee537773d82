// SPDX-License-Identifier: MIT
#include "vfio/guest_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scanthru::vfio {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

struct Accepted {
    const char* name;
    std::string text;
    GuestSource expected;
};

std::ostream& operator<<(std::ostream& out, const Accepted& test) {
    return out << test.text;
}

class GuestSourceText : public ::testing::TestWithParam<Accepted> {};

TEST_P(GuestSourceText, IsRead) {
    const auto source = parse_guest_source(GetParam().text);
    ASSERT_TRUE(source) << source.error();
    EXPECT_EQ(*source, GetParam().expected);
}

TEST_P(GuestSourceText, IsWrittenSoThatItReadsTheSame) {
    const std::string text = to_string(GetParam().expected);
    const auto again = parse_guest_source(text);
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(*again, GetParam().expected) << text;
}

INSTANTIATE_TEST_SUITE_P(
    GuestSource,
    GuestSourceText,
    ::testing::Values(
        Accepted{"socket", "qmp:/run/vm.qmp", QmpSource{"/run/vm.qmp", {}, {}}},
        Accepted{"relative_socket", "qmp:vm.qmp", QmpSource{"vm.qmp", {}, {}}},
        Accepted{"socket_with_colon", "qmp:/run/a:b", QmpSource{"/run/a:b", {}, {}}},
        Accepted{"pid", "qmp:/q,pid=17", QmpSource{"/q", 17, {}}},
        Accepted{"device", std::string{"qmp:/q,mdev="} + uuid, QmpSource{"/q", {}, uuid}},
        Accepted{"both", std::string{"qmp:/q,mdev="} + uuid + ",pid=1", QmpSource{"/q", 1, uuid}},
        Accepted{"longest_socket", "qmp:" + std::string(107, 'x'),
                 QmpSource{std::string(107, 'x'), {}, {}}},
        Accepted{"mdev", std::string{"mdev:"} + uuid, MdevSource{uuid}},
        Accepted{"mdev_in_capitals", "mdev:83B8F4F2-509F-382F-3C1E-E6BFE0FA1001", MdevSource{uuid}},
        Accepted{"inherited", "fd:3", InheritedSource{3}},
        Accepted{"standard_input", "fd:0", InheritedSource{0}},
        Accepted{"received", "recv:/run/device", ReceivedSource{"/run/device"}},
        Accepted{"received_with_comma", "recv:/run/a,b", ReceivedSource{"/run/a,b"}}),
    [](const auto& test) { return std::string{test.param.name}; });

struct Refused {
    const char* name;
    std::string text;
    const char* wrong;     ///< What the sentence says was wrong.
    const char* expected;  ///< What it says was expected.
};

std::ostream& operator<<(std::ostream& out, const Refused& test) {
    return out << test.text;
}

class GuestSourceMistake : public ::testing::TestWithParam<Refused> {};

TEST_P(GuestSourceMistake, IsNamedTogetherWithWhatWasExpected) {
    const auto source = parse_guest_source(GetParam().text);
    ASSERT_FALSE(source);
    EXPECT_THAT(source.error(), AllOf(HasSubstr(GetParam().wrong), HasSubstr(GetParam().expected)));
}

constexpr auto forms = "expected qmp:SOCKET[,pid=N][,mdev=UUID], mdev:UUID, fd:N or recv:SOCKET";

INSTANTIATE_TEST_SUITE_P(
    GuestSource,
    GuestSourceMistake,
    ::testing::Values(
        Refused{"nothing", "", "\"\" is no guest", forms},
        Refused{"no_kind", "/run/vm.qmp", "\"/run/vm.qmp\" is no guest", forms},
        Refused{"unknown_kind", "dbus:x", "unknown kind of guest \"dbus\"", forms},
        Refused{"kind_in_capitals", "QMP:/q", "unknown kind of guest \"QMP\"", forms},
        Refused{"no_socket", "qmp:", "qmp:", "the path of a socket is missing"},
        Refused{"options_only", "qmp:,pid=3", "qmp:", "the path of a socket is missing"},
        Refused{"long_socket", "qmp:" + std::string(108, 'x'), "has 108 bytes", "at most 107"},
        Refused{"zero_byte", std::string{"qmp:a\0b", 7}, "qmp:", "contains a zero byte"},
        Refused{"unknown_option", "qmp:/q,name=x", "unknown option \"name=x\"", "pid=N or mdev="},
        Refused{"path_with_comma", "qmp:/a,b", "unknown option \"b\"", "cannot contain a comma"},
        Refused{"trailing_comma", "qmp:/a,", "unknown option \"\"", "pid=N or mdev=UUID"},
        Refused{"option_without_value", "qmp:/q,pid", "unknown option \"pid\"", "pid=N"},
        Refused{"empty_pid", "qmp:/q,pid=", "pid \"\" is no process number", "1 or more"},
        Refused{"pid_zero", "qmp:/q,pid=0", "pid \"0\"", "1 or more"},
        Refused{"negative_pid", "qmp:/q,pid=-1", "pid \"-1\"", "1 or more"},
        Refused{"pid_with_tail", "qmp:/q,pid=1x", "pid \"1x\"", "1 or more"},
        Refused{"huge_pid", "qmp:/q,pid=4294967296", "pid \"4294967296\"", "1 or more"},
        Refused{"pid_twice", "qmp:/q,pid=1,pid=2", "pid", "given twice"},
        Refused{"mdev_twice", std::string{"qmp:/q,mdev="} + uuid + ",mdev=" + uuid, "mdev",
                "given twice"},
        Refused{"qmp_bad_uuid", "qmp:/q,mdev=1", "qmp: mdev: \"1\" is no UUID", "8-4-4-4-12"},
        Refused{"short_uuid", "mdev:83b8f4f2", "mdev: \"83b8f4f2\" is no UUID", "8-4-4-4-12"},
        Refused{"path_as_uuid", "mdev:../../../../../../../../etc/passwdxx", "is no UUID", "8-4"},
        Refused{"uuid_with_g", "mdev:g3b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "is no UUID",
                "hexadecimal"},
        Refused{"uuid_without_dashes", "mdev:83b8f4f2a509fa382fa3c1eae6bfe0fa1001", "is no UUID",
                "8-4-4-4-12"},
        Refused{"no_fd", "fd:", "fd: \"\" is no descriptor", "0 or more"},
        Refused{"negative_fd", "fd:-1", "fd: \"-1\" is no descriptor", "0 or more"},
        Refused{"fd_with_tail", "fd:3,x", "fd: \"3,x\" is no descriptor", "0 or more"},
        Refused{"no_received_socket", "recv:", "recv:", "the path of a socket is missing"},
        Refused{"long_received_socket", "recv:" + std::string(108, 'x'), "recv:", "at most 107"}),
    [](const auto& test) { return std::string{test.param.name}; });

}  // namespace
}  // namespace scanthru::vfio
