#include "collector/attach_hand.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "collector/target.h"

#define LENT_BYTES    (512u << 10)
#define TEXT_BYTES    4096u
#define TEXT_PLACES   4u /* at the low end; the stack grows down from the high one */
#define LOOK_NS       50000
#define TURNS_TO_LOOK 100u /* whether it lives */
#define STAND_NS                                                                                             \
    500000000ll /* a thread that waits in the kernel uninterruptibly takes longer, and is left alone */
#define RETURN_NS 20000000000ll /* the recorder's answer has ten seconds */
#define DIRECTION 0x400u        /* of the flags: functions expect it clear */
#define TRAP      0x100u

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static bool kernel_sets(pid_t tid, const struct user_regs_struct *registers)
{
    return ptrace(PTRACE_SETREGS, tid, NULL, registers) == 0;
}

static bool is_ending(pid_t pid, pid_t tid)
{
    const char state = cairn_thread_state(pid, tid);
    return state == 0 || state == 'Z' || state == 'X';
}

/* Until the thread stands; `*status` is as wait() has it. Only its stops are taken: the end of a process is somebody
 * else's to hear of. */
static enum cairn_hand_result wait_stop(const struct cairn_hand *hand, int64_t patience_ns, int *status)
{
    const pid_t tid = hand->tid;
    const int64_t deadline_ns = now_ns() + patience_ns;
    for (unsigned turn = 1;; turn++) {
        siginfo_t info = {.si_pid = 0};
        if (waitid(P_PID, (id_t)tid, &info, WSTOPPED | WNOHANG | __WALL) != 0) {
            return CAIRN_HAND_GONE;
        }
        if (info.si_pid != 0) {
            *status = info.si_status;
            return CAIRN_HAND_OK;
        }
        if (turn % TURNS_TO_LOOK == 0 && is_ending(hand->pid, tid)) {
            return CAIRN_HAND_GONE;
        }
        if (now_ns() > deadline_ns) {
            return CAIRN_HAND_STUCK;
        }
        nanosleep(&(const struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
}

/* Until it stands because it was told to; signals go to it as ever. */
static enum cairn_hand_result wait_interrupt(const struct cairn_hand *hand)
{
    for (;;) {
        int status;
        const enum cairn_hand_result result = wait_stop(hand, STAND_NS, &status);
        if (result != CAIRN_HAND_OK || status >> 8 == PTRACE_EVENT_STOP) {
            return result;
        }
        ptrace(PTRACE_CONT, hand->tid, NULL, (void *)(intptr_t)(status & 0x7f));
    }
}

/* Calls that give EINTR when their thread was stopped, whatever the program does with signals: signal(7). */
static bool ends_early(uint64_t call)
{
    static const short calls[] = {
        SYS_epoll_wait,      SYS_epoll_pwait,  SYS_epoll_pwait2,  SYS_semop,    SYS_semtimedop,
        SYS_rt_sigtimedwait, SYS_io_getevents, SYS_io_pgetevents, SYS_recvfrom, SYS_recvmsg,
        SYS_recvmmsg,        SYS_sendto,       SYS_sendmsg,       SYS_sendmmsg, SYS_accept,
        SYS_accept4,         SYS_connect,      SYS_read,          SYS_write};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i] >= 0 && (uint64_t)calls[i] == call) {
            return true;
        }
    }
    return false;
}

static uint64_t set_of(const char *text, const char *key)
{
    const char *found = strstr(text, key);
    return found ? strtoull(found + strlen(key), NULL, 16) : 0;
}

/* Whether a signal waits for the thread that will end its call anyway. */
static bool has_signal(const struct cairn_hand *hand)
{
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)hand->pid, (int)hand->tid);
    if (!cairn_proc_read(path, text, sizeof text)) {
        return true;
    }
    return ((set_of(text, "\nSigPnd:") | set_of(text, "\nShdPnd:")) & ~hand->mask) != 0;
}

/* A call that our stop ended early is made again, as the kernel does with most of them by itself. */
static void mend_call(struct cairn_hand *hand)
{
    struct user_regs_struct *registers = &hand->registers;
    if ((int64_t)registers->rax == -EINTR && (int64_t)registers->orig_rax >= 0 &&
        ends_early(registers->orig_rax) && !has_signal(hand)) {
        registers->rax = registers->orig_rax;
        registers->orig_rax = UINT64_MAX;
        registers->rip -= 2; /* the length of the instruction */
    }
}

enum cairn_hand_result cairn_hand_take(struct cairn_hand *hand, pid_t pid, pid_t tid)
{
    *hand = (struct cairn_hand){.pid = pid, .tid = tid};
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        /* The kernel forbids it where the thread is about to end, too. */
        return errno == EPERM && !is_ending(pid, tid) ? CAIRN_HAND_FORBIDDEN : CAIRN_HAND_GONE;
    }
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0) {
        return CAIRN_HAND_GONE;
    }
    const enum cairn_hand_result result = wait_interrupt(hand);
    if (result != CAIRN_HAND_OK) {
        return result;
    }
    struct iovec vectors = {.iov_base = hand->vectors, .iov_len = sizeof hand->vectors};
    if (ptrace(PTRACE_GETREGS, tid, NULL, &hand->registers) != 0 ||
        ptrace(PTRACE_GETREGSET, tid, (void *)NT_X86_XSTATE, &vectors) != 0 ||
        ptrace(PTRACE_GETSIGMASK, tid, sizeof hand->mask, &hand->mask) != 0) {
        ptrace(PTRACE_DETACH, tid, NULL, NULL);
        return CAIRN_HAND_GONE;
    }
    hand->vector_bytes = vectors.iov_len;
    return CAIRN_HAND_OK;
}

/* Signals wait in the kernel while the thread works for us, but those that tell of faults. */
static void block_signals(const struct cairn_hand *hand)
{
    static const int faults[] = {SIGSEGV, SIGTRAP, SIGBUS, SIGILL, SIGFPE};
    uint64_t mask = ~0ull;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        mask &= ~(1ull << (faults[i] - 1));
    }
    ptrace(PTRACE_SETSIGMASK, hand->tid, sizeof mask, &mask);
}

/* Lets it run until it stands by `signal` of its own doing. */
static enum cairn_hand_result run_until(struct cairn_hand *hand, enum __ptrace_request request, int signal)
{
    for (;;) {
        int status;
        if (ptrace(request, hand->tid, NULL, NULL) != 0) {
            return CAIRN_HAND_GONE;
        }
        const enum cairn_hand_result result = wait_stop(hand, RETURN_NS, &status);
        if (result != CAIRN_HAND_OK) {
            return result;
        }
        const int stopped_by = status & 0x7f;
        if (status >> 8 == 0 && stopped_by == signal) {
            return CAIRN_HAND_OK;
        }
        if (status >> 8 == 0 && (stopped_by == SIGSEGV || stopped_by == SIGBUS || stopped_by == SIGILL ||
                                 stopped_by == SIGFPE || stopped_by == SIGTRAP)) {
            return CAIRN_HAND_FAULT;
        }
        if (status >> 8 == 0) {
            hand->held_signal = stopped_by; /* SIGSTOP, which nobody can block */
        }
    }
}

static enum cairn_hand_result call_kernel(struct cairn_hand *hand, const uint64_t arguments[6], long number,
                                          int64_t *result)
{
    struct user_regs_struct registers = hand->registers;
    registers.rip = hand->system_call;
    registers.rax = (uint64_t)number;
    registers.orig_rax = UINT64_MAX;
    registers.rdi = arguments[0];
    registers.rsi = arguments[1];
    registers.rdx = arguments[2];
    registers.r10 = arguments[3];
    registers.r8 = arguments[4];
    registers.r9 = arguments[5];
    if (!kernel_sets(hand->tid, &registers)) {
        return CAIRN_HAND_GONE;
    }
    const enum cairn_hand_result ran = run_until(hand, PTRACE_SINGLESTEP, SIGTRAP);
    if (ran == CAIRN_HAND_OK && ptrace(PTRACE_GETREGS, hand->tid, NULL, &registers) == 0) {
        *result = (int64_t)registers.rax;
    }
    return ran;
}

enum cairn_hand_result cairn_hand_lend(struct cairn_hand *hand, uint64_t system_call)
{
    const uint64_t arguments[6] = {
        0, LENT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0};
    int64_t memory = -ENOMEM;
    hand->system_call = system_call;
    hand->disguised = true;
    block_signals(hand);
    const enum cairn_hand_result result = call_kernel(hand, arguments, SYS_mmap, &memory);
    if (result != CAIRN_HAND_OK || memory < 0) {
        return result != CAIRN_HAND_OK ? result : CAIRN_HAND_FAULT;
    }
    hand->memory = (uint64_t)memory;
    hand->memory_bytes = LENT_BYTES;
    return CAIRN_HAND_OK;
}

static bool write_memory(const struct cairn_hand *hand, uint64_t address, const void *bytes, size_t size)
{
    const struct iovec here = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    const struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    return process_vm_writev(hand->pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

uint64_t cairn_hand_write(struct cairn_hand *hand, unsigned place, const char *text)
{
    /* The first page is where calls return to, and stays out of it. */
    const uint64_t address = hand->memory + (place + 1) * (uint64_t)TEXT_BYTES;
    const size_t size = strlen(text) + 1;
    return hand->memory && place < TEXT_PLACES && size <= TEXT_BYTES &&
                   write_memory(hand, address, text, size)
               ? address
               : 0;
}

void cairn_hand_read(const struct cairn_hand *hand, uint64_t address, char *text, size_t size)
{
    size_t got = 0;
    /* Bytewise: the next page may be none. */
    for (; got + 1 < size; got++) {
        const struct iovec here = {.iov_base = text + got, .iov_len = 1};
        const struct iovec there = {.iov_base = (void *)(uintptr_t)(address + got), .iov_len = 1};
        if (process_vm_readv(hand->pid, &here, 1, &there, 1, 0) != 1 || text[got] == '\0') {
            break;
        }
    }
    text[got] = '\0';
}

/* It comes back to an address that holds data, no code: the fault tells that it is done, and nothing of the program's was
 * changed to learn of it. */
enum cairn_hand_result cairn_hand_call(struct cairn_hand *hand, uint64_t function, uint64_t first,
                                       uint64_t second, uint64_t *result)
{
    struct user_regs_struct registers = hand->registers;
    const uint64_t back = hand->memory;
    /* As a call leaves it: sixteen bytes' alignment above the return address. */
    registers.rsp = hand->memory + hand->memory_bytes - 64 - sizeof back;
    registers.rip = function;
    registers.rdi = first;
    registers.rsi = second;
    registers.rax = 0;
    registers.rbp = 0;
    registers.orig_rax = UINT64_MAX;
    registers.eflags &= ~(uint64_t)(DIRECTION | TRAP);
    if (!write_memory(hand, registers.rsp, &back, sizeof back) || !kernel_sets(hand->tid, &registers)) {
        return CAIRN_HAND_GONE;
    }
    const enum cairn_hand_result ran = run_until(hand, PTRACE_CONT, SIGSEGV);
    if (ran != CAIRN_HAND_OK) {
        return ran;
    }
    if (ptrace(PTRACE_GETREGS, hand->tid, NULL, &registers) != 0) {
        return CAIRN_HAND_GONE;
    }
    *result = registers.rax;
    return registers.rip == back ? CAIRN_HAND_OK : CAIRN_HAND_FAULT;
}

void cairn_hand_release(struct cairn_hand *hand)
{
    if (hand->memory) {
        const uint64_t arguments[6] = {hand->memory, hand->memory_bytes, 0, 0, 0, 0};
        int64_t unused;
        call_kernel(hand, arguments, SYS_munmap, &unused);
        hand->memory = 0;
    }
    mend_call(hand);
    if (hand->disguised) {
        struct iovec vectors = {.iov_base = hand->vectors, .iov_len = hand->vector_bytes};
        ptrace(PTRACE_SETREGSET, hand->tid, (void *)NT_X86_XSTATE, &vectors);
        ptrace(PTRACE_SETSIGMASK, hand->tid, sizeof hand->mask, &hand->mask);
        hand->disguised = false;
    }
    /* A call that is to be made again is: the kernel looks at the registers on the way back, as after any stop. */
    kernel_sets(hand->tid, &hand->registers);
    ptrace(PTRACE_DETACH, hand->tid, NULL, (void *)(intptr_t)hand->held_signal);
}
