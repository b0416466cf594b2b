/* Allocations over time: `cairn timeline`, and the curve above the viewer's screens. */
#ifndef CAIRN_QUERY_TIMELINE_H
#define CAIRN_QUERY_TIMELINE_H

#include "query/moment.h"
#include "query/selection.h"

struct cairn_rate_point {
    int64_t t_ns, heap_bytes, heap_blocks, heap_max_bytes, mapped_bytes;
    int64_t rss_bytes;          /* or CAIRN_UNKNOWN, as blocks and mapped bytes of an imported trace */
    int64_t allocations, frees; /* within the point's interval; or CAIRN_UNKNOWN */
    double allocations_per_s, frees_per_s; /* of that interval; NaN: not known */
};

/* About `wanted` points over the span (never more than twice as many); the caller frees `points`. */
CAIRN_MUST_CHECK enum cairn_status cairn_timeline(struct cairn_trace *trace, const struct cairn_span *span,
                                                  size_t wanted, struct cairn_rate_point **points,
                                                  size_t *count, struct cairn_error *error);
/* Joins neighbours until at most `most` (at least 1) points are left, in place; returns how many. `from_ns` is where the first
 * one's interval begins. A point stands at the end of its interval: what was allocated in it counts per second of all of
 * it, pauses included, and the largest heap is that within it. */
size_t cairn_timeline_join(struct cairn_rate_point *points, size_t count, size_t most, int64_t from_ns);

#endif
