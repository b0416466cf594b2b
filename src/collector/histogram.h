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
};

void cairn_histogram_release(struct cairn_histogram *histogram);
/* Blocks of that size were born. False when memory ran out. */
bool cairn_histogram_birth(struct cairn_histogram *histogram, uint64_t size, uint64_t blocks);
/* They died. */
bool cairn_histogram_death(struct cairn_histogram *histogram, uint64_t size, uint8_t lifetime_bucket,
                           uint64_t blocks, bool temporary);
/* The cells that are not zero, live blocks as CAIRN_LIFETIME_LIVE; `cells` has room for all there can be. Returns how
 * many. */
size_t cairn_histogram_cells(const struct cairn_histogram *histogram, struct cairn_histogram_cell *cells);

#endif
