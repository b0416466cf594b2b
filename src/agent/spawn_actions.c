#include "agent/spawn_actions.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/machine.h"

/* glibc's own (posix/spawn_int.h, 2.29 on; the last two came later): no header has it, and nothing else can be asked. */
enum action_kind {
    ACTION_CLOSE,
    ACTION_DUP2,
    ACTION_OPEN,
    ACTION_CHDIR,
    ACTION_FCHDIR,
    ACTION_CLOSEFROM,
    ACTION_TCSETPGRP,
    ACTION_KINDS,
};
struct __spawn_action { /* NOLINT(bugprone-reserved-identifier): that is its name */
    unsigned kind;      /* enum action_kind */
    union {
        struct {
            int fd, newfd;
        } dup2;
        struct {
            int fd;
            const char *path;
            int flags;
            mode_t mode;
        } open;
        const char *folder;
        int fd;
    };
};
_Static_assert(sizeof(struct __spawn_action) == 32, "as glibc has it");

static int enter(int folder, const char *path)
{
    const long fd = cairn_syscall4(SYS_openat, folder, (long)path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    return cairn_syscall_failed(fd) ? CAIRN_SPAWN_FOLDER_UNKNOWN : (int)fd;
}

/* The folder that `fd` is in the child, which has done what stands before `count`; `moved`: it is in another folder by then. */
static int enter_descriptor(const struct __spawn_action *actions, int count, int fd, bool moved)
{
    for (int i = count; i-- > 0;) {
        const struct __spawn_action *action = &actions[i];
        if (action->kind == ACTION_DUP2 && action->dup2.newfd == fd) {
            fd = action->dup2.fd;
        } else if (action->kind == ACTION_OPEN && action->open.fd == fd) {
            return moved && action->open.path[0] != '/' ? CAIRN_SPAWN_FOLDER_UNKNOWN
                                                        : enter(AT_FDCWD, action->open.path);
        } else if (action->kind == ACTION_CLOSEFROM && fd >= action->fd) {
            return CAIRN_SPAWN_FOLDER_UNKNOWN;
        }
    }
    return enter(fd, ".");
}

int cairn_spawn_folder_open(const posix_spawn_file_actions_t *actions)
{
    int folder = AT_FDCWD;
    for (int i = 0; actions && i < actions->__used; i++) {
        const struct __spawn_action *action = &actions->__actions[i];
        if (action->kind >= ACTION_KINDS) {
            cairn_spawn_folder_close(folder);
            return CAIRN_SPAWN_FOLDER_UNKNOWN;
        }
        if (action->kind == ACTION_CHDIR || action->kind == ACTION_FCHDIR) {
            const int next = action->kind == ACTION_CHDIR
                                 ? enter(folder, action->folder)
                                 : enter_descriptor(actions->__actions, i, action->fd, folder != AT_FDCWD);
            cairn_spawn_folder_close(folder);
            if (next == CAIRN_SPAWN_FOLDER_UNKNOWN) {
                return next;
            }
            folder = next;
        }
    }
    return folder;
}

void cairn_spawn_folder_close(int folder)
{
    if (folder >= 0) {
        cairn_syscall3(SYS_close, folder, 0, 0);
    }
}
