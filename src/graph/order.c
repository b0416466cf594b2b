#include "graph/order.h"

#include <stdlib.h>

#define DIGIT_BITS 11u
#define DIGITS     (1u << DIGIT_BITS)

struct keys {
    uint64_t (*of)(const void *state, uint32_t index);
    const void *state;
};

/* The bits in which keys differ: digits without any need no pass. */
static uint64_t differences(const struct keys *keys, uint32_t count)
{
    uint64_t found = 0;
    for (uint32_t i = 1; i < count; i++) {
        found |= keys->of(keys->state, i) ^ keys->of(keys->state, 0);
    }
    return found;
}

static void distribute(const struct keys *keys, const uint32_t *from, uint32_t *to, uint32_t count,
                       unsigned shift)
{
    uint32_t starts[DIGITS] = {0};
    for (uint32_t i = 0; i < count; i++) {
        starts[keys->of(keys->state, i) >> shift & (DIGITS - 1)]++;
    }
    uint32_t start = 0;
    for (size_t digit = 0; digit < DIGITS; digit++) {
        const uint32_t here = starts[digit];
        starts[digit] = start;
        start += here;
    }
    for (uint32_t i = 0; i < count; i++) {
        to[starts[keys->of(keys->state, from[i]) >> shift & (DIGITS - 1)]++] = from[i];
    }
}

enum cairn_status cairn_order(uint32_t count, uint64_t (*key_of)(const void *state, uint32_t index),
                              const void *state, uint32_t **order, struct cairn_error *error)
{
    const struct keys keys = {.of = key_of, .state = state};
    uint32_t *from = malloc(((size_t)count + 1) * sizeof *from);
    uint32_t *to = malloc(((size_t)count + 1) * sizeof *to);
    if (!from || !to) {
        free(from);
        free(to);
        return cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory to sort %u objects", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        from[i] = i;
    }
    const uint64_t differ = differences(&keys, count);
    for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
        if (differ >> shift & (DIGITS - 1)) {
            distribute(&keys, from, to, count, shift);
            uint32_t *const sorted = to;
            to = from;
            from = sorted;
        }
    }
    free(to);
    *order = from;
    return CAIRN_OK;
}
