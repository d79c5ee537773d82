// SPDX-License-Identifier: MIT
// Prints this machine's TSC frequency in kHz, which is also that of a VM under multi-thread TCG. The kernel in the VM would
// measure it against emulated timers, and be wrong by half on a busy machine.
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct sample
{
    uint64_t ticks;
    int64_t ns;
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/// Both clocks at the same moment: the try with the least between the two looks at the TSC.
static struct sample look(void)
{
    struct sample best = {0, 0};
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; ++i)
    {
        const uint64_t before = __rdtsc();
        const int64_t ns = now();
        const uint64_t taken = __rdtsc() - before;
        if (taken < least)
        {
            least = taken;
            best = (struct sample){before + taken / 2, ns};
        }
    }
    return best;
}

int main(void)
{
    const struct sample first = look();
    nanosleep(&(struct timespec){0, 300000000}, NULL);
    const struct sample last = look();
    printf("%.0f\n", (double)(last.ticks - first.ticks) / (double)(last.ns - first.ns) * 1e6);
    return 0;
}
