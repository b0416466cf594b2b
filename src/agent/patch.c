#include "agent/patch.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/event.h"
#include "agent/linkage.h"
#include "agent/operators.h"
#include "agent/own.h"
#include "agent/python/interpreter.h"
#include "agent/python/library.h"
#include "agent/real.h"
#include "agent/start.h"

#define LIBRARY_PREFIX "libcairn"
#define OWN_FUNCTION   "cairn_agent_interface_1"
#define OWN_PREFIX     "cairn_"
/* What this library loads for itself. It keeps memory of our store, so its calls stay ours. */
#define UNWINDER_PREFIX "libunwind"
/* The loader's own calls are none of the program's. */
#define LOADER_PREFIX "ld-linux"

#define HOOKS_MAX     128u
/* A library that a dlopen brings in is there by then. */
#define EXPECT_NS 1000000000ull

/* One of the hooks, and what the program's calls led to before. */
struct hook {
    const char *name;
    void *hook, *real;
};

static struct hook hooks[HOOKS_MAX];
static size_t hook_count;
static struct cairn_library own;
static uintptr_t own_low, own_high;

static _Atomic bool on;
static _Atomic bool busy; /* one thread points at a time */
static _Atomic uint64_t expect_until_ns;
static _Atomic unsigned long long seen_adds; /* modules that ever came, when all were looked at */

/* What the function below goes on to. */
__attribute__((visibility("hidden"))) void *cairn_patch_dlsym;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_called(const struct dl_phdr_info *info, const char *prefix)
{
    return strncmp(base_name(info->dlpi_name), prefix, strlen(prefix)) == 0;
}

__attribute__((used)) static void look_before_dlsym(void)
{
    const int saved = errno;
    if (atomic_load_explicit(&expect_until_ns, memory_order_relaxed) != 0) {
        cairn_patch_look();
    }
    errno = saved;
}

/* Leaves by a jump, so that the loader sees the program as the caller. */
__attribute__((naked)) static void hook_dlsym(void)
{
    __asm__("push %rdi\n\t"
            "push %rsi\n\t"
            "sub $8, %rsp\n\t"
            "call look_before_dlsym\n\t"
            "add $8, %rsp\n\t"
            "pop %rsi\n\t"
            "pop %rdi\n\t"
            "jmp *cairn_patch_dlsym(%rip)");
}

bool cairn_patch_is_needless(void)
{
    void *(*open)(const char *, int);
    cairn_own_begin();
    void *real = cairn_real_find("dlopen"); /* ours wants the other ones first */
    memcpy(&open, &real, sizeof open);
    void *program = open ? open(NULL, RTLD_LAZY) : NULL;
    const bool shown = program && dlsym(program, OWN_FUNCTION);
    dlerror();
    cairn_own_end();
    return shown;
}

static void add_hook(const char *name, void *hook)
{
    void *real = cairn_real_find(name);
    if (real && hook_count < HOOKS_MAX) {
        hooks[hook_count++] = (struct hook){.name = name, .hook = hook, .real = real};
    }
}

static int measure_own(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    struct cairn_linkage linkage;
    if (!cairn_linkage_read(info, &linkage) ||
        (uintptr_t)&hooks - linkage.low >= linkage.high - linkage.low) {
        return 0;
    }
    own_low = linkage.low;
    own_high = linkage.high;
    return 1;
}

/* Calls the loader. */
static bool find_hooks(void)
{
    static struct cairn_library_function functions[HOOKS_MAX];
    if (hook_count > 0) {
        return true;
    }
    cairn_own_begin();
    if (cairn_library_find(&own, LIBRARY_PREFIX, OWN_FUNCTION)) {
        const size_t count = cairn_library_list(&own, functions, HOOKS_MAX);
        for (size_t i = 0; i < count; i++) {
            if (strncmp(functions[i].name, OWN_PREFIX, sizeof OWN_PREFIX - 1) != 0) {
                add_hook(functions[i].name, functions[i].address);
            }
        }
        cairn_patch_dlsym = cairn_real_find("dlsym");
        add_hook("dlsym", (void *)hook_dlsym);
        dl_iterate_phdr(measure_own, NULL);
    }
    dlerror();
    cairn_own_end();
    return hook_count > 0;
}

static const struct hook *hook_of(const char *name)
{
    const void *function = cairn_library_symbol(&own, name);
    const bool of_loader = name[0] == 'd' && name[1] == 'l';
    for (size_t i = 0; (function || of_loader) && i < hook_count; i++) {
        if (hooks[i].hook == function || (of_loader && strcmp(hooks[i].name, name) == 0)) {
            return &hooks[i];
        }
    }
    return NULL;
}

static void point(const struct cairn_linkage *linkage)
{
    struct cairn_slot slot;
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; linkage->relocations[table] && i < linkage->counts[table]; i++) {
            const struct hook *hook = cairn_linkage_slot(linkage, table, i, &slot) && slot.type != R_X86_64_64
                                          ? hook_of(slot.name)
                                          : NULL;
            /* One that leads to another definition is none of ours. */
            if (hook && (cairn_slot_value(&slot) == hook->real || cairn_linkage_is_lazy(linkage, &slot))) {
                cairn_linkage_write(linkage, &slot, hook->hook);
            }
        }
    }
}

static bool is_own(const void *function)
{
    return (uintptr_t)function - own_low < own_high - own_low;
}

static void point_back(const struct cairn_linkage *linkage)
{
    struct cairn_slot slot;
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; linkage->relocations[table] && i < linkage->counts[table]; i++) {
            if (!cairn_linkage_slot(linkage, table, i, &slot) || !is_own(cairn_slot_value(&slot))) {
                continue;
            }
            const struct hook *hook = hook_of(slot.name);
            void *real = hook ? hook->real : cairn_operators_real(slot.name);
            if (real) {
                cairn_linkage_write(linkage, &slot, real);
            }
        }
    }
}

/* Whether the loader is done with it: its slots are bound, and its pages protected. Before glibc 2.35 that cannot be seen, and
 * only what was there when the recording began is pointed. */
static bool is_ready(const struct dl_phdr_info *info)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE
    struct dl_find_object found;
    return !cairn_real._dl_find_object ||
           cairn_real._dl_find_object((void *)(uintptr_t)info->dlpi_phdr, &found) == 0;
#else
    return info->dlpi_phdr != NULL;
#endif
}

struct tour {
    bool all_ready;
    unsigned long long adds;
};

static int visit_to_point(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct tour *tour = data;
    struct cairn_linkage linkage;
    tour->adds = info->dlpi_adds;
    if (!cairn_linkage_read(info, &linkage) || is_own((const void *)linkage.symbols) ||
        is_called(info, LOADER_PREFIX) || cairn_real_is_allocator((uintptr_t)info->dlpi_phdr)) {
        return 0;
    }
    if (!is_ready(info)) {
        tour->all_ready = false;
        return 0;
    }
    point(&linkage);
    return 0;
}

static int visit_to_point_back(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    struct cairn_linkage linkage;
    if (cairn_linkage_read(info, &linkage) && !is_own((const void *)linkage.symbols) &&
        !is_called(info, UNWINDER_PREFIX) && is_ready(info)) {
        point_back(&linkage);
    }
    return 0;
}

static bool take_turn(void)
{
    return !atomic_exchange_explicit(&busy, true, memory_order_acquire);
}

static void end_turn(void)
{
    atomic_store_explicit(&busy, false, memory_order_release);
}

static int visit_unwinder(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    struct cairn_linkage linkage;
    if (is_called(info, UNWINDER_PREFIX) && cairn_linkage_read(info, &linkage)) {
        point(&linkage);
    }
    return 0;
}

void cairn_patch_unwinder(void)
{
    if (cairn_start_came_late() && find_hooks()) {
        dl_iterate_phdr(visit_unwinder, NULL);
    }
}

void cairn_patch_renew(void)
{
    if (!cairn_patch_is_on() || !take_turn()) {
        return;
    }
    struct tour tour = {.all_ready = true};
    /* Seen with the turn: nobody points back behind this. */
    if (cairn_patch_is_on()) {
        dl_iterate_phdr(visit_to_point, &tour);
        cairn_operators_bind();
        if (tour.all_ready) {
            atomic_store_explicit(&seen_adds, tour.adds, memory_order_relaxed);
            atomic_store_explicit(&expect_until_ns, 0, memory_order_relaxed);
        }
    }
    end_turn();
}

void cairn_patch_begin(void)
{
    if (cairn_patch_is_on() || !find_hooks()) {
        return;
    }
    cairn_own_begin();
    cairn_operators_take_over();
    dlerror();
    cairn_own_end();
    atomic_store_explicit(&on, true, memory_order_release);
    cairn_patch_renew();
}

bool cairn_patch_end(void)
{
    if (!cairn_patch_is_on()) {
        return true;
    }
    if (!cairn_own_is_idle() || !take_turn()) {
        return false;
    }
    if (cairn_patch_is_on()) {
        atomic_store_explicit(&on, false, memory_order_release);
        dl_iterate_phdr(visit_to_point_back, NULL);
        cairn_python_leave();
    }
    end_turn();
    return true;
}

void cairn_patch_keep(void)
{
    atomic_store_explicit(&on, false, memory_order_release);
}

static int read_adds(struct dl_phdr_info *info, size_t size, void *adds)
{
    (void)size;
    *(unsigned long long *)adds = info->dlpi_adds;
    return 1;
}

bool cairn_patch_look(void)
{
    unsigned long long adds = 0;
    const uint64_t until_ns = atomic_load_explicit(&expect_until_ns, memory_order_relaxed);
    if (!cairn_patch_is_on() || until_ns == 0) {
        return false;
    }
    dl_iterate_phdr(read_adds, &adds);
    if (adds != atomic_load_explicit(&seen_adds, memory_order_relaxed)) {
        cairn_patch_renew();
    }
    if (cairn_clock_monotonic_ns() >= until_ns) {
        atomic_store_explicit(&expect_until_ns, 0, memory_order_relaxed);
    }
    return atomic_load_explicit(&expect_until_ns, memory_order_relaxed) != 0;
}

void cairn_patch_expect(void)
{
    if (cairn_patch_is_on()) {
        atomic_store_explicit(&expect_until_ns, cairn_clock_monotonic_ns() + EXPECT_NS, memory_order_relaxed);
        atomic_fetch_or_explicit(&cairn_event_paused, CAIRN_EVENT_LOOK, memory_order_relaxed);
    }
}

bool cairn_patch_is_on(void)
{
    return atomic_load_explicit(&on, memory_order_acquire);
}
