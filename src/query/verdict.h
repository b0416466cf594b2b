/* The sentence above a diff. Internal to query. */
#ifndef CAIRN_QUERY_VERDICT_H
#define CAIRN_QUERY_VERDICT_H

#include "query/diff.h"

/* One row of the diff, all of them, in no order. */
struct cairn_verdict_row {
    const struct cairn_site *site;
    const struct cairn_diff_counts *counts;
    int64_t allocated_bytes;   /* between A and B; CAIRN_UNKNOWN between two traces */
    struct cairn_trace *trace; /* of `frame` */
    uint32_t frame;            /* where most of the change pays; 0: none */
};

/* True for these rows, which do not overlap: "91 % of the growth comes from parse_line() lex.c:88, all of it alive at B".
 * Raw text into `out`. */
void cairn_verdict(const struct cairn_diff *diff, enum cairn_by by, const struct cairn_verdict_row *rows,
                   size_t count, char *out, size_t out_size);

#endif
