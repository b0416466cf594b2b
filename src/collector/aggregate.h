/* Everything that is summed over the event stream: totals of accounts and processes, the exact peak, what a chunk
 * changed, histograms. A pure function of the accounts and the events, in order. Not thread-safe.
 *
 * The peak, without looking at every account at every new maximum: `peak_epoch` counts maxima. An account whose own
 * epoch is older has not changed since before the last maximum, so its value then is its value now; it is written down
 * when the account next changes. */
#ifndef CAIRN_COLLECTOR_AGGREGATE_H
#define CAIRN_COLLECTOR_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/histogram.h"
#include "trace/event.h"

/* What an account is; number = index + 1. */
struct cairn_account_identity {
    uint32_t process, thread, stack;
    uint8_t domain;
};

struct cairn_aggregate_account {
    struct cairn_totals now;
    int64_t peak_bytes, peak_blocks; /* valid where epoch is the aggregate's, else `now` is */
    uint64_t epoch;
    struct cairn_histogram histogram;
    uint32_t process;
    uint8_t domain;
    uint8_t flags; /* enum cairn_aggregate_flags */
    uint64_t
        touched; /* touched_before + index into `touched` + 1, if a chunk changed it; of an older one where that is less */
};

enum cairn_aggregate_flags {
    CAIRN_AGGREGATE_DIRTY = 1u << 0, /* changed since its row was written */
    CAIRN_AGGREGATE_CELLS = 1u << 1, /* its histogram changed since it was written */
    CAIRN_AGGREGATE_WAITING =
        1u << 2, /* written with a peak that differs from `now`: a new peak changes its row */
    CAIRN_AGGREGATE_ENDED = 1u << 3, /* its process ended; live values then are in `cold` */
};

struct cairn_aggregate_cold {
    struct cairn_account_identity identity;
    uint32_t next_of_process; /* account number, 0: last */
    uint32_t site;
    int64_t end_bytes, end_blocks;
};

struct cairn_peak {
    int64_t bytes, blocks, t_ns;
    uint64_t event; /* ordinal of the event that made it, + 1: the state after so many */
};

struct cairn_aggregate_process {
    int64_t bytes, blocks; /* heap live now */
    struct cairn_peak peak;
    uint32_t accounts; /* its newest account */
    bool ended;
    int64_t end_bytes, end_blocks;
};

/* Of heap domains since the start: events as they came, and the bytes that they stand for. */
struct cairn_aggregate_counts {
    int64_t allocations, frees, reallocs; /* reallocs apart */
    int64_t allocated_bytes;
};

struct cairn_aggregate {
    int64_t
        sample_bytes; /* blocks of the heap are weighed as trace/weight.h says; 0: each counts for itself */
    struct cairn_aggregate_account *accounts;
    struct cairn_aggregate_cold *cold;
    size_t account_count, account_capacity, cold_capacity;
    struct cairn_aggregate_process *processes; /* by number */
    size_t process_count, process_capacity;

    uint64_t position; /* events so far */
    int64_t last_t_ns;
    int64_t heap_bytes, heap_blocks, mapped_bytes;
    uint64_t peak_epoch;
    struct cairn_peak peak;
    struct cairn_aggregate_counts counts;

    /* The open chunk. */
    uint64_t chunk_first_event;
    int64_t chunk_first_t_ns, chunk_start_bytes, chunk_start_blocks, chunk_max_bytes;
    uint64_t chunk_max_event;
    int64_t chunk_allocations, chunk_frees;
    uint64_t chunk_oldest_freed;          /* UINT64_MAX: none */
    struct cairn_account_totals *touched; /* totals before the chunk */
    size_t touched_count, touched_capacity;
    uint64_t touched_before; /* by earlier chunks */

    /* The open interval of the timeline. */
    int64_t interval_max_bytes, interval_allocations, interval_frees;

    /* Called before the first event after next_tick_ns; sets a later one. */
    int64_t next_tick_ns;
    void (*tick)(void *state, int64_t t_ns);
    void *tick_state;

    bool failed; /* memory ran out: sums are not right any more */
};

void cairn_aggregate_init(struct cairn_aggregate *aggregate);
void cairn_aggregate_release(struct cairn_aggregate *aggregate);

void cairn_aggregate_add_accounts(struct cairn_aggregate *aggregate,
                                  const struct cairn_account_identity *list, size_t count);
/* `lifetimes[i]` is the lifetime bucket of the block that event i ends. Accounts must be known. */
void cairn_aggregate_events(struct cairn_aggregate *aggregate, const struct cairn_event *events,
                            const uint8_t *lifetimes, size_t count);

/* The open chunk begins at the current position. */
void cairn_aggregate_begin_chunk(struct cairn_aggregate *aggregate);
/* What it changed so far, sorted by account, without zero rows; malloc'ed. False when memory ran out. */
bool cairn_aggregate_chunk_delta(const struct cairn_aggregate *aggregate, struct cairn_account_totals **rows,
                                 size_t *count);
/* Every account's totals, as above. */
bool cairn_aggregate_totals(const struct cairn_aggregate *aggregate, struct cairn_account_totals **rows,
                            size_t *count);
/* An account's live bytes and blocks at the recording's peak. */
void cairn_aggregate_account_peak(const struct cairn_aggregate *aggregate, uint32_t account, int64_t *bytes,
                                  int64_t *blocks);
/* The numbers of a process, made when it is new; NULL when memory ran out. */
struct cairn_aggregate_process *cairn_aggregate_process(struct cairn_aggregate *aggregate, uint32_t process);

#endif
