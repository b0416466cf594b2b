#include "agent/seccomp_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "agent/machine.h"

/* `how` of rt_sigprocmask by which memory is probed. */
#define NO_SUCH_OPERATION (-1)
#define SIGSET_BYTES      8
#define PAGE_BYTES        4096

_Atomic uint32_t cairn_seccomp_refused, cairn_seccomp_pending;

/* As the agent makes them; what is known only then is 0. */
static const struct {
    uint32_t calls; /* enum cairn_kernel_calls, one of them */
    int number;
    long arguments[6];
} kernel_calls[] = {
    {CAIRN_CALLS_MASK, SYS_rt_sigprocmask, {SIG_SETMASK, 0, 0, SIGSET_BYTES}},
    {CAIRN_CALLS_PROBE, SYS_rt_sigprocmask, {NO_SUCH_OPERATION, 0, 0, SIGSET_BYTES}},
    {CAIRN_CALLS_ALTERNATE, SYS_sigaltstack, {0}},
    {CAIRN_CALLS_TID, SYS_gettid, {0}},
    {CAIRN_CALLS_PID, SYS_getpid, {0}},
    {CAIRN_CALLS_NAME, SYS_prctl, {PR_GET_NAME}},
    {CAIRN_CALLS_COUNTER, SYS_prctl, {PR_GET_TSC}},
    {CAIRN_CALLS_BOUNDS, SYS_sched_getaffinity, {0}},
    {CAIRN_CALLS_MAP, SYS_mmap, {0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
    {CAIRN_CALLS_MAP, SYS_madvise, {0, PAGE_BYTES, MADV_WIPEONFORK}},
    {CAIRN_CALLS_UNMAP, SYS_munmap, {0, PAGE_BYTES}},
    {CAIRN_CALLS_YIELD, SYS_sched_yield, {0}},
    {CAIRN_CALLS_SLEEP, SYS_futex, {0, FUTEX_WAIT}},
    {CAIRN_CALLS_LIVES, SYS_tgkill, {0}},
    {CAIRN_CALLS_CONNECT, SYS_socket, {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC}},
    {CAIRN_CALLS_CONNECT, SYS_setsockopt, {0, SOL_SOCKET, SO_RCVTIMEO}},
    {CAIRN_CALLS_CONNECT, SYS_setsockopt, {0, SOL_SOCKET, SO_SNDTIMEO}},
    {CAIRN_CALLS_CONNECT, SYS_connect, {0}},
    {CAIRN_CALLS_CONNECT, SYS_sendto, {0, 0, 0, MSG_NOSIGNAL}},
    {CAIRN_CALLS_CONNECT, SYS_recvmsg, {0, 0, MSG_CMSG_CLOEXEC}},
    {CAIRN_CALLS_CONNECT,
     SYS_getsockopt,
     {0, SOL_SOCKET, SO_PEERCRED}}, /* where it does not answer at once */
    {CAIRN_CALLS_CONNECT, SYS_kill, {0}},
    {CAIRN_CALLS_CONNECT, SYS_openat, {AT_FDCWD, 0, O_RDONLY | O_CLOEXEC}},
    {CAIRN_CALLS_CONNECT, SYS_read, {0}},
    {CAIRN_CALLS_CONNECT, SYS_close, {0}},
    {CAIRN_CALLS_CONNECT, SYS_mmap, {0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED}},
    {CAIRN_CALLS_CONNECT, SYS_mmap, {0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED}},
    {CAIRN_CALLS_CONNECT, SYS_madvise, {0, PAGE_BYTES, MADV_DONTDUMP}},
    {CAIRN_CALLS_START, SYS_getppid, {0}},
    {CAIRN_CALLS_START, SYS_readlink, {0}},
    {CAIRN_CALLS_START, SYS_getcwd, {0}},
};

struct machine {
    uint32_t a, x;
    uint32_t memory[BPF_MEMWORDS];
};

/* False where there is no such operation, or a division by zero: the kernel ends a filter for that, too. */
static bool calculate(struct machine *machine, const struct sock_filter *rule)
{
    const uint32_t by = BPF_SRC(rule->code) == BPF_X ? machine->x : rule->k;
    switch (BPF_OP(rule->code)) {
    case BPF_ADD:
        machine->a += by;
        return true;
    case BPF_SUB:
        machine->a -= by;
        return true;
    case BPF_MUL:
        machine->a *= by;
        return true;
    case BPF_DIV:
        machine->a = by ? machine->a / by : 0;
        return by != 0;
    case BPF_AND:
        machine->a &= by;
        return true;
    case BPF_OR:
        machine->a |= by;
        return true;
    case BPF_XOR:
        machine->a ^= by;
        return true;
    case BPF_LSH:
        machine->a <<= by % 32;
        return true;
    case BPF_RSH:
        machine->a >>= by % 32;
        return true;
    case BPF_NEG:
        machine->a = -machine->a;
        return true;
    default:
        return false;
    }
}

/* How many rules are passed over; −1: there is no such jump. */
static int64_t jump(const struct machine *machine, const struct sock_filter *rule)
{
    const uint32_t with = BPF_SRC(rule->code) == BPF_X ? machine->x : rule->k;
    switch (BPF_OP(rule->code)) {
    case BPF_JA:
        return rule->k;
    case BPF_JEQ:
        return machine->a == with ? rule->jt : rule->jf;
    case BPF_JGT:
        return machine->a > with ? rule->jt : rule->jf;
    case BPF_JGE:
        return machine->a >= with ? rule->jt : rule->jf;
    case BPF_JSET:
        return machine->a & with ? rule->jt : rule->jf;
    default:
        return -1;
    }
}

static bool load(const struct machine *machine, const struct sock_filter *rule,
                 const struct seccomp_data *call, uint32_t *value)
{
    const uint32_t k = rule->k;
    switch (BPF_MODE(rule->code)) {
    case BPF_IMM:
        *value = k;
        return true;
    case BPF_LEN:
        *value = sizeof *call;
        return true;
    case BPF_MEM:
        if (k < BPF_MEMWORDS) {
            *value = machine->memory[k];
        }
        return k < BPF_MEMWORDS;
    case BPF_ABS:
        if (k > sizeof *call - sizeof *value || k % sizeof *value != 0) {
            return false;
        }
        memcpy(value, (const uint8_t *)call + k, sizeof *value);
        return true;
    default:
        return false;
    }
}

/* Any rule but jumps and returns. */
static bool step(struct machine *machine, const struct sock_filter *rule, const struct seccomp_data *call)
{
    switch (BPF_CLASS(rule->code)) {
    case BPF_LD:
        return load(machine, rule, call, &machine->a);
    case BPF_LDX:
        return BPF_MODE(rule->code) != BPF_ABS && load(machine, rule, call, &machine->x);
    case BPF_ST:
    case BPF_STX:
        if (rule->k < BPF_MEMWORDS) {
            machine->memory[rule->k] = BPF_CLASS(rule->code) == BPF_ST ? machine->a : machine->x;
        }
        return rule->k < BPF_MEMWORDS;
    case BPF_ALU:
        return calculate(machine, rule);
    case BPF_MISC:
        if (BPF_MISCOP(rule->code) == BPF_TAX) {
            machine->x = machine->a;
        } else {
            machine->a = machine->x;
        }
        return true;
    default:
        return false;
    }
}

uint32_t cairn_seccomp_run(const struct sock_filter *rules, size_t count, const struct seccomp_data *call)
{
    struct machine machine = {.a = 0};
    /* It ends: jumps lead forward only. */
    for (size_t at = 0; at < count; at++) {
        const struct sock_filter *rule = &rules[at];
        if (BPF_CLASS(rule->code) == BPF_RET) {
            return BPF_RVAL(rule->code) == BPF_A ? machine.a : rule->k;
        }
        if (BPF_CLASS(rule->code) == BPF_JMP) {
            const int64_t over = jump(&machine, rule);
            if (over < 0) {
                break;
            }
            at += (size_t)over;
        } else if (!step(&machine, rule, call)) {
            break;
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

static bool goes_on(uint32_t action)
{
    switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
    case SECCOMP_RET_ERRNO:
        return true;
    default:
        return false;
    }
}

uint32_t cairn_seccomp_refused_by(const struct sock_filter *rules, size_t count)
{
    uint32_t refused = 0;
    for (size_t i = 0; i < sizeof kernel_calls / sizeof kernel_calls[0]; i++) {
        struct seccomp_data call = {.nr = kernel_calls[i].number,
                                    .arch = AUDIT_ARCH_X86_64,
                                    .instruction_pointer = (uintptr_t)&cairn_seccomp_refused_by};
        for (size_t j = 0; j < sizeof call.args / sizeof call.args[0]; j++) {
            call.args[j] = (uint64_t)kernel_calls[i].arguments[j];
        }
        if (!goes_on(cairn_seccomp_run(rules, count, &call))) {
            refused |= kernel_calls[i].calls;
        }
    }
    return refused;
}
