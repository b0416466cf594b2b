/* The numbers of a diff: what each side holds by cell, the change by pair, sums by row. Internal to query. */
#ifndef CAIRN_QUERY_DIFF_SIDES_H
#define CAIRN_QUERY_DIFF_SIDES_H

#include "query/diff.h"
#include "query/diff_join.h"
#include "query/question.h"

/* What one cell holds at its side's moment. Survived and allocated are between the moments, on side B of one trace. */
struct cairn_holding {
    int64_t bytes, blocks, survived_bytes, survived_blocks, allocated_bytes;
    int64_t variance; /* of its part of the change: what both moments hold has none */
};

struct cairn_diff_sides {
    struct cairn_question questions[CAIRN_SIDES];
    struct cairn_diff_join join;
    struct cairn_holding *cells[CAIRN_SIDES]; /* what the row filters let through */
    int64_t *pair_deltas;                     /* of these, bytes by pair */
    bool survivors_dropped;                   /* the events that tell them are gone */
    int64_t change_bytes;                     /* the sum of |delta| of the rows before the row filters */
    struct cairn_diff_counts total;           /* before the row filters */
};

/* Release it in every case. */
CAIRN_MUST_CHECK enum cairn_status
cairn_diff_sides_open(struct cairn_diff_sides *sides, struct cairn_trace *trace_a,
                      const struct cairn_moment *a, struct cairn_trace *trace_b, const struct cairn_moment *b,
                      const struct cairn_selection *selection, struct cairn_error *error);
void cairn_diff_sides_release(struct cairn_diff_sides *sides);

/* Adds what `holding` of a side means to counts (delta apart). */
void cairn_diff_counts_add(struct cairn_diff_counts *counts, int side, const struct cairn_holding *holding);
/* Sets the deltas and their error; survived is unknown between two traces or where the events are gone, and so are blocks
 * that one of them does not tell. */
void cairn_diff_counts_finish(struct cairn_diff_counts *counts, const struct cairn_diff_sides *sides);

#endif
