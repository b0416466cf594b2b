/* Size × lifetime histogram and temporary allocations: `cairn sizes`. */
#ifndef CAIRN_QUERY_SIZES_H
#define CAIRN_QUERY_SIZES_H

#include "query/moment.h"
#include "query/selection.h"

struct cairn_lifetime_cell {
    int64_t below_ns; /* lifetimes below this and not below the cell before; INT64_MAX: longer */
    int64_t blocks;
};

struct cairn_sizes_row {
    int64_t size_low, size_high; /* inclusive bounds of the bucket */
    int64_t allocations, frees, live, temporary;
    struct cairn_lifetime_cell lifetimes[CAIRN_LIFETIME_BUCKETS];
    size_t lifetime_count;
};

struct cairn_sizes {
    struct cairn_sizes_row *rows;
    size_t row_count;
    struct cairn_arena arena;
};

/* Over the whole recording (the trace keeps the counts a stack); the selection's process, thread, filter, lang apply. */
CAIRN_MUST_CHECK enum cairn_status cairn_sizes(struct cairn_trace *trace,
                                               const struct cairn_selection *selection,
                                               struct cairn_sizes *sizes, struct cairn_error *error);
void cairn_sizes_release(struct cairn_sizes *sizes);

#endif
