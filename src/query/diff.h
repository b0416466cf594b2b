/* What grew and shrank between two moments of one trace, or between two traces: `cairn diff`, the viewer's Diff. */
#ifndef CAIRN_QUERY_DIFF_H
#define CAIRN_QUERY_DIFF_H

#include "query/moment.h"
#include "query/selection.h"

enum cairn_diff_state {
    CAIRN_DIFF_NEW = 0,
    CAIRN_DIFF_GONE,
    CAIRN_DIFF_GREW,
    CAIRN_DIFF_SHRANK,
    CAIRN_DIFF_SAME
};

struct cairn_diff_counts {
    int64_t a_bytes, b_bytes, delta_bytes, a_blocks, b_blocks, delta_blocks;
    int64_t survived_bytes,
        survived_blocks;  /* born after A, alive at B; CAIRN_UNKNOWN between two traces, and where
                                                the events that tell it were dropped */
    int64_t error_bytes;  /* one standard error of delta_bytes; CAIRN_UNKNOWN when nothing is sampled */
    int64_t variances[2]; /* of A's and B's part of it: struct cairn_weight */
};

struct cairn_diff_row {
    struct cairn_site site;
    struct cairn_diff_counts counts;
    enum cairn_diff_state state;
    double percent;  /* of the sum of |delta| */
    uint32_t stack;  /* the stack with the largest |delta| (of B, or of A when `stack_of_a`) */
    bool stack_of_a; /* two traces: the stack number is of trace A */
};

struct cairn_diff {
    struct cairn_moment a, b;
    struct cairn_trace *trace_a, *trace_b; /* borrowed; the same for one trace */
    struct cairn_diff_counts total;
    struct cairn_diff_row *rows;
    size_t row_count, rows_total;
    char verdict
        [512]; /* "91 % of the growth comes from parse_line() lex.c:88, all of it alive at B"; raw text */
    struct cairn_arena arena;
};

/* trace_a == trace_b: two moments of it. Otherwise sites are matched by function, file's base name and module's base
 * name, lines second; selections by process apply to both. Order: |delta_bytes| unless the selection says otherwise. Rows
 * that hold nothing at either moment are left out. The verdict is about all rows, callees apart. */
CAIRN_MUST_CHECK enum cairn_status cairn_diff(struct cairn_trace *trace_a, const struct cairn_moment *a,
                                              struct cairn_trace *trace_b, const struct cairn_moment *b,
                                              const struct cairn_selection *selection,
                                              struct cairn_diff *diff, struct cairn_error *error);
/* The stacks of one site of that diff, by |delta|: rows as above with `stack` set. */
CAIRN_MUST_CHECK enum cairn_status
cairn_diff_stacks(struct cairn_trace *trace_a, const struct cairn_moment *a, struct cairn_trace *trace_b,
                  const struct cairn_moment *b, const struct cairn_selection *selection, int64_t site_id,
                  struct cairn_diff *diff, struct cairn_error *error);
void cairn_diff_release(struct cairn_diff *diff);

/* Which accounts of either trace the row with that site_id sums up: `marks[0]` has a byte for each of the `counts[0]` accounts of
 * trace A, `marks[1]` for those of trace B, 1 for those. The caller frees both. */
CAIRN_MUST_CHECK enum cairn_status cairn_diff_accounts(struct cairn_trace *trace_a,
                                                       struct cairn_trace *trace_b,
                                                       const struct cairn_selection *selection,
                                                       int64_t site_id, uint8_t *marks[2], size_t counts[2],
                                                       struct cairn_error *error);
const char *cairn_diff_state_name(enum cairn_diff_state state);

#endif
