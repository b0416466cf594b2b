#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "query/context.h"
#include "query/growth.h"
#include "query/no_memory.h"
#include "query/site_label.h"
#include "query/top.h"

#define NAMED_SHARE_PERCENT 15.0 /* below it no single site is to blame */
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

/* Shares are of all there is; of what a row filter leaves out nobody says that it is spread. */
static void describe_spread(const struct cairn_selection *selection, size_t rows, const char *name,
                            const char *share, struct cairn_buffer *text)
{
    if (selection->filter == NULL && selection->tid == 0)
        cairn_buffer_format(text, "spread over %zu places: the largest, %s, has %s", rows, name, share);
    else if (rows == 1)
        cairn_buffer_format(text, "one place passes the filter: %s, with %s of all", name, share);
    else
        cairn_buffer_format(text, "%zu places pass the filter: the largest, %s, has %s of all", rows, name,
                            share);
}

static enum cairn_status describe(struct cairn_trace *trace, const struct cairn_selection *selection,
                                  const struct cairn_top *largest, struct cairn_buffer *text,
                                  struct cairn_error *error)
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
        describe_spread(selection, largest->rows_total, name, share, text);
        return CAIRN_OK;
    }
    cairn_buffer_format(text, "%s %s %s", share, wholes[selection->metric], name);
    if (selection->metric != CAIRN_METRIC_LIVE) {
        return CAIRN_OK;
    }
    uint32_t grew, of;
    status = cairn_growth_of_site(trace, selection, row->site.site_id, &grew, &of, error);
    if (status == CAIRN_OK && of > 0) {
        cairn_buffer_format(text, ", which grew in %" PRIu32 " of %" PRIu32 " steps", grew, of);
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
        status = describe(trace, selection, &largest, &text, error);
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
