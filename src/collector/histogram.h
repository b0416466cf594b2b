/* Size × lifetime counts of every account, kept as the cells that are in use only. Not thread-safe. */
#ifndef CAIRN_COLLECTOR_HISTOGRAM_H
#define CAIRN_COLLECTOR_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/event.h"

/* Births of a size (lifetime bucket CAIRN_LIFETIME_LIVE) or deaths of a size and lifetime. */
struct cairn_histogram_count {
    uint64_t blocks : 48;
    uint64_t key : 16; /* size bucket << 6 | lifetime bucket, + 1; 0: unused */
    uint64_t temporary;
};

/* One account's: a hash with open addressing that starts with one cache line. Zero-initialise. */
struct cairn_histogram {
    struct cairn_histogram_count *counts;
    uint16_t mask; /* slots − 1 */
    uint16_t used;
    uint16_t born, died; /* the slots of the last birth and death */
};

void cairn_histogram_release(struct cairn_histogram *histogram);
/* The count of that key, made when it is new; NULL when memory ran out. */
struct cairn_histogram_count *cairn_histogram_count(struct cairn_histogram *histogram, uint32_t key);

/* The same, where it most likely is the one at `*last`, which is set. */
static inline struct cairn_histogram_count *cairn_histogram_again(struct cairn_histogram *histogram,
                                                                  uint32_t key, uint16_t *last)
{
    if (__builtin_expect(histogram->counts != NULL && histogram->counts[*last].key == key, 1)) {
        return &histogram->counts[*last];
    }
    struct cairn_histogram_count *count = cairn_histogram_count(histogram, key);
    *last = count ? (uint16_t)(count - histogram->counts) : 0;
    return count;
}

/* Blocks of that size were born. False when memory ran out. */
static inline bool cairn_histogram_birth(struct cairn_histogram *histogram, uint64_t size, uint64_t blocks)
{
    struct cairn_histogram_count *count = cairn_histogram_again(
        histogram, (cairn_size_bucket(size) << 6 | CAIRN_LIFETIME_LIVE) + 1, &histogram->born);
    if (count) {
        count->blocks += blocks & ((UINT64_C(1) << 48) - 1);
    }
    return count != NULL;
}

/* They died. */
static inline bool cairn_histogram_death(struct cairn_histogram *histogram, uint64_t size,
                                         uint8_t lifetime_bucket, uint64_t blocks, bool temporary)
{
    struct cairn_histogram_count *count = cairn_histogram_again(
        histogram, (cairn_size_bucket(size) << 6 | lifetime_bucket) + 1, &histogram->died);
    if (count) {
        count->blocks += blocks & ((UINT64_C(1) << 48) - 1);
        count->temporary += temporary ? blocks : 0;
    }
    return count != NULL;
}

/* The cells that are not zero, live blocks as CAIRN_LIFETIME_LIVE; `cells` has room for all there can be. Returns how
 * many. */
size_t cairn_histogram_cells(const struct cairn_histogram *histogram, struct cairn_histogram_cell *cells);

#endif
