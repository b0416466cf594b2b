#include "collector/attach_check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/target.h"

/* What /proc/PID/status says. */
struct facts {
    char state;
    long thread_group, threads, tracer, seccomp, filters;
    unsigned long users[3]; /* real, effective, saved */
    uint64_t ignored;       /* signals, bit N−1 */
    bool has_memory;        /* threads of the kernel and the dead have none */
};

static const char *value_of(const char *text, const char *key)
{
    char line[48];
    snprintf(line, sizeof line, "\n%s:", key);
    const char *found = strstr(text, line);
    if (!found) {
        return NULL;
    }
    found += strlen(line);
    return found + strspn(found, " \t");
}

static long number_of(const char *text, const char *key)
{
    const char *value = value_of(text, key);
    return value ? strtol(value, NULL, 10) : 0;
}

static bool read_facts(const char *process, struct facts *facts)
{
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%s/status", process);
    if (!cairn_proc_read(path, text, sizeof text)) {
        return false;
    }
    const char *state = value_of(text, "State"), *users = value_of(text, "Uid");
    const char *ignored = value_of(text, "SigIgn");
    if (!state || !users || !ignored) {
        return false;
    }
    *facts = (struct facts){.state = *state,
                            .thread_group = number_of(text, "Tgid"),
                            .tracer = number_of(text, "TracerPid"),
                            .threads = number_of(text, "Threads"),
                            .seccomp = number_of(text, "Seccomp"),
                            .filters = number_of(text, "Seccomp_filters"),
                            .ignored = strtoull(ignored, NULL, 16),
                            .has_memory = value_of(text, "VmSize") != NULL};
    return sscanf(users, "%lu %lu %lu", &facts->users[0], &facts->users[1], &facts->users[2]) == 3;
}

static enum cairn_status refuse(pid_t pid, const char *why, struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_USAGE, "process %d cannot be joined: %s", (int)pid, why);
}

static bool ignores(const struct facts *facts, int signal)
{
    return facts->ignored >> (signal - 1) & 1;
}

static enum cairn_status check_facts(pid_t pid, const struct facts *facts, struct cairn_error *error)
{
    struct facts own;
    if (facts->thread_group != pid) {
        return cairn_fail(error, CAIRN_E_USAGE, "%d is a thread: say its process, cairn attach %ld", (int)pid,
                          facts->thread_group);
    }
    if (facts->state == 'Z' && facts->threads > 1) {
        return refuse(pid,
                      "its first thread has ended, and the kernel shows no memory of such a program: start "
                      "it with cairn record",
                      error);
    }
    if (facts->state == 'Z' || facts->state == 'X') {
        return refuse(pid, "it has ended", error);
    }
    if (!facts->has_memory) {
        return refuse(pid, "it is a thread of the kernel", error);
    }
    for (size_t i = 0; i < 3; i++) {
        if (facts->users[i] != geteuid()) {
            return refuse(pid, "it belongs to another user: attach as that user", error);
        }
    }
    if (facts->tracer != 0) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "process %d cannot be joined: process %ld traces it already (a debugger, strace?): "
                          "end that first",
                          (int)pid, facts->tracer);
    }
    if (facts->state == 'T') {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "process %d cannot be joined: it is stopped: let it go on first, kill -CONT %d",
                          (int)pid, (int)pid);
    }
    if (facts->seccomp == 1 || !read_facts("self", &own) || facts->filters > own.filters) {
        return refuse(pid, "a seccomp filter of its own forbids it system calls: start it with cairn record",
                      error);
    }
    if (ignores(facts, SIGSEGV) || ignores(facts, SIGTRAP)) {
        return refuse(
            pid,
            "it ignores SIGSEGV or SIGTRAP, which joining it needs for a moment: start it with cairn record",
            error);
    }
    return CAIRN_OK;
}

/* Whether /proc/PID/NAME and our own are the same file. */
static bool shares(pid_t pid, const char *name)
{
    char path[64], own[64];
    struct stat theirs, ours;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    snprintf(own, sizeof own, "/proc/self/%s", name);
    return stat(path, &theirs) == 0 && stat(own, &ours) == 0 && theirs.st_dev == ours.st_dev &&
           theirs.st_ino == ours.st_ino;
}

static enum cairn_status check_program(pid_t pid, struct cairn_error *error)
{
    char path[64];
    Elf64_Ehdr header = {.e_machine = 0};
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == EACCES || errno == EPERM) {
            return cairn_attach_forbidden(pid, error);
        }
        return refuse(pid, errno == ENOENT ? "it is a thread of the kernel" : "its program cannot be read",
                      error);
    }
    const ssize_t got = read(fd, &header, sizeof header);
    close(fd);
    if (got != (ssize_t)sizeof header || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return refuse(pid, "its program cannot be read", error);
    }
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64) {
        return refuse(pid,
                      header.e_ident[EI_CLASS] == ELFCLASS32
                          ? "it is a 32-bit program, and cairn records 64-bit ones: build it without -m32"
                          : "its program is for another machine: cairn records x86-64",
                      error);
    }
    if (!shares(pid, "ns/mnt") || !shares(pid, "root")) {
        return refuse(pid, "it lives in a container or a chroot: run cairn in there", error);
    }
    return CAIRN_OK;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* What is mapped: the C library, and perhaps an agent from an earlier recording. */
static enum cairn_status check_maps(pid_t pid, const char *agent, struct cairn_error *error)
{
    char path[64], *line = NULL;
    size_t capacity = 0;
    bool has_libc = false, foreign_agent = false;
    struct stat about;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    if (!maps || stat(agent, &about) != 0) {
        const enum cairn_status status =
            maps ? cairn_fail_errno(error, "cannot read %s", agent) : cairn_attach_forbidden(pid, error);
        if (maps) {
            fclose(maps);
        }
        return status;
    }
    while (getline(&line, &capacity, maps) > 0) {
        unsigned long inode = 0;
        line[strcspn(line, "\n")] = '\0';
        const char *name = strchr(line, '/');
        if (!name || sscanf(line, "%*s %*s %*s %*s %lu", &inode) != 1) {
            continue;
        }
        has_libc |= ends_with(name, "/libc.so.6") || strstr(name, "/libc-2.") != NULL;
        foreign_agent |= strstr(name, "/libcairn.so") != NULL && inode != about.st_ino;
    }
    free(line);
    fclose(maps);
    if (!has_libc) {
        return refuse(
            pid,
            "it is linked statically, or to another C library than glibc: link it to glibc, without -static",
            error);
    }
    if (foreign_agent) {
        return refuse(pid, "another build of libcairn.so is in it: restart the program first", error);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_attach_check(pid_t pid, const char *agent, struct cairn_error *error)
{
    char name[16];
    struct facts facts;
    snprintf(name, sizeof name, "%d", (int)pid);
    if ((kill(pid, 0) != 0 && errno == ESRCH) || !read_facts(name, &facts)) {
        return cairn_fail(error, CAIRN_E_USAGE, "there is no process %d", (int)pid);
    }
    if (pid == getpid()) {
        return refuse(pid, "it is this cairn itself", error);
    }
    enum cairn_status status = check_facts(pid, &facts, error);
    if (status == CAIRN_OK) {
        status = check_program(pid, error);
    }
    return status == CAIRN_OK ? check_maps(pid, agent, error) : status;
}

/* The files in its folder are root's where the system keeps it from being traced: a program that forbade it, or one with rights
 * that its user has not. */
static bool is_protected(pid_t pid)
{
    char path[64];
    struct stat about;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    return stat(path, &about) == 0 && about.st_uid != geteuid();
}

enum cairn_status cairn_attach_forbidden(pid_t pid, struct cairn_error *error)
{
    char text[16];
    struct facts own;
    const char *path = "/proc/sys/kernel/yama/ptrace_scope";
    const long scope = cairn_proc_read(path, text, sizeof text) ? strtol(text, NULL, 10) : 0;
    if (is_protected(pid)) {
        return refuse(pid,
                      "it does not let itself be traced (it is not dumpable, or has more rights than its "
                      "user): start it with cairn record",
                      error);
    }
    if (scope > 1 || (scope == 1 && geteuid() != 0)) {
        return cairn_fail(
            error, CAIRN_E_USAGE,
            "process %d cannot be joined: the system forbids it (kernel.yama.ptrace_scope is %ld): "
            "%s",
            (int)pid, scope,
            scope < 3 ? "as root, sysctl kernel.yama.ptrace_scope=0"
                      : "until the next boot nothing can be traced");
    }
    if (read_facts("self", &own) && own.seccomp != 0) {
        return refuse(pid,
                      "a seccomp filter forbids ptrace in here, as containers have one: allow it (docker run "
                      "--cap-add SYS_PTRACE), or start the program with cairn record",
                      error);
    }
    return refuse(pid, "the system forbids ptrace here: start the program with cairn record", error);
}
