// SPDX-License-Identifier: MIT
// What alloc_counter.c leaves in its file, for C and C++.
#ifndef SCANTHRU_ALLOC_COUNTER_H
#define SCANTHRU_ALLOC_COUNTER_H

#define ALLOCATION_SLOTS 64

struct allocation_count {
    unsigned thread;
    unsigned allocations;
};

#endif
