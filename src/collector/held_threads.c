#include "collector/held_threads.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/table.h"
#include "collector/target.h"

#define GENERAL    16u
#define PASSES_MAX 16u /* over the list of threads, while new ones appear */
/* A thread that sleeps in the kernel, or waits for a processor on a busy machine, may take longer to stand: it is left alone
 * then. A program at its end can wait. */
#define STOP_WITHIN_NS 50000000ll
#define STOP_AT_END_NS 1000000000ll
#define LOOK_EVERY_NS  20000

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* Calls that give EINTR when their thread was stopped, whatever the program does with signals: signal(7). Those that read
 * from a socket do if it has a time limit. */
static bool ends_early(long call)
{
    static const short calls[] = {SYS_epoll_wait, SYS_epoll_pwait,     SYS_epoll_pwait2, SYS_semop,
                                  SYS_semtimedop, SYS_rt_sigtimedwait, SYS_io_getevents, SYS_io_pgetevents,
                                  SYS_recvfrom,   SYS_recvmsg,         SYS_recvmmsg,     SYS_sendto,
                                  SYS_sendmsg,    SYS_sendmmsg,        SYS_accept,       SYS_accept4,
                                  SYS_connect};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i] == call) {
            return true;
        }
    }
    return false;
}

/* "running", or the number of the call that the thread waits in and more. */
static bool waits_fragile(pid_t pid, pid_t tid)
{
    char path[64], words[32];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
    if (!cairn_proc_read(path, words, sizeof words)) {
        return false;
    }
    char *end;
    const long call = strtol(words, &end, 10);
    return end != words && ends_early(call);
}

static bool is_known(const struct cairn_held_threads *held, pid_t tid)
{
    for (size_t i = 0; i < held->count; i++) {
        if (held->list[i].tid == tid) {
            return true;
        }
    }
    return false;
}

static void add(struct cairn_held_threads *held, pid_t pid, pid_t tid, bool gentle)
{
    struct cairn_held_thread *list =
        cairn_grown(held->list, &held->capacity, held->count, sizeof *held->list);
    if (!list) {
        held->failed = true;
        return;
    }
    held->list = list;
    list[held->count++] = (struct cairn_held_thread){.tid = tid, .signal = -1};
    if (gentle && waits_fragile(pid, tid)) {
        return;
    }
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0) {
        list[held->count - 1].signal = 0;
    }
}

/* How many were new. */
static size_t add_all(struct cairn_held_threads *held, pid_t pid, pid_t asking, bool gentle)
{
    char path[64];
    size_t fresh = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && !held->failed && (entry = readdir(folder));) {
        const pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0 && tid != asking && !is_known(held, tid)) {
            add(held, pid, tid, gentle);
            fresh++;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return fresh;
}

static void read_registers(struct cairn_held_thread *thread)
{
    struct user_regs_struct from;
    struct user_fpregs_struct vectors;
    if (ptrace(PTRACE_GETREGS, thread->tid, NULL, &from) != 0) {
        return;
    }
    const uint64_t general[GENERAL] = {from.rax, from.rbx, from.rcx, from.rdx, from.rsi, from.rdi,
                                       from.rbp, from.rsp, from.r8,  from.r9,  from.r10, from.r11,
                                       from.r12, from.r13, from.r14, from.r15};
    memcpy(thread->registers, general, sizeof general);
    _Static_assert(sizeof vectors.xmm_space == (CAIRN_HELD_REGISTERS - GENERAL) * sizeof(uint64_t),
                   "they fit");
    if (ptrace(PTRACE_GETFPREGS, thread->tid, NULL, &vectors) == 0) {
        memcpy(thread->registers + GENERAL, vectors.xmm_space, sizeof vectors.xmm_space);
    }
    thread->handle = from.fs_base;
    thread->stack = from.rsp;
    thread->code = from.rip;
    thread->stopped = true;
}

void cairn_held_register_name(size_t number, char *out, size_t out_size)
{
    static const char *const names[GENERAL] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                               "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    if (number < GENERAL) {
        snprintf(out, out_size, "%s", names[number]);
    } else {
        snprintf(out, out_size, "xmm%zu", (number - GENERAL) / 2);
    }
}

/* Whether it stands by now; one that is gone counts as left alone. Only stops are taken note of: the end of a process is
 * somebody else's to hear of. */
static bool take_stop(struct cairn_held_thread *thread)
{
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_PID, (id_t)thread->tid, &info, WSTOPPED | WNOHANG | __WALL) != 0) {
        thread->signal = -1;
        return true;
    }
    if (info.si_pid == 0) {
        return false;
    }
    if (info.si_status >> 8 != PTRACE_EVENT_STOP) {
        thread->signal = info.si_status & 0xff;
    }
    read_registers(thread);
    return true;
}

static void wait_for_stops(struct cairn_held_threads *held, int64_t deadline_ns)
{
    for (size_t i = 0; i < held->count; i++) {
        struct cairn_held_thread *thread = &held->list[i];
        while (!thread->stopped && thread->signal >= 0 && !take_stop(thread) && now_ns() < deadline_ns) {
            nanosleep(&(const struct timespec){.tv_nsec = LOOK_EVERY_NS}, NULL);
        }
    }
}

void cairn_held_threads_hold(struct cairn_held_threads *held, pid_t pid, pid_t asking, bool gentle)
{
    const int64_t deadline_ns = now_ns() + (gentle ? STOP_WITHIN_NS : STOP_AT_END_NS);
    for (unsigned pass = 0; pass < PASSES_MAX && add_all(held, pid, asking, gentle) > 0; pass++) {
        wait_for_stops(held, deadline_ns);
    }
    for (size_t i = 0; i < held->count; i++) {
        held->left_alone += !held->list[i].stopped;
    }
}

void cairn_held_threads_let_go(struct cairn_held_threads *held)
{
    for (size_t i = 0; i < held->count; i++) {
        struct cairn_held_thread *thread = &held->list[i];
        /* One that comes to stand only now goes on when our thread ends. */
        if (thread->stopped || (thread->signal >= 0 && take_stop(thread))) {
            ptrace(PTRACE_DETACH, thread->tid, NULL,
                   (void *)(intptr_t)(thread->signal > 0 ? thread->signal : 0));
        }
    }
}

void cairn_held_threads_free(struct cairn_held_threads *held)
{
    free(held->list);
    *held = (struct cairn_held_threads){.list = NULL};
}

/* The last number of the line "NSpid: 4711 3". */
static pid_t innermost_number(pid_t pid, pid_t tid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid, (int)tid);
    if (!cairn_proc_read(path, text, sizeof text)) {
        return 0;
    }
    const char *line = strstr(text, "\nNSpid:");
    pid_t last = 0;
    char *at = line ? (char *)(uintptr_t)line + 7 : NULL;
    while (at && (*at == '\t' || *at == ' ')) {
        last = (pid_t)strtol(at, &at, 10);
    }
    return last;
}

pid_t cairn_thread_of_namespace(pid_t pid, pid_t tid)
{
    char path[64];
    if (innermost_number(pid, tid) == tid) {
        return tid;
    }
    pid_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        const pid_t candidate = (pid_t)strtol(entry->d_name, NULL, 10);
        found = candidate > 0 && innermost_number(pid, candidate) == tid ? candidate : 0;
    }
    if (folder) {
        closedir(folder);
    }
    return found;
}
