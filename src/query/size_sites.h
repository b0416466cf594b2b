/* Who allocates blocks of one size: the places behind a row of `cairn sizes`. */
#ifndef CAIRN_QUERY_SIZE_SITES_H
#define CAIRN_QUERY_SIZE_SITES_H

#include "query/selection.h"

struct cairn_size_site {
    struct cairn_site site;
    int64_t allocations, live, temporary; /* blocks of that size */
    uint32_t stack;                       /* the one that made most of them */
};

struct cairn_size_sites {
    struct cairn_size_site *rows; /* by allocations, then by name */
    size_t row_count;
    struct cairn_arena arena;
};

/* Of the bucket of sizes from `size_low` on (a cairn_sizes_row's), grouped as the selection has it; over the whole recording. */
CAIRN_MUST_CHECK enum cairn_status cairn_size_sites(struct cairn_trace *trace,
                                                    const struct cairn_selection *selection, int64_t size_low,
                                                    struct cairn_size_sites *sites,
                                                    struct cairn_error *error);
void cairn_size_sites_release(struct cairn_size_sites *sites);

#endif
