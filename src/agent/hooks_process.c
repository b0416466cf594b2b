/* How a process begins and ends: fork, _exit, quick_exit. The ordinary exit (and the return from main) is told by an
 * on_exit handler (start.c). vfork needs no hook: until it execs, its child works on its parent's memory, and what it
 * allocates there is its parent's; exec and _exit see by the pid that they are not the parent's own. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/fork.h"
#include "agent/graph_moment.h"
#include "agent/machine.h"
#include "agent/process.h"
#include "agent/real.h"

CAIRN_HOOK pid_t fork(void)
{
    const uintptr_t sp = CAIRN_FRAME();
    cairn_real_resolve();
    const pid_t pid = cairn_real.fork();
    if (pid != 0) {
        cairn_fork_done(pid, sp);
    }
    return pid;
}

CAIRN_HOOK void _exit(int status)
{
    cairn_graph_at_end(CAIRN_FRAME());
    cairn_process_tell_exit(status, CAIRN_FRAME());
    cairn_real_resolve();
    cairn_real._exit(status);
    __builtin_unreachable();
}

CAIRN_HOOK void _Exit(int status)
{
    cairn_graph_at_end(CAIRN_FRAME());
    cairn_process_tell_exit(status, CAIRN_FRAME());
    cairn_real_resolve();
    cairn_real._exit(status);
    __builtin_unreachable();
}

CAIRN_HOOK void quick_exit(int status)
{
    cairn_graph_at_end(CAIRN_FRAME());
    cairn_process_tell_exit(status, CAIRN_FRAME());
    cairn_real_resolve();
    cairn_real.quick_exit(status);
    __builtin_unreachable();
}
