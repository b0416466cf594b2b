/* exec, posix_spawn, system and popen, all variants: the new program finds the collector, or is kept from it (environment.h). */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/environment.h"
#include "agent/event.h"
#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/program.h"
#include "agent/real.h"
#include "agent/seccomp_filter.h"
#include "agent/spawn_actions.h"

/* Beyond this a changed environment is not put on the stack, which may be a small one. */
#define STACK_BYTES_MAX 65536u

/* A path that nobody can read is for the kernel to complain of. */
static const char *readable(const char *path)
{
    return path && cairn_memory_is_readable((const uintptr_t *)(const void *)path) ? path : "";
}

/* After vfork the gate is the parent's, and so is what is told. */
static void tell_unrecorded(const struct cairn_program *program, uint32_t why, uintptr_t sp)
{
    if (cairn_self->gate == CAIRN_GATE_OPEN || cairn_process_may_tell()) {
        cairn_event_text(CAIRN_TEXT_UNRECORDED, program->path, why, sp);
    }
}

/* What would fail with the library in front of it, or complain of it, is kept from it, and the trace told so. */
static enum cairn_following following_into(const struct cairn_program *program, char *const *environment,
                                           uintptr_t sp)
{
    if (!cairn_memory_texts_are_readable(environment) ||
        !cairn_memory_texts_are_readable(program->arguments)) {
        return CAIRN_FOLLOW_AS_IT_IS; /* for the kernel to complain of */
    }
    const enum cairn_following following = cairn_process_following();
    if (cairn_seccomp_refuses(CAIRN_CALLS_OF_PROGRAM)) {
        return CAIRN_FOLLOW_NOBODY; /* the filter lasts: it would end the new program, too */
    }
    if (following == CAIRN_FOLLOW_NOBODY ||
        (following == CAIRN_FOLLOW_AS_IT_IS && !cairn_environment_has_library(environment))) {
        return following;
    }
    if (cairn_environment_is_others(environment)) {
        tell_unrecorded(program, CAIRN_UNRECORDED_BY_OTHER, sp);
        return CAIRN_FOLLOW_AS_IT_IS;
    }
    if (cairn_environment_only_lists(environment) || cairn_program_only_lists(program)) {
        return CAIRN_FOLLOW_NOBODY; /* no program runs, so there is nothing to tell */
    }
    uint32_t unfit = cairn_environment_unfit(environment);
    if (unfit == 0 && program->current != CAIRN_SPAWN_FOLDER_UNKNOWN) {
        unfit = cairn_program_unfit(program);
    }
    if (unfit != 0 && following == CAIRN_FOLLOW_CHILDREN) {
        tell_unrecorded(program, unfit, sp);
    }
    /* One that is linked statically takes no notice, and what it starts may be recorded. */
    return unfit == 0 || unfit == CAIRN_UNRECORDED_STATIC ? following : CAIRN_FOLLOW_NOBODY;
}

static size_t change_bytes(char *const *environment, enum cairn_following following)
{
    return following == CAIRN_FOLLOW_AS_IT_IS
               ? 0
               : cairn_environment_change_bytes(environment, following == CAIRN_FOLLOW_CHILDREN);
}

static char *const *change(char *const *environment, enum cairn_following following, void *memory)
{
    return memory ? cairn_environment_change(environment, following == CAIRN_FOLLOW_CHILDREN, memory)
                  : environment;
}

static void record(enum cairn_record_kind kind, uintptr_t sp)
{
    if (cairn_process_is_here()) {
        const struct cairn_draft draft = {.kind = (uint8_t)kind, .node_word = CAIRN_NODE_NOWHERE};
        cairn_event_record(&draft, NULL, sp);
    }
}

/* One of the exec family. */
struct call {
    enum { BY_PATH, BY_SEARCH, BY_DESCRIPTOR, BY_FOLDER } how;
    int fd;
    const char *path;
    char *const *arguments, *const *environment;
    int flags;
};

static int call_real(const struct call *call, char *const *environment)
{
    switch (call->how) {
    case BY_SEARCH:
        return cairn_real.execvpe(call->path, call->arguments, environment);
    case BY_DESCRIPTOR:
        return cairn_real.fexecve(call->fd, call->arguments, environment);
    case BY_FOLDER:
        if (!cairn_real.execveat) { /* glibc before 2.34 */
            errno = ENOSYS;
            return -1;
        }
        return cairn_real.execveat(call->fd, call->path, call->arguments, environment, call->flags);
    default:
        return cairn_real.execve(call->path, call->arguments, environment);
    }
}

/* The changed environment stands in this frame: after vfork it has to go with it, and must be no mapping, which the parent
 * would keep. */
static int attempt(const struct call *call, enum cairn_following following)
{
    const size_t bytes = change_bytes(call->environment, following);
    void *memory = NULL;
    if (bytes > 0) {
        memory = bytes > STACK_BYTES_MAX ? cairn_memory_map(bytes) : alloca(bytes);
    }
    const int status = call_real(call, change(call->environment, following, memory));
    const int saved = errno;
    if (bytes > STACK_BYTES_MAX) {
        cairn_memory_unmap(memory, bytes);
    }
    errno = saved;
    return status;
}

static int replace_program(const struct call *call)
{
    const uintptr_t sp = CAIRN_FRAME();
    const struct cairn_program program = {
        .folder = call->how == BY_DESCRIPTOR || call->how == BY_FOLDER ? call->fd : AT_FDCWD,
        .path = readable(call->path),
        .search = call->how == BY_SEARCH,
        .current = AT_FDCWD,
        .arguments = call->arguments};
    cairn_real_resolve();
    const enum cairn_following following = following_into(&program, call->environment, sp);
    record(CAIRN_RECORD_EXEC, sp);
    int status = attempt(call, following);
    if (errno == E2BIG && following == CAIRN_FOLLOW_CHILDREN) {
        tell_unrecorded(&program, CAIRN_UNRECORDED_NO_ROOM, sp);
        status = attempt(call, CAIRN_FOLLOW_NOBODY);
    }
    const int saved = errno;
    record(CAIRN_RECORD_EXEC_FAILED, sp);
    errno = saved;
    return status;
}

CAIRN_HOOK int execve(const char *path, char *const *arguments, char *const *environment)
{
    return replace_program(
        &(struct call){.how = BY_PATH, .path = path, .arguments = arguments, .environment = environment});
}

CAIRN_HOOK int execv(const char *path, char *const *arguments)
{
    return replace_program(
        &(struct call){.how = BY_PATH, .path = path, .arguments = arguments, .environment = environ});
}

CAIRN_HOOK int execvpe(const char *file, char *const *arguments, char *const *environment)
{
    return replace_program(
        &(struct call){.how = BY_SEARCH, .path = file, .arguments = arguments, .environment = environment});
}

CAIRN_HOOK int execvp(const char *file, char *const *arguments)
{
    return replace_program(
        &(struct call){.how = BY_SEARCH, .path = file, .arguments = arguments, .environment = environ});
}

CAIRN_HOOK int fexecve(int fd, char *const *arguments, char *const *environment)
{
    return replace_program(
        &(struct call){.how = BY_DESCRIPTOR, .fd = fd, .arguments = arguments, .environment = environment});
}

CAIRN_HOOK int execveat(int folder, const char *path, char *const *arguments, char *const *environment,
                        int flags)
{
    return replace_program(&(struct call){.how = BY_FOLDER,
                                          .fd = folder,
                                          .path = path,
                                          .arguments = arguments,
                                          .environment = environment,
                                          .flags = flags});
}

/* The arguments of an execl function, its terminating NULL among them. */
static size_t count_arguments(va_list arguments)
{
    size_t count = 2;
    while (va_arg(arguments, char *)) {
        count++;
    }
    return count;
}

static void collect(char **out, const char *first, va_list arguments)
{
    /* exec takes what a variadic call passed as const. */
    *out++ = (char *)(uintptr_t)first;
    while ((*out = va_arg(arguments, char *)) != NULL) {
        out++;
    }
}

CAIRN_HOOK int execl(const char *path, const char *first, ...)
{
    va_list arguments;
    va_start(arguments, first);
    char **list = alloca(count_arguments(arguments) * sizeof *list);
    va_end(arguments);
    va_start(arguments, first);
    collect(list, first, arguments);
    va_end(arguments);
    return execv(path, list);
}

CAIRN_HOOK int execlp(const char *file, const char *first, ...)
{
    va_list arguments;
    va_start(arguments, first);
    char **list = alloca(count_arguments(arguments) * sizeof *list);
    va_end(arguments);
    va_start(arguments, first);
    collect(list, first, arguments);
    va_end(arguments);
    return execvp(file, list);
}

CAIRN_HOOK int execle(const char *path, const char *first, ...)
{
    va_list arguments;
    va_start(arguments, first);
    char **list = alloca(count_arguments(arguments) * sizeof *list);
    va_end(arguments);
    va_start(arguments, first);
    collect(list, first, arguments);
    char *const *environment = va_arg(arguments, char *const *);
    va_end(arguments);
    return execve(path, list, environment);
}

/* What posix_spawn is called with. */
struct spawn {
    cairn_spawn_function *real;
    bool search;
    pid_t *pid;
    const char *path;
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
    char *const *arguments, *const *environment;
};

static int attempt_spawn(const struct spawn *call, enum cairn_following following)
{
    const size_t bytes = change_bytes(call->environment, following);
    void *memory = NULL;
    if (bytes > 0) {
        memory = bytes > STACK_BYTES_MAX ? cairn_memory_map(bytes) : alloca(bytes);
    }
    const int status = call->real(call->pid, call->path, call->actions, call->attributes, call->arguments,
                                  change(call->environment, following, memory));
    if (bytes > STACK_BYTES_MAX) {
        cairn_memory_unmap(memory, bytes);
    }
    return status;
}

static int spawn(const struct spawn *call)
{
    const uintptr_t sp = CAIRN_FRAME();
    const char *path = readable(call->path);
    const int folder = path[0] == '/' || cairn_seccomp_refuses(CAIRN_CALLS_OF_PROGRAM)
                           ? AT_FDCWD
                           : cairn_spawn_folder_open(call->actions);
    const struct cairn_program program = {.folder = folder,
                                          .path = path,
                                          .search = call->search,
                                          .current = folder,
                                          .arguments = call->arguments};
    const enum cairn_following following = following_into(&program, call->environment, sp);
    cairn_spawn_folder_close(folder);
    int status = attempt_spawn(call, following);
    if (status == E2BIG && following == CAIRN_FOLLOW_CHILDREN) {
        tell_unrecorded(&program, CAIRN_UNRECORDED_NO_ROOM, sp);
        status = attempt_spawn(call, CAIRN_FOLLOW_NOBODY);
    }
    return status;
}

CAIRN_HOOK int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                           const posix_spawnattr_t *attributes, char *const *arguments,
                           char *const *environment)
{
    cairn_real_resolve();
    return spawn(&(struct spawn){.real = cairn_real.posix_spawn,
                                 .search = false,
                                 .pid = pid,
                                 .path = path,
                                 .actions = actions,
                                 .attributes = attributes,
                                 .arguments = arguments,
                                 .environment = environment});
}

CAIRN_HOOK int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                            const posix_spawnattr_t *attributes, char *const *arguments,
                            char *const *environment)
{
    cairn_real_resolve();
    return spawn(&(struct spawn){.real = cairn_real.posix_spawnp,
                                 .search = true,
                                 .pid = pid,
                                 .path = file,
                                 .actions = actions,
                                 .attributes = attributes,
                                 .arguments = arguments,
                                 .environment = environment});
}

/* system and popen hand the program's own environment on, by calls within the C library. Where the shell could not reach us, its
 * loader would complain of it: then both variables go, for good. */
static void keep_from_shell(uintptr_t sp)
{
    static const struct cairn_program shell = {.path = "/bin/sh"};
    cairn_real_resolve();
    if (!cairn_environment_has_library(environ)) {
        return;
    }
    if (cairn_seccomp_refuses(CAIRN_CALLS_OF_PROGRAM)) {
        cairn_environment_forget();
    } else if (cairn_environment_unfit(environ) == CAIRN_UNRECORDED_OUT_OF_REACH) {
        tell_unrecorded(&shell, CAIRN_UNRECORDED_OUT_OF_REACH, sp);
        cairn_environment_forget();
    }
}

CAIRN_HOOK int system(const char *command)
{
    keep_from_shell(CAIRN_FRAME());
    return cairn_real.system(command);
}

CAIRN_HOOK FILE *popen(const char *command, const char *type)
{
    keep_from_shell(CAIRN_FRAME());
    return cairn_real.popen(command, type);
}
