/* Loading, where what is loaded would pass by the hooks: it is noticed by its addresses. And unloading. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "agent/deep_binding.h"
#include "agent/event.h"
#include "agent/modules.h"
#include "agent/patch.h"
#include "agent/real.h"

static const char text_of_namespaces[] =
    "libraries were asked for in a namespace of their own (dlmopen): what they allocate was not recorded, "
    "since no preloaded library stands before the C library there";

typedef void *open_function(const char *, int);

static void *open_and_renew(const char *file, int mode)
{
    void *handle = cairn_real.dlopen(file, mode);
    const int saved = errno;
    cairn_patch_renew();
    errno = saved;
    return handle;
}

static void *open_nothing(const char *file, int mode)
{
    (void)file;
    (void)mode;
    return NULL;
}

/* Where dlopen goes on. What the real one finds depends on who calls it where the name has no folder or names the caller's
 * own: then it must not be called from here. */
__attribute__((used)) static open_function *way_to_open(const char *file, int mode)
{
    const int saved = errno;
    const bool by_path = file && strchr(file, '/') && !strchr(file, '$');
    cairn_real_resolve();
    open_function *way = cairn_real.dlopen ? cairn_real.dlopen : open_nothing;
    if (cairn_patch_is_on() && !by_path) {
        cairn_patch_expect();
    } else if (cairn_patch_is_on()) {
        way = open_and_renew;
    } else if (by_path && (mode & RTLD_DEEPBIND) != 0) {
        way = cairn_deep_binding_open;
    }
    errno = saved;
    return way;
}

/* Leaves by a jump, so that the loader sees the program as the caller. */
CAIRN_HOOK __attribute__((naked)) void *dlopen(const char *file __attribute__((unused)),
                                               int mode __attribute__((unused)))
{
    __asm__("push %rdi\n\t"
            "push %rsi\n\t"
            "sub $8, %rsp\n\t"
            "call way_to_open\n\t"
            "add $8, %rsp\n\t"
            "pop %rsi\n\t"
            "pop %rdi\n\t"
            "jmp *%rax");
}

typedef void *open_apart_function(Lmid_t, const char *, int);

static void *open_nothing_apart(Lmid_t space, const char *file, int mode)
{
    (void)space;
    return open_nothing(file, mode);
}

/* Libraries in a namespace of their own have a C library of their own there, and no preloaded one comes before it. */
__attribute__((used)) static open_apart_function *way_to_open_apart(Lmid_t space)
{
    static _Atomic bool told;
    const int saved = errno;
    cairn_real_resolve();
    if (space != LM_ID_BASE && !atomic_exchange_explicit(&told, true, memory_order_relaxed)) {
        cairn_event_text(CAIRN_TEXT_NOTE, text_of_namespaces, 0, CAIRN_FRAME());
    }
    errno = saved;
    return cairn_real.dlmopen ? cairn_real.dlmopen : open_nothing_apart;
}

CAIRN_HOOK __attribute__((naked)) void *dlmopen(Lmid_t space __attribute__((unused)),
                                                const char *file __attribute__((unused)),
                                                int mode __attribute__((unused)))
{
    __asm__("push %rdi\n\t"
            "push %rsi\n\t"
            "push %rdx\n\t"
            "call way_to_open_apart\n\t"
            "pop %rdx\n\t"
            "pop %rsi\n\t"
            "pop %rdi\n\t"
            "jmp *%rax");
}

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
