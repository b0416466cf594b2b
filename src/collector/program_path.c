#include "collector/program_path.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/arguments.h"
#include "collector/loader.h"
#include "collector/target.h"

#define AUXILIARY_MOST 64 /* entries of the vector; Linux has some twenty */

bool cairn_process_file(pid_t pid, char *path, size_t size)
{
    char link[64];
    cairn_proc_path(link, sizeof link, pid, "exe");
    const ssize_t got = readlink(link, path, size - 1);
    if (got <= 0) {
        return false;
    }
    path[got] = '\0';
    return true;
}

/* Reads up to `size` bytes of a file of /proc/PID at an offset; how many. */
static size_t read_at(pid_t pid, const char *file, off_t offset, void *bytes, size_t size)
{
    char path[64];
    cairn_proc_path(path, sizeof path, pid, file);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    const ssize_t got = pread(fd, bytes, size, offset);
    close(fd);
    return got > 0 ? (size_t)got : 0;
}

/* What execve() was called with, as the kernel left it on the stack. */
static bool started_as(pid_t pid, char *path, size_t size)
{
    Elf64_auxv_t entries[AUXILIARY_MOST];
    const size_t count = read_at(pid, "auxv", 0, entries, sizeof entries) / sizeof entries[0];
    for (size_t i = 0; i < count; i++) {
        if (entries[i].a_type == AT_EXECFN) {
            const size_t got = read_at(pid, "mem", (off_t)entries[i].a_un.a_val, path, size);
            return got > 0 && path[0] == '/' && memchr(path, '\0', got) != NULL;
        }
    }
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool is_same_file(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void find_loaded(pid_t pid, char *path, size_t size)
{
    char folder[64];
    char **argv = cairn_arguments_list(pid);
    cairn_proc_path(folder, sizeof folder, pid, "cwd");
    if (argv) {
        cairn_loader_resolve(path, argv, folder, path, size);
    }
    cairn_arguments_free(argv);
}

bool cairn_process_program(pid_t pid, char *path, size_t size)
{
    char name[4096];
    if (!cairn_process_file(pid, path, size)) {
        return false;
    }
    if (cairn_is_loader(path)) {
        find_loaded(pid, path, size);
        return true;
    }
    if (started_as(pid, name, sizeof name) && strlen(name) < size &&
        strncmp(base_name(path), base_name(name), strlen(base_name(name))) != 0 && is_same_file(name, path)) {
        memcpy(path, name, strlen(name) + 1);
    }
    return true;
}
