/* Sites, ranked: `cairn top` and the viewer's Overview. */
#ifndef CAIRN_QUERY_TOP_H
#define CAIRN_QUERY_TOP_H

#include "query/moment.h"
#include "query/selection.h"

struct cairn_top_row {
    struct cairn_site site;
    struct cairn_counts counts;
    double percent;          /* of the metric's total after --lang / --process, before row filters */
    uint32_t stacks;         /* distinct ones */
    uint32_t heaviest_stack; /* stack number, by the metric: cairn_trace_stack_frames() */
    double stack_percent;    /* its share of the row's metric */
};

struct cairn_top {
    struct cairn_moment at;
    struct cairn_span span;
    struct cairn_counts total; /* after --lang / --process */
    struct cairn_counts other; /* what is in no row shown: limit and offset cut it */
    struct cairn_top_row *rows;
    size_t row_count, rows_total; /* shown; before limit and offset */
    struct cairn_arena arena;     /* owns the rows */
};

/* live at `at`; the others over `span`; peak_bytes: live at the largest heap within the span (of `process`, when the
 * selection names one). Rows with nothing in any column are left out. */
CAIRN_MUST_CHECK enum cairn_status cairn_top(struct cairn_trace *trace,
                                             const struct cairn_selection *selection,
                                             const struct cairn_moment *at, const struct cairn_span *span,
                                             struct cairn_top *top, struct cairn_error *error);
void cairn_top_release(struct cairn_top *top);

/* The stacks of one site (by site_id of the same selection), heaviest first: rows with `heaviest_stack` set and
 * site = their innermost charged frame. Same ownership as cairn_top(). */
CAIRN_MUST_CHECK enum cairn_status cairn_top_stacks(struct cairn_trace *trace,
                                                    const struct cairn_selection *selection, int64_t site_id,
                                                    const struct cairn_moment *at,
                                                    const struct cairn_span *span, struct cairn_top *top,
                                                    struct cairn_error *error);

/* Live bytes of the given sites at `points` moments evenly spread over the span, row-major (site × point), for
 * sparklines; snapshots are used where they are exact enough. The caller frees `values`. */
CAIRN_MUST_CHECK enum cairn_status cairn_top_trends(struct cairn_trace *trace,
                                                    const struct cairn_selection *selection,
                                                    const int64_t *site_ids, size_t site_count,
                                                    const struct cairn_span *span, size_t points,
                                                    int64_t **values, struct cairn_error *error);

/* One true sentence about the moment: "64 % of it is parse_line() lex.c:88, which grew in 27 of 30 steps", where cairn_growth()
 * says of the whole recording that it keeps growing, in that many. About sites themselves, also when rows are cumulative.
 * Raw text into `out`. */
CAIRN_MUST_CHECK enum cairn_status cairn_top_sentence(struct cairn_trace *trace, const struct cairn_top *top,
                                                      const struct cairn_selection *selection, char *out,
                                                      size_t out_size, struct cairn_error *error);

#endif
