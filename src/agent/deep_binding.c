#include "agent/deep_binding.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/linkage.h"
#include "agent/own.h"
#include "agent/python/library.h"
#include "agent/real.h"

#define LIBRARY_PREFIX "libcairn"
#define OWN_FUNCTION   "cairn_agent_interface_1"
#define OWN_PREFIX     "cairn_"
#define HOOKS_MAX      128u

/* One opening. Nothing of it is shared: threads load libraries at the same time, and a lock of ours would be taken in both
 * orders with the loader's, whose constructors load libraries, too. */
struct opening {
    struct cairn_library own;
    struct cairn_library_function hooks[HOOKS_MAX]; /* those that the library's calls pass by */
    void *reals[HOOKS_MAX];                         /* what these lead to instead */
    size_t count;
    const struct link_map *first; /* the library; what came with it stands behind it in the loader's list */
    bool reached;
};

/* Whether the calls of other modules lead to the hook. A program that is not position-independent may stand for a function that
 * it does not define. */
static bool is_in_front(const char *name, const void *hook)
{
    Dl_info info;
    void *symbol = NULL;
    void *found = dlsym(RTLD_DEFAULT, name);
    return found == hook || (found && dladdr1(found, &info, &symbol, RTLD_DL_SYMENT) && symbol &&
                             ((const ElfW(Sym) *)symbol)->st_shndx == SHN_UNDEF);
}

/* Calls the loader. Where the library brings functions of its own, or the program does, its slots stay as they are. */
static void find_hooks(struct opening *opening, void *handle)
{
    const size_t shown = cairn_library_find(&opening->own, LIBRARY_PREFIX, OWN_FUNCTION)
                             ? cairn_library_list(&opening->own, opening->hooks, HOOKS_MAX)
                             : 0;
    for (size_t i = 0; i < shown; i++) {
        const struct cairn_library_function hook = opening->hooks[i];
        void *real =
            strncmp(hook.name, OWN_PREFIX, sizeof OWN_PREFIX - 1) == 0 ? NULL : cairn_real_find(hook.name);
        if (real && dlsym(handle, hook.name) == real && is_in_front(hook.name, hook.address)) {
            opening->hooks[opening->count] = hook;
            opening->reals[opening->count++] = real;
        }
    }
}

static void point(const struct cairn_linkage *linkage, const struct cairn_slot *slot,
                  const struct opening *opening)
{
    const void *hook = cairn_library_symbol(&opening->own, slot->name);
    for (size_t i = 0; hook && i < opening->count; i++) {
        if (opening->hooks[i].address == hook &&
            (cairn_slot_value(slot) == opening->reals[i] || cairn_linkage_is_lazy(linkage, slot))) {
            cairn_linkage_write(linkage, slot, opening->hooks[i].address);
        }
    }
}

static int visit_module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct opening *opening = data;
    struct cairn_linkage linkage;
    struct cairn_slot slot;
    opening->reached = opening->reached || info->dlpi_name == opening->first->l_name;
    if (!opening->reached || !cairn_linkage_read(info, &linkage)) {
        return 0;
    }
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; linkage.relocations[table] && i < linkage.counts[table]; i++) {
            if (cairn_linkage_slot(&linkage, table, i, &slot) && slot.type != R_X86_64_64) {
                point(&linkage, &slot, opening);
            }
        }
    }
    return 0;
}

static int read_adds(struct dl_phdr_info *info, size_t size, void *adds)
{
    (void)size;
    *(unsigned long long *)adds = info->dlpi_adds;
    return 1;
}

void *cairn_deep_binding_open(const char *file, int mode)
{
    unsigned long long before = 0, after = 0;
    dl_iterate_phdr(read_adds, &before);
    void *handle = cairn_real.dlopen(file, mode);
    const int saved = errno;
    dl_iterate_phdr(read_adds, &after);
    if (handle && after != before) {
        struct opening opening = {.count = 0};
        cairn_own_begin();
        if (dlinfo(handle, RTLD_DI_LINKMAP, &opening.first) == 0) {
            find_hooks(&opening, handle);
        }
        dlerror(); /* of names that it does not know */
        cairn_own_end();
        if (opening.count > 0) {
            dl_iterate_phdr(visit_module, &opening);
        }
    }
    errno = saved;
    return handle;
}
