/* A question's counts by cell, and in total: what top, leaks and the rest make their rows of. Internal to query. */
#ifndef CAIRN_QUERY_SUMS_H
#define CAIRN_QUERY_SUMS_H

#include "query/columns.h"
#include "query/question.h"

struct cairn_sums {
    struct cairn_question question;
    struct cairn_columns columns;
    struct cairn_counts *cells; /* by cell of question.map: what the row filters let through */
    struct cairn_counts total;  /* before the row filters */
};

/* Release it in every case. */
CAIRN_MUST_CHECK enum cairn_status cairn_sums_open(struct cairn_sums *sums, struct cairn_trace *trace,
                                                   const struct cairn_selection *selection,
                                                   const struct cairn_moment *at,
                                                   const struct cairn_span *span, struct cairn_error *error);
void cairn_sums_release(struct cairn_sums *sums);

#endif
