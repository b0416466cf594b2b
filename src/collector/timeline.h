/* Heap, memory and rates over time at several resolutions. Level 0 is a millisecond, each further level eight times as
 * long; every level keeps its last points only. A point stands at the end of its interval; intervals in which nothing
 * happened have none, but the last of them before something does. Not thread-safe. */
#ifndef CAIRN_COLLECTOR_TIMELINE_H
#define CAIRN_COLLECTOR_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/aggregate.h"
#include "collector/batch.h"

#define CAIRN_TIMELINE_LEVELS  8u
#define CAIRN_TIMELINE_STEP_NS 1000000ll
#define CAIRN_TIMELINE_FACTOR  8
#define CAIRN_TIMELINE_POINTS  8192u /* kept a level */

struct cairn_timeline_level {
    int64_t step_ns, open_from_ns; /* the open interval holds open_from_ns */
    int64_t last_t_ns;             /* of the last point; −1: none yet */
    int64_t max_bytes, allocations, frees;
    bool busy;
    int64_t *times; /* of the points kept, a ring */
    size_t first, count;
};

struct cairn_timeline_memory {
    int64_t rss_bytes, anonymous_bytes, file_bytes, shared_bytes; /* or CAIRN_UNKNOWN */
};

struct cairn_timeline {
    struct cairn_timeline_level levels[CAIRN_TIMELINE_LEVELS];
    struct cairn_timeline_memory memory;
    bool memory_changed;
};

bool cairn_timeline_init(struct cairn_timeline *timeline);
void cairn_timeline_release(struct cairn_timeline *timeline);
/* The processes' memory from now on. */
void cairn_timeline_memory(struct cairn_timeline *timeline, const struct cairn_timeline_memory *memory);
/* Time has come to `t_ns`: points of intervals that ended by then go into `batch`. Takes the aggregate's interval values
 * and begins a new interval. Returns when it must be called next. `final`: open intervals end here. */
int64_t cairn_timeline_tick(struct cairn_timeline *timeline, struct cairn_aggregate *aggregate, int64_t t_ns,
                            bool final, struct cairn_batch *batch);

#endif
