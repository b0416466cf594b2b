/* Unloading. dlopen is not hooked: it searches by who called it, and what it loads is noticed by its addresses. */
#include <dlfcn.h>
#include <errno.h>

#include "agent/event.h"
#include "agent/modules.h"
#include "agent/real.h"

CAIRN_HOOK int dlclose(void *handle)
{
    const struct cairn_registers at = CAIRN_CALLER();
    cairn_real_resolve();
    const int status = cairn_real.dlclose(handle);
    struct cairn_thread *thread = cairn_event_enter(at.sp);
    if (thread) {
        const int saved = errno;
        cairn_modules_after_close(&thread->writer);
        cairn_event_end(thread, at.sp);
        errno = saved;
    }
    return status;
}
