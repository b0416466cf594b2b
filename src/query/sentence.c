#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "query/context.h"
#include "query/no_memory.h"
#include "query/site_label.h"
#include "query/sum.h"
#include "query/top.h"

#define NAMED_SHARE_PERCENT 15.0 /* below it no single site is to blame */
#define TREND_POINTS        31u
#define STEPS_WORTH_A_WORD  4u
#define NAME_BYTES          200u

static const char *const wholes[CAIRN_METRIC_COUNT] = {
    [CAIRN_METRIC_LIVE] = "of it is",
    [CAIRN_METRIC_ALLOCATED] = "of the bytes allocated come from",
    [CAIRN_METRIC_ALLOCATIONS] = "of the allocations come from",
    [CAIRN_METRIC_TEMPORARY] = "of the temporary allocations come from",
    [CAIRN_METRIC_PEAK] = "of the peak is",
};

static const char *const nothings[CAIRN_METRIC_COUNT] = {
    [CAIRN_METRIC_LIVE] = "nothing is live at this moment",
    [CAIRN_METRIC_ALLOCATED] = "nothing was allocated",
    [CAIRN_METRIC_ALLOCATIONS] = "nothing was allocated",
    [CAIRN_METRIC_TEMPORARY] = "no allocation was temporary",
    [CAIRN_METRIC_PEAK] = "nothing was live at the peak",
};

/* The question as the sentence asks it: the largest site by the metric, callees apart. */
static enum cairn_status ask_largest(struct cairn_trace *trace, const struct cairn_top *top,
                                     const struct cairn_selection *selection, struct cairn_top *largest,
                                     struct cairn_error *error)
{
    struct cairn_selection asked = *selection;
    asked.sort = CAIRN_SORT_METRIC;
    asked.reverse = false;
    asked.cumulative = false;
    asked.limit = 1;
    asked.offset = 0;
    return cairn_top(trace, &asked, &top->at, &top->span, largest, error);
}

/* How a site came to hold what it holds: its live bytes over the recording up to the moment. */
struct history {
    size_t steps, grew;
    bool snapshots; /* all of the points are */
};

static enum cairn_status look_back(struct cairn_trace *trace, const struct cairn_top *top,
                                   const struct cairn_selection *selection, int64_t site_id,
                                   struct history *history, struct cairn_error *error)
{
    struct cairn_selection asked = *selection;
    struct cairn_span whole;
    struct cairn_series *series;
    int64_t *values = NULL;
    asked.cumulative = false;
    *history = (struct history){.snapshots = true};
    enum cairn_status status = cairn_span_parse(trace, NULL, NULL, &whole, error);
    if (status == CAIRN_OK) {
        status = cairn_top_trends(trace, &asked, &site_id, 1, &whole, TREND_POINTS, &values, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_context_series(trace, &whole, TREND_POINTS, asked.memory, &series, error);
    }
    for (size_t i = 1; status == CAIRN_OK && i < TREND_POINTS; i++) {
        const struct cairn_series_point *point = &series->points[series->point_of[i]];
        if (series->point_of[i] == series->point_of[i - 1] || point->position > top->at.position) {
            continue;
        }
        history->steps++;
        history->grew += values[i] > values[i - 1];
        history->snapshots = history->snapshots && point->snapshot;
    }
    free(values);
    return status;
}

static enum cairn_status describe(struct cairn_trace *trace, const struct cairn_top *top,
                                  const struct cairn_selection *selection, const struct cairn_top *largest,
                                  struct cairn_buffer *text, struct cairn_error *error)
{
    const struct cairn_top_row *row = &largest->rows[0];
    const struct cairn_site_map *map;
    struct cairn_selection by_stack = *selection;
    char name[NAME_BYTES];
    by_stack.by = CAIRN_BY_STACK;
    by_stack.cumulative = false;
    enum cairn_status status = cairn_context_site_map(trace, &by_stack, &map, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const size_t stack = cairn_site_map_find(map, row->heaviest_stack);
    const uint32_t frame = stack == SIZE_MAX ? 0 : map->cell_frame[stack];
    cairn_site_phrase(trace, &row->site, selection->by, frame, name, sizeof(name));
    char share[CAIRN_SHARE_SIZE];
    cairn_share(row->percent, share);
    if (row->percent < NAMED_SHARE_PERCENT) {
        cairn_buffer_format(text, "spread over %zu places: the largest, %s, has %s", largest->rows_total,
                            name, share);
        return CAIRN_OK;
    }
    cairn_buffer_format(text, "%s %s %s", share, wholes[selection->metric], name);
    if (selection->metric != CAIRN_METRIC_LIVE) {
        return CAIRN_OK;
    }
    struct history history;
    status = look_back(trace, top, selection, row->site.site_id, &history, error);
    if (status == CAIRN_OK && history.steps >= STEPS_WORTH_A_WORD && history.grew * 2 >= history.steps) {
        cairn_buffer_format(text, ", which grew in %zu of %zu %s", history.grew, history.steps,
                            history.snapshots ? "snapshots" : "steps");
    }
    return status;
}

enum cairn_status cairn_top_sentence(struct cairn_trace *trace, const struct cairn_top *top,
                                     const struct cairn_selection *selection, char *out, size_t out_size,
                                     struct cairn_error *error)
{
    struct cairn_top largest;
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    enum cairn_status status = ask_largest(trace, top, selection, &largest, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (cairn_counts_metric(&largest.total, selection->metric) <= 0) {
        cairn_buffer_text(&text, nothings[selection->metric]);
    } else if (largest.row_count == 0) {
        cairn_buffer_text(&text, "no row passes the filter");
    } else {
        status = describe(trace, top, selection, &largest, &text, error);
    }
    if (status == CAIRN_OK && text.failed) {
        status = cairn_no_memory(error, "the answer");
    }
    if (status == CAIRN_OK) {
        snprintf(out, out_size, "%s", cairn_buffer_cstr(&text));
    }
    cairn_buffer_release(&text);
    cairn_top_release(&largest);
    return status;
}
