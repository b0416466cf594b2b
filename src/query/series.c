#include "query/series.h"

#include <stdlib.h>
#include <string.h>

#include "query/no_memory.h"
#include "query/sum.h"

#define KEPT_BYTES_LIMIT ((size_t)32 << 20)

void cairn_series_free(struct cairn_series *series)
{
    if (!series) {
        return;
    }
    for (size_t i = 0; i < series->count; i++) {
        free(series->points[i].rows);
    }
    free(series->points);
    free(series->point_of);
    free(series);
}

/* The snapshot nearest to t_ns within `reach_ns` and the span; NULL: none. Snapshots are in order of time. */
static enum cairn_status nearest(const struct cairn_series *series, const struct cairn_snapshot *snapshots,
                                 size_t count, int64_t t_ns, uint64_t reach_ns,
                                 const struct cairn_snapshot **found, struct cairn_error *error)
{
    enum cairn_status status = CAIRN_OK;
    *found = NULL;
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        const uint64_t away_ns = cairn_apart(snapshots[i].t_ns, t_ns);
        bool has = false;
        if (away_ns <= reach_ns && snapshots[i].event >= series->from && snapshots[i].event <= series->to) {
            status = cairn_trace_has_sites(series->trace, &snapshots[i], &has, error);
        }
        if (has) {
            reach_ns = away_ns;
            *found = &snapshots[i];
        }
    }
    return status;
}

/* The recording's peak, where its snapshot lies within the span: a burst between two points is seen by it alone. */
static const struct cairn_snapshot *find_peak(const struct cairn_series *series,
                                              const struct cairn_snapshot *snapshots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(snapshots[i].kind, "peak") == 0 && snapshots[i].event > series->from &&
            snapshots[i].event < series->to) {
            return &snapshots[i];
        }
    }
    return NULL;
}

static enum cairn_status add_point(struct cairn_series *series, int64_t t_ns,
                                   const struct cairn_snapshot *snapshot, struct cairn_error *error)
{
    struct cairn_series_point point = {.t_ns = t_ns};
    if (snapshot) {
        point.t_ns = snapshot->t_ns;
        point.position = snapshot->event;
        point.snapshot = snapshot->snapshot;
    } else {
        const enum cairn_status status = cairn_trace_position_at(series->trace, t_ns, &point.position, error);
        if (status != CAIRN_OK) {
            return status;
        }
        point.position = point.position < series->from ? series->from : point.position;
        point.position = point.position > series->to ? series->to : point.position;
    }
    const struct cairn_series_point *last = series->count ? &series->points[series->count - 1] : NULL;
    if (!last || point.t_ns > last->t_ns) {
        series->points[series->count++] = point;
    }
    return CAIRN_OK;
}

static enum cairn_status choose_points(struct cairn_series *series, const struct cairn_span *span,
                                       struct cairn_error *error)
{
    const struct cairn_snapshot *snapshots;
    size_t count;
    enum cairn_status status = cairn_trace_snapshots(series->trace, &snapshots, &count, error);
    const int64_t length_ns = cairn_difference(span->to.t_ns, span->from.t_ns);
    const int64_t steps = (int64_t)series->wanted - 1;
    const uint64_t reach_ns = cairn_apart(span->to.t_ns, span->from.t_ns) / (uint64_t)steps / 4;
    const struct cairn_snapshot *peak = status == CAIRN_OK && series->memory == CAIRN_MEMORY_HEAP
                                            ? find_peak(series, snapshots, count)
                                            : NULL;
    for (int64_t i = 0; status == CAIRN_OK && i <= steps; i++) {
        const int64_t t_ns = span->from.t_ns + cairn_parts(length_ns, i, steps);
        const struct cairn_snapshot *snapshot = NULL;
        if (series->memory == CAIRN_MEMORY_HEAP && i > 0 && i < steps) {
            const bool is_peak = peak && cairn_apart(peak->t_ns, t_ns) <= 2 * reach_ns;
            if (is_peak) {
                snapshot = peak;
                peak = NULL; /* for one point, also half-way between two */
            } else {
                status = nearest(series, snapshots, count, t_ns, reach_ns, &snapshot, error);
            }
        }
        if (status == CAIRN_OK) {
            status = add_point(series, t_ns, snapshot, error);
        }
        if (status == CAIRN_OK) {
            series->point_of[i] = (uint32_t)series->count - 1;
        }
    }
    if (status == CAIRN_OK) {
        /* The ends are moments with positions of their own: "end" stands before the processes' END events. */
        series->points[0].position = span->from.position;
        if (series->count > 1) {
            series->points[series->count - 1].position = span->to.position;
        }
    }
    return status;
}

enum cairn_status cairn_series_new(struct cairn_trace *trace, const struct cairn_span *span, size_t wanted,
                                   enum cairn_memory memory, struct cairn_series **series,
                                   struct cairn_error *error)
{
    struct cairn_series *made = calloc(1, sizeof(*made));
    if (made) {
        *made = (struct cairn_series){.trace = trace,
                                      .from = span->from.position,
                                      .to = span->to.position,
                                      .memory = memory,
                                      .wanted = wanted < 2 ? 2 : wanted};
        made->points = calloc(made->wanted, sizeof(*made->points));
        made->point_of = calloc(made->wanted, sizeof(*made->point_of));
    }
    enum cairn_status status = CAIRN_OK;
    if (!made || !made->points || !made->point_of) {
        status = cairn_no_memory(error, "the trend");
    }
    if (status == CAIRN_OK) {
        status = choose_points(made, span, error);
    }
    if (status != CAIRN_OK) {
        cairn_series_free(made);
        return status;
    }
    *series = made;
    return CAIRN_OK;
}

enum cairn_status cairn_series_of(struct cairn_trace *trace, const struct cairn_series_point *points,
                                  size_t count, enum cairn_memory memory, struct cairn_series **series,
                                  struct cairn_error *error)
{
    struct cairn_series *made = calloc(1, sizeof(*made));
    if (made) {
        *made = (struct cairn_series){.trace = trace, .memory = memory, .wanted = CAIRN_SERIES_GIVEN};
        made->points = calloc(count + 1, sizeof(*made->points));
    }
    if (!made || !made->points) {
        cairn_series_free(made);
        return cairn_no_memory(error, "the trend");
    }
    for (size_t i = 0; i < count; i++) {
        made->points[made->count++] = (struct cairn_series_point){
            .position = points[i].position, .t_ns = points[i].t_ns, .snapshot = points[i].snapshot};
    }
    *series = made;
    return CAIRN_OK;
}

static enum cairn_status load_state(struct cairn_series *series, struct cairn_series_point *point,
                                    struct cairn_error *error)
{
    const struct cairn_state *state;
    const enum cairn_status status = cairn_trace_state(series->trace, point->position, &state, error);
    if (status != CAIRN_OK) {
        return status;
    }
    size_t count = 0;
    for (size_t i = 0; i < state->count; i++) {
        count += state->totals[i].live_bytes != 0 || state->totals[i].live_blocks != 0;
    }
    point->rows = calloc(count + 1, sizeof(*point->rows));
    for (size_t i = 0; point->rows && i < state->count; i++) {
        const struct cairn_totals *totals = &state->totals[i];
        if (totals->live_bytes != 0 || totals->live_blocks != 0) {
            point->rows[point->row_count++] = (struct cairn_snapshot_site){
                .account = (uint32_t)i + 1,
                .live_bytes = totals->live_bytes,
                .live_blocks = totals->live_blocks,
            };
        }
    }
    cairn_state_release(series->trace, state);
    return point->rows ? CAIRN_OK : cairn_no_memory(error, "the trend");
}

/* Lets go of the other points when they hold too much. */
static void make_room(struct cairn_series *series, const struct cairn_series_point *needed)
{
    for (size_t i = 0; i < series->count && series->kept_bytes > KEPT_BYTES_LIMIT; i++) {
        struct cairn_series_point *point = &series->points[i];
        if (point != needed && point->rows) {
            series->kept_bytes -= point->row_count * sizeof(*point->rows);
            free(point->rows);
            point->rows = NULL;
            point->row_count = 0;
        }
    }
}

enum cairn_status cairn_series_rows(struct cairn_series *series, size_t index,
                                    const struct cairn_snapshot_site **rows, size_t *count,
                                    struct cairn_error *error)
{
    struct cairn_series_point *point = &series->points[index];
    if (!point->rows) {
        const enum cairn_status status =
            point->snapshot ? cairn_trace_snapshot_sites(series->trace, point->snapshot, &point->rows,
                                                         &point->row_count, error)
                            : load_state(series, point, error);
        if (status != CAIRN_OK) {
            point->row_count = 0;
            return status;
        }
        series->kept_bytes += point->row_count * sizeof(*point->rows);
        make_room(series, point);
    }
    *rows = point->rows;
    *count = point->row_count;
    return CAIRN_OK;
}
