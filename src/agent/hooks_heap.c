/* The heap: malloc and its family. A free is recorded before the real call, an allocation after it, a realloc on both
 * sides; nothing is recorded of a call that fails, and errno is the real function's. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "agent/event.h"
#include "agent/heap_event.h"
#include "agent/own.h"
#include "agent/python/allocators.h"
#include "agent/real.h"

/* Not in the C library's headers yet (C23), or not any more. */
CAIRN_HOOK void free_sized(void *block, size_t size);
CAIRN_HOOK void free_aligned_sized(void *block, size_t alignment, size_t size);
CAIRN_HOOK void cfree(void *block);

/* malloc, calloc, realloc and free are two functions each where the compiler can make the second call a jump: what nearly
 * every block of a sampled recording takes, which needs no frame and jumps to the real function as well, and all else, which then has
 * the caller's return address as if it had been called itself. (This file is compiled without frame pointers for that; who asks for
 * CAIRN_CALLER() has one.) */
#ifdef __OPTIMIZE__
#define SHORT_WAY   __attribute__((visibility("default")))
#define ALL_ELSE    __attribute__((noinline, force_align_arg_pointer)) static
#define HAS_SHORTER true
#else
#define SHORT_WAY   CAIRN_HOOK
#define ALL_ELSE    __attribute__((always_inline)) static inline
#define HAS_SHORTER false
#endif

/* The interpreter gives back memory: if it was recorded as a block of malloc (from before its allocators were hooked) it is
 * no longer one. */
static void record_nested_going(const void *block, const struct cairn_registers *at)
{
    if (cairn_python_depth > 0 && !cairn_real_is_allocator(at->pc)) {
        cairn_heap_gone(block, CAIRN_DOMAIN_MALLOC, CAIRN_FREE_NESTED, at->sp);
    }
}

/* Before the real functions are known, or inside the agent's own calls: whether the agent's store has to serve. */
static bool must_serve(void)
{
    if (cairn_own_active()) {
        return true;
    }
    cairn_real_resolve();
    return false;
}

static inline bool own_serves(void)
{
    return __builtin_expect(!cairn_real.malloc || cairn_own_active(), 0) && must_serve();
}

/* Whether a call is the target's own: not one of an allocator behind us, nor made for a block of the interpreter's, which
 * is recorded as that. */
static inline bool is_recorded(const struct cairn_registers *at)
{
    return __builtin_expect(!cairn_real_is_allocator(at->pc) && cairn_python_depth == 0, 1);
}

/* No part of its callers: they save few registers then, which is what a block that is passed over costs most. */
__attribute__((noinline)) static void record_new(const void *block, size_t size,
                                                 const struct cairn_registers *at)
{
    cairn_heap_new(block, size, CAIRN_DOMAIN_MALLOC, at);
}

static inline void *allocated(void *block, size_t size, const struct cairn_registers *at)
{
    if (block && is_recorded(at) && !cairn_heap_passed_over(size)) {
        record_new(block, size, at);
    }
    return block;
}

/* Whether nothing will be recorded of the calling thread's new block of that size, whoever allocates it: it is made for a block of the
 * interpreter's, or passed over (then it is counted now). Before the real call: nothing needs to be known of the block. */
static inline bool leaves_no_record(size_t size)
{
    return cairn_own_depth == 0 && (cairn_python_depth != 0 || cairn_heap_passed_over(size));
}

ALL_ELSE void *malloc_else(size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    return own_serves() ? cairn_own_allocate(size, 0) : allocated(cairn_real.malloc(size), size, &at);
}

SHORT_WAY void *malloc(size_t size)
{
    if (HAS_SHORTER && cairn_real.plain.malloc && leaves_no_record(size)) {
        return cairn_real.plain.malloc(size);
    }
    return malloc_else(size);
}

ALL_ELSE void *calloc_else(size_t count, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    if (own_serves()) {
        size_t bytes;
        return cairn_own_allocate(__builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes, 0);
    }
    /* The product has not overflowed where the call succeeded. */
    return allocated(cairn_real.calloc(count, size), count * size, &at);
}

SHORT_WAY void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (HAS_SHORTER && cairn_real.plain.calloc && !__builtin_mul_overflow(count, size, &bytes) &&
        leaves_no_record(bytes)) {
        return cairn_real.plain.calloc(count, size);
    }
    return calloc_else(count, size);
}

CAIRN_HOOK void *aligned_alloc(size_t alignment, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    return own_serves() ? cairn_own_allocate(size, alignment)
                        : allocated(cairn_real.aligned_alloc(alignment, size), size, &at);
}

CAIRN_HOOK void *memalign(size_t alignment, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    return own_serves() ? cairn_own_allocate(size, alignment)
                        : allocated(cairn_real.memalign(alignment, size), size, &at);
}

CAIRN_HOOK int posix_memalign(void **block, size_t alignment, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    if (own_serves()) {
        void *found = cairn_own_allocate(size, alignment);
        if (!found) {
            return ENOMEM;
        }
        *block = found;
        return 0;
    }
    const int status = cairn_real.posix_memalign(block, alignment, size);
    if (status == 0) {
        allocated(*block, size, &at);
    }
    return status;
}

CAIRN_HOOK void *valloc(size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    return own_serves() ? cairn_own_allocate(size, 4096) : allocated(cairn_real.valloc(size), size, &at);
}

CAIRN_HOOK void *pvalloc(size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    return own_serves() ? cairn_own_allocate(size, 4096) : allocated(cairn_real.pvalloc(size), size, &at);
}

/* Of a block of whatever kind. */
__attribute__((noinline)) static void free_any(void *block, const struct cairn_registers *at)
{
    if (!block) {
        return;
    }
    if (__builtin_expect(cairn_own_holds(block), 0)) {
        cairn_own_free(block);
        return;
    }
    if (__builtin_expect(!cairn_real.free, 0)) {
        cairn_real_resolve();
    }
    if (is_recorded(at)) {
        cairn_heap_gone(block, CAIRN_DOMAIN_MALLOC, 0, at->sp);
    } else {
        record_nested_going(block, at);
    }
    cairn_real.free(block);
}

/* Whether a block of malloc's that is given back was passed over: then it is so for whoever gives it back. */
static inline bool was_passed_over(const void *block)
{
    return !cairn_own_holds(block) && cairn_heap_is_passed_over(block, CAIRN_DOMAIN_MALLOC);
}

static inline void free_block(void *block, const struct cairn_registers *at)
{
    if (was_passed_over(block)) {
        cairn_real.free(block);
    } else {
        free_any(block, at);
    }
}

ALL_ELSE void free_else(void *block)
{
    const struct cairn_registers at = CAIRN_CALLER();
    free_block(block, &at);
}

SHORT_WAY void free(void *block)
{
    if (HAS_SHORTER && cairn_real.plain.free && was_passed_over(block)) {
        cairn_real.plain.free(block);
    } else {
        free_else(block);
    }
}

CAIRN_HOOK void cfree(void *block)
{
    const struct cairn_registers at = CAIRN_CALLER();
    free_block(block, &at);
}

/* Not every C library has these two, so the program's own free may not be behind them. */
static inline void free_sized_block(void *block, const struct cairn_registers *at)
{
    if (__builtin_expect(cairn_real.free_of_program != NULL, 0)) {
        cairn_real.free_of_program(block);
    } else {
        free_block(block, at);
    }
}

CAIRN_HOOK void free_sized(void *block, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    (void)size;
    free_sized_block(block, &at);
}

CAIRN_HOOK void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    (void)alignment;
    (void)size;
    free_sized_block(block, &at);
}

/* A block of the agent's store grows: into the target's heap, unless the agent itself asks. */
static void *move_own_block(void *block, size_t size, const struct cairn_registers *at)
{
    void *moved = own_serves() ? cairn_own_allocate(size, 0) : allocated(cairn_real.malloc(size), size, at);
    if (moved) {
        const size_t old_size = cairn_own_size(block);
        memcpy(moved, block, old_size < size ? old_size : size);
        cairn_own_free(block);
    }
    return moved;
}

/* realloc(block, 0): the block goes whatever comes back: nothing (the C library), or an empty one (others). */
static void *shrink_to_nothing(void *block, const struct cairn_registers *at)
{
    cairn_heap_gone(block, CAIRN_DOMAIN_MALLOC, 0, at->sp);
    return allocated(cairn_real.realloc(block, 0), 0, at);
}

static inline void *change_block(void *block, size_t size, const struct cairn_registers *at)
{
    if (!block) {
        return own_serves() ? cairn_own_allocate(size, 0)
                            : allocated(cairn_real.realloc(NULL, size), size, at);
    }
    if (__builtin_expect(cairn_own_holds(block), 0)) {
        return move_own_block(block, size, at);
    }
    if (__builtin_expect(!cairn_real.malloc, 0)) {
        cairn_real_resolve();
    }
    if (!is_recorded(at)) {
        record_nested_going(block, at);
        return cairn_real.realloc(block, size);
    }
    if (__builtin_expect(size == 0, 0)) {
        return shrink_to_nothing(block, at);
    }
    const struct cairn_heap_change change = cairn_heap_begin_change(block, size, CAIRN_DOMAIN_MALLOC, at->sp);
    void *changed = cairn_real.realloc(block, size);
    cairn_heap_end_change(&change, changed, size, CAIRN_DOMAIN_MALLOC, at);
    return changed;
}

ALL_ELSE void *realloc_else(void *block, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    return change_block(block, size, &at);
}

SHORT_WAY void *realloc(void *block, size_t size)
{
    if (HAS_SHORTER && cairn_real.plain.realloc && block && size != 0 && was_passed_over(block) &&
        leaves_no_record(size)) {
        return cairn_real.plain.realloc(block, size);
    }
    return realloc_else(block, size);
}

/* Not the real one: it calls the public realloc, which would be recorded a second time. Where that is the program's own, so
 * is the block. */
CAIRN_HOOK void *reallocarray(void *block, size_t count, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    size_t bytes;
    if (__builtin_expect(cairn_real.free_of_program && cairn_real.reallocarray, 0)) {
        return cairn_real.reallocarray(block, count, size);
    }
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return change_block(block, bytes, &at);
}
