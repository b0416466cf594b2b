/* A program that runs already is joined, and left again: what the recorder calls in it, by the hand of a thread of the
 * program's that stands at a place where it holds none of the C library's locks, on a stack that the recorder made. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/auxv.h>

#include "agent/event.h"
#include "agent/machine.h"
#include "agent/patch.h"
#include "agent/process.h"
#include "agent/python/interpreter.h"
#include "agent/real.h"
#include "agent/session.h"
#include "agent/start.h"
#include "agent/thread.h"
#include "wire/session.h"

CAIRN_HOOK int cairn_agent_join_1(const char *session);
CAIRN_HOOK int cairn_agent_leave_1(void);

/* One that is linked into the program is called directly, and nothing of it is seen. */
static bool program_has_own_malloc(void)
{
    Dl_info program, provider;
    return dladdr((const void *)getauxval(AT_PHDR), &program) &&
           dladdr((const void *)cairn_real.malloc, &provider) && program.dli_fbase == provider.dli_fbase;
}

static enum cairn_join_result join(const char *session)
{
    if (!cairn_start_is_prepared()) {
        cairn_real_resolve_late();
        if (program_has_own_malloc()) {
            return CAIRN_JOIN_OWN_MALLOC;
        }
    }
    const enum cairn_join_result again = cairn_process_renew();
    if (again != CAIRN_JOIN_DONE) {
        return again;
    }
    if (!cairn_session_move(session) || !cairn_process_enter_unborn()) {
        return CAIRN_JOIN_REFUSED;
    }
    cairn_start_prepare();
    if (cairn_self->gate == CAIRN_GATE_CLOSED) { /* prepared by an earlier recording */
        cairn_thread_attach();
    }
    if (!cairn_process_is_here()) {
        return CAIRN_JOIN_REFUSED;
    }
    if (cairn_start_came_late()) {
        /* First: the C library keeps memory for the loader's errors, which must be its own. */
        cairn_python_look_late();
        cairn_patch_begin();
    }
    return CAIRN_JOIN_DONE;
}

/* Called by the recorder; `session` is its socket. An enum cairn_join_result. */
int cairn_agent_join_1(const char *session)
{
    return (int)join(session);
}

/* Called by the recorder, when it has said stop. DONE, or AGAIN where something is in the way right now. */
int cairn_agent_leave_1(void)
{
    cairn_process_stop();
    cairn_thread_abandon();
    if (!cairn_patch_end()) {
        return CAIRN_JOIN_AGAIN;
    }
    cairn_process_give_back();
    return CAIRN_JOIN_DONE;
}
