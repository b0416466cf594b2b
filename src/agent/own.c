#include "agent/own.h"

#include <stdatomic.h>

uint8_t cairn_own_store[CAIRN_OWN_BYTES] __attribute__((aligned(64)));

static _Atomic size_t used;
static _Atomic unsigned sections;
__thread unsigned cairn_own_depth __attribute__((tls_model("initial-exec")));

void cairn_own_begin(void)
{
    cairn_own_depth++;
    atomic_fetch_add_explicit(&sections, 1, memory_order_relaxed);
}

void cairn_own_end(void)
{
    cairn_own_depth--;
    atomic_fetch_sub_explicit(&sections, 1, memory_order_release);
}

bool cairn_own_is_idle(void)
{
    /* Acquire pairs with the release of the last one that ended. */
    return atomic_load_explicit(&sections, memory_order_acquire) == 0;
}

/* The size stands in the 16 bytes before a block. */
void *cairn_own_allocate(size_t size, size_t alignment)
{
    if (alignment < 16) {
        alignment = 16;
    }
    if (size > CAIRN_OWN_BYTES || alignment > CAIRN_OWN_BYTES) {
        return NULL;
    }
    const uintptr_t base = (uintptr_t)cairn_own_store;
    size_t begin = atomic_load_explicit(&used, memory_order_relaxed);
    size_t at, end;
    do {
        const uintptr_t block = (base + begin + 16 + alignment - 1) & ~(uintptr_t)(alignment - 1);
        at = block - base;
        end = at + size;
        if (end > CAIRN_OWN_BYTES) {
            return NULL;
        }
        /* Relaxed: only the range matters, and its bytes are still zero. */
    } while (!atomic_compare_exchange_weak_explicit(&used, &begin, end, memory_order_relaxed,
                                                    memory_order_relaxed));
    *(size_t *)(void *)(cairn_own_store + at - 16) = size;
    return cairn_own_store + at;
}

size_t cairn_own_size(const void *block)
{
    return *(const size_t *)(const void *)((const uint8_t *)block - 16);
}
