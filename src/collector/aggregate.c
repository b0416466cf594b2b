#include "collector/aggregate.h"

#include <stdlib.h>
#include <string.h>

#include "collector/aggregate_quick.h"
#include "collector/table.h"
#include "trace/weight.h"
#include "wire/record.h"

/* How many events ahead an account's lines are loaded, and then its histogram, whose address is in them. */
#define PREFETCH_ACCOUNTS 16u
#define PREFETCH_CELLS    8u
#define NEAR_ACCOUNTS     1024u /* so few are in the processor's caches anyway */

/* An event passes through all of these: so each is part of the loop over the events. */
#define INLINE inline __attribute__((always_inline))

void cairn_aggregate_init(struct cairn_aggregate *aggregate)
{
    *aggregate = (struct cairn_aggregate){.next_tick_ns = INT64_MAX};
    cairn_aggregate_begin_chunk(aggregate);
}

void cairn_aggregate_release(struct cairn_aggregate *aggregate)
{
    for (size_t i = 0; i < aggregate->account_count; i++) {
        cairn_histogram_release(&aggregate->accounts[i].histogram);
    }
    free(aggregate->accounts);
    free(aggregate->cold);
    free(aggregate->processes);
    free(aggregate->touched);
}

struct cairn_aggregate_process *cairn_aggregate_process(struct cairn_aggregate *aggregate, uint32_t process)
{
    while (aggregate->process_count <= process) {
        struct cairn_aggregate_process *grown = cairn_grown(
            aggregate->processes, &aggregate->process_capacity, aggregate->process_count, sizeof *grown);
        if (!grown) {
            aggregate->failed = true;
            return NULL;
        }
        aggregate->processes = grown;
        grown[aggregate->process_count++] = (struct cairn_aggregate_process){.accounts = 0};
    }
    return &aggregate->processes[process];
}

static bool add_account(struct cairn_aggregate *aggregate, const struct cairn_account_identity *identity)
{
    struct cairn_aggregate_account *accounts = cairn_grown(aggregate->accounts, &aggregate->account_capacity,
                                                           aggregate->account_count, sizeof *accounts);
    if (accounts) {
        aggregate->accounts = accounts;
    }
    struct cairn_aggregate_cold *cold =
        cairn_grown(aggregate->cold, &aggregate->cold_capacity, aggregate->account_count, sizeof *cold);
    if (cold) {
        aggregate->cold = cold;
    }
    struct cairn_aggregate_process *process = cairn_aggregate_process(aggregate, identity->process);
    if (!accounts || !cold || !process) {
        return false;
    }
    const size_t index = aggregate->account_count++;
    accounts[index] = (struct cairn_aggregate_account){.process = identity->process,
                                                       .domain = identity->domain,
                                                       .epoch = aggregate->peak_epoch,
                                                       .flags = CAIRN_AGGREGATE_DIRTY};
    cold[index] = (struct cairn_aggregate_cold){.identity = *identity, .next_of_process = process->accounts};
    process->accounts = (uint32_t)index + 1;
    return true;
}

void cairn_aggregate_add_accounts(struct cairn_aggregate *aggregate,
                                  const struct cairn_account_identity *list, size_t count)
{
    for (size_t i = 0; i < count && !aggregate->failed; i++) {
        if (!add_account(aggregate, &list[i])) {
            aggregate->failed = true;
        }
    }
}

void cairn_aggregate_begin_chunk(struct cairn_aggregate *aggregate)
{
    aggregate->chunk_first_event = aggregate->position;
    aggregate->chunk_first_t_ns = aggregate->last_t_ns;
    aggregate->chunk_start_bytes = aggregate->heap_bytes;
    aggregate->chunk_start_blocks = aggregate->heap_blocks;
    aggregate->chunk_max_bytes = INT64_MIN;
    aggregate->chunk_max_event = aggregate->position;
    aggregate->chunk_allocations = 0;
    aggregate->chunk_frees = 0;
    aggregate->chunk_oldest_freed = UINT64_MAX;
    aggregate->touched_before += aggregate->touched_count;
    aggregate->touched_count = 0;
}

/* Writes down what must be known before an account changes: its totals before the chunk, its value at the peak. */
static INLINE struct cairn_aggregate_account *touch(struct cairn_aggregate *aggregate, uint32_t number)
{
    struct cairn_aggregate_account *account = &aggregate->accounts[number - 1];
    if (__builtin_expect(!cairn_aggregate_is_touched(aggregate, account), 0)) {
        struct cairn_account_totals *touched = cairn_grown(aggregate->touched, &aggregate->touched_capacity,
                                                           aggregate->touched_count, sizeof *touched);
        if (!touched) {
            aggregate->failed = true;
            return account;
        }
        aggregate->touched = touched;
        touched[aggregate->touched_count++] =
            (struct cairn_account_totals){.account = number, .totals = account->now};
        account->touched = aggregate->touched_before + aggregate->touched_count;
    }
    cairn_aggregate_keep_peak(aggregate, account);
    account->flags |= CAIRN_AGGREGATE_DIRTY;
    return account;
}

/* `exact`, here and below: each block counts for itself. A constant wherever it is passed, so that the sums of exact recordings
 * are made without weights. */
static INLINE struct cairn_weight weigh(const struct cairn_aggregate *aggregate, bool exact, uint8_t domain,
                                        uint64_t size, uint64_t birth)
{
    return exact ? (struct cairn_weight){.bytes = (int64_t)size, .blocks = 1}
                 : cairn_weigh_in(aggregate->sample_bytes, domain, size, birth);
}

/* The ordinal of the event that is being applied. */
static inline uint64_t ordinal(const struct cairn_aggregate *aggregate)
{
    return aggregate->position - 1;
}

/* Live sums of account, process and recording. `sign` is 1 or −1. */
static INLINE void change_live(struct cairn_aggregate *aggregate, struct cairn_aggregate_account *account,
                               const struct cairn_weight *weight, int64_t sign)
{
    const int64_t bytes = sign * weight->bytes, blocks = sign * weight->blocks;
    account->now.live_bytes += bytes;
    account->now.live_blocks += blocks;
    account->now.live_variance += sign * weight->variance;
    if (cairn_domain_is_heap(account->domain)) {
        struct cairn_aggregate_process *process = &aggregate->processes[account->process];
        process->bytes += bytes;
        process->blocks += blocks;
        aggregate->heap_bytes += bytes;
        aggregate->heap_blocks += blocks;
    } else if (account->domain != CAIRN_DOMAIN_PYTHON_ARENA) {
        aggregate->mapped_bytes += bytes;
    }
}

static INLINE void count_allocation(struct cairn_aggregate *aggregate,
                                    struct cairn_aggregate_account *account,
                                    const struct cairn_weight *weight)
{
    account->now.allocated_bytes += weight->bytes;
    account->now.allocations += weight->blocks;
    account->now.allocated_variance += weight->variance;
    if (cairn_domain_is_heap(account->domain)) {
        aggregate->chunk_allocations++;
        aggregate->interval_allocations += weight->blocks;
        aggregate->counts.allocated_bytes += weight->bytes;
    }
}

static INLINE void count_realloc(struct cairn_aggregate *aggregate, struct cairn_aggregate_account *account,
                                 const struct cairn_weight *weight)
{
    account->now.reallocs += weight->blocks;
    aggregate->counts.reallocs += cairn_domain_is_heap(account->domain);
}

/* A chunk says how far back the births go that its events name. */
static INLINE void note_birth(struct cairn_aggregate *aggregate, uint64_t birth)
{
    if (birth < aggregate->chunk_first_event && birth < aggregate->chunk_oldest_freed) {
        aggregate->chunk_oldest_freed = birth;
    }
}

static INLINE void count_free(struct cairn_aggregate *aggregate,
                              const struct cairn_aggregate_account *account,
                              const struct cairn_weight *weight, uint64_t birth)
{
    if (cairn_domain_is_heap(account->domain)) {
        aggregate->chunk_frees++;
        aggregate->interval_frees += weight->blocks;
    }
    note_birth(aggregate, birth);
}

static void count_cell(struct cairn_aggregate *aggregate, struct cairn_aggregate_account *account,
                       uint32_t key, const struct cairn_weight *weight, bool temporary)
{
    struct cairn_histogram_count *count = cairn_histogram_count(&account->histogram, key);
    if (count) {
        const uint64_t blocks = (uint64_t)weight->blocks;
        cairn_histogram_add(count, blocks, temporary ? blocks : 0);
    } else {
        aggregate->failed = true;
    }
}

/* Histograms are of blocks: a mapping dies in parts, which no bucket could tell. Sizes are the blocks' own. */
static INLINE void count_birth(struct cairn_aggregate *aggregate, struct cairn_aggregate_account *account,
                               uint64_t size, const struct cairn_weight *weight)
{
    if (cairn_domain_is_heap(account->domain)) {
        count_cell(aggregate, account, cairn_histogram_birth_key(size), weight, false);
        account->flags |= CAIRN_AGGREGATE_CELLS;
    }
}

static INLINE void count_death(struct cairn_aggregate *aggregate, struct cairn_aggregate_account *account,
                               uint64_t size, const struct cairn_weight *weight, uint8_t lifetime,
                               bool temporary)
{
    if (cairn_domain_is_heap(account->domain)) {
        count_cell(aggregate, account, cairn_histogram_death_key(size, lifetime), weight, temporary);
        account->flags |= CAIRN_AGGREGATE_CELLS;
    }
}

static INLINE void apply_alloc(struct cairn_aggregate *aggregate, const struct cairn_event *event, bool exact)
{
    struct cairn_aggregate_account *account = touch(aggregate, event->account);
    const struct cairn_weight weight =
        weigh(aggregate, exact, account->domain, event->size, ordinal(aggregate));
    change_live(aggregate, account, &weight, 1);
    if (event->kind == CAIRN_EVENT_ADOPT) {
        note_birth(aggregate, event->birth);
    } else {
        count_allocation(aggregate, account, &weight);
        if (event->flags & CAIRN_EVENT_BY_REALLOC) {
            count_realloc(aggregate, account, &weight);
        } else {
            aggregate->counts.allocations += cairn_domain_is_heap(account->domain);
        }
    }
    count_birth(aggregate, account, event->size, &weight);
    cairn_aggregate_note_peaks(aggregate, account->process);
}

static INLINE void apply_free(struct cairn_aggregate *aggregate, const struct cairn_event *event,
                              uint8_t lifetime, bool exact)
{
    struct cairn_aggregate_account *account = touch(aggregate, event->account);
    const bool temporary = (event->flags & CAIRN_EVENT_TEMPORARY) != 0;
    const struct cairn_weight weight = weigh(aggregate, exact, account->domain, event->size, event->birth);
    change_live(aggregate, account, &weight, -1);
    account->now.temporary += temporary ? weight.blocks : 0;
    count_free(aggregate, account, &weight, event->birth);
    if (event->kind == CAIRN_EVENT_FREE) {
        aggregate->counts.frees += cairn_domain_is_heap(account->domain);
    }
    count_death(aggregate, account, event->size, &weight, lifetime, temporary);
    cairn_aggregate_note_peaks(aggregate, account->process);
}

static void apply_realloc(struct cairn_aggregate *aggregate, const struct cairn_event *event,
                          uint8_t lifetime, bool exact)
{
    struct cairn_aggregate_account *old = touch(aggregate, event->old_account);
    const struct cairn_weight gone = weigh(aggregate, exact, old->domain, event->old_size, event->birth);
    change_live(aggregate, old, &gone, -1);
    count_death(aggregate, old, event->old_size, &gone, lifetime, false);
    count_free(aggregate, old, &gone, event->birth);

    struct cairn_aggregate_account *account = touch(aggregate, event->account);
    const struct cairn_weight made =
        weigh(aggregate, exact, account->domain, event->size, ordinal(aggregate));
    change_live(aggregate, account, &made, 1);
    count_allocation(aggregate, account, &made);
    count_realloc(aggregate, account, &made);
    count_birth(aggregate, account, event->size, &made);
    cairn_aggregate_note_peaks(aggregate, account->process);
}

/* The oldest part of a mapping's age does not end here: the block stays, smaller. */
static void apply_shrink(struct cairn_aggregate *aggregate, const struct cairn_event *event)
{
    struct cairn_aggregate_account *account = touch(aggregate, event->account);
    change_live(aggregate, account, &(struct cairn_weight){.bytes = (int64_t)event->size}, -1);
    note_birth(aggregate, event->birth);
    cairn_aggregate_note_peaks(aggregate, account->process);
}

static void apply_end(struct cairn_aggregate *aggregate, uint32_t number)
{
    struct cairn_aggregate_process *process = cairn_aggregate_process(aggregate, number);
    if (!process || process->ended) {
        return;
    }
    process->ended = true;
    process->end_bytes = process->bytes;
    process->end_blocks = process->blocks;
    for (uint32_t at = process->accounts; at; at = aggregate->cold[at - 1].next_of_process) {
        struct cairn_aggregate_account *account = touch(aggregate, at);
        aggregate->cold[at - 1].end_bytes = account->now.live_bytes;
        aggregate->cold[at - 1].end_blocks = account->now.live_blocks;
        account->flags |= CAIRN_AGGREGATE_ENDED;
        const struct cairn_weight all = {.bytes = account->now.live_bytes,
                                         .blocks = account->now.live_blocks,
                                         .variance = account->now.live_variance};
        change_live(aggregate, account, &all, -1);
    }
    cairn_aggregate_note_peaks(aggregate, number);
}

static INLINE void apply(struct cairn_aggregate *aggregate, const struct cairn_event *event, uint8_t lifetime,
                         bool exact)
{
    aggregate->position++;
    aggregate->last_t_ns = (int64_t)event->t_ns;
    switch ((enum cairn_event_kind)event->kind) {
    case CAIRN_EVENT_ALLOC:
    case CAIRN_EVENT_ADOPT:
        apply_alloc(aggregate, event, exact);
        break;
    case CAIRN_EVENT_FREE:
    case CAIRN_EVENT_LOST:
        apply_free(aggregate, event, lifetime, exact);
        break;
    case CAIRN_EVENT_REALLOC:
        apply_realloc(aggregate, event, lifetime, exact);
        break;
    case CAIRN_EVENT_SHRINK:
        apply_shrink(aggregate, event);
        break;
    case CAIRN_EVENT_END:
        apply_end(aggregate, event->account);
        break;
    }
}

/* END names a process in `account`: then this loads some other account, or nothing. */
static inline void prefetch_account(const struct cairn_aggregate *aggregate, const struct cairn_event *event)
{
    if (event->account - 1 < aggregate->account_count) {
        const struct cairn_aggregate_account *account = &aggregate->accounts[event->account - 1];
        __builtin_prefetch(account, 1);
        __builtin_prefetch((const char *)(account + 1) - 1, 1);
    }
}

static inline void prefetch_cells(const struct cairn_aggregate *aggregate, const struct cairn_event *event)
{
    if (event->account - 1 < aggregate->account_count) {
        __builtin_prefetch(aggregate->accounts[event->account - 1].histogram.counts, 1);
    }
}

static INLINE void apply_all(struct cairn_aggregate *aggregate, const struct cairn_event *events,
                             const uint8_t *lifetimes, size_t count, bool exact)
{
    const bool far = aggregate->account_count > NEAR_ACCOUNTS;
    struct cairn_aggregate_usual usual = {.frees = 0};
    for (size_t i = 0; i < count && !aggregate->failed; i++) {
        if (__builtin_expect((int64_t)events[i].t_ns > aggregate->next_tick_ns, 0)) {
            cairn_aggregate_settle(aggregate, &usual);
            aggregate->tick(aggregate->tick_state, (int64_t)events[i].t_ns);
        }
        if (far && i + PREFETCH_ACCOUNTS < count) {
            prefetch_account(aggregate, &events[i + PREFETCH_ACCOUNTS]);
            prefetch_cells(aggregate, &events[i + PREFETCH_CELLS]);
        }
        if (!exact || !cairn_aggregate_quickly(aggregate, &events[i], lifetimes[i], &usual)) {
            apply(aggregate, &events[i], lifetimes[i], exact);
        }
    }
    cairn_aggregate_settle(aggregate, &usual);
}

void cairn_aggregate_events(struct cairn_aggregate *aggregate, const struct cairn_event *events,
                            const uint8_t *lifetimes, size_t count)
{
    if (count && aggregate->position == aggregate->chunk_first_event) {
        aggregate->chunk_first_t_ns = (int64_t)events[0].t_ns;
    }
    if (aggregate->sample_bytes == 0) {
        apply_all(aggregate, events, lifetimes, count, true);
    } else {
        apply_all(aggregate, events, lifetimes, count, false);
    }
}

static bool totals_are_zero(const struct cairn_totals *totals)
{
    return (totals->live_bytes | totals->live_blocks | totals->allocated_bytes | totals->allocations |
            totals->reallocs | totals->temporary | totals->live_variance | totals->allocated_variance) == 0;
}

static int by_account(const void *a, const void *b)
{
    const struct cairn_account_totals *left = a, *right = b;
    return left->account < right->account ? -1 : left->account > right->account;
}

/* Walks what the chunk touched: by account where that is most accounts, else as it came. */
struct in_order {
    const struct cairn_aggregate *aggregate;
    bool every;
    size_t at;
};

static const struct cairn_account_totals *next_touched(struct in_order *order)
{
    const struct cairn_aggregate *aggregate = order->aggregate;
    if (!order->every) {
        return order->at < aggregate->touched_count ? &aggregate->touched[order->at++] : NULL;
    }
    while (order->at < aggregate->account_count) {
        const struct cairn_aggregate_account *account = &aggregate->accounts[order->at++];
        if (cairn_aggregate_is_touched(aggregate, account)) {
            return &aggregate->touched[account->touched - aggregate->touched_before - 1];
        }
    }
    return NULL;
}

bool cairn_aggregate_chunk_delta(const struct cairn_aggregate *aggregate, struct cairn_account_totals **rows,
                                 size_t *count)
{
    struct cairn_account_totals *delta = malloc((aggregate->touched_count + 1) * sizeof *delta);
    if (!delta) {
        return false;
    }
    size_t filled = 0;
    struct in_order order = {.aggregate = aggregate,
                             .every = aggregate->touched_count > aggregate->account_count / 8};
    for (const struct cairn_account_totals *before; (before = next_touched(&order)) != NULL;) {
        const struct cairn_totals *now = &aggregate->accounts[before->account - 1].now;
        const struct cairn_totals change = {
            .live_bytes = now->live_bytes - before->totals.live_bytes,
            .live_blocks = now->live_blocks - before->totals.live_blocks,
            .allocated_bytes = now->allocated_bytes - before->totals.allocated_bytes,
            .allocations = now->allocations - before->totals.allocations,
            .reallocs = now->reallocs - before->totals.reallocs,
            .temporary = now->temporary - before->totals.temporary,
            .live_variance = now->live_variance - before->totals.live_variance,
            .allocated_variance = now->allocated_variance - before->totals.allocated_variance,
        };
        if (!totals_are_zero(&change)) {
            delta[filled++] = (struct cairn_account_totals){.account = before->account, .totals = change};
        }
    }
    if (!order.every) {
        qsort(delta, filled, sizeof *delta, by_account);
    }
    *rows = delta;
    *count = filled;
    return true;
}

bool cairn_aggregate_totals(const struct cairn_aggregate *aggregate, struct cairn_account_totals **rows,
                            size_t *count)
{
    struct cairn_account_totals *totals = malloc((aggregate->account_count + 1) * sizeof *totals);
    if (!totals) {
        return false;
    }
    size_t filled = 0;
    for (size_t i = 0; i < aggregate->account_count; i++) {
        if (!totals_are_zero(&aggregate->accounts[i].now)) {
            totals[filled++] = (struct cairn_account_totals){.account = (uint32_t)i + 1,
                                                             .totals = aggregate->accounts[i].now};
        }
    }
    *rows = totals;
    *count = filled;
    return true;
}

void cairn_aggregate_account_peak(const struct cairn_aggregate *aggregate, uint32_t account, int64_t *bytes,
                                  int64_t *blocks)
{
    const struct cairn_aggregate_account *at = &aggregate->accounts[account - 1];
    if (at->epoch == aggregate->peak_epoch) {
        *bytes = at->peak_bytes;
        *blocks = at->peak_blocks;
    } else {
        *bytes = at->now.live_bytes;
        *blocks = at->now.live_blocks;
    }
}
