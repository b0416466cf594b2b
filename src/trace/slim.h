/* A copy without single events: totals, key frames, snapshots and graphs stay. */
#ifndef CAIRN_TRACE_SLIM_H
#define CAIRN_TRACE_SLIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Every moment one can name (snapshots, marks, peaks, whole percents of the time) becomes the border of a chunk, so the state
 * there stays exact; a moment in between becomes the border before it. Rows of periodic snapshots are thinned out evenly where
 * all of them would take too much: readers have them from the state. `wanted` are `wanted_count` positions that are kept, too;
 * borrowed. `from`, `to`, `replace` and the sizes are those of any copy: `from` must not be recorded any more, `to` is made with
 * mode 0600 and refused when it is there. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_slim(const char *from, const char *to, bool replace,
                                                    const uint64_t *wanted, size_t wanted_count,
                                                    int64_t *bytes_before, int64_t *bytes_after,
                                                    struct cairn_error *error);

#endif
