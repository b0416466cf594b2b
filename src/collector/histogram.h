/* Size × lifetime counts of every account, kept as the cells that are in use only. Not thread-safe. */
#ifndef CAIRN_COLLECTOR_HISTOGRAM_H
#define CAIRN_COLLECTOR_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/event.h"

/* Births of a size (lifetime bucket CAIRN_LIFETIME_LIVE) or deaths of a size and lifetime. */
struct cairn_histogram_count {
    uint64_t blocks; /* 48 bits; above them the key: size bucket << 6 | lifetime bucket, + 1; 0: unused */
    uint64_t temporary;
};
#define CAIRN_HISTOGRAM_BLOCK_BITS 48u

static inline uint32_t cairn_histogram_key(const struct cairn_histogram_count *count)
{
    return (uint32_t)(count->blocks >> CAIRN_HISTOGRAM_BLOCK_BITS);
}

static inline uint32_t cairn_histogram_birth_key(uint64_t size)
{
    return (cairn_size_bucket(size) << 6 | CAIRN_LIFETIME_LIVE) + 1;
}

static inline uint32_t cairn_histogram_death_key(uint64_t size, uint8_t lifetime_bucket)
{
    return (cairn_size_bucket(size) << 6 | lifetime_bucket) + 1;
}

/* One account's: a hash with open addressing that starts with one cache line. Zero-initialise. */
struct cairn_histogram {
    struct cairn_histogram_count *counts;
    uint16_t mask; /* slots − 1 */
    uint16_t used;
};

void cairn_histogram_release(struct cairn_histogram *histogram);
/* The count of that key, made when it is new; NULL when memory ran out. */
struct cairn_histogram_count *cairn_histogram_count(struct cairn_histogram *histogram, uint32_t key);

static inline uint32_t cairn_histogram_place(uint32_t key, uint32_t mask)
{
    return (key * 0x9e3779b1u >> 16) & mask;
}

/* The same, where there is one; NULL: not yet. */
static inline struct cairn_histogram_count *cairn_histogram_find(const struct cairn_histogram *histogram,
                                                                 uint32_t key)
{
    if (__builtin_expect(histogram->counts == NULL, 0)) {
        return NULL;
    }
    for (uint32_t at = cairn_histogram_place(key, histogram->mask);; at = (at + 1) & histogram->mask) {
        struct cairn_histogram_count *count = &histogram->counts[at];
        if (__builtin_expect(cairn_histogram_key(count) == key, 1)) {
            return count;
        }
        if (cairn_histogram_key(count) == 0) {
            return NULL;
        }
    }
}

/* Blocks more, and of them so many temporary ones. What is more than a count holds is left out: it must not reach the key. */
static inline void cairn_histogram_add(struct cairn_histogram_count *count, uint64_t blocks,
                                       uint64_t temporary)
{
    const uint64_t room = ~count->blocks & ((UINT64_C(1) << CAIRN_HISTOGRAM_BLOCK_BITS) - 1);
    count->blocks += blocks < room ? blocks : room;
    count->temporary += temporary;
}

/* The cells that are not zero, live blocks as CAIRN_LIFETIME_LIVE; `cells` has room for all there can be. Returns how
 * many. */
size_t cairn_histogram_cells(const struct cairn_histogram *histogram, struct cairn_histogram_cell *cells);

#endif
