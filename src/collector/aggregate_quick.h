/* The usual event of an exact recording, summed up: an allocation or a free of the heap, of an account that the open chunk changed
 * before. So there is nothing to write down first, and a free is no maximum: the heap was compared with every one of them
 * since the chunk began. Private to aggregate.c. */
#ifndef CAIRN_COLLECTOR_AGGREGATE_QUICK_H
#define CAIRN_COLLECTOR_AGGREGATE_QUICK_H

#include "collector/aggregate.h"
#include "wire/record.h"

#define CAIRN_AGGREGATE_INLINE static inline __attribute__((always_inline))

/* What such events add to numbers that nobody looks at while they pass. */
struct cairn_aggregate_usual {
    int64_t allocations, frees, allocated_bytes;
};

static inline void cairn_aggregate_settle(struct cairn_aggregate *aggregate,
                                          struct cairn_aggregate_usual *usual)
{
    aggregate->chunk_allocations += usual->allocations;
    aggregate->interval_allocations += usual->allocations;
    aggregate->counts.allocations += usual->allocations;
    aggregate->counts.allocated_bytes += usual->allocated_bytes;
    aggregate->chunk_frees += usual->frees;
    aggregate->interval_frees += usual->frees;
    aggregate->counts.frees += usual->frees;
    *usual = (struct cairn_aggregate_usual){.frees = 0};
}

static inline bool cairn_aggregate_is_touched(const struct cairn_aggregate *aggregate,
                                              const struct cairn_aggregate_account *account)
{
    return account->touched > aggregate->touched_before;
}

/* Before an account changes: its value at the peak is written down. */
CAIRN_AGGREGATE_INLINE void cairn_aggregate_keep_peak(const struct cairn_aggregate *aggregate,
                                                      struct cairn_aggregate_account *account)
{
    if (account->epoch != aggregate->peak_epoch) {
        account->peak_bytes = account->now.live_bytes;
        account->peak_blocks = account->now.live_blocks;
        account->epoch = aggregate->peak_epoch;
    }
}

/* After a change of the heap: the maxima of its process, of the open chunk, of the open interval, and of all, which is never below
 * the interval's. */
CAIRN_AGGREGATE_INLINE void cairn_aggregate_note_peaks(struct cairn_aggregate *aggregate,
                                                       uint32_t process_number)
{
    struct cairn_aggregate_process *process = &aggregate->processes[process_number];
    if (process->bytes > process->peak.bytes) {
        process->peak = (struct cairn_peak){.bytes = process->bytes,
                                            .blocks = process->blocks,
                                            .t_ns = aggregate->last_t_ns,
                                            .event = aggregate->position};
    }
    const int64_t heap = aggregate->heap_bytes;
    if (heap > aggregate->chunk_max_bytes) {
        aggregate->chunk_max_bytes = heap;
        aggregate->chunk_max_event = aggregate->position - 1;
    }
    if (heap > aggregate->interval_max_bytes) {
        aggregate->interval_max_bytes = heap;
        if (heap > aggregate->peak.bytes) {
            aggregate->peak_epoch++;
            aggregate->peak = (struct cairn_peak){.bytes = heap,
                                                  .blocks = aggregate->heap_blocks,
                                                  .t_ns = aggregate->last_t_ns,
                                                  .event = aggregate->position};
        }
    }
}

CAIRN_AGGREGATE_INLINE void cairn_aggregate_usual_alloc(struct cairn_aggregate *aggregate,
                                                        struct cairn_aggregate_account *account, int64_t size,
                                                        struct cairn_aggregate_usual *usual)
{
    struct cairn_aggregate_process *process = &aggregate->processes[account->process];
    account->now.live_bytes += size;
    account->now.live_blocks++;
    account->now.allocated_bytes += size;
    account->now.allocations++;
    process->bytes += size;
    process->blocks++;
    aggregate->heap_bytes += size;
    aggregate->heap_blocks++;
    usual->allocations++;
    usual->allocated_bytes += size;
    cairn_aggregate_note_peaks(aggregate, account->process);
}

CAIRN_AGGREGATE_INLINE void cairn_aggregate_usual_free(struct cairn_aggregate *aggregate,
                                                       struct cairn_aggregate_account *account, int64_t size,
                                                       uint64_t birth, bool temporary,
                                                       struct cairn_aggregate_usual *usual)
{
    struct cairn_aggregate_process *process = &aggregate->processes[account->process];
    account->now.live_bytes -= size;
    account->now.live_blocks--;
    account->now.temporary += temporary;
    process->bytes -= size;
    process->blocks--;
    aggregate->heap_bytes -= size;
    aggregate->heap_blocks--;
    usual->frees++;
    if (birth < aggregate->chunk_first_event && birth < aggregate->chunk_oldest_freed) {
        aggregate->chunk_oldest_freed = birth;
    }
}

/* False: the event is none of those, and nothing was done. */
CAIRN_AGGREGATE_INLINE bool cairn_aggregate_quickly(struct cairn_aggregate *aggregate,
                                                    const struct cairn_event *event, uint8_t lifetime,
                                                    struct cairn_aggregate_usual *usual)
{
    const bool is_free = event->kind == CAIRN_EVENT_FREE;
    if (!is_free && (event->kind != CAIRN_EVENT_ALLOC || event->flags != 0)) {
        return false;
    }
    struct cairn_aggregate_account *account = &aggregate->accounts[event->account - 1];
    if (!cairn_aggregate_is_touched(aggregate, account) || !cairn_domain_is_heap(account->domain)) {
        return false;
    }
    struct cairn_histogram_count *count =
        cairn_histogram_find(&account->histogram, is_free ? cairn_histogram_death_key(event->size, lifetime)
                                                          : cairn_histogram_birth_key(event->size));
    if (__builtin_expect(!count, 0)) {
        return false;
    }
    aggregate->position++;
    aggregate->last_t_ns = (int64_t)event->t_ns;
    cairn_aggregate_keep_peak(aggregate, account);
    account->flags |= CAIRN_AGGREGATE_DIRTY | CAIRN_AGGREGATE_CELLS;
    if (is_free) {
        const bool temporary = (event->flags & CAIRN_EVENT_TEMPORARY) != 0;
        cairn_histogram_add(count, 1, temporary);
        cairn_aggregate_usual_free(aggregate, account, (int64_t)event->size, event->birth, temporary, usual);
    } else {
        cairn_histogram_add(count, 1, 0);
        cairn_aggregate_usual_alloc(aggregate, account, (int64_t)event->size, usual);
    }
    return true;
}

#endif
