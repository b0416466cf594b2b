/* What a block counts for in the sums of a recording: itself, or, where it is one of a sample, all those that it stands for
 * (Horvitz-Thompson). Poisson sampling takes a block of s bytes with p = 1 − exp(−max(s, 1) / N), so it counts for
 * 1 / p blocks and s / p bytes, and its share of the sums' variance is s² (1 − p) / p².
 *
 * Rounded to integers without bias: up or down by a number that is made of the block's birth. So recorder and readers, and the
 * event that makes the block and the one that ends it, all say the same. Events keep the real sizes. */
#ifndef CAIRN_TRACE_WEIGHT_H
#define CAIRN_TRACE_WEIGHT_H

#include <stdint.h>

#include "trace/rows.h"

struct cairn_weight {
    int64_t bytes, blocks;
    int64_t variance; /* of the bytes, in units of N bytes² per byte: bytes² / N */
};

/* `sample_bytes` is N; 0 or less: every block was recorded, and counts for itself. `birth` is the ordinal of the event that
 * made the block (ALLOC, REALLOC, ADOPT). The same on every machine. */
struct cairn_weight cairn_weigh(int64_t sample_bytes, uint64_t size, uint64_t birth);

/* The same of a block of that domain: address space is never sampled. */
static inline struct cairn_weight cairn_weigh_in(int64_t sample_bytes, uint32_t domain, uint64_t size,
                                                 uint64_t birth)
{
    return cairn_weigh(domain <= CAIRN_DOMAIN_LAST_HEAP ? sample_bytes : 0, size, birth);
}

/* The variance of live(B) − live(A), B being the later moment, from the variances of both and of what was born in between and
 * lives at B: blocks that both hold take themselves away. */
static inline int64_t cairn_change_variance(int64_t at_a, int64_t at_b, int64_t survived)
{
    return (int64_t)((uint64_t)at_a - (uint64_t)at_b + 2 * (uint64_t)survived);
}

/* One standard deviation in bytes of sums whose variances, as above, add up to `variance`. */
int64_t cairn_standard_error(int64_t sample_bytes, int64_t variance);

#endif
