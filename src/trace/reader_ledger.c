#include "trace/reader_ledger.h"

#include <stdlib.h>

#include "trace/weight.h"

static int compare_process(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Fills `members` from keys (process << 32 | account − 1) in order. */
static void group(struct cairn_members *members, const uint64_t *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t process = (uint32_t)(keys[i] >> 32);
        if (members->process_count == 0 || members->processes[members->process_count - 1] != process) {
            members->processes[members->process_count] = process;
            members->first[members->process_count++] = (uint32_t)i;
        }
        members->accounts[i] = (uint32_t)keys[i];
    }
    members->first[members->process_count] = (uint32_t)count;
}

static enum cairn_status load_members(struct cairn_trace *trace, const struct cairn_account *accounts,
                                      size_t count, struct cairn_error *error)
{
    struct cairn_members *members = &trace->contents->members;
    uint64_t *keys = malloc((count + 1) * sizeof(*keys));
    members->processes = malloc((count + 1) * sizeof(*members->processes));
    members->first = malloc((count + 1) * sizeof(*members->first));
    members->accounts = malloc((count + 1) * sizeof(*members->accounts));
    if (!keys || !members->processes || !members->first || !members->accounts) {
        free(keys);
        free(members->processes);
        free(members->first);
        free(members->accounts);
        *members = (struct cairn_members){.process_count = 0};
        return cairn_reader_no_memory(trace, error);
    }
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        keys[i] = (uint64_t)accounts[i].process << 32 | i;
        sorted = sorted && (i == 0 || keys[i - 1] < keys[i]);
    }
    if (!sorted) {
        qsort(keys, count, sizeof(*keys), compare_process);
    }
    group(members, keys, count);
    free(keys);
    trace->contents->members_loaded = true;
    return CAIRN_OK;
}

enum cairn_status cairn_ledger_init(struct cairn_ledger *ledger, struct cairn_trace *trace, uint32_t process,
                                    struct cairn_kept_state *state, struct cairn_error *error)
{
    const struct cairn_account *accounts;
    size_t count;
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &count, error);
    if (status == CAIRN_OK && !trace->contents->members_loaded) {
        status = load_members(trace, accounts, count, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    *ledger = (struct cairn_ledger){
        .totals = state->totals,
        .accounts = accounts,
        .members = &trace->contents->members,
        .count = count,
        .process = process,
        .sample_bytes = cairn_trace_recording(trace)->sample_bytes,
    };
    return CAIRN_OK;
}

static bool is_counted(const struct cairn_ledger *ledger, const struct cairn_account *account)
{
    return account->domain <= CAIRN_DOMAIN_LAST_HEAP &&
           (ledger->process == 0 || ledger->process == account->process);
}

void cairn_ledger_sum(struct cairn_ledger *ledger)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < ledger->count; i++) {
        sum += is_counted(ledger, &ledger->accounts[i]) ? (uint64_t)ledger->totals[i].live_bytes : 0;
    }
    ledger->heap_bytes = (int64_t)sum;
}

/* Sums wrap instead of overflowing: a hostile trace may hold any number. */
static void add(int64_t *value, uint64_t change)
{
    *value = (int64_t)((uint64_t)*value + change);
}

/* False for a process that ended before: events that repeat it would cost more than they take to store. */
static bool end_process(struct cairn_ledger *ledger, uint32_t process)
{
    const struct cairn_members *members = ledger->members;
    size_t low = 0, high = members->process_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        low = members->processes[middle] < process ? middle + 1 : low;
        high = members->processes[middle] < process ? high : middle;
    }
    if (low == members->process_count || members->processes[low] != process) {
        return true;
    }
    ledger->ended_accounts += members->first[low + 1] - members->first[low];
    if (ledger->ended_accounts > ledger->count) {
        return false;
    }
    for (uint32_t i = members->first[low]; i < members->first[low + 1]; i++) {
        struct cairn_totals *totals = &ledger->totals[members->accounts[i]];
        if (is_counted(ledger, &ledger->accounts[members->accounts[i]])) {
            add(&ledger->heap_bytes, 0 - (uint64_t)totals->live_bytes);
        }
        totals->live_bytes = 0;
        totals->live_blocks = 0;
        totals->live_variance = 0;
    }
    return true;
}

/* Adds a block to what is live, or (`sign` −1) takes it away. */
static void change_live(struct cairn_ledger *ledger, uint32_t account, const struct cairn_weight *weight,
                        uint64_t sign)
{
    struct cairn_totals *totals = &ledger->totals[account - 1];
    const uint64_t bytes = sign * (uint64_t)weight->bytes;
    add(&totals->live_bytes, bytes);
    add(&totals->live_blocks, sign * (uint64_t)weight->blocks);
    add(&totals->live_variance, sign * (uint64_t)weight->variance);
    if (is_counted(ledger, &ledger->accounts[account - 1])) {
        add(&ledger->heap_bytes, bytes);
    }
}

static bool exists(const struct cairn_ledger *ledger, uint32_t account)
{
    return account - 1u < ledger->count;
}

static void end_block(struct cairn_ledger *ledger, uint32_t account, uint64_t size,
                      const struct cairn_event *event)
{
    const struct cairn_weight weight =
        cairn_weigh_in(ledger->sample_bytes, ledger->accounts[account - 1].domain, size, event->birth);
    change_live(ledger, account, &weight, UINT64_MAX);
    if (event->flags & CAIRN_EVENT_TEMPORARY) {
        add(&ledger->totals[account - 1].temporary, (uint64_t)weight.blocks);
    }
}

bool cairn_ledger_apply(struct cairn_ledger *ledger, const struct cairn_event *event, uint64_t ordinal)
{
    if (event->kind == CAIRN_EVENT_END) {
        return end_process(ledger, event->account);
    }
    const bool is_realloc = event->kind == CAIRN_EVENT_REALLOC;
    if (!exists(ledger, event->account) || (is_realloc && !exists(ledger, event->old_account))) {
        return false;
    }
    if (event->kind == CAIRN_EVENT_SHRINK) { /* of mappings, which are never sampled */
        change_live(ledger, event->account, &(struct cairn_weight){.bytes = (int64_t)event->size},
                    UINT64_MAX);
        return true;
    }
    if (event->kind == CAIRN_EVENT_FREE || event->kind == CAIRN_EVENT_LOST) {
        end_block(ledger, event->account, event->size, event);
        return true;
    }
    struct cairn_totals *totals = &ledger->totals[event->account - 1];
    const struct cairn_weight weight = cairn_weigh_in(
        ledger->sample_bytes, ledger->accounts[event->account - 1].domain, event->size, ordinal);
    if (is_realloc) {
        end_block(ledger, event->old_account, event->old_size, event);
    }
    if (is_realloc || (event->flags & CAIRN_EVENT_BY_REALLOC)) {
        add(&totals->reallocs, (uint64_t)weight.blocks);
    }
    if (event->kind != CAIRN_EVENT_ADOPT) {
        add(&totals->allocated_bytes, (uint64_t)weight.bytes);
        add(&totals->allocations, (uint64_t)weight.blocks);
        add(&totals->allocated_variance, (uint64_t)weight.variance);
    }
    change_live(ledger, event->account, &weight, 1);
    return true;
}
