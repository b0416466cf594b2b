/* A monotonic time that no interposed clock_gettime can falsify. */
#ifndef CAIRN_AGENT_CLOCK_H
#define CAIRN_AGENT_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, through the kernel's vdso. */
uint64_t cairn_clock_monotonic_ns(void);

/* From here on by a system call: the time stamp counter, which the kernel's fast way reads, is forbidden to this thread. */
void cairn_clock_ask_kernel(void);

#endif
