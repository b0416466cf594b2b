#include "query/growth_points.h"

#include <stdlib.h>
#include <string.h>

#include "query/no_memory.h"
#include "query/sum.h"

#define STEPS          24u /* over time, and as many over events */
#define POINTS         (2 * (STEPS + 1))
#define THIN_FRACTION  20u /* of a step of events: moments nearer to each other say the same */
#define LAST_EVENTS    5   /* the window's last fifth of events, and */
#define LAST_TIME      10  /* its last tenth of time may be the tear-down, */
#define LAST_TIME_MOST 3   /* but not more than its last third: that is a burst, with life behind it */
#define BOUNDS         3u  /* moments that the window's end is looked for from */
#define REACH          4   /* of the window: a border that stands for a moment is no further away */
#define BORDER_CHUNKS  8u  /* a span of so many has its points between chunks: states are cheap there */

struct choice {
    struct cairn_trace *trace;
    struct cairn_span window;
    const struct cairn_snapshot *snapshots; /* borrowed; none for mapped memory, which they do not hold */
    size_t snapshot_count;
    bool by_borders;
    uint64_t bounds[BOUNDS];
    struct cairn_series_point points[POINTS];
    size_t count;
    size_t left_out;
    bool shifted; /* a moment that the window hangs on is another one, for its single events were dropped */
    struct cairn_error *error;
};

/* Ends before the tear-down. */
static enum cairn_status find_end(struct choice *choice, const struct cairn_span *span)
{
    struct cairn_moment end;
    choice->window.to = span->to;
    enum cairn_status status = cairn_moment_parse(choice->trace, "end", NULL, 0, &end, choice->error);
    if (status != CAIRN_OK || span->to.position < end.position) {
        return status;
    }
    /* Quick as it is, a tear-down may be half of the events; or it is slow and has few. */
    uint64_t from = span->to.position - (span->to.position - choice->window.from.position) / LAST_EVENTS;
    const int64_t window_ns = cairn_difference(span->to.t_ns, choice->window.from.t_ns);
    struct cairn_moment late;
    status = cairn_moment_at(choice->trace, span->to.t_ns - window_ns / LAST_TIME, &late, choice->error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (late.position < from && late.position >= choice->window.from.position) {
        from = late.position;
    }
    struct cairn_moment bound;
    status =
        cairn_moment_at(choice->trace, span->to.t_ns - window_ns / LAST_TIME_MOST, &bound, choice->error);
    if (status != CAIRN_OK) {
        return status;
    }
    from = bound.position > from && bound.position <= span->to.position ? bound.position : from;
    memcpy(choice->bounds, (const uint64_t[BOUNDS]){late.position, bound.position, from},
           sizeof(choice->bounds));
    int64_t bytes;
    struct cairn_moment *to = &choice->window.to;
    status = cairn_trace_peak_between(choice->trace, 0, from, span->to.position, &to->position, &bytes,
                                      choice->error);
    return status == CAIRN_OK ? cairn_trace_time_of(choice->trace, to->position, &to->t_ns, choice->error)
                              : status;
}

/* To the border of chunks before it, where that is what is asked for. */
static uint64_t shifted(const struct choice *choice, uint64_t position)
{
    return choice->by_borders ? position - position % CAIRN_CHUNK_EVENTS : position;
}

static bool has_many_chunks(uint64_t from, uint64_t to)
{
    return to - from >= (uint64_t)BORDER_CHUNKS * CAIRN_CHUNK_EVENTS;
}

/* Whether the next border may be the one before that time: the moment is known as of a border before it, for its single events were
 * dropped. */
static enum cairn_status may_be_next(const struct choice *choice, uint64_t border, int64_t t_ns, bool *may_be)
{
    const uint64_t next = border + CAIRN_CHUNK_EVENTS;
    int64_t next_ns = INT64_MAX;
    enum cairn_status status = CAIRN_OK;
    if (next < (uint64_t)cairn_trace_recording(choice->trace)->events) {
        status = cairn_trace_time_of(choice->trace, next, &next_ns, choice->error);
    }
    *may_be = next_ns <= t_ns;
    return status;
}

/* The border before that time, unless it lies more than reach_ns before it: then little happens for long, and that would be told as
 * one point. */
static enum cairn_status moment_near(const struct choice *choice, int64_t t_ns, int64_t reach_ns,
                                     struct cairn_moment *moment)
{
    enum cairn_status status = cairn_moment_at(choice->trace, t_ns, moment, choice->error);
    if (status != CAIRN_OK || !choice->by_borders) {
        return status;
    }
    struct cairn_moment border = *moment;
    border.position = shifted(choice, moment->position);
    status = cairn_trace_time_of(choice->trace, border.position, &border.t_ns, choice->error);
    if (status == CAIRN_OK && cairn_difference(t_ns, border.t_ns) <= reach_ns) {
        *moment = border;
        status = may_be_next(choice, border.position, t_ns, &moment->inexact);
    }
    return status;
}

static enum cairn_status find_window(struct choice *choice, const struct cairn_span *span)
{
    const int64_t third_ns = cairn_difference(span->to.t_ns, span->from.t_ns) / 3;
    choice->by_borders = has_many_chunks(span->from.position, span->to.position);
    const enum cairn_status status =
        moment_near(choice, span->from.t_ns + third_ns, third_ns / REACH, &choice->window.from);
    if (status != CAIRN_OK) {
        return status;
    }
    if (choice->window.from.position < span->from.position ||
        choice->window.from.position > span->to.position) {
        choice->window.from = span->from;
    }
    /* One that is not exact itself is counted with the points. */
    choice->shifted =
        choice->window.from.inexact &&
        cairn_trace_is_exact(choice->trace, choice->window.from.position, choice->window.from.t_ns);
    /* Two thirds of so many; most of them may have been the beginning. */
    choice->by_borders =
        has_many_chunks(0, (span->to.position - choice->window.from.position) / 2 * 3 + CAIRN_CHUNK_EVENTS);
    return find_end(choice, span);
}

/* The snapshot of the window that is at most `reach_ns` or, where that is 0, `reach` events away; NULL: none. */
static enum cairn_status nearest(const struct choice *choice, int64_t t_ns, int64_t reach_ns,
                                 uint64_t position, uint64_t reach, const struct cairn_snapshot **found)
{
    enum cairn_status status = CAIRN_OK;
    *found = NULL;
    for (size_t i = 0; status == CAIRN_OK && !*found && i < choice->snapshot_count; i++) {
        const struct cairn_snapshot *snapshot = &choice->snapshots[i];
        const bool near = reach_ns > 0 ? cairn_apart(snapshot->t_ns, t_ns) <= (uint64_t)reach_ns
                                       : cairn_apart((int64_t)snapshot->event, (int64_t)position) <= reach;
        bool has = false;
        if (near && snapshot->event >= choice->window.from.position &&
            snapshot->event <= choice->window.to.position) {
            status = cairn_trace_has_sites(choice->trace, snapshot, &has, choice->error);
        }
        *found = has ? snapshot : NULL;
    }
    return status;
}

static void add_point(struct choice *choice, const struct cairn_snapshot *snapshot, uint64_t position,
                      int64_t t_ns)
{
    choice->points[choice->count++] = (struct cairn_series_point){
        .position = snapshot ? snapshot->event : position,
        .t_ns = snapshot ? snapshot->t_ns : t_ns,
        .snapshot = snapshot ? snapshot->snapshot : 0,
    };
}

static enum cairn_status spread_over_time(struct choice *choice)
{
    const int64_t from_ns = choice->window.from.t_ns,
                  length_ns = cairn_difference(choice->window.to.t_ns, from_ns);
    for (int64_t i = 1; i < STEPS; i++) {
        const int64_t t_ns = from_ns + cairn_parts(length_ns, i, STEPS);
        const struct cairn_snapshot *snapshot;
        struct cairn_moment moment = {.position = 0};
        enum cairn_status status = nearest(choice, t_ns, length_ns / STEPS / 4, 0, 0, &snapshot);
        if (status == CAIRN_OK && !snapshot) {
            status = moment_near(choice, t_ns, length_ns / REACH, &moment);
            moment = moment.position < choice->window.from.position ? choice->window.from : moment;
        }
        if (status != CAIRN_OK) {
            return status;
        }
        add_point(choice, snapshot, moment.position, moment.t_ns);
    }
    return CAIRN_OK;
}

static enum cairn_status spread_over_events(struct choice *choice)
{
    const uint64_t from = choice->window.from.position, length = choice->window.to.position - from;
    const uint64_t step = length / STEPS;
    for (uint64_t i = 1; i < STEPS; i++) {
        const uint64_t exact = from + (uint64_t)cairn_parts((int64_t)length, (int64_t)i, STEPS);
        const uint64_t position = shifted(choice, exact) > from ? shifted(choice, exact) : from;
        const struct cairn_snapshot *snapshot;
        int64_t t_ns = 0;
        enum cairn_status status = nearest(choice, 0, 0, exact, step / 4, &snapshot);
        if (status == CAIRN_OK && !snapshot) {
            status = cairn_trace_time_of(choice->trace, position, &t_ns, choice->error);
        }
        if (status != CAIRN_OK) {
            return status;
        }
        add_point(choice, snapshot, position, t_ns);
    }
    return CAIRN_OK;
}

static int compare_positions(const void *left, const void *right)
{
    const struct cairn_series_point *a = left, *b = right;
    return (a->position > b->position) - (a->position < b->position);
}

/* Leaves out those whose states are another moment's, for their single events were dropped. A fit needs no even spacing. */
static void leave_out_inexact(struct choice *choice)
{
    size_t kept = 0;
    if (cairn_trace_recording(choice->trace)->untold & CAIRN_UNTOLD_EVENTS) {
        return; /* there never were any */
    }
    for (size_t i = 0; i < choice->count; i++) {
        const struct cairn_series_point *point = &choice->points[i];
        if (point->snapshot || cairn_trace_is_exact(choice->trace, point->position, point->t_ns)) {
            choice->points[kept++] = *point;
        }
    }
    choice->left_out = choice->count - kept + choice->shifted;
    choice->count = kept;
}

/* In order, both ends of the window among them, without those that are next to each other. */
static void arrange(struct choice *choice)
{
    const uint64_t length = choice->window.to.position - choice->window.from.position;
    const uint64_t least = length / STEPS / THIN_FRACTION + 1;
    add_point(choice, NULL, choice->window.from.position, choice->window.from.t_ns);
    add_point(choice, NULL, choice->window.to.position, choice->window.to.t_ns);
    leave_out_inexact(choice);
    qsort(choice->points, choice->count, sizeof(choice->points[0]), compare_positions);
    size_t kept = choice->count > 0;
    for (size_t i = 1; i < choice->count; i++) {
        const struct cairn_series_point point = choice->points[i];
        const bool last = i + 1 == choice->count;
        if (point.position - choice->points[kept - 1].position >= least) {
            choice->points[kept++] = point;
        } else if (last && kept > 1) {
            choice->points[kept - 1] = point;
        }
    }
    choice->count = kept;
}

static enum cairn_status choose(struct choice *choice, const struct cairn_span *span,
                                enum cairn_memory memory)
{
    enum cairn_status status = find_window(choice, span);
    if (status == CAIRN_OK && memory == CAIRN_MEMORY_HEAP) {
        status =
            cairn_trace_snapshots(choice->trace, &choice->snapshots, &choice->snapshot_count, choice->error);
    }
    if (status == CAIRN_OK) {
        status = spread_over_time(choice);
    }
    return status == CAIRN_OK ? spread_over_events(choice) : status;
}

enum cairn_status cairn_growth_points(struct cairn_trace *trace, const struct cairn_span *span,
                                      enum cairn_memory memory, struct cairn_series **series,
                                      struct cairn_error *error)
{
    struct choice choice = {.trace = trace, .error = error};
    const enum cairn_status status = choose(&choice, span, memory);
    if (status != CAIRN_OK) {
        return status;
    }
    arrange(&choice);
    if (choice.count < 2 && choice.left_out > 0) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "what grew in that span is not known: its single events were dropped to keep the "
                          "trace small (slim, record --max-size): ask about a longer one");
    }
    struct cairn_series *made;
    const enum cairn_status result =
        cairn_series_of(trace, choice.points, choice.count, memory, &made, error);
    if (result == CAIRN_OK) {
        made->left_out = choice.left_out;
        *series = made;
    }
    return result;
}

enum cairn_status cairn_growth_positions(struct cairn_trace *trace, const struct cairn_span *span,
                                         uint64_t **positions, size_t *count, struct cairn_error *error)
{
    struct choice choice = {.trace = trace, .error = error};
    const enum cairn_status status = choose(&choice, span, CAIRN_MEMORY_HEAP);
    if (status != CAIRN_OK) {
        return status;
    }
    uint64_t *const made = calloc(POINTS + BOUNDS + 2, sizeof(*made));
    if (!made) {
        return cairn_no_memory(error, "the moments of growth");
    }
    size_t found = 0;
    for (size_t i = 0; i < choice.count; i++) {
        made[found++] = choice.points[i].position;
    }
    for (size_t i = 0; i < BOUNDS; i++) {
        made[found++] = choice.bounds[i];
    }
    made[found++] = choice.window.from.position;
    made[found++] = choice.window.to.position;
    *positions = made;
    *count = found;
    return CAIRN_OK;
}
