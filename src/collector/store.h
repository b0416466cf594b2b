/* The thread that owns the trace's writer: carries batches out in order, commits, checkpoints, keeps the file below its
 * size. After the first failure it only empties its queue. */
#ifndef CAIRN_COLLECTOR_STORE_H
#define CAIRN_COLLECTOR_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/pipeline.h"
#include "trace/writer.h"

struct cairn_store;
struct cairn_symboliser;

/* Takes over `writer`. New frames and stacks go to `symboliser` (may be NULL) once they are written. */
CAIRN_MUST_CHECK enum cairn_status cairn_store_start(struct cairn_pipeline *pipeline,
                                                     struct cairn_writer *writer, int64_t max_size_bytes,
                                                     struct cairn_symboliser *symboliser,
                                                     struct cairn_store **store, struct cairn_error *error);
/* Whether writing failed; then `error` (may be NULL) says why. Any thread. */
bool cairn_store_failed(struct cairn_store *store, struct cairn_error *error);
/* Of the file and its WAL, as of the last commit. */
int64_t cairn_store_file_bytes(const struct cairn_store *store);
/* Commits carried out so far, of those that the chunker asked for. Any thread: what they hold can be read by then. */
uint64_t cairn_store_commits(const struct cairn_store *store);
/* What the finished trace will take, as of the last look: what `max_size_bytes` bounds. 0 where it bounds nothing. */
int64_t cairn_store_finished_bytes(const struct cairn_store *store);
/* Waits for the rest, closes the trace and frees the store. Nobody may push any more. */
CAIRN_MUST_CHECK enum cairn_status cairn_store_finish(struct cairn_store *store, struct cairn_error *error);
/* The same, but the trace is removed. */
void cairn_store_discard(struct cairn_store *store);

#endif
