/* Which snapshots a slim copy keeps as plain rows, too: what sites held at the others is in the state at that moment only.
 * Internal to trace. */
#ifndef CAIRN_TRACE_SLIM_KEEP_H
#define CAIRN_TRACE_SLIM_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/reader.h"

struct cairn_slim_keep {
    const uint64_t *wanted; /* positions that become borders, too; borrowed */
    size_t wanted_count;
    uint32_t *dropped; /* snapshots whose sites go, ascending; owned */
    size_t dropped_count;
};

/* Chooses what goes: nothing while the sites of all periodic snapshots take at most an eight-hundredth of the file, or 256 KiB
 * where that is more; else so many of them, evenly, that the others do. Those with a name stay, and those whose state is not
 * known to the event. */
CAIRN_MUST_CHECK enum cairn_status cairn_slim_choose(struct cairn_slim_keep *keep, struct cairn_trace *trace,
                                                     struct cairn_error *error);
bool cairn_slim_keeps(const struct cairn_slim_keep *keep, uint32_t snapshot);
void cairn_slim_keep_release(struct cairn_slim_keep *keep);

#endif
