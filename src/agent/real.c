#include "agent/real.h"

#include <dlfcn.h>
#include <elf.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/machine.h"
#include "agent/operators.h"
#include "agent/own.h"

struct cairn_real cairn_real;

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define CAIRN_REAL_PLACE(name, member) {#name, offsetof(struct cairn_real, name)},
    CAIRN_REAL_FUNCTIONS(CAIRN_REAL_PLACE)
#undef CAIRN_REAL_PLACE
};

struct search {
    uintptr_t address;
    uintptr_t low, high;
};

static int visit_module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct search *search = data;
    uintptr_t low = UINTPTR_MAX, high = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const uintptr_t begin = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD) {
            low = begin < low ? begin : low;
            high = begin + segment->p_memsz > high ? begin + segment->p_memsz : high;
        }
    }
    if (search->address < low || search->address >= high) {
        return 0;
    }
    search->low = low;
    search->high = high;
    return 1;
}

static struct cairn_code_range module_of(uintptr_t address)
{
    struct search search = {.address = address};
    dl_iterate_phdr(visit_module, &search);
    return (struct cairn_code_range){.low = search.low, .bytes = search.high - search.low};
}

static void find_allocator(void)
{
    const struct cairn_code_range allocator = module_of((uintptr_t)cairn_real.realloc);
    if (allocator.low != module_of((uintptr_t)&gnu_get_libc_version).low) {
        cairn_real.allocator = allocator;
        cairn_real.agent = module_of((uintptr_t)&cairn_real);
    }
}

/* This library was loaded into a program that runs: it stands behind all others, and nothing is behind it. */
static bool came_late;

/* What the program's own calls lead to. A program that is not position-independent and takes the address of a function stands
 * for it with a stub of its own, which leads to where its calls do: to us, soon. */
static void *find_in_program(const char *name)
{
    Dl_info info;
    void *symbol = NULL;
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found && dladdr1(found, &info, &symbol, RTLD_DL_SYMENT)) {
        const uintptr_t agent = module_of((uintptr_t)&cairn_real).low;
        if (module_of((uintptr_t)found).low == agent) {
            return NULL;
        }
        if (symbol && ((const ElfW(Sym) *)symbol)->st_shndx == SHN_UNDEF) {
            return dlsym(RTLD_NEXT, name);
        }
    }
    return found;
}

void *cairn_real_find(const char *name)
{
    return came_late ? find_in_program(name) : dlsym(RTLD_NEXT, name);
}

/* A program that defines malloc itself (statically linked allocators do) comes before every preloaded library. One that only
 * takes its address, and is not position-independent, stands for it too, with a symbol it does not define. */
static void find_own_malloc(void)
{
    Dl_info first, ours;
    void *symbol = NULL;
    if (dladdr1(dlsym(RTLD_DEFAULT, "malloc"), &first, &symbol, RTLD_DL_SYMENT) && symbol &&
        ((const ElfW(Sym) *)symbol)->st_shndx != SHN_UNDEF && dladdr(&cairn_real, &ours) &&
        first.dli_fbase != ours.dli_fbase) {
        void *found = dlsym(RTLD_DEFAULT, "free");
        memcpy(&cairn_real.free_of_program, &found, sizeof found);
    }
}

static _Atomic bool plain_wanted, allocator_known;

static void fill_plain(void)
{
    if (plain_wanted && allocator_known && cairn_real.allocator.bytes == 0) {
        cairn_real.plain = (struct cairn_plain_functions){.malloc = cairn_real.malloc,
                                                          .calloc = cairn_real.calloc,
                                                          .realloc = cairn_real.realloc,
                                                          .free = cairn_real.free};
    }
}

void cairn_real_want_plain(void)
{
    plain_wanted = true;
    fill_plain();
}

static void look_up_all(void)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *found = cairn_real_find(functions[i].name);
        memcpy((uint8_t *)&cairn_real + functions[i].offset, &found, sizeof found);
    }
    find_allocator();
    allocator_known = true;
    fill_plain();
    if (!came_late) {
        find_own_malloc();
        cairn_operators_take_over();
    }
    /* A name that nobody has left an error behind, which the target must not find. */
    dlerror();
}

void cairn_real_resolve(void)
{
    enum { NOT_YET, IN_PROGRESS, DONE };
    static _Atomic int progress;
    /* Acquire pairs with the release below: who sees DONE sees the functions. */
    if (atomic_load_explicit(&progress, memory_order_acquire) == DONE || cairn_own_active()) {
        return; /* done, or this thread is in the middle of it */
    }
    int expected = NOT_YET;
    if (atomic_compare_exchange_strong_explicit(&progress, &expected, IN_PROGRESS, memory_order_acquire,
                                                memory_order_acquire)) {
        cairn_own_begin();
        look_up_all();
        cairn_own_end();
        atomic_store_explicit(&progress, DONE, memory_order_release);
        return;
    }
    while (atomic_load_explicit(&progress, memory_order_acquire) != DONE) {
        cairn_syscall3(SYS_sched_yield, 0, 0, 0);
    }
}

void cairn_real_resolve_late(void)
{
    came_late = true;
    cairn_real_resolve();
}
