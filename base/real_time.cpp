// SPDX-License-Identifier: MIT
#include "base/real_time.h"

#include <cerrno>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace scanthru {
namespace {

constexpr int real_time = SCHED_RR | SCHED_RESET_ON_FORK;

int lowest_priority() {
    return ::sched_get_priority_min(SCHED_RR);
}

/// Whether memory that is mapped later may be locked too: with a limit, mmap(2) would fail at it.
bool unlimited() {
    rlimit limit{};
    return ::geteuid() == 0 ||
           (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
}

}  // namespace

Result<void> make_real_time(pthread_t thread) {
    const sched_param parameters{.sched_priority = lowest_priority()};
    const int error = ::pthread_setschedparam(thread, real_time, &parameters);
    if (error != 0) return fail(error, "sched_setscheduler");
    return {};
}

Result<void> lock_memory() {
    // As it is touched: the untouched parts of stacks are of no use to anybody.
    const int later = unlimited() ? MCL_FUTURE : 0;
    if (::mlockall(MCL_CURRENT | MCL_ONFAULT | later) != 0) return fail(errno, "mlockall");
    return {};
}

OrdinaryPriority::OrdinaryPriority() noexcept {
    if (::sched_getscheduler(0) != real_time) return;
    const sched_param parameters{};
    lowered_ = ::sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters) == 0;
}

OrdinaryPriority::~OrdinaryPriority() {
    if (!lowered_) return;
    const sched_param parameters{.sched_priority = lowest_priority()};
    // What was allowed is allowed still; and if not, the thread goes on as it is.
    static_cast<void>(::sched_setscheduler(0, real_time, &parameters));
}

}  // namespace scanthru
