#include "agent/own.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define GRAIN    16u
#define CLASSES  9u /* 16 bytes to 4 KiB */
#define NO_CLASS UINT32_MAX

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

/* In front of every block. */
struct header {
    size_t size;
    _Atomic uint32_t next; /* while it is free: the block behind it in its list, in GRAINs of the store */
    uint32_t size_class;   /* of its list; NO_CLASS: it never comes back */
};
_Static_assert(sizeof(struct header) == GRAIN, "blocks are aligned");

/* Free blocks of one size class. The low half is the first one, in GRAINs; the high half counts takings, so that who was
 * interrupted between looking and taking does not take what has been there and gone meanwhile. */
static _Atomic uint64_t free_lists[CLASSES];

static struct header *header_at(uint32_t grains)
{
    return (struct header *)(void *)(cairn_own_store + (size_t)grains * GRAIN) - 1;
}

static uint32_t class_of(size_t size)
{
    uint32_t size_class = 0;
    while (size_class < CLASSES && ((size_t)GRAIN << size_class) < size) {
        size_class++;
    }
    return size_class < CLASSES ? size_class : NO_CLASS;
}

static void *take_again(uint32_t size_class)
{
    /* Acquire pairs with the release of who gave the block back: its link is there. */
    uint64_t first = atomic_load_explicit(&free_lists[size_class], memory_order_acquire), rest;
    do {
        if ((uint32_t)first == 0) {
            return NULL;
        }
        /* Another thread may have it already, and the link be no link: then the count has changed. */
        rest = ((first >> 32) + 1) << 32 |
               atomic_load_explicit(&header_at((uint32_t)first)->next, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&free_lists[size_class], &first, rest,
                                                    memory_order_acquire, memory_order_acquire));
    return header_at((uint32_t)first) + 1;
}

static void *take_new(size_t size, size_t alignment)
{
    const uintptr_t base = (uintptr_t)cairn_own_store;
    size_t begin = atomic_load_explicit(&used, memory_order_relaxed);
    size_t at, end;
    do {
        const uintptr_t block =
            (base + begin + sizeof(struct header) + alignment - 1) & ~(uintptr_t)(alignment - 1);
        at = block - base;
        end = at + size;
        if (end > CAIRN_OWN_BYTES) {
            return NULL;
        }
        /* Relaxed: only the range matters, and its bytes are still zero. */
    } while (!atomic_compare_exchange_weak_explicit(&used, &begin, end, memory_order_relaxed,
                                                    memory_order_relaxed));
    return cairn_own_store + at;
}

void *cairn_own_allocate(size_t size, size_t alignment)
{
    void *block = NULL;
    const uint32_t size_class = alignment <= GRAIN ? class_of(size) : NO_CLASS;
    if (size_class != NO_CLASS) {
        block = take_again(size_class);
        if (block) {
            memset(block, 0, size);
        } else {
            block = take_new((size_t)GRAIN << size_class, GRAIN);
        }
    } else if (size <= CAIRN_OWN_BYTES && alignment <= CAIRN_OWN_BYTES) {
        block = take_new(size, alignment > GRAIN ? alignment : GRAIN);
    }
    if (!block) {
        errno = ENOMEM;
        return NULL;
    }
    struct header *header = (struct header *)block - 1;
    header->size = size;
    header->size_class = size_class;
    return block;
}

void cairn_own_free(void *block)
{
    struct header *header = (struct header *)block - 1;
    if (header->size_class == NO_CLASS) {
        return;
    }
    _Atomic uint64_t *list = &free_lists[header->size_class];
    const uint32_t grains = (uint32_t)(((uintptr_t)block - (uintptr_t)cairn_own_store) / GRAIN);
    uint64_t first = atomic_load_explicit(list, memory_order_relaxed);
    do {
        atomic_store_explicit(&header->next, (uint32_t)first, memory_order_relaxed);
        /* Release pairs with the acquire of who takes it. */
    } while (!atomic_compare_exchange_weak_explicit(list, &first, (first & ~(uint64_t)UINT32_MAX) | grains,
                                                    memory_order_release, memory_order_relaxed));
}

size_t cairn_own_size(const void *block)
{
    return ((const struct header *)block - 1)->size;
}
