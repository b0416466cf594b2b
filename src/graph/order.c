#include "graph/order.h"

#include <stdbool.h>
#include <stdlib.h>

#define DIGIT_BITS 11u
#define DIGITS     (1u << DIGIT_BITS)

/* Keys with the indexes that they belong to, beside each other: no pass looks a key up through its index. */
struct items {
    uint64_t *keys;
    uint32_t *indexes;
};

static bool allocate(struct items *items, uint32_t count)
{
    items->keys = malloc(((size_t)count + 1) * sizeof *items->keys);
    items->indexes = malloc(((size_t)count + 1) * sizeof *items->indexes);
    return items->keys && items->indexes;
}

static void release(struct items *items)
{
    free(items->keys);
    free(items->indexes);
}

static void distribute(const struct items *from, const struct items *to, uint32_t count, unsigned shift)
{
    uint32_t starts[DIGITS] = {0};
    for (uint32_t i = 0; i < count; i++) {
        starts[from->keys[i] >> shift & (DIGITS - 1)]++;
    }
    uint32_t start = 0;
    for (size_t digit = 0; digit < DIGITS; digit++) {
        const uint32_t here = starts[digit];
        starts[digit] = start;
        start += here;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = starts[from->keys[i] >> shift & (DIGITS - 1)]++;
        to->keys[at] = from->keys[i];
        to->indexes[at] = from->indexes[i];
    }
}

/* `differ`: the bits in which keys differ. Digits without any need no pass. */
static void sort(struct items *items, struct items *spare, uint32_t count, uint64_t differ)
{
    for (unsigned shift = differ ? (unsigned)__builtin_ctzll(differ) : 64; shift < 64; shift += DIGIT_BITS) {
        if (differ >> shift & (DIGITS - 1)) {
            distribute(items, spare, count, shift);
            const struct items sorted = *spare;
            *spare = *items;
            *items = sorted;
        }
    }
}

enum cairn_status cairn_order(uint32_t count, uint64_t (*key_of)(const void *state, uint32_t index),
                              const void *state, uint32_t **order, struct cairn_error *error)
{
    struct items items = {.keys = NULL}, spare = {.keys = NULL};
    if (!allocate(&items, count) || !allocate(&spare, count)) {
        release(&items);
        release(&spare);
        return cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory to sort %u objects", count);
    }
    uint64_t differ = 0;
    for (uint32_t i = 0; i < count; i++) {
        items.keys[i] = key_of(state, i);
        items.indexes[i] = i;
        differ |= items.keys[i] ^ items.keys[0];
    }
    sort(&items, &spare, count, differ);
    release(&spare);
    free(items.keys);
    *order = items.indexes;
    return CAIRN_OK;
}
