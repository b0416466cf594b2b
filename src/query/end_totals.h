/* What every account held when its process ended, or at the end of the recording. Internal to query. */
#ifndef CAIRN_QUERY_END_TOTALS_H
#define CAIRN_QUERY_END_TOTALS_H

#include "cairn/trace.h"

/* By account − 1; only the live columns are set. The rows of accounts say it for processes that have ended; of others they
 * may be some commits old, and the state at the end says it. The caller frees `totals`. */
CAIRN_MUST_CHECK enum cairn_status cairn_end_totals(struct cairn_trace *trace, struct cairn_totals **totals,
                                                    size_t *count, struct cairn_error *error);

#endif
