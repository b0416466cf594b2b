/* The order of rows: by a key, largest first, ties by name. Internal to query. */
#ifndef CAIRN_QUERY_RANK_H
#define CAIRN_QUERY_RANK_H

#include "query/selection.h"

struct cairn_rank {
    const struct cairn_selection *selection;
    const struct cairn_site *sites;
    const struct cairn_counts *counts; /* beside `sites` */
};

/* Sorts indexes into the two arrays. Keys that only diffs have stand for the metric. */
void cairn_rank_sort(const struct cairn_rank *rank, uint32_t *indexes, size_t count);

/* The part of `count` rows that offset and limit leave: [*first, *first + returned). */
size_t cairn_rank_slice(const struct cairn_selection *selection, size_t count, size_t *first);

#endif
