/* What an event does to the ledger. Internal to trace. */
#ifndef CAIRN_TRACE_READER_LEDGER_H
#define CAIRN_TRACE_READER_LEDGER_H

#include "trace/reader.h"

/* Totals under change, and one sum that is kept beside them: the heap of `process` (0: of all). */
struct cairn_ledger {
    struct cairn_totals *totals;          /* borrowed, by account − 1 */
    const struct cairn_account *accounts; /* borrowed */
    const struct cairn_members *members;  /* borrowed */
    size_t count;
    uint32_t process;
    int64_t sample_bytes; /* of the recording */
    int64_t heap_bytes;   /* since it began; with cairn_ledger_sum(), in all */
    size_t ended_accounts;
};

/* Loads what END needs, once. */
CAIRN_MUST_CHECK enum cairn_status cairn_ledger_init(struct cairn_ledger *ledger, struct cairn_trace *trace,
                                                     uint32_t process, struct cairn_kept_state *state,
                                                     struct cairn_error *error);
/* `ordinal` is the event's. False when it names an account that does not exist, or the end of a process again. */
CAIRN_MUST_CHECK bool cairn_ledger_apply(struct cairn_ledger *ledger, const struct cairn_event *event,
                                         uint64_t ordinal);

/* Counts what `totals` hold into `heap_bytes`. */
void cairn_ledger_sum(struct cairn_ledger *ledger);

#endif
