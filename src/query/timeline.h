/* Allocations over time: `cairn timeline`, and the curve above the viewer's screens. */
#ifndef CAIRN_QUERY_TIMELINE_H
#define CAIRN_QUERY_TIMELINE_H

#include "query/moment.h"
#include "query/selection.h"

struct cairn_rate_point {
    int64_t t_ns, heap_bytes, heap_blocks, heap_max_bytes, mapped_bytes;
    int64_t rss_bytes; /* or CAIRN_UNKNOWN, as blocks and mapped bytes of an imported trace */
    double allocations_per_s, frees_per_s; /* NaN: not known */
};

/* About `wanted` points over the span (never more than twice as many); the caller frees `points`. */
CAIRN_MUST_CHECK enum cairn_status cairn_timeline(struct cairn_trace *trace, const struct cairn_span *span,
                                                  size_t wanted, struct cairn_rate_point **points,
                                                  size_t *count, struct cairn_error *error);

#endif
