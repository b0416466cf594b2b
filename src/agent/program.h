/* What a program file is to this library. Some fail with it in front of them (sanitizers, other C libraries), of others the loader
 * complains where everybody sees it (32 bits, another machine): exec and posix_spawn keep it out of these. Reads the file into the
 * caller's stack, as it may run between vfork and exec, by system calls that the loader makes in every program, as a seccomp filter may
 * know no others. */
#ifndef CAIRN_AGENT_PROGRAM_H
#define CAIRN_AGENT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A program that is about to be started. `folder` and `path` are execveat's, with an empty path for the descriptor itself;
 * `search`: execvp's, where PATH leads. */
struct cairn_program {
    int folder;
    const char *path;
    bool search;
    int current; /* the folder it will be in, AT_FDCWD for this process's */
    char *const *arguments;
};

/* Why that program cannot be recorded: an enum cairn_unrecorded, 0 where nothing speaks against it (or nothing is known). */
uint32_t cairn_program_unfit(const struct cairn_program *program);

/* Whether it is a loader that is to print what a program needs, and not to run it: it would name this library among that. */
bool cairn_program_only_lists(const struct cairn_program *program);

#endif
