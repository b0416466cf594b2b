/* What both of the C library's ways to a seccomp filter (prctl and syscall) have in common. */
#ifndef CAIRN_AGENT_HOOKS_SECCOMP_H
#define CAIRN_AGENT_HOOKS_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

/* Before a filter is set: gives the calling thread a ring while it can. With `everywhere` the filter is to hold for all threads:
 * the others ask nothing of the kernel until it is known. Keeps errno. */
void cairn_seccomp_before(bool everywhere);
/* After it: `filter` (a struct sock_fprog, which the kernel has just read) is set, or not. Keeps errno. */
void cairn_seccomp_after(bool everywhere, bool set, const void *filter, uintptr_t sp);
/* Before strict mode. */
void cairn_seccomp_be_strict(void);

#endif
