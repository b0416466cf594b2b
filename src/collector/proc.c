/* What /proc says about processes and threads. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/target.h"

bool cairn_proc_is_ours(void)
{
    char text[16] = "";
    return readlink("/proc/self", text, sizeof text - 1) <= 0 || strtol(text, NULL, 10) == getpid();
}

void cairn_proc_path(char *path, size_t size, pid_t pid, const char *file)
{
    path[0] = '\0';
    if (cairn_proc_is_ours()) {
        snprintf(path, size, "/proc/%d/%s", (int)pid, file);
    }
}

size_t cairn_proc_read(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    const ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

/* The fields of a stat file behind the name (which may hold anything): the first is the state. */
static const char *fields_behind_name(const char *text)
{
    const char *closing = strrchr(text, ')');
    return closing && closing[1] == ' ' ? closing + 2 : NULL;
}

static const char *skip_fields(const char *text, int count)
{
    for (; text && count > 0; count--) {
        text = strchr(text, ' ');
        text = text ? text + 1 : NULL;
    }
    return text;
}

uint64_t cairn_process_start_ticks(pid_t pid)
{
    char path[64], text[1024];
    cairn_proc_path(path, sizeof path, pid, "stat");
    if (!cairn_proc_read(path, text, sizeof text)) {
        return 0;
    }
    const char *field = skip_fields(fields_behind_name(text), 19); /* field 22 of the line */
    return field ? strtoull(field, NULL, 10) : 0;
}

/* How many seccomp filters /proc tells of; kernels before 5.9 tell whether there is one. */
static long count_filters(const char *process)
{
    static const char count[] = "\nSeccomp_filters:", mode[] = "\nSeccomp:";
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%s/status", process);
    if (!cairn_proc_read(path, text, sizeof text)) {
        return 0;
    }
    const char *line = strstr(text, count);
    if (line) {
        return strtol(line + sizeof count - 1, NULL, 10);
    }
    line = strstr(text, mode);
    return line ? strtol(line + sizeof mode - 1, NULL, 10) : 0;
}

bool cairn_process_is_locked_in(pid_t pid)
{
    char name[16];
    snprintf(name, sizeof name, "%d", (int)pid);
    return count_filters(name) > count_filters("self");
}

pid_t cairn_process_parent(pid_t pid)
{
    char path[64], text[1024];
    cairn_proc_path(path, sizeof path, pid, "stat");
    if (!cairn_proc_read(path, text, sizeof text)) {
        return 0;
    }
    const char *field = skip_fields(fields_behind_name(text), 1);
    return field ? (pid_t)strtol(field, NULL, 10) : 0;
}

char cairn_thread_state(pid_t pid, pid_t tid)
{
    char file[32], path[96], text[1024];
    snprintf(file, sizeof file, "task/%d/stat", (int)tid);
    cairn_proc_path(path, sizeof path, pid, file);
    if (!cairn_proc_read(path, text, sizeof text)) {
        return 0;
    }
    const char *state = fields_behind_name(text);
    return state ? *state : 0;
}

bool cairn_process_exit_code(pid_t pid, int *status)
{
    char path[64], text[1024];
    cairn_proc_path(path, sizeof path, pid, "stat");
    if (!cairn_proc_read(path, text, sizeof text)) {
        return false;
    }
    const char *state = fields_behind_name(text);
    const char *field = skip_fields(state, 49); /* field 52, the last one */
    if (!state || (*state != 'Z' && *state != 'X') || !field) {
        return false;
    }
    *status = (int)strtol(field, NULL, 10);
    return true;
}
