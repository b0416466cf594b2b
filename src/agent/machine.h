/* What only this machine knows: x86-64's time stamp counter, system calls and frames. The agent makes its own system
 * calls directly: nothing a target interposes lies between, errno stays, and no call is a cancellation point. */
#ifndef CAIRN_AGENT_MACHINE_H
#define CAIRN_AGENT_MACHINE_H

#include <stdint.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "the agent knows x86-64 only: another machine needs a header like this one"
#endif

/* What stands above it is done before what stands below begins, reading the counter included. */
static inline void cairn_machine_finish(void)
{
    __asm__ volatile("lfence" ::: "memory");
}

static inline uint64_t cairn_machine_cycles(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* In a loop that waits for another processor. */
static inline void cairn_machine_relax(void)
{
    __asm__ volatile("pause");
}

/* The kernel's answer: a value, or −errno in −4095…−1. */
static inline long cairn_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long cairn_syscall3(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static inline long cairn_syscall4(long number, long a, long b, long c, long d)
{
    return cairn_syscall6(number, a, b, c, d, 0, 0);
}

static inline int cairn_syscall_failed(long result)
{
    return result < 0 && result >= -4095;
}

#endif
