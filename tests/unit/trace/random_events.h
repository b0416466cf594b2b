/* Random event streams of several processes, and what they mean, replayed block by block: the oracle of the reader. */
#ifndef CAIRN_TESTS_RANDOM_EVENTS_H
#define CAIRN_TESTS_RANDOM_EVENTS_H

#include "trace_maker.h"

struct random_events {
    struct cairn_event *events;
    size_t count;
    uint32_t processes, accounts;
    uint32_t account_process[256]; /* by account − 1 */
    uint32_t account_domain[256];
};

/* What lives after some events. */
struct model_block {
    uint64_t birth;  /* what names it: ALLOC, REALLOC or ADOPT */
    uint64_t origin; /* the allocation that it continues */
    uint64_t size;
    uint32_t account;
};

struct model {
    const struct random_events *stream;
    struct model_block *blocks;
    size_t block_count, block_capacity;
    struct cairn_totals totals[256];
};

/* The number itself is all randomness there is. */
uint64_t random_next(uint64_t *seed);
uint64_t random_below(uint64_t *seed, uint64_t limit);

/* Allocations, frees in and out of order, reallocs, shrunk mappings, lost frees, forks, ends, adoptions, bursts within one
 * microsecond and pauses. */
void random_events_make(struct random_events *stream, uint64_t seed, size_t count);
void random_events_free(struct random_events *stream);
/* Writes the stream as a trace. */
void random_events_record(const struct random_events *stream, struct trace_maker *maker);

void model_init(struct model *model, const struct random_events *stream);
void model_release(struct model *model);
void model_apply(struct model *model, uint64_t ordinal);
int64_t model_heap(const struct model *model, uint32_t process);

#endif
