#include <stdlib.h>
#include <string.h>

#include "trace/reader_ledger.h"

/* The largest heap so far, the earliest of equal ones. */
struct peak {
    uint64_t position;
    int64_t bytes;
};

static void offer(struct peak *peak, uint64_t position, int64_t bytes)
{
    if (bytes > peak->bytes || (bytes == peak->bytes && position < peak->position)) {
        *peak = (struct peak){.position = position, .bytes = bytes};
    }
}

/* Offers the heap after each of the events [from, to) of one chunk. The ledger stands at `from` and is changed. */
static enum cairn_status replay(struct cairn_trace *trace, size_t chunk, struct cairn_ledger *ledger,
                                uint64_t from, uint64_t to, struct peak *peak, struct cairn_error *error)
{
    size_t count;
    const uint64_t first = cairn_reader_chunks(trace, &count)[chunk].first_event;
    struct cairn_decoded *decoded;
    enum cairn_status status = cairn_reader_decode(trace, chunk, true, &decoded, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (uint64_t i = from; status == CAIRN_OK && i < to; i++) {
        if (!cairn_ledger_apply(ledger, &decoded->events[i - first], i)) {
            status = cairn_reader_damaged(trace, "its events do not fit its accounts", error);
        }
        offer(peak, i + 1, ledger->heap_bytes);
    }
    cairn_shared_drop(decoded);
    return status;
}

/* Offers the heap at `from` and after each event up to `to`, all in one chunk. */
static enum cairn_status replay_part(struct cairn_trace *trace, size_t chunk, uint32_t process, uint64_t from,
                                     uint64_t to, struct peak *peak, struct cairn_error *error)
{
    struct cairn_kept_state *shared, *state = NULL;
    struct cairn_ledger ledger;
    enum cairn_status status = cairn_reader_state(trace, from, &shared, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = cairn_reader_copy_state(trace, shared, &state, error);
    cairn_shared_drop(shared);
    if (status == CAIRN_OK) {
        status = cairn_ledger_init(&ledger, trace, process, state, error);
    }
    if (status == CAIRN_OK) {
        cairn_ledger_sum(&ledger);
        offer(peak, from, ledger.heap_bytes);
        status = from < to ? replay(trace, chunk, &ledger, from, to, peak, error) : CAIRN_OK;
    }
    cairn_shared_drop(state);
    return status;
}

/* A whole chunk whose peak of one process is not known, only bounded. */
struct candidate {
    size_t chunk;
    int64_t bound;
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    if (left->bound != right->bound) {
        return left->bound > right->bound ? -1 : 1;
    }
    return (left->chunk > right->chunk) - (left->chunk < right->chunk);
}

static bool is_of(const struct cairn_account *account, uint32_t process)
{
    return account->process == process && account->domain <= CAIRN_DOMAIN_LAST_HEAP;
}

/* Bounds the process's heap in each of the chunks [first, last): what it had before plus all it allocated, and never more
 * than the heap of all. A process that may adopt blocks has the second bound only. Offers the heap at the borders. */
static enum cairn_status bound_chunks(struct cairn_trace *trace, uint32_t process, bool adopts, size_t first,
                                      size_t last, struct candidate *candidates, struct peak *peak,
                                      struct cairn_error *error)
{
    size_t count;
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    struct cairn_kept_state *state;
    struct cairn_ledger ledger;
    enum cairn_status status = cairn_reader_border(trace, first, &state, error);
    if (status != CAIRN_OK) {
        return status;
    }
    int64_t heap = 0;
    status = cairn_ledger_init(&ledger, trace, process, state, error);
    if (status == CAIRN_OK) {
        cairn_ledger_sum(&ledger);
        heap = ledger.heap_bytes;
    }
    cairn_shared_drop(state);
    for (size_t chunk = first; status == CAIRN_OK && chunk < last; chunk++) {
        struct cairn_account_totals *rows;
        size_t row_count;
        uint64_t change = 0, allocated = 0;
        status = cairn_reader_go_on(trace, error);
        if (status == CAIRN_OK) {
            status = cairn_reader_delta(trace, chunk, &rows, &row_count, error);
        }
        if (status != CAIRN_OK) {
            break;
        }
        for (size_t i = 0; i < row_count; i++) {
            if (is_of(&ledger.accounts[rows[i].account - 1], process)) {
                change += (uint64_t)rows[i].totals.live_bytes;
                allocated += (uint64_t)rows[i].totals.allocated_bytes;
            }
        }
        free(rows);
        int64_t bound;
        if (adopts || __builtin_add_overflow(heap, (int64_t)allocated, &bound) ||
            bound > chunks[chunk].max_bytes) {
            bound = chunks[chunk].max_bytes;
        }
        candidates[chunk - first] = (struct candidate){.chunk = chunk, .bound = bound};
        heap = (int64_t)((uint64_t)heap + change);
        offer(peak, chunks[chunk].first_event + chunks[chunk].events, heap);
    }
    return status;
}

static enum cairn_status may_adopt(struct cairn_trace *trace, uint32_t process, bool *adopts,
                                   struct cairn_error *error)
{
    const struct cairn_process *row;
    const struct cairn_table *table;
    const enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_PROCESS, &table, error);
    if (status == CAIRN_OK) {
        row = cairn_reader_find(trace, CAIRN_TABLE_PROCESS, process);
        *adopts = row && row->parent != 0;
    }
    return status;
}

/* Chunks [first, last) for one process: the most promising one first, until no other can hold more. */
static enum cairn_status search_chunks(struct cairn_trace *trace, uint32_t process, size_t first, size_t last,
                                       struct peak *peak, struct cairn_error *error)
{
    size_t count;
    bool adopts;
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    struct candidate *candidates = malloc((last - first + 1) * sizeof(*candidates));
    if (!candidates) {
        return cairn_reader_no_memory(trace, error);
    }
    enum cairn_status status = may_adopt(trace, process, &adopts, error);
    if (status == CAIRN_OK) {
        status = bound_chunks(trace, process, adopts, first, last, candidates, peak, error);
    }
    if (status == CAIRN_OK) {
        qsort(candidates, last - first, sizeof(*candidates), compare_candidates);
    }
    /* A chunk that can only reach what is known may still reach it earlier. */
    for (size_t i = 0; status == CAIRN_OK && i < last - first && candidates[i].bound >= peak->bytes; i++) {
        const struct cairn_chunk *row = &chunks[candidates[i].chunk];
        if (candidates[i].bound == peak->bytes && row->first_event >= peak->position) {
            continue;
        }
        status = replay_part(trace, candidates[i].chunk, process, row->first_event,
                             row->first_event + row->events, peak, error);
    }
    free(candidates);
    return status;
}

/* Chunks [first, last) as a whole. */
static enum cairn_status whole_chunks(struct cairn_trace *trace, uint32_t process, size_t first, size_t last,
                                      struct peak *peak, struct cairn_error *error)
{
    size_t count;
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    if (process != 0) {
        return first < last ? search_chunks(trace, process, first, last, peak, error) : CAIRN_OK;
    }
    for (size_t i = first; i < last; i++) {
        const uint64_t end = chunks[i].first_event + chunks[i].events;
        const uint64_t position = chunks[i].max_event + 1;
        offer(peak, position > chunks[i].first_event && position <= end ? position : end,
              chunks[i].max_bytes);
    }
    return CAIRN_OK;
}

/* The peak of the whole recording or process is known; within a span that holds it there is no other. */
static enum cairn_status known_peak(struct cairn_trace *trace, uint32_t process, uint64_t from, uint64_t to,
                                    struct peak *peak, bool *known, struct cairn_error *error)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    const struct cairn_table *table;
    const enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_PROCESS, &table, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_process *row = process ? cairn_reader_find(trace, CAIRN_TABLE_PROCESS, process) : NULL;
    const int64_t position = row ? row->peak_event : recording->peak_event;
    const int64_t bytes = row ? row->peak_bytes : recording->peak_bytes;
    *known = (process == 0 || row) && bytes > 0 && position >= 0 && (uint64_t)position >= from &&
             (uint64_t)position <= to;
    if (*known) {
        *peak = (struct peak){.position = (uint64_t)position, .bytes = bytes};
    }
    return CAIRN_OK;
}

static enum cairn_status find_peak(struct cairn_trace *trace, uint32_t process, uint64_t from, uint64_t to,
                                   struct peak *peak, struct cairn_error *error)
{
    size_t first = 0, last = 0, count;
    enum cairn_status status = cairn_reader_check_position(trace, to, error);
    if (status == CAIRN_OK) {
        status = cairn_reader_chunk_until(trace, from, &first, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_reader_chunk_until(trace, to, &last, error);
    }
    bool known = false;
    if (status == CAIRN_OK) {
        status = known_peak(trace, process, from, to, peak, &known, error);
    }
    if (status != CAIRN_OK || known) {
        return status;
    }
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    if (first == last) {
        return replay_part(trace, first, process, from, to, peak, error);
    }
    if (process == 0 && chunks[first].first_event == from) {
        /* The heap at `from` itself, which no chunk's maximum covers. */
        status = replay_part(trace, first, process, from, from, peak, error);
    } else {
        status = replay_part(trace, first, process, from, chunks[first].first_event + chunks[first].events,
                             peak, error);
        first++;
    }
    if (status == CAIRN_OK) {
        status = whole_chunks(trace, process, first, last, peak, error);
    }
    if (status == CAIRN_OK && last < count && chunks[last].first_event < to) {
        status = replay_part(trace, last, process, chunks[last].first_event, to, peak, error);
    }
    return status;
}

enum cairn_status cairn_trace_peak_between(struct cairn_trace *trace, uint32_t process, uint64_t from,
                                           uint64_t to, uint64_t *position, int64_t *bytes,
                                           struct cairn_error *error)
{
    struct peak peak = {.position = from, .bytes = INT64_MIN};
    if (from > to) {
        return cairn_fail(error, CAIRN_E_USAGE, "the span is empty: it ends before it begins");
    }
    enum cairn_status status = cairn_reader_hold(trace, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = find_peak(trace, process, from, to, &peak, error);
    cairn_reader_unhold(trace);
    if (status == CAIRN_OK) {
        *position = peak.position;
        *bytes = peak.bytes;
    }
    return status;
}
