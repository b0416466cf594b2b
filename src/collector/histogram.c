#include "collector/histogram.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 4u
#define BLOCKS      ((UINT64_C(1) << CAIRN_HISTOGRAM_BLOCK_BITS) - 1)

void cairn_histogram_release(struct cairn_histogram *histogram)
{
    free(histogram->counts);
    *histogram = (struct cairn_histogram){.counts = NULL};
}

static struct cairn_histogram_count *slot_for(struct cairn_histogram_count *counts, uint32_t mask,
                                              uint32_t key)
{
    uint32_t at = cairn_histogram_place(key, mask);
    while (cairn_histogram_key(&counts[at]) != key && counts[at].blocks != 0) {
        at = (at + 1) & mask;
    }
    return &counts[at];
}

static bool grow(struct cairn_histogram *histogram)
{
    const uint32_t slots = histogram->counts ? (histogram->mask + 1u) * 2 : FIRST_SLOTS;
    struct cairn_histogram_count *counts = calloc(slots, sizeof *counts);
    if (!counts) {
        return false;
    }
    for (uint32_t i = 0; histogram->counts && i <= histogram->mask; i++) {
        const uint32_t key = cairn_histogram_key(&histogram->counts[i]);
        if (key) {
            *slot_for(counts, slots - 1, key) = histogram->counts[i];
        }
    }
    free(histogram->counts);
    histogram->counts = counts;
    histogram->mask = (uint16_t)(slots - 1);
    return true;
}

struct cairn_histogram_count *cairn_histogram_count(struct cairn_histogram *histogram, uint32_t key)
{
    struct cairn_histogram_count *known = cairn_histogram_find(histogram, key);
    if (known) {
        return known;
    }
    /* At most three quarters full, so that a search ends. */
    if ((!histogram->counts || histogram->used + 1u > (histogram->mask + 1u) / 4 * 3) && !grow(histogram)) {
        return NULL;
    }
    struct cairn_histogram_count *count = slot_for(histogram->counts, histogram->mask, key);
    count->blocks = (uint64_t)key << CAIRN_HISTOGRAM_BLOCK_BITS;
    histogram->used++;
    return count;
}

size_t cairn_histogram_cells(const struct cairn_histogram *histogram, struct cairn_histogram_cell *cells)
{
    uint64_t deaths[CAIRN_SIZE_BUCKETS] = {0};
    size_t count = 0;
    if (!histogram->counts) {
        return 0;
    }
    for (uint32_t i = 0; i <= histogram->mask; i++) {
        const struct cairn_histogram_count *one = &histogram->counts[i];
        const unsigned key = cairn_histogram_key(one) - 1;
        const uint64_t blocks = one->blocks & BLOCKS;
        if (one->blocks && (key & 63) != CAIRN_LIFETIME_LIVE) {
            deaths[key >> 6] += blocks;
            cells[count++] = (struct cairn_histogram_cell){.size_bucket = (uint8_t)(key >> 6),
                                                           .lifetime_bucket = (uint8_t)(key & 63),
                                                           .blocks = blocks,
                                                           .temporary = one->temporary};
        }
    }
    for (uint32_t i = 0; i <= histogram->mask; i++) {
        const struct cairn_histogram_count *one = &histogram->counts[i];
        const unsigned key = cairn_histogram_key(one) - 1;
        const uint64_t blocks = one->blocks & BLOCKS;
        if (one->blocks && (key & 63) == CAIRN_LIFETIME_LIVE && blocks > deaths[key >> 6]) {
            cells[count++] = (struct cairn_histogram_cell){.size_bucket = (uint8_t)(key >> 6),
                                                           .lifetime_bucket = CAIRN_LIFETIME_LIVE,
                                                           .blocks = blocks - deaths[key >> 6]};
        }
    }
    return count;
}
