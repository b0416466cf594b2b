/* The moments that growth is judged by. Internal to query.
 *
 * Half of them are evenly spread over time and half over events: a server leaks by the hour, a script within the busy
 * milliseconds at its end, and both must be seen. Where nothing happens there are none. */
#ifndef CAIRN_QUERY_GROWTH_POINTS_H
#define CAIRN_QUERY_GROWTH_POINTS_H

#include "query/series.h"

/* In the last two thirds of the span. Where that is the end of the recording the moments stop at the largest heap of its
 * last part: what comes behind is a program that takes down what it built. The caller frees `series`. */
CAIRN_MUST_CHECK enum cairn_status cairn_growth_points(struct cairn_trace *trace,
                                                       const struct cairn_span *span,
                                                       enum cairn_memory memory, struct cairn_series **series,
                                                       struct cairn_error *error);
/* The positions that choice looks at: a copy that keeps them answers the same. The caller frees `positions`. */
CAIRN_MUST_CHECK enum cairn_status cairn_growth_positions(struct cairn_trace *trace,
                                                          const struct cairn_span *span, uint64_t **positions,
                                                          size_t *count, struct cairn_error *error);

#endif
