/* Row filters at work: whether a frame, and so a stack, is kept. Internal to query. */
#ifndef CAIRN_QUERY_FILTER_H
#define CAIRN_QUERY_FILTER_H

#include "query/selection.h"

/* A number made from the expressions: filters that decide alike have the same, so verdicts can be cached by it. */
uint64_t cairn_filter_id(const struct cairn_filter *filter);

/* For every account of the trace (index account − 1) whether its stack is kept, 1 or 0. The caller frees `kept`. */
CAIRN_MUST_CHECK enum cairn_status cairn_filter_accounts(const struct cairn_filter *filter,
                                                         struct cairn_trace *trace, uint8_t **kept,
                                                         struct cairn_error *error);

#endif
