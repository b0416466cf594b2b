#include "query/timeline.h"

#include <math.h>
#include <stdlib.h>

#include "query/no_memory.h"
#include "query/sum.h"

/* Joins `group` neighbours into one: rates add up, the largest heap counts, the rest is the last one's. */
static size_t join_points(struct cairn_timeline_point *points, size_t count, size_t group)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i += group) {
        struct cairn_timeline_point joined = points[i];
        for (size_t k = i + 1; k < count && k < i + group; k++) {
            const struct cairn_timeline_point before = joined;
            joined = points[k];
            if (before.allocations != CAIRN_UNKNOWN) {
                cairn_add(&joined.allocations, before.allocations);
                cairn_add(&joined.frees, before.frees);
            }
            if (before.heap_max_bytes > joined.heap_max_bytes) {
                joined.heap_max_bytes = before.heap_max_bytes;
            }
            if (joined.rss_bytes == CAIRN_UNKNOWN) {
                joined.rss_bytes = before.rss_bytes;
            }
        }
        points[kept++] = joined;
    }
    return kept;
}

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
            .allocations_per_s = rate(point->allocations, seconds),
            .frees_per_s = rate(point->frees, seconds),
        };
        before_ns = point->t_ns;
    }
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
    const size_t limit = (wanted ? wanted : 1) * 2;
    int64_t interval_ns = interval_of(rows, row_count);
    if (row_count > limit) {
        row_count = join_points(rows, row_count, (row_count + limit - 1) / limit);
        interval_ns = interval_of(rows, row_count);
    }
    struct cairn_rate_point *made = calloc(row_count + 1, sizeof(*made));
    if (made) {
        fill(rows, row_count, interval_ns, made);
    }
    free(rows);
    if (!made) {
        return cairn_no_memory(error, "the timeline");
    }
    *points = made;
    *count = row_count;
    return CAIRN_OK;
}
