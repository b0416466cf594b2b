/* Programs that are run by hand through the loader: ld-linux-x86-64.so.2 [OPTION…] PROGRAM [ARGUMENT…]. For the kernel, and so in
 * /proc, the loader is the program. */
#ifndef CAIRN_COLLECTOR_LOADER_H
#define CAIRN_COLLECTOR_LOADER_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a file is glibc's loader, by its name. */
bool cairn_is_loader(const char *path);

/* The word of a loader's command line that names the program; NULL where it runs none: it lists what a program needs, or helps. */
char *const *cairn_loader_program(char *const *argv);

/* The program that the command line runs, links resolved, a relative one from `folder` on. False where `file`, which is started,
 * is no loader, or its program is not there. */
bool cairn_loader_resolve(const char *file, char *const *argv, const char *folder, char *path, size_t size);

#endif
