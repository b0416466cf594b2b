/* The thread between ordering and file: sums events up, makes chunks, keyframes, snapshots and timeline of them, and
 * puts their rows into batches for the store. */
#ifndef CAIRN_COLLECTOR_CHUNKER_H
#define CAIRN_COLLECTOR_CHUNKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/pipeline.h"

struct cairn_chunker;

/* What people may watch while it runs; any thread. */
struct cairn_chunker_figures {
    _Atomic int64_t live_bytes, live_blocks, peak_bytes, events;
};

/* `snapshot_interval_ns` 0: adaptive. */
CAIRN_MUST_CHECK enum cairn_status cairn_chunker_start(struct cairn_pipeline *pipeline,
                                                       int64_t snapshot_interval_ns,
                                                       struct cairn_chunker **chunker,
                                                       struct cairn_error *error);
const struct cairn_chunker_figures *cairn_chunker_figures(const struct cairn_chunker *chunker);
/* After the FINISH message: waits for the thread and frees it. */
void cairn_chunker_join(struct cairn_chunker *chunker);

#endif
