#include "agent/collector_life.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/machine.h"

/* In the kernel's flags of a process: it is on its way out. */
#define KERNEL_EXITING 4u

#define DIGITS_MAX     20u
#define STAT_BYTES     512u
/* From the state of a process to its flags, in /proc/PID/stat. */
#define FIELDS_BETWEEN 6u

static void put_path(char *path, uint32_t pid)
{
    char digits[DIGITS_MAX];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid > 0);
    memcpy(path, "/proc/", 6);
    path += 6;
    while (count > 0) {
        *path++ = digits[--count];
    }
    memcpy(path, "/stat", 6);
}

/* Reads /proc/PID/stat into `text`, which ends with a NUL. */
static bool read_stat(int32_t pid, char *text)
{
    char path[DIGITS_MAX + 16];
    put_path(path, (uint32_t)pid);
    const long fd = cairn_syscall4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (cairn_syscall_failed(fd)) {
        return false;
    }
    const long got = cairn_syscall3(SYS_read, fd, (long)text, STAT_BYTES - 1);
    cairn_syscall3(SYS_close, fd, 0, 0);
    if (cairn_syscall_failed(got)) {
        return false;
    }
    text[got] = '\0';
    return true;
}

/* The name, in parentheses, may hold anything: the state stands behind the last one. */
static bool is_on_its_way_out(const char *text)
{
    const char *name_end = strrchr(text, ')');
    if (!name_end || name_end[1] != ' ') {
        return false;
    }
    const char *at = name_end + 2;
    if (*at == 'Z' || *at == 'X') {
        return true;
    }
    for (unsigned i = 0; i < FIELDS_BETWEEN; i++) {
        at = strchr(at, ' ');
        if (!at) {
            return false;
        }
        at++;
    }
    uint64_t flags = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        flags = flags * 10 + (uint64_t)(*at - '0');
    }
    return flags & KERNEL_EXITING;
}

bool cairn_collector_has_died(int fd)
{
    struct ucred collector = {.pid = 0};
    uint32_t size = sizeof collector;
    char text[STAT_BYTES];
    if (cairn_syscall_failed(
            cairn_syscall6(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&collector, (long)&size, 0)) ||
        collector.pid <= 0) {
        return false;
    }
    return cairn_syscall3(SYS_kill, collector.pid, 0, 0) == -ESRCH ||
           (read_stat(collector.pid, text) && is_on_its_way_out(text));
}
