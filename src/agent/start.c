/* The constructor. Hooks may have run before it, and have begun what they need by themselves; what
 * waits until here needs a C library and a loader that are ready. */
#include "agent/start.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "agent/environment.h"
#include "agent/event.h"
#include "agent/fork.h"
#include "agent/machine.h"
#include "agent/native_graph.h"
#include "agent/own.h"
#include "agent/patch.h"
#include "agent/process.h"
#include "agent/python/interpreter.h"
#include "agent/real.h"
#include "agent/stack.h"
#include "agent/thread.h"
#include "agent/unwind_fallback.h"

static const char text_of_own_malloc[] = " has a malloc of its own, which comes before the recorder's: what "
                                         "it allocates was not recorded. Link the "
                                         "allocator as a shared library, or leave it out, and record again";

/* Registered before any of the target's own, so it runs after them: exit(), or the return from main. */
static void at_exit(int status, void *unused)
{
    (void)unused;
    cairn_native_exit_graph(CAIRN_FRAME());
    cairn_process_tell_exit(status, CAIRN_FRAME());
}

static void tell_of_own_malloc(void)
{
    char text[512];
    Dl_info program = {.dli_fname = NULL};
    if (!cairn_real.free_of_program) {
        return;
    }
    void *function = NULL;
    memcpy(&function, &cairn_real.free_of_program, sizeof function);
    cairn_own_begin();
    const bool known = dladdr(function, &program) != 0;
    cairn_own_end();
    if (known) {
        const size_t length = strnlen(program.dli_fname, sizeof text - sizeof text_of_own_malloc);
        memcpy(text, program.dli_fname, length);
        memcpy(text + length, text_of_own_malloc, sizeof text_of_own_malloc);
        cairn_event_text(CAIRN_TEXT_NOTE, text, CAIRN_NOTE_OWN_MALLOC, CAIRN_FRAME());
    }
}

static bool prepared, came_late;

void cairn_start_prepare(void)
{
    if (prepared) {
        return;
    }
    prepared = true;
    cairn_environment_prepare();
    if (came_late) {
        cairn_fallback_loaded = cairn_patch_unwinder;
    }
    cairn_own_begin();
    cairn_stacks_setup();
    on_exit(at_exit, NULL);
    cairn_own_end();
    cairn_fork_prepare();
    cairn_thread_prepare();
    if (came_late) {
        return; /* the rest is about programs that begin */
    }
    tell_of_own_malloc();
    if (cairn_process_following() == CAIRN_FOLLOW_NOBODY) {
        cairn_environment_forget();
    }
    cairn_python_look();
}

bool cairn_start_is_prepared(void)
{
    return prepared || !came_late;
}

bool cairn_start_came_late(void)
{
    return came_late;
}

__attribute__((constructor)) static void start(void)
{
    came_late = !cairn_patch_is_needless();
    if (came_late) {
        return; /* until it is called (join.c) */
    }
    cairn_real_resolve();
    if (cairn_process_here()) {
        cairn_start_prepare();
    }
}
