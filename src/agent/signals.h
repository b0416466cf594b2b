/* While the agent takes its rare slow paths (a thread begins or ends) no signal handler may run: it could allocate, or
 * leave by longjmp, or cancel the thread, with a lock of ours held. System calls of our own: the C library's sigprocmask
 * lets its cancellation signal through. */
#ifndef CAIRN_AGENT_SIGNALS_H
#define CAIRN_AGENT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/machine.h"
#include "agent/seccomp_filter.h"

struct cairn_signals {
    uint64_t mask;
    bool blocked; /* not where a seccomp filter would end the program for it */
};

static inline struct cairn_signals cairn_signals_block(void)
{
    const uint64_t all = ~0ull;
    struct cairn_signals former = {.blocked = !cairn_seccomp_refuses(CAIRN_CALLS_MASK)};
    if (former.blocked) {
        cairn_syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&former.mask, sizeof all);
    }
    return former;
}

static inline void cairn_signals_restore(struct cairn_signals former)
{
    if (former.blocked) {
        cairn_syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&former.mask, 0, sizeof former.mask);
    }
}

#endif
