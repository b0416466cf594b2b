/* The counts of every account that an answer is made of: live at a moment, the rest over a span, and live at the span's
 * peak. Internal to query. */
#ifndef CAIRN_QUERY_COLUMNS_H
#define CAIRN_QUERY_COLUMNS_H

#include "query/moment.h"
#include "query/selection.h"

/* Holds counted states; release it in every case. A missing state stands for zero (`from`) or for the account rows'
 * own columns (`to`, `peak`). */
struct cairn_columns {
    struct cairn_trace *trace;
    const struct cairn_account *accounts;
    const struct cairn_state *at, *from, *to, *peak;
    const struct cairn_recording *recording;
    enum cairn_metric metric; /* whose variance is summed up */
    bool peak_unknown;        /* what was live at the span's peak: it takes single events that were dropped */
};

CAIRN_MUST_CHECK enum cairn_status
cairn_columns_open(struct cairn_columns *columns, struct cairn_trace *trace,
                   const struct cairn_selection *selection, const struct cairn_moment *at,
                   const struct cairn_span *span, struct cairn_error *error);
void cairn_columns_release(struct cairn_columns *columns);

/* The counts of account i + 1, added to `counts` (error_bytes apart: see cairn_counts_finish). */
void cairn_columns_add(const struct cairn_columns *columns, size_t i, struct cairn_counts *counts);
void cairn_counts_add(struct cairn_counts *counts, const struct cairn_counts *other);
bool cairn_counts_are_zero(const struct cairn_counts *counts);
/* Sets error_bytes from the variance; unknown when every event was recorded. Counts that the recording does not tell become
 * unknown. */
void cairn_counts_finish(struct cairn_counts *counts, const struct cairn_columns *columns);

/* One standard error of bytes with that variance (struct cairn_weight); CAIRN_UNKNOWN when every event was recorded or the
 * variance is not known. */
int64_t cairn_error_bytes(const struct cairn_recording *recording, int64_t variance);

/* The totals of account i + 1 in a state: zero for accounts that came later. */
static inline struct cairn_totals cairn_state_totals(const struct cairn_state *state, size_t i)
{
    return i < state->count ? state->totals[i] : (struct cairn_totals){.live_bytes = 0};
}

#endif
