/* The heap of a span at evenly spread points: for sparklines, growth, and "grew in 27 of 30 steps". Internal to query.
 *
 * The recording's peak stands for the point inside the span that is nearest to it, up to half a step away: what is shown as live
 * there would have no trend if it is a burst.
 * Where a snapshot lies within a quarter of a step of a point it stands for it, for its rows are cheaper than a state. */
#ifndef CAIRN_QUERY_SERIES_H
#define CAIRN_QUERY_SERIES_H

#include "query/moment.h"
#include "query/selection.h"

struct cairn_series_point {
    uint64_t position;
    int64_t t_ns;
    uint32_t snapshot;                /* 0: a state */
    struct cairn_snapshot_site *rows; /* owned; NULL: not loaded */
    size_t row_count;
};

#define CAIRN_SERIES_GIVEN 0 /* `wanted` of one whose points were given */

struct cairn_series {
    struct cairn_trace *trace; /* borrowed */
    uint64_t from, to;         /* positions of the span, what it was made for */
    enum cairn_memory memory;
    size_t wanted;
    struct cairn_series_point *points;
    size_t count;       /* of distinct moments, at most `wanted` */
    uint32_t *point_of; /* by wanted point: the one that stands for it */
    size_t kept_bytes;
    size_t left_out; /* of given points: moments whose states are not known to the event */
};

/* `wanted` (at least 2) points over the span, both ends among them. */
CAIRN_MUST_CHECK enum cairn_status cairn_series_new(struct cairn_trace *trace, const struct cairn_span *span,
                                                    size_t wanted, enum cairn_memory memory,
                                                    struct cairn_series **series, struct cairn_error *error);
/* Of given points (position, t_ns and snapshot set, in order), which it copies. */
CAIRN_MUST_CHECK enum cairn_status cairn_series_of(struct cairn_trace *trace,
                                                   const struct cairn_series_point *points, size_t count,
                                                   enum cairn_memory memory, struct cairn_series **series,
                                                   struct cairn_error *error);
void cairn_series_free(struct cairn_series *series);
/* What was live at a point, per account (of heap accounts, or of all with CAIRN_MEMORY_MAPPED). Borrowed until the next
 * call: points are kept within a bound of memory. */
CAIRN_MUST_CHECK enum cairn_status cairn_series_rows(struct cairn_series *series, size_t point,
                                                     const struct cairn_snapshot_site **rows, size_t *count,
                                                     struct cairn_error *error);

#endif
