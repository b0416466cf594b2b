#include "agent/python/allocators.h"

#include "agent/heap_event.h"
#include "agent/own.h"
#include "agent/patch.h"
#include "agent/python/capture.h"
#include "agent/python/code.h"
#include "agent/python/interpreter.h"
#include "agent/start.h"

__thread uint32_t cairn_python_depth __attribute__((tls_model("initial-exec")));

/* One wrapped domain; what the interpreter passes back to us as context. */
struct wrapped {
    struct cairn_python_allocator real;
    uint32_t domain; /* enum cairn_domain */
};

/* More than one is for interpreters that threw the first one away (PYTHONMALLOC, -X dev; their end, in programs that embed them)
 * and are wrapped again. Allocators that were wrapped before get the set they had. */
#define SETS_MAX 8u
static struct wrapped sets[SETS_MAX][2];
static unsigned set_count;
/* Calls that reached the wrappers, for cairn_python_is_hooked(). Only ever compared on one thread that holds the GIL. */
static _Atomic uint32_t reached[2];

/* What a set wraps, in its order. */
static const struct {
    int python;
    uint32_t domain;
} domains[] = {{CAIRN_PYTHON_MEM, CAIRN_DOMAIN_PYTHON_MEM}, {CAIRN_PYTHON_OBJ, CAIRN_DOMAIN_PYTHON_OBJECT}};

static void *wrapped_malloc(void *context, size_t size);

/* The recording of a program that was joined is over: what the wrappers are around serves again by itself, where nobody has
 * wrapped them in turn. A call of theirs that is under way has read what it needs. */
static void unhook(void)
{
    atomic_store_explicit(&cairn_python.asked, true, memory_order_relaxed);
    atomic_store_explicit(&cairn_python.state, CAIRN_PYTHON_ABSENT, memory_order_relaxed);
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        struct cairn_python_allocator now;
        cairn_python.call.PyMem_GetAllocator(domains[i].python, &now);
        if (now.malloc == wrapped_malloc) {
            cairn_python.call.PyMem_SetAllocator(domains[i].python, &((struct wrapped *)now.context)->real);
        }
    }
}

__attribute__((noinline)) static void note_first_calls(const struct wrapped *wrapped)
{
    if (!atomic_load_explicit(&cairn_python.asked, memory_order_relaxed)) {
        if (cairn_start_came_late() && !cairn_patch_is_on()) {
            unhook();
        } else {
            cairn_python_ask();
        }
    }
    if (atomic_load_explicit(&cairn_python.state, memory_order_relaxed) == CAIRN_PYTHON_HOOKED) {
        atomic_fetch_add_explicit(&reached[wrapped->domain == CAIRN_DOMAIN_PYTHON_MEM], 1,
                                  memory_order_relaxed);
    }
}

static inline void note_call(const struct wrapped *wrapped)
{
    if (__builtin_expect(!atomic_load_explicit(&cairn_python.asked, memory_order_relaxed) ||
                             atomic_load_explicit(&cairn_python.state, memory_order_relaxed) ==
                                 CAIRN_PYTHON_HOOKED,
                         0)) {
        note_first_calls(wrapped);
    }
}

/* No part of its callers: they save few registers then. The domain is none of malloc's: the compiler need not ask. */
__attribute__((noinline)) static void record_new(const struct wrapped *wrapped, const void *block,
                                                 size_t size, const struct cairn_registers *at)
{
    const uint32_t domain = wrapped->domain;
    if (domain == CAIRN_DOMAIN_MALLOC) {
        __builtin_unreachable();
    }
    cairn_heap_new(block, size, domain, at);
}

static inline void outermost_new(const struct wrapped *wrapped, const void *block, size_t size,
                                 const struct cairn_registers *at)
{
    if (block && !cairn_heap_passed_over(size)) {
        record_new(wrapped, block, size, at);
    }
}

__attribute__((noinline)) static void record_gone(const struct wrapped *wrapped, const void *block,
                                                  uintptr_t sp)
{
    cairn_heap_gone(block, wrapped->domain, 0, sp);
}

/* A domain may serve another (MEM through OBJ's allocator, a debug layer between): only the outermost call counts. */
static void *wrapped_malloc(void *context, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    const struct wrapped *wrapped = context;
    note_call(wrapped);
    cairn_python_depth++;
    void *block = wrapped->real.malloc(wrapped->real.context, size);
    if (--cairn_python_depth == 0) {
        outermost_new(wrapped, block, size, &at);
    }
    return block;
}

static void *wrapped_calloc(void *context, size_t count, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    const struct wrapped *wrapped = context;
    note_call(wrapped);
    cairn_python_depth++;
    void *block = wrapped->real.calloc(wrapped->real.context, count, size);
    if (--cairn_python_depth == 0) {
        outermost_new(wrapped, block, count * size, &at);
    }
    return block;
}

/* Nobody else's block can get the old address while the lock is held, which is the whole process's then. */
static inline bool is_told_late(void)
{
    return cairn_heap_tells_change_late() &&
           atomic_load_explicit(&cairn_python.state, memory_order_relaxed) == CAIRN_PYTHON_READY &&
           !atomic_load_explicit(&cairn_python.has_many_locks, memory_order_relaxed);
}

/* No part of its caller, as record_new(). */
__attribute__((noinline)) static void record_changed(const struct wrapped *wrapped, const void *old,
                                                     const void *changed, size_t size,
                                                     const struct cairn_registers *at)
{
    const uint32_t domain = wrapped->domain;
    if (domain == CAIRN_DOMAIN_MALLOC) {
        __builtin_unreachable();
    }
    cairn_heap_changed(old, changed, size, domain, at);
}

static void *wrapped_realloc(void *context, void *block, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    const struct wrapped *wrapped = context;
    const bool outermost = cairn_python_depth == 0;
    note_call(wrapped);
    if (block && outermost && is_told_late()) {
        cairn_python_depth++;
        void *changed = wrapped->real.realloc(wrapped->real.context, block, size);
        cairn_python_depth--;
        if (changed) {
            record_changed(wrapped, block, changed, size, &at);
        }
        return changed;
    }
    struct cairn_heap_change change;
    if (block && outermost) {
        change = cairn_heap_begin_change(block, size, wrapped->domain, at.sp);
    }
    cairn_python_depth++;
    void *changed = wrapped->real.realloc(wrapped->real.context, block, size);
    cairn_python_depth--;
    if (!outermost) {
        return changed;
    }
    if (block) {
        cairn_heap_end_change(&change, changed, size, wrapped->domain, &at);
    } else {
        outermost_new(wrapped, changed, size, &at);
    }
    return changed;
}

static void wrapped_free(void *context, void *block)
{
    const struct wrapped *wrapped = context;
    if (block && cairn_python_depth == 0) {
        cairn_python_code_freed(block);
        if (!cairn_heap_is_passed_over(block, wrapped->domain)) {
            record_gone(wrapped, block, CAIRN_FRAME());
        }
    }
    cairn_python_depth++;
    wrapped->real.free(wrapped->real.context, block);
    cairn_python_depth--;
}

static bool same_allocator(const struct cairn_python_allocator *left,
                           const struct cairn_python_allocator *right)
{
    return left->context == right->context && left->malloc == right->malloc &&
           left->calloc == right->calloc && left->realloc == right->realloc && left->free == right->free;
}

/* The set that wraps `real`, made where it is new; NULL when there is no room for one more. */
static struct wrapped *set_for(const struct cairn_python_allocator *real)
{
    for (unsigned i = 0; i < set_count; i++) {
        if (same_allocator(&sets[i][0].real, &real[0]) && same_allocator(&sets[i][1].real, &real[1])) {
            return sets[i];
        }
    }
    if (set_count == SETS_MAX) {
        return NULL;
    }
    struct wrapped *set = sets[set_count++];
    for (size_t i = 0; i < 2; i++) {
        set[i] = (struct wrapped){.real = real[i], .domain = domains[i].domain};
    }
    return set;
}

void cairn_python_hook(void)
{
    struct cairn_python_allocator real[2];
    for (size_t i = 0; i < 2; i++) {
        cairn_python.call.PyMem_GetAllocator(domains[i].python, &real[i]);
    }
    struct wrapped *set = set_for(real);
    for (size_t i = 0; set && i < 2; i++) {
        struct cairn_python_allocator ours = {.context = &set[i],
                                              .malloc = wrapped_malloc,
                                              .calloc = wrapped_calloc,
                                              .realloc = wrapped_realloc,
                                              .free = wrapped_free};
        cairn_python.call.PyMem_SetAllocator(domains[i].python, &ours);
    }
}

bool cairn_python_is_hooked(void)
{
    const uint32_t objects = atomic_load_explicit(&reached[0], memory_order_relaxed);
    const uint32_t memory = atomic_load_explicit(&reached[1], memory_order_relaxed);
    cairn_python.call.PyObject_Free(cairn_python.call.PyObject_Malloc(1));
    cairn_python.call.PyMem_Free(cairn_python.call.PyMem_Malloc(1));
    return atomic_load_explicit(&reached[0], memory_order_relaxed) != objects &&
           atomic_load_explicit(&reached[1], memory_order_relaxed) != memory;
}

void cairn_python_tell(uint32_t text_kind, const char *text)
{
    cairn_event_text(text_kind, text, 0, (uintptr_t)__builtin_frame_address(0) + 16);
}
