/* Sums, peak, deltas and histograms against brute force: the same events applied to a table whose state is copied at
 * every new maximum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/aggregate.h"

#define ACCOUNTS  40u
#define PROCESSES 4u
#define BLOCKS    400u
#define EVENTS    60000u
#define CHUNK     1000u
#define INTERVAL  ((int64_t)333000) /* nanoseconds */
#define BATCH     100u              /* events that are summed up in one call, at most */

static uint64_t seed;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

struct block {
    bool live;
    uint32_t account;
    uint64_t size, birth;
};

/* What the timeline reads at the end of an interval. */
struct interval {
    int64_t max, allocations, frees;
};

struct brute {
    struct cairn_totals now[ACCOUNTS], at_peak[ACCOUNTS], at_chunk[ACCOUNTS];
    int64_t heap, peak, process_heap[PROCESSES + 1], process_peak[PROCESSES + 1];
    uint64_t peak_event, deaths[ACCOUNTS];
    int64_t chunk_max;                /* INT64_MIN: nothing yet */
    uint64_t chunk_max_event, oldest; /* UINT64_MAX: nothing that was born before the chunk */
    int64_t allocations, frees;
    struct interval open, closed; /* the interval of the timeline, and the one before */
    bool ended[PROCESSES + 1];
};

static struct cairn_account_identity identities[ACCOUNTS];

static bool is_heap(uint32_t account)
{
    return identities[account - 1].domain <= 3;
}

static void brute_live(struct brute *brute, uint32_t account, int64_t bytes, int64_t blocks)
{
    brute->now[account - 1].live_bytes += bytes;
    brute->now[account - 1].live_blocks += blocks;
    if (is_heap(account)) {
        brute->heap += bytes;
        brute->process_heap[identities[account - 1].process] += bytes;
    }
}

static void brute_peaks(struct brute *brute, uint64_t events)
{
    for (uint32_t i = 1; i <= PROCESSES; i++) {
        if (brute->process_heap[i] > brute->process_peak[i]) {
            brute->process_peak[i] = brute->process_heap[i];
        }
    }
    if (brute->heap > brute->peak) {
        brute->peak = brute->heap;
        brute->peak_event = events;
        memcpy(brute->at_peak, brute->now, sizeof brute->now);
    }
}

/* The next interval begins with what is there. */
static void brute_tick(struct brute *brute)
{
    brute->closed = brute->open;
    brute->open = (struct interval){.max = brute->heap};
}

/* Maxima and counts of the open chunk and interval. */
static void brute_event(struct brute *brute, const struct cairn_event *event, uint64_t chunk_first)
{
    const uint32_t freed = event->kind == CAIRN_EVENT_REALLOC ? event->old_account : event->account;
    const bool makes = event->kind == CAIRN_EVENT_ALLOC || event->kind == CAIRN_EVENT_REALLOC;
    const bool frees = event->kind == CAIRN_EVENT_FREE || event->kind == CAIRN_EVENT_LOST ||
                       event->kind == CAIRN_EVENT_REALLOC;
    if (brute->heap > brute->chunk_max) {
        brute->chunk_max = brute->heap;
        brute->chunk_max_event = event->t_ns / 1000;
    }
    brute->open.max = brute->heap > brute->open.max ? brute->heap : brute->open.max;
    if (makes && is_heap(event->account)) {
        brute->open.allocations++;
        brute->allocations += event->kind == CAIRN_EVENT_ALLOC;
    }
    if (frees && is_heap(freed)) {
        brute->open.frees++;
        brute->frees += event->kind == CAIRN_EVENT_FREE;
    }
    if ((frees || event->kind == CAIRN_EVENT_SHRINK) && event->birth < chunk_first &&
        event->birth < brute->oldest) {
        brute->oldest = event->birth;
    }
}

/* The sums, and what they were at the end of the last interval. */
struct sums {
    struct cairn_aggregate aggregate;
    struct interval closed;
};

static struct interval interval_of(const struct cairn_aggregate *aggregate)
{
    return (struct interval){.max = aggregate->interval_max_bytes,
                             .allocations = aggregate->interval_allocations,
                             .frees = aggregate->interval_frees};
}

static void tick(void *state, int64_t t_ns)
{
    struct sums *sums = state;
    struct cairn_aggregate *aggregate = &sums->aggregate;
    sums->closed = interval_of(aggregate);
    aggregate->interval_max_bytes = aggregate->heap_bytes;
    aggregate->interval_allocations = 0;
    aggregate->interval_frees = 0;
    assert_true(t_ns > aggregate->next_tick_ns);
    aggregate->next_tick_ns += INTERVAL;
}

static uint32_t random_account(const struct brute *brute)
{
    uint32_t account;
    do {
        account = (uint32_t)(next_random() % ACCOUNTS) + 1;
    } while (brute->ended[identities[account - 1].process]);
    return account;
}

static void count_allocation(struct brute *brute, uint32_t account, uint64_t size)
{
    brute->now[account - 1].allocated_bytes += (int64_t)size;
    brute->now[account - 1].allocations++;
    brute_live(brute, account, (int64_t)size, 1);
}

/* One random event, applied to the brute-force state as well. */
static struct cairn_event make_event(struct brute *brute, struct block *blocks, uint64_t ordinal)
{
    struct cairn_event event = {.t_ns = ordinal * 1000};
    struct block *block = &blocks[next_random() % BLOCKS];
    const uint64_t size = next_random() % (ordinal / 100 % 2 ? 500 : 5000);
    if (!block->live) {
        event.kind = CAIRN_EVENT_ALLOC;
        event.account = random_account(brute);
        event.size = size;
        count_allocation(brute, event.account, size);
        *block = (struct block){.live = true, .account = event.account, .size = size, .birth = ordinal};
    } else if (next_random() % 4 == 0 && is_heap(block->account)) {
        uint32_t account;
        do {
            account = random_account(brute);
        } while (identities[account - 1].process != identities[block->account - 1].process);
        event.kind = CAIRN_EVENT_REALLOC;
        event.account = account;
        event.size = size;
        event.old_account = block->account;
        event.old_size = block->size;
        event.birth = block->birth;
        brute_live(brute, block->account, -(int64_t)block->size, -1);
        count_allocation(brute, account, size);
        brute->now[account - 1].reallocs++;
        brute->deaths[block->account - 1]++;
        *block = (struct block){.live = true, .account = account, .size = size, .birth = ordinal};
    } else if (block->size > 100 && !is_heap(block->account) && next_random() % 2) {
        event.kind = CAIRN_EVENT_SHRINK;
        event.account = block->account;
        event.size = block->size / 2;
        event.birth = block->birth;
        block->size -= event.size;
        brute_live(brute, block->account, -(int64_t)event.size, 0);
    } else {
        event.kind = next_random() % 50 ? CAIRN_EVENT_FREE : CAIRN_EVENT_LOST;
        event.account = block->account;
        event.size = block->size;
        event.birth = block->birth;
        event.flags = next_random() % 3 == 0 ? CAIRN_EVENT_TEMPORARY : 0;
        brute->now[block->account - 1].temporary += event.flags;
        brute->deaths[block->account - 1]++;
        brute_live(brute, block->account, -(int64_t)block->size, -1);
        block->live = false;
    }
    return event;
}

static struct cairn_event end_process(struct brute *brute, struct block *blocks, uint64_t ordinal,
                                      uint32_t process)
{
    brute->ended[process] = true;
    for (size_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].live && identities[blocks[i].account - 1].process == process) {
            blocks[i].live = false;
        }
    }
    for (uint32_t i = 1; i <= ACCOUNTS; i++) {
        if (identities[i - 1].process == process) {
            brute_live(brute, i, -brute->now[i - 1].live_bytes, -brute->now[i - 1].live_blocks);
        }
    }
    return (struct cairn_event){.t_ns = ordinal * 1000, .kind = CAIRN_EVENT_END, .account = process};
}

static void check_totals(const struct cairn_totals *got, const struct cairn_totals *expected)
{
    assert_memory_equal(got, expected, sizeof *got);
}

static void check_interval(struct interval got, struct interval expected)
{
    assert_int_equal(got.max, expected.max);
    assert_int_equal(got.allocations, expected.allocations);
    assert_int_equal(got.frees, expected.frees);
}

static void check_state(const struct sums *sums, const struct brute *brute)
{
    const struct cairn_aggregate *aggregate = &sums->aggregate;
    assert_int_equal(aggregate->heap_bytes, brute->heap);
    assert_int_equal(aggregate->peak.bytes, brute->peak);
    assert_int_equal(aggregate->peak.event, brute->peak_event);
    assert_int_equal(aggregate->chunk_max_bytes, brute->chunk_max);
    assert_int_equal(aggregate->chunk_max_event, brute->chunk_max_event);
    assert_int_equal(aggregate->chunk_oldest_freed, brute->oldest);
    check_interval(sums->closed, brute->closed);
    check_interval(interval_of(aggregate), brute->open);
    assert_int_equal(aggregate->counts.allocations, brute->allocations);
    assert_int_equal(aggregate->counts.frees, brute->frees);
    for (uint32_t i = 1; i <= ACCOUNTS; i++) {
        int64_t bytes, blocks;
        check_totals(&aggregate->accounts[i - 1].now, &brute->now[i - 1]);
        cairn_aggregate_account_peak(aggregate, i, &bytes, &blocks);
        assert_int_equal(bytes, brute->at_peak[i - 1].live_bytes);
        assert_int_equal(blocks, brute->at_peak[i - 1].live_blocks);
    }
    for (uint32_t i = 1; i <= PROCESSES; i++) {
        assert_int_equal(aggregate->processes[i].bytes, brute->process_heap[i]);
        assert_int_equal(aggregate->processes[i].peak.bytes, brute->process_peak[i]);
    }
}

/* before + delta = now, for every account, and no row is empty. */
static void check_delta(const struct cairn_aggregate *aggregate, const struct brute *brute)
{
    struct cairn_account_totals *rows;
    size_t count;
    assert_true(cairn_aggregate_chunk_delta(aggregate, &rows, &count));
    struct cairn_totals sums[ACCOUNTS];
    memcpy(sums, brute->at_chunk, sizeof sums);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || rows[i - 1].account < rows[i].account);
        struct cairn_totals *sum = &sums[rows[i].account - 1];
        sum->live_bytes += rows[i].totals.live_bytes;
        sum->live_blocks += rows[i].totals.live_blocks;
        sum->allocated_bytes += rows[i].totals.allocated_bytes;
        sum->allocations += rows[i].totals.allocations;
        sum->reallocs += rows[i].totals.reallocs;
        sum->temporary += rows[i].totals.temporary;
    }
    for (size_t i = 0; i < ACCOUNTS; i++) {
        check_totals(&sums[i], &brute->now[i]);
    }
    free(rows);
}

static void check_histograms(const struct cairn_aggregate *aggregate, const struct brute *brute)
{
    for (uint32_t account = 1; account <= ACCOUNTS; account++) {
        struct cairn_histogram_cell cells[CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS];
        const size_t count = cairn_histogram_cells(&aggregate->accounts[account - 1].histogram, cells);
        uint64_t live = 0, dead = 0, temporary = 0;
        for (size_t i = 0; i < count; i++) {
            live += cells[i].lifetime_bucket == CAIRN_LIFETIME_LIVE ? cells[i].blocks : 0;
            dead += cells[i].lifetime_bucket == CAIRN_LIFETIME_LIVE ? 0 : cells[i].blocks;
            temporary += cells[i].temporary;
        }
        if (!is_heap(account)) {
            assert_int_equal(count, 0);
            continue;
        }
        assert_int_equal(live + dead, brute->now[account - 1].allocations);
        assert_int_equal(dead, brute->deaths[account - 1]);
        assert_int_equal(temporary, brute->now[account - 1].temporary);
    }
}

/* Events of one call, which may lie on both sides of a tick. */
struct events {
    struct cairn_event list[BATCH];
    uint8_t lifetimes[BATCH];
    size_t count;
};

static void sum_up(struct sums *sums, struct events *events)
{
    cairn_aggregate_events(&sums->aggregate, events->list, events->lifetimes, events->count);
    events->count = 0;
}

static void begin_chunk(struct sums *sums, struct brute *brute, uint64_t first)
{
    cairn_aggregate_begin_chunk(&sums->aggregate);
    memcpy(brute->at_chunk, brute->now, sizeof brute->now);
    brute->chunk_max = INT64_MIN;
    brute->chunk_max_event = first;
    brute->oldest = UINT64_MAX;
}

static void begin(struct sums *sums)
{
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        identities[i] = (struct cairn_account_identity){.process = i % PROCESSES + 1,
                                                        .thread = i % 8 + 1,
                                                        .stack = i,
                                                        .domain = (uint8_t)(i % 7 == 6 ? 4 : i % 3)};
    }
    *sums = (struct sums){.closed = {.max = 0}};
    cairn_aggregate_init(&sums->aggregate);
    cairn_aggregate_add_accounts(&sums->aggregate, identities, ACCOUNTS);
    sums->aggregate.tick = tick;
    sums->aggregate.tick_state = sums;
    sums->aggregate.next_tick_ns = INTERVAL;
}

static void run(uint64_t with_seed)
{
    seed = with_seed;
    struct brute *brute = calloc(1, sizeof *brute);
    struct block *blocks = calloc(BLOCKS, sizeof *blocks);
    struct events events = {.count = 0};
    struct sums sums;
    begin(&sums);
    begin_chunk(&sums, brute, 0);
    uint64_t chunk_first = 0;
    for (uint64_t i = 0; i < EVENTS; i++) {
        if (i > 1 && (i - 1) % (INTERVAL / 1000) == 0) {
            brute_tick(brute);
        }
        struct cairn_event *event = &events.list[events.count];
        if (i % (EVENTS / PROCESSES) == EVENTS / PROCESSES - 1 && i < EVENTS / 4 * 3) {
            *event = end_process(brute, blocks, i, (uint32_t)(i / (EVENTS / PROCESSES)) + 1);
        } else {
            *event = make_event(brute, blocks, i);
        }
        brute_peaks(brute, i + 1);
        brute_event(brute, event, chunk_first);
        events.lifetimes[events.count++] = (uint8_t)(next_random() % 41);
        const bool ends_chunk = i % CHUNK == CHUNK - 1;
        if (ends_chunk || events.count == BATCH || next_random() % 50 == 0) {
            sum_up(&sums, &events);
            check_state(&sums, brute);
        }
        if (ends_chunk) {
            check_delta(&sums.aggregate, brute);
            begin_chunk(&sums, brute, i + 1);
            chunk_first = i + 1;
        }
    }
    check_histograms(&sums.aggregate, brute);
    assert_false(sums.aggregate.failed);
    cairn_aggregate_release(&sums.aggregate);
    free(brute);
    free(blocks);
}

static void same_as_brute_force(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 5; i++) {
        run(i * 7919);
    }
}

/* A block of a sample may count for 2^40 of them (--sample 1T), as often as a hostile program says that it was sampled: more than a
 * count holds, whose upper bits are its key. */
static void counts_end_at_their_maximum(void **state)
{
    (void)state;
    enum { MANY = 512 * 16 };
    static struct cairn_event events[MANY];
    static uint8_t lifetimes[MANY];
    const struct cairn_account_identity identity = {.process = 1, .thread = 1, .stack = 1, .domain = 0};
    struct cairn_histogram_cell cells[CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS];
    struct cairn_aggregate aggregate;
    cairn_aggregate_init(&aggregate);
    aggregate.sample_bytes = INT64_C(1) << 40;
    cairn_aggregate_add_accounts(&aggregate, &identity, 1);
    for (size_t i = 0; i < MANY; i++) {
        events[i] = (struct cairn_event){.t_ns = i * 1000, .account = 1, .kind = CAIRN_EVENT_ALLOC};
    }
    cairn_aggregate_events(&aggregate, events, lifetimes, MANY);
    const struct cairn_histogram *histogram = &aggregate.accounts[0].histogram;
    assert_int_equal(histogram->used, 1);
    assert_int_equal(cairn_histogram_cells(histogram, cells), 1);
    assert_int_equal(cells[0].size_bucket, 0);
    assert_int_equal(cells[0].lifetime_bucket, CAIRN_LIFETIME_LIVE);
    assert_int_equal(cells[0].blocks, (UINT64_C(1) << CAIRN_HISTOGRAM_BLOCK_BITS) - 1);
    cairn_aggregate_release(&aggregate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_brute_force),
        cmocka_unit_test(counts_end_at_their_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
