#include "trace/wal_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool wal_path(char out[PATH_MAX], const char *path)
{
    const int length = snprintf(out, PATH_MAX, "%s-wal", path);
    return length > 0 && length < PATH_MAX;
}

static int open_wal(const char *path)
{
    char name[PATH_MAX];
    return wal_path(name, path) ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) : -1;
}

int cairn_wal_lock(const char *path)
{
    const int file = open_wal(path);
    int result = -1;
    while (file >= 0 && (result = flock(file, LOCK_EX)) != 0 && errno == EINTR) {
    }
    if (file >= 0 && result != 0) {
        close(file);
        return -1;
    }
    return file;
}

bool cairn_wal_is_locked(const char *path)
{
    const int file = open_wal(path);
    if (file < 0) {
        return false;
    }
    const bool locked = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(file);
    return locked;
}

bool cairn_wal_exists(const char *path)
{
    char name[PATH_MAX];
    struct stat file;
    return wal_path(name, path) && stat(name, &file) == 0;
}
