// SPDX-License-Identifier: MIT
#include "base/seat_surroundings.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <vector>

namespace scanthru {
namespace {

struct Case {
    SeatSurroundings surroundings;
    int error;
    const char* expected;
};

SeatSurroundings
of(const char* forced, int seatd_error, bool logind, const char* session, bool root) {
    return {forced,  "/run/seatd.sock", seatd_error, "video", logind,
            session, session[0] != 0,   root,        true};
}

SeatSurroundings over_ssh(bool root) {
    SeatSurroundings here = of("", ENOENT, true, "7", root);
    here.seated = false;
    return here;
}

SeatSurroundings in_a_container() {
    SeatSurroundings here = of("", ENOENT, false, "", true);
    here.has_vts = false;
    return here;
}

const std::vector<Case> cases{
    {of("", ENOENT, false, "", false), ENOSYS,
     "seatd does not run (there is no /run/seatd.sock), logind does not run, and without either of "
     "them one has to be root"},
    {of("", EACCES, true, "", false), ENOSYS,
     "seatd's socket /run/seatd.sock is for the group video, which this process is not in, this "
     "process is in no session of logind's (a service needs PAMName= and TTYPath=), and without "
     "either of them one has to be root"},
    {of("", 0, true, "c1", true), EBUSY,
     "seatd at /run/seatd.sock gives none (Device or resource busy), logind gives none for its "
     "session c1, and libseat's own server failed (Device or resource busy)"},
    {of("seatd", ECONNREFUSED, true, "c1", true), EBUSY,
     "seatd's socket /run/seatd.sock: Connection refused"},
    {of("logind", ENOENT, false, "", true), EBUSY, "logind does not run"},
    {over_ssh(false), ENOSYS,
     "seatd does not run (there is no /run/seatd.sock), logind's session 7 is on no seat (log in "
     "at "
     "the machine itself), and without either of them one has to be root"},
    {in_a_container(), ENOSYS,
     "seatd does not run (there is no /run/seatd.sock), logind does not run, and libseat's own "
     "server needs the console, /dev/tty0"},
    {of("builtin", ENOENT, false, "", false), EPERM,
     "LIBSEAT_BACKEND is \"builtin\", for which one has to be root"},
    {of("builtin", ENOENT, false, "", true), EIO,
     "libseat's own server failed (Input/output error)"},
    {of("other", ENOENT, false, "", true), EINVAL,
     "LIBSEAT_BACKEND is \"other\", which libseat cannot open (Invalid argument)"},
};

TEST(SeatSurroundings, SayWhatIsMissing) {
    for (const Case& test : cases)
        EXPECT_EQ(why_no_seat(test.surroundings, test.error), test.expected);
}

TEST(SeatSurroundings, SayWhichBackendIsToBeExpected) {
    EXPECT_EQ(expected_backend(of("", ENOENT, false, "", false)), "");
    EXPECT_EQ(expected_backend(of("", 0, true, "c1", true)), "seatd");
    EXPECT_EQ(expected_backend(of("", EACCES, true, "c1", false)), "logind");
    EXPECT_EQ(expected_backend(of("", EACCES, true, "", false)), "") << "in no session";
    EXPECT_EQ(expected_backend(of("", ENOENT, false, "c1", true)), "builtin") << "a stale session";
    EXPECT_EQ(expected_backend(over_ssh(false)), "");
    EXPECT_EQ(expected_backend(over_ssh(true)), "builtin");
    EXPECT_EQ(expected_backend(in_a_container()), "");
    EXPECT_EQ(expected_backend(of("logind", 0, false, "", true)), "");
    EXPECT_EQ(expected_backend(of("builtin", 0, true, "c1", true)), "builtin");
    EXPECT_EQ(expected_backend(of("other", 0, true, "c1", true)), "");
}

}  // namespace
}  // namespace scanthru
