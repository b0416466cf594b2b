#include "collector/timeline.h"

#include <stdlib.h>

/* Deleting one by one would cost as much as inserting: drop the oldest in lots. */
#define DROP_LOT       1024u
#define TIMES_CAPACITY (CAIRN_TIMELINE_POINTS + DROP_LOT)

bool cairn_timeline_init(struct cairn_timeline *timeline)
{
    *timeline =
        (struct cairn_timeline){.memory = {CAIRN_UNKNOWN, CAIRN_UNKNOWN, CAIRN_UNKNOWN, CAIRN_UNKNOWN}};
    int64_t step = CAIRN_TIMELINE_STEP_NS;
    for (unsigned i = 0; i < CAIRN_TIMELINE_LEVELS; i++, step *= CAIRN_TIMELINE_FACTOR) {
        struct cairn_timeline_level *level = &timeline->levels[i];
        *level = (struct cairn_timeline_level){
            .step_ns = step, .last_t_ns = -1, .times = malloc(TIMES_CAPACITY * sizeof *level->times)};
        if (!level->times) {
            cairn_timeline_release(timeline);
            return false;
        }
    }
    return true;
}

void cairn_timeline_release(struct cairn_timeline *timeline)
{
    for (unsigned i = 0; i < CAIRN_TIMELINE_LEVELS; i++) {
        free(timeline->levels[i].times);
        timeline->levels[i].times = NULL;
    }
}

void cairn_timeline_memory(struct cairn_timeline *timeline, const struct cairn_timeline_memory *memory)
{
    timeline->memory = *memory;
    timeline->memory_changed = true;
}

static void emit(struct cairn_timeline *timeline, unsigned number, const struct cairn_aggregate *aggregate,
                 int64_t t_ns, struct cairn_batch *batch)
{
    struct cairn_timeline_level *level = &timeline->levels[number];
    if (t_ns <= level->last_t_ns) {
        return;
    }
    cairn_batch_timeline(
        batch, number,
        &(struct cairn_timeline_point){.t_ns = t_ns,
                                       .heap_bytes = aggregate->heap_bytes,
                                       .heap_blocks = aggregate->heap_blocks,
                                       .heap_max_bytes = level->max_bytes > aggregate->heap_bytes
                                                             ? level->max_bytes
                                                             : aggregate->heap_bytes,
                                       .mapped_bytes = aggregate->mapped_bytes,
                                       .allocations = level->allocations,
                                       .frees = level->frees,
                                       .rss_bytes = timeline->memory.rss_bytes,
                                       .rss_anonymous_bytes = timeline->memory.anonymous_bytes,
                                       .rss_file_bytes = timeline->memory.file_bytes,
                                       .rss_shared_bytes = timeline->memory.shared_bytes});
    level->last_t_ns = t_ns;
    level->max_bytes = 0;
    level->allocations = 0;
    level->frees = 0;
    level->busy = false;

    level->times[(level->first + level->count++) % TIMES_CAPACITY] = t_ns;
    if (level->count == TIMES_CAPACITY) {
        level->first = (level->first + DROP_LOT) % TIMES_CAPACITY;
        level->count -= DROP_LOT;
        cairn_batch_drop_timeline(batch, number, level->times[level->first]);
    }
}

/* What the aggregate saw since the last tick belongs to every level's open interval. */
static void collect(struct cairn_timeline *timeline, struct cairn_aggregate *aggregate)
{
    const bool busy =
        aggregate->interval_allocations || aggregate->interval_frees || timeline->memory_changed;
    for (unsigned i = 0; i < CAIRN_TIMELINE_LEVELS; i++) {
        struct cairn_timeline_level *level = &timeline->levels[i];
        level->allocations += aggregate->interval_allocations;
        level->frees += aggregate->interval_frees;
        level->busy |= busy;
        if (aggregate->interval_max_bytes > level->max_bytes) {
            level->max_bytes = aggregate->interval_max_bytes;
        }
    }
    aggregate->interval_allocations = 0;
    aggregate->interval_frees = 0;
    aggregate->interval_max_bytes = aggregate->heap_bytes;
    timeline->memory_changed = false;
}

int64_t cairn_timeline_tick(struct cairn_timeline *timeline, struct cairn_aggregate *aggregate, int64_t t_ns,
                            bool final, struct cairn_batch *batch)
{
    collect(timeline, aggregate);
    for (unsigned i = 0; i < CAIRN_TIMELINE_LEVELS; i++) {
        struct cairn_timeline_level *level = &timeline->levels[i];
        const int64_t open_until = level->open_from_ns + level->step_ns;
        if (t_ns >= open_until) {
            const int64_t now_from = t_ns / level->step_ns * level->step_ns;
            if (level->busy) {
                emit(timeline, i, aggregate, open_until, batch);
            }
            /* Nothing happened in between: a point where it ends, so that rates are of the time they are of. */
            if (now_from > open_until) {
                emit(timeline, i, aggregate, now_from, batch);
            }
            level->open_from_ns = now_from;
        }
        if (final) {
            emit(timeline, i, aggregate, t_ns, batch);
        }
    }
    return timeline->levels[0].open_from_ns + CAIRN_TIMELINE_STEP_NS;
}
