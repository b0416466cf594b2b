#include "query/timeline.h"

#include <math.h>
#include <stdlib.h>

#include "query/no_memory.h"
#include "query/sum.h"

/* Quiet intervals have no point, so a point's own interval is not the way to the one before: it is the shortest way
 * between two. The last point stands where the recording ended and may be nearer. */
static int64_t interval_of(const struct cairn_timeline_point *points, size_t count)
{
    int64_t shortest = INT64_MAX;
    for (size_t i = 1; i + 1 < count; i++) {
        const int64_t between = cairn_difference(points[i].t_ns, points[i - 1].t_ns);
        shortest = between > 0 && between < shortest ? between : shortest;
    }
    return shortest;
}

static double rate(int64_t count, double seconds)
{
    return count == CAIRN_UNKNOWN ? NAN : seconds > 0 ? (double)count / seconds : 0;
}

static void fill(const struct cairn_timeline_point *from, size_t count, int64_t interval_ns,
                 struct cairn_rate_point *to)
{
    int64_t before_ns = 0; /* the recording's start: nothing was counted earlier */
    for (size_t i = 0; i < count; i++) {
        const struct cairn_timeline_point *point = &from[i];
        int64_t length_ns = cairn_difference(point->t_ns, before_ns);
        length_ns = length_ns > interval_ns ? interval_ns : length_ns;
        const double seconds = length_ns > 0 ? (double)length_ns / 1e9 : 0;
        to[i] = (struct cairn_rate_point){
            .t_ns = point->t_ns,
            .heap_bytes = point->heap_bytes,
            .heap_blocks = point->heap_blocks,
            .heap_max_bytes = point->heap_max_bytes,
            .mapped_bytes = point->mapped_bytes,
            .rss_bytes = point->rss_bytes,
            .allocations = point->allocations,
            .frees = point->frees,
            .allocations_per_s = rate(point->allocations, seconds),
            .frees_per_s = rate(point->frees, seconds),
        };
        before_ns = point->t_ns;
    }
}

/* `to` is the next point, and takes in what `from` counted. */
static void take_in(struct cairn_rate_point *to, const struct cairn_rate_point *from)
{
    if (to->allocations != CAIRN_UNKNOWN && from->allocations != CAIRN_UNKNOWN) {
        cairn_add(&to->allocations, from->allocations);
        cairn_add(&to->frees, from->frees);
    }
    if (from->heap_max_bytes > to->heap_max_bytes) {
        to->heap_max_bytes = from->heap_max_bytes;
    }
    if (to->rss_bytes == CAIRN_UNKNOWN) {
        to->rss_bytes = from->rss_bytes;
    }
}

size_t cairn_timeline_join(struct cairn_rate_point *points, size_t count, size_t most, int64_t from_ns)
{
    if (count <= most) {
        return count;
    }
    size_t next = 0;
    for (size_t kept = 0; kept < most; kept++) {
        const size_t end = (kept + 1) * count / most;
        struct cairn_rate_point joined = points[next++];
        while (next < end) {
            struct cairn_rate_point point = points[next++];
            take_in(&point, &joined);
            joined = point;
        }
        const double seconds = (double)cairn_difference(joined.t_ns, from_ns) / 1e9;
        joined.allocations_per_s = rate(joined.allocations, seconds);
        joined.frees_per_s = rate(joined.frees, seconds);
        from_ns = joined.t_ns;
        points[kept] = joined;
    }
    return most;
}

enum cairn_status cairn_timeline(struct cairn_trace *trace, const struct cairn_span *span, size_t wanted,
                                 struct cairn_rate_point **points, size_t *count, struct cairn_error *error)
{
    struct cairn_timeline_point *rows;
    size_t row_count;
    const enum cairn_status status = cairn_trace_timeline(trace, span->from.t_ns, span->to.t_ns,
                                                          wanted ? wanted : 1, &rows, &row_count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_rate_point *made = calloc(row_count + 1, sizeof(*made));
    if (made) {
        fill(rows, row_count, interval_of(rows, row_count), made);
    }
    free(rows);
    if (!made) {
        return cairn_no_memory(error, "the timeline");
    }
    *points = made;
    *count = cairn_timeline_join(made, row_count, (wanted ? wanted : 1) * 2, span->from.t_ns);
    return CAIRN_OK;
}
