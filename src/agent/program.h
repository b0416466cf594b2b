/* What a program file is to this library. Some fail with it in front of them (sanitizers, other C libraries), of others the loader
 * complains where everybody sees it (32 bits, another machine): exec and posix_spawn keep it out of these. Reads the file into the
 * caller's stack, as it may run between vfork and exec, by system calls that the loader makes in every program, as a seccomp filter may
 * know no others. */
#ifndef CAIRN_AGENT_PROGRAM_H
#define CAIRN_AGENT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why that program cannot be recorded: an enum cairn_unrecorded, 0 where nothing speaks against it (or nothing is known).
 * `folder` and `path` are execveat's, with an empty path for the descriptor itself; `search`: execvp's, where PATH leads. */
uint32_t cairn_program_unfit(int folder, const char *path, bool search);

#endif
