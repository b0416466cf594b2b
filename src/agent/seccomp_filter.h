/* Seccomp filters that the program sets itself. The agent makes system calls that the program does not, above all at a thread's
 * first event: those for which a filter would end the program, or let somebody else decide, are left out from there on.
 *
 * A filter holds for the thread that sets it and all that begin in it; it is remembered for the whole process, and inherited by its
 * children like the filter itself. */
#ifndef CAIRN_AGENT_SECCOMP_FILTER_H
#define CAIRN_AGENT_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the agent asks of the kernel while the program runs. */
enum cairn_kernel_calls {
    CAIRN_CALLS_MASK = 1u << 0, /* rt_sigprocmask, which blocks signals */
    CAIRN_CALLS_PROBE =
        1u << 1, /* the same with an operation that does not exist: whether memory can be read */
    CAIRN_CALLS_ALTERNATE = 1u << 2,
    CAIRN_CALLS_TID = 1u << 3,
    CAIRN_CALLS_PID = 1u << 4,
    CAIRN_CALLS_NAME = 1u << 5,
    CAIRN_CALLS_COUNTER = 1u << 6, /* whether the time stamp counter is forbidden */
    CAIRN_CALLS_BOUNDS =
        1u << 7, /* where the thread's stack lies, which the C library learns with its processors */
    CAIRN_CALLS_MAP = 1u << 8,
    CAIRN_CALLS_UNMAP = 1u << 9,
    CAIRN_CALLS_YIELD = 1u << 10,
    CAIRN_CALLS_SLEEP = 1u << 11,
    CAIRN_CALLS_LIVES = 1u << 12,   /* whether a thread is still there */
    CAIRN_CALLS_CONNECT = 1u << 13, /* a segment from the collector */
    CAIRN_CALLS_START = 1u << 14,   /* a process that tells of itself */
};

/* Without these a thread gets no ring; a process that begins needs more. */
#define CAIRN_CALLS_OF_THREAD (CAIRN_CALLS_MASK | CAIRN_CALLS_TID | CAIRN_CALLS_PID | CAIRN_CALLS_COUNTER)
#define CAIRN_CALLS_OF_PROCESS                                                                               \
    (CAIRN_CALLS_OF_THREAD | CAIRN_CALLS_MAP | CAIRN_CALLS_CONNECT | CAIRN_CALLS_START)
/* A program that is started knows of no filter, and leaves nothing out. */
#define CAIRN_CALLS_OF_PROGRAM UINT32_MAX

/* enum cairn_kernel_calls: what must not be asked any more. */
extern _Atomic uint32_t cairn_seccomp_refused __attribute__((visibility("hidden")));
/* So many filters for all threads are being set: until it is known what they refuse, it may be everything. */
extern _Atomic uint32_t cairn_seccomp_pending __attribute__((visibility("hidden")));

/* Whether one of `calls` must not be made. */
static inline bool cairn_seccomp_refuses(uint32_t calls)
{
    return atomic_load_explicit(&cairn_seccomp_pending, memory_order_seq_cst) > 0 ||
           (atomic_load_explicit(&cairn_seccomp_refused, memory_order_seq_cst) & calls);
}

/* What a filter of `count` rules says of `call`: an action with its data. What no kernel would have accepted ends in
 * SECCOMP_RET_KILL_PROCESS. Reads nothing but rules[0] … rules[count − 1] and *call. */
uint32_t cairn_seccomp_run(const struct sock_filter *rules, size_t count, const struct seccomp_data *call);

/* enum cairn_kernel_calls: for which of them that filter does not simply let the program go on, with an error or without. */
uint32_t cairn_seccomp_refused_by(const struct sock_filter *rules, size_t count);

#endif
