/* Where chunks of a slim copy begin: at every moment that has a name. Internal to trace. */
#ifndef CAIRN_TRACE_SLIM_BORDERS_H
#define CAIRN_TRACE_SLIM_BORDERS_H

#include <stddef.h>
#include <stdint.h>

#include "trace/copy.h"

/* Positions, ascending, some of them more than once. Zeroed there are none. */
struct cairn_slim_borders {
    uint64_t *positions; /* owned */
    size_t count, capacity;
};

/* Finds them: the end, snapshots, peaks, measurements of mappings, every hundredth of the time and every fiftieth of the events
 * of copy->from, and `wanted_count` positions more. */
CAIRN_MUST_CHECK enum cairn_status cairn_slim_borders_find(struct cairn_slim_borders *borders,
                                                           struct cairn_copy *copy, const uint64_t *wanted,
                                                           size_t wanted_count);
void cairn_slim_borders_release(struct cairn_slim_borders *borders);

#endif
