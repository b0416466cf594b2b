/* The ledger by brute force: events replayed one by one, blocks kept in a plain list. */
#ifndef CAIRN_TEST_MODEL_H
#define CAIRN_TEST_MODEL_H

#include "random_trace.h"

/* Totals of every account after `position` events. The caller frees them. */
struct cairn_totals *model_state(const struct fixture *fixture, uint64_t position);
/* Blocks born after `a` and alive at `b`, by account. The caller frees them. */
struct cairn_totals *model_survived(const struct fixture *fixture, uint64_t a, uint64_t b);
/* Live at the end of each account's process. The caller frees them. */
struct cairn_totals *model_end(const struct fixture *fixture);
/* Position of the largest heap of `process` (0: all) in [from, to], the first of several. */
uint64_t model_peak(const struct fixture *fixture, uint32_t process, uint64_t from, uint64_t to);
/* How many events are stamped at or before t_ns. */
uint64_t model_position(const struct fixture *fixture, int64_t t_ns);
/* Before the END events that close the recording. */
uint64_t model_end_position(const struct fixture *fixture);
/* The event that first made the oldest block of an account that is live when its process ends; UINT64_MAX: none. With `cutoff`
 * also what is live of births below it. */
uint64_t model_oldest(const struct fixture *fixture, uint32_t account, uint64_t cutoff, int64_t *bytes,
                      int64_t *blocks);

#endif
