#include "trace/part.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum cairn_status taken(const char *path, struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_USAGE, "%s is there already: -f replaces it", path);
}

bool cairn_part_is_itself(const char *from, const char *to)
{
    struct stat one, other;
    return stat(from, &one) == 0 && stat(to, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

void cairn_part_drop(const char *path)
{
    struct stat about;
    if (lstat(path, &about) == 0 && S_ISREG(about.st_mode)) {
        unlink(path);
    }
}

enum cairn_status cairn_part_begin(const char *from, const char *to, bool replace, struct cairn_buffer *part,
                                   struct cairn_error *error)
{
    struct stat about;
    cairn_buffer_format(part, "%s.part", to);
    if (part->failed) {
        return cairn_fail(error, CAIRN_E_NOMEM, "%s: out of memory", to);
    }
    const bool is_there = lstat(to, &about) == 0;
    if (is_there && !replace) {
        return taken(to, error);
    }
    if (is_there && !S_ISREG(about.st_mode)) {
        return cairn_fail(error, CAIRN_E_USAGE, "%s: is no regular file and stays: name another file", to);
    }
    if (cairn_part_is_itself(from, to)) {
        return cairn_fail(error, CAIRN_E_USAGE, "%s: is what is read: name another file for the new one", to);
    }
    if (lstat(part->data, &about) == 0) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "%s is there, from a copy that was stopped or still runs: remove it", part->data);
    }
    return CAIRN_OK;
}

/* link() refuses a name that is taken, also one that was taken just now. */
enum cairn_status cairn_part_finish(const char *part, const char *to, bool replace, struct cairn_error *error)
{
    if ((replace ? rename(part, to) : link(part, to)) != 0) {
        return errno == EEXIST ? taken(to, error) : cairn_fail_errno(error, "%s: cannot be made", to);
    }
    if (!replace) {
        unlink(part);
    }
    return CAIRN_OK;
}
