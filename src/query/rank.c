#include "query/rank.h"

#include <stdlib.h>

#include "query/site_label.h"

static int64_t value_of(const struct cairn_selection *selection, const struct cairn_counts *counts)
{
    switch (selection->sort) {
    case CAIRN_SORT_LIVE_BYTES:
        return counts->live_bytes;
    case CAIRN_SORT_LIVE_BLOCKS:
        return counts->live_blocks;
    case CAIRN_SORT_ALLOCATED_BYTES:
        return counts->allocated_bytes;
    case CAIRN_SORT_ALLOCATIONS:
        return counts->allocations;
    case CAIRN_SORT_REALLOCS:
        return counts->reallocs;
    case CAIRN_SORT_TEMPORARY:
        return counts->temporary;
    case CAIRN_SORT_PEAK_BYTES:
        return counts->peak_bytes;
    case CAIRN_SORT_NAME:
        return 0;
    default:
        return cairn_counts_metric(counts, selection->metric);
    }
}

static int compare(const void *left, const void *right, void *state)
{
    const struct cairn_rank *rank = state;
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct cairn_selection *selection = rank->selection;
    const int64_t value_a = value_of(selection, &rank->counts[a]),
                  value_b = value_of(selection, &rank->counts[b]);
    if (value_a != value_b) {
        return (value_a < value_b) == !selection->reverse ? 1 : -1;
    }
    const int by_name = cairn_site_compare(&rank->sites[a], &rank->sites[b]);
    return selection->sort == CAIRN_SORT_NAME && selection->reverse ? -by_name : by_name;
}

void cairn_rank_sort(const struct cairn_rank *rank, uint32_t *indexes, size_t count)
{
    struct cairn_rank state = *rank;
    qsort_r(indexes, count, sizeof(*indexes), compare, &state);
}

size_t cairn_rank_slice(const struct cairn_selection *selection, size_t count, size_t *first)
{
    *first = selection->offset < count ? selection->offset : count;
    const size_t left = count - *first;
    return selection->limit && selection->limit < left ? selection->limit : left;
}
