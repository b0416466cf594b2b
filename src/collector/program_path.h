/* By which name a process was started: /usr/bin/redis-server rather than the file that the link leads to. */
#ifndef CAIRN_COLLECTOR_PROGRAM_PATH_H
#define CAIRN_COLLECTOR_PROGRAM_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The file a process runs, links resolved: the loader, where that was started by hand. False when it cannot be read. */
bool cairn_process_file(pid_t pid, char *path, size_t size);

/* The same file by the name it was started with, where people know it by that name. Links that leave out a version or a kind
 * (python3 → python3.11, vi → vim.basic) are resolved. Where the loader was started by hand, the program that it runs, if it is still
 * there. False when it cannot be read. */
bool cairn_process_program(pid_t pid, char *path, size_t size);

#endif
