/* A copy without single events: totals, key frames, snapshots and graphs stay. */
#ifndef CAIRN_TRACE_SLIM_H
#define CAIRN_TRACE_SLIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Every moment one can name (snapshots, marks, peaks, whole percents of the time) becomes the border of a chunk, so the state
 * there stays exact; a moment in between becomes the border before it. `from`, `to`, `replace` and the sizes are those of
 * any copy: `from` must not be recorded any more, `to` is made with mode 0600 and refused when it is there. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_slim(const char *from, const char *to, bool replace,
                                                    int64_t *bytes_before, int64_t *bytes_after,
                                                    struct cairn_error *error);

#endif
