#include "trace/untold.h"

#include <string.h>

unsigned cairn_untold_by(const char *origin)
{
    const bool instructions = origin != NULL && strcmp(origin, CAIRN_ORIGIN_MASSIF_INSTRUCTIONS) == 0;
    const bool bytes = origin != NULL && strcmp(origin, CAIRN_ORIGIN_MASSIF_BYTES) == 0;
    const bool massif = instructions || bytes || (origin != NULL && strcmp(origin, CAIRN_ORIGIN_MASSIF) == 0);
    const bool heaptrack = origin != NULL && strcmp(origin, "heaptrack") == 0;
    const bool joined = origin != NULL && strcmp(origin, "attach") == 0;
    return (massif || heaptrack ? (unsigned)CAIRN_UNTOLD_AROUND : 0) |
           (massif ? (unsigned)CAIRN_UNTOLD_EVENTS : 0) | (joined ? (unsigned)CAIRN_UNTOLD_BEFORE : 0) |
           (instructions ? (unsigned)CAIRN_UNTOLD_TIME_INSTRUCTIONS : 0) |
           (bytes ? (unsigned)CAIRN_UNTOLD_TIME_BYTES : 0);
}

void cairn_untold_recording(struct cairn_recording *row)
{
    if (row->untold & CAIRN_UNTOLD_AROUND) {
        row->pid = row->started_unix_ns = row->realloc_events = row->stalled_ns = row->max_depth =
            CAIRN_UNKNOWN;
    }
    if (row->untold & CAIRN_UNTOLD_EVENTS) {
        row->alloc_events = row->free_events = row->unknown_free_events = CAIRN_UNKNOWN;
        row->allocated_bytes = row->peak_blocks = row->end_blocks = CAIRN_UNKNOWN;
    }
}

void cairn_untold_process(unsigned untold, struct cairn_process *row)
{
    if (untold & CAIRN_UNTOLD_AROUND) {
        row->pid = CAIRN_UNKNOWN;
    }
    if (untold & CAIRN_UNTOLD_EVENTS) {
        row->peak_blocks = row->end_blocks = CAIRN_UNKNOWN;
    }
}

void cairn_untold_thread(unsigned untold, struct cairn_thread *row)
{
    if (untold & CAIRN_UNTOLD_AROUND) {
        row->tid = CAIRN_UNKNOWN;
    }
}

void cairn_untold_snapshot(unsigned untold, struct cairn_snapshot *row)
{
    if (untold & CAIRN_UNTOLD_EVENTS) {
        row->blocks = CAIRN_UNKNOWN;
    }
}

void cairn_untold_point(unsigned untold, struct cairn_timeline_point *row)
{
    if (untold & CAIRN_UNTOLD_AROUND) {
        row->mapped_bytes = CAIRN_UNKNOWN;
    }
    if (untold & CAIRN_UNTOLD_EVENTS) {
        row->heap_blocks = row->allocations = row->frees = CAIRN_UNKNOWN;
    }
}
