/* A library to preload into cairn: lets the Nth call of a kind fail, once or from then on. In other processes, the recorded
 * program's among them, it does nothing.
 *
 *   FAULT_KIND   write (and whatever makes a trace longer or durable), read (of a trace), memory, names or tables (memory
 *                for libdw's answers)
 *   FAULT_AT     N, from 1
 *   FAULT_STAYS  set: every later call fails too
 *   FAULT_LOG    a file that is made when one failed */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char *program_invocation_short_name;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static _Atomic long left; /* calls until one fails; 0: none does */
static _Atomic int victim;
static bool stays;
static char kind[16], told[512];

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("FAULT_KIND"), *at = getenv("FAULT_AT"), *file = getenv("FAULT_LOG");
    if (name && at && strcmp(program_invocation_short_name, "cairn") == 0) {
        snprintf(kind, sizeof kind, "%s", name);
        snprintf(told, sizeof told, "%s", file ? file : "");
        stays = getenv("FAULT_STAYS") != NULL;
        left = atol(at);
        victim = (int)getpid();
    }
}

static bool fails(const char *what)
{
    if (victim == 0 || strcmp(what, kind) != 0 || (int)syscall(SYS_getpid) != victim) {
        return false;
    }
    long now = left;
    do {
        if (now == 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&left, &now, now == 1 && stays ? 1 : now - 1));
    if (now != 1) {
        return false;
    }
    if (told[0]) {
        syscall(SYS_close, (int)syscall(SYS_openat, AT_FDCWD, told, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    return true;
}

static bool is_trace(int fd)
{
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const long length = syscall(SYS_readlink, link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return strstr(path, ".cairn") != NULL;
}

static bool file_fails(int fd, const char *what, int why)
{
    if (victim != 0 && is_trace(fd) && fails(what)) {
        errno = why;
        return true;
    }
    return false;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    return file_fails(fd, "write", ENOSPC) ? -1 : (ssize_t)syscall(SYS_write, fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return file_fails(fd, "write", EIO) ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    return pwrite(fd, bytes, size, offset);
}

int ftruncate(int fd, off_t size)
{
    return file_fails(fd, "write", EIO) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    return file_fails(fd, "write", ENOSPC)                    ? ENOSPC
           : syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0
                                                              : errno;
}

int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    return posix_fallocate(fd, offset, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    return file_fails(fd, "write", ENOSPC) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
    return fallocate(fd, mode, offset, size);
}

int fsync(int fd)
{
    return file_fails(fd, "write", EIO) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return file_fails(fd, "write", EIO) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    return file_fails(fd, "read", EIO) ? -1 : (ssize_t)syscall(SYS_read, fd, bytes, size);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
    return file_fails(fd, "read", EIO) ? -1 : (ssize_t)syscall(SYS_pread64, fd, bytes, size, offset);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t offset)
{
    return pread(fd, bytes, size, offset);
}

static bool memory_fails(void)
{
    if (fails("memory")) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

/* Of libdw's own pool: without such a block it knows no way to go on. */
#define POOL_BYTES 3000
/* A table of abbreviations that grows: libdw asserts that it can. */
#define TABLE_BYTES 500

static bool is_for_names(const void *caller, size_t size)
{
    const bool wanted = size >= POOL_BYTES    ? strcmp(kind, "names") == 0
                        : size >= TABLE_BYTES ? strcmp(kind, "tables") == 0
                                              : false;
    Dl_info library;
    return wanted && dladdr(caller, &library) && library.dli_fname && strstr(library.dli_fname, "libdw");
}

void *malloc(size_t size)
{
    if (is_for_names(__builtin_return_address(0), size) && fails(kind)) {
        errno = ENOMEM;
        return NULL;
    }
    return memory_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return memory_fails() ? NULL : __libc_realloc(block, size);
}
