/* Names for frames and sites for accounts, on a thread of its own beside the store: sees the rows that were written,
 * resolves them with symbols.h, and sends the completed rows behind them. */
#ifndef CAIRN_COLLECTOR_SYMBOLISE_H
#define CAIRN_COLLECTOR_SYMBOLISE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/pipeline.h"

struct cairn_symboliser;

/* `next_frame` gives the numbers of frames that are inlined functions. `excerpts`: keep the source lines around sites. */
CAIRN_MUST_CHECK enum cairn_status cairn_symboliser_start(struct cairn_pipeline *pipeline,
                                                          _Atomic uint32_t *next_frame, bool excerpts,
                                                          struct cairn_symboliser **symboliser,
                                                          struct cairn_error *error);
/* Takes note of the batch's new modules, frames, stacks and accounts. Called by the store's thread; never waits. */
void cairn_symboliser_see(struct cairn_symboliser *symboliser, const struct cairn_batch *batch);
/* Waits until everything seen so far is resolved and its rows are in the queues. False: that takes longer than `most_ns`. */
bool cairn_symboliser_wait(struct cairn_symboliser *symboliser, int64_t most_ns);
/* Waits for the same, however long it takes, and ends the thread. */
void cairn_symboliser_finish(struct cairn_symboliser *symboliser);
/* After finish, once the store has ended too. Tolerates NULL. */
void cairn_symboliser_free(struct cairn_symboliser *symboliser);

#endif
