/* LeakSanitizer's suppressions, applied to stacks. Internal to query; the list itself is in leaks.h. */
#ifndef CAIRN_QUERY_SUPPRESSIONS_H
#define CAIRN_QUERY_SUPPRESSIONS_H

#include "query/leaks.h"

/* Whether one pattern matches a text: "*" stands for anything, "^" and "$" for its ends, and otherwise it may begin and
 * end anywhere. */
bool cairn_suppression_matches(const char *pattern, const char *text);

/* For every account of the trace (index account − 1) whether a frame of its stack is suppressed, 1 or 0. The caller frees
 * `suppressed`. */
CAIRN_MUST_CHECK enum cairn_status cairn_suppressions_accounts(const struct cairn_suppressions *suppressions,
                                                               struct cairn_trace *trace,
                                                               uint8_t **suppressed,
                                                               struct cairn_error *error);

#endif
