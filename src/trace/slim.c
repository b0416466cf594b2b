#include "trace/slim.h"

#include <stdlib.h>
#include <string.h>

#include "trace/copy.h"
#include "trace/event_columns.h"
#include "trace/reader_ledger.h"
#include "trace/slim_borders.h"
#include "trace/slim_keep.h"
#include "trace/totals_group.h"

#define ZSTD_LEVEL      12
#define KEYFRAME_CHUNKS 64 /* a key frame takes as much as a dozen changes, and chunks are few */

/* The chunk that is being summed up. */
struct span {
    uint64_t first_event, max_event;
    int64_t first_t_ns, last_t_ns, start_bytes, start_blocks, max_bytes, allocations, frees;
    uint64_t oldest_freed;
};

struct slim {
    struct cairn_copy *copy;
    struct cairn_slim_borders borders;
    size_t next_border;
    struct cairn_kept_state *now;    /* after the events so far; owned */
    struct cairn_kept_state *before; /* at the beginning of the span; owned */
    struct cairn_ledger ledger;      /* of `now` */
    struct span span;
    int64_t chunks;                    /* written, and those of `group` */
    struct cairn_totals_group group;   /* the changes of the last ones; their rows are not written yet */
    struct cairn_account_totals *rows; /* room for one an account; owned */
    uint32_t *touched;                 /* accounts − 1 that the span changed, in no order; owned */
    bool *is_touched;                  /* by account − 1; owned */
    size_t touched_count;
    bool all_touched;
    sqlite3_stmt *put_chunk, *put_delta, *put_keyframe;
};

static enum cairn_status prepare(struct slim *slim)
{
    enum cairn_status status = cairn_copy_prepare(
        slim->copy, "INSERT INTO event_chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        &slim->put_chunk);
    if (status == CAIRN_OK) {
        status = cairn_copy_prepare(slim->copy, "INSERT INTO chunk_delta VALUES (?, ?)", &slim->put_delta);
    }
    if (status == CAIRN_OK) {
        status = cairn_copy_prepare(slim->copy, "INSERT INTO keyframe VALUES (?, ?)", &slim->put_keyframe);
    }
    return status;
}

static enum cairn_status put_row(struct slim *slim, uint64_t end)
{
    const struct span *span = &slim->span;
    const int64_t values[] = {
        slim->chunks,
        (int64_t)span->first_event,
        (int64_t)(end - span->first_event),
        span->first_t_ns,
        span->last_t_ns,
        span->start_bytes,
        span->start_blocks,
        span->max_bytes,
        (int64_t)span->max_event,
        span->allocations,
        span->frees,
        (int64_t)span->oldest_freed,
    };
    const int count = sizeof(values) / sizeof(values[0]);
    for (int i = 0; i < count; i++) {
        const int result = i == count - 1 && span->oldest_freed == UINT64_MAX
                               ? sqlite3_bind_null(slim->put_chunk, i + 1)
                               : sqlite3_bind_int64(slim->put_chunk, i + 1, values[i]);
        if (result != SQLITE_OK) {
            return cairn_copy_failed(slim->copy);
        }
    }
    return cairn_copy_put(slim->copy, slim->put_chunk);
}

static enum cairn_status put_blob(struct slim *slim, sqlite3_stmt *put, int64_t chunk,
                                  const struct cairn_buffer *blob)
{
    return !blob->failed && sqlite3_bind_int64(put, 1, chunk) == SQLITE_OK &&
                   sqlite3_bind_blob64(put, 2, blob->data, blob->length, SQLITE_STATIC) == SQLITE_OK
               ? cairn_copy_put(slim->copy, put)
               : cairn_copy_failed(slim->copy);
}

/* The key frame of the next chunk. */
static enum cairn_status put_keyframe(struct slim *slim, size_t count)
{
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    enum cairn_status status = cairn_totals_encode(slim->rows, count, ZSTD_LEVEL, &blob, slim->copy->error);
    if (status == CAIRN_OK) {
        status = put_blob(slim, slim->put_keyframe, slim->chunks, &blob);
    }
    cairn_buffer_release(&blob);
    return status;
}

/* A row for each chunk of the group: the first one holds all of it. */
static enum cairn_status put_group(struct slim *slim)
{
    struct cairn_totals_group *group = &slim->group;
    const int64_t first = slim->chunks - (int64_t)group->chunks;
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    enum cairn_status status =
        group->chunks ? cairn_totals_group_encode(group, ZSTD_LEVEL, &blob, slim->copy->error) : CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < group->chunks; i++) {
        if (i > 0) {
            cairn_buffer_reset(&blob);
            cairn_totals_member_encode(i, &blob);
        }
        status = put_blob(slim, slim->put_delta, first + (int64_t)i, &blob);
    }
    cairn_buffer_release(&blob);
    cairn_totals_group_reset(group);
    return status;
}

/* What the chunk that ends changed. */
static enum cairn_status add_changes(struct slim *slim, size_t count)
{
    const enum cairn_status status =
        cairn_totals_group_fits(&slim->group, count) ? CAIRN_OK : put_group(slim);
    if (status == CAIRN_OK && !cairn_totals_group_add(&slim->group, slim->rows, count)) {
        return cairn_reader_no_memory(slim->copy->from, slim->copy->error);
    }
    return status;
}

static void touch(struct slim *slim, uint32_t account)
{
    if (!slim->is_touched[account - 1]) {
        slim->is_touched[account - 1] = true;
        slim->touched[slim->touched_count++] = account - 1;
    }
}

/* Appends account i's now − before to slim->rows. Numbers wrap: a hostile trace may hold any. */
static size_t add_change(struct slim *slim, size_t i, const struct cairn_totals *from, size_t count)
{
    static const struct cairn_totals nothing;
    const struct cairn_totals *to = &slim->now->totals[i];
    const struct cairn_totals change = {
        .live_bytes = (int64_t)((uint64_t)to->live_bytes - (uint64_t)from->live_bytes),
        .live_blocks = (int64_t)((uint64_t)to->live_blocks - (uint64_t)from->live_blocks),
        .allocated_bytes = (int64_t)((uint64_t)to->allocated_bytes - (uint64_t)from->allocated_bytes),
        .allocations = (int64_t)((uint64_t)to->allocations - (uint64_t)from->allocations),
        .reallocs = (int64_t)((uint64_t)to->reallocs - (uint64_t)from->reallocs),
        .temporary = (int64_t)((uint64_t)to->temporary - (uint64_t)from->temporary),
        .live_variance = (int64_t)((uint64_t)to->live_variance - (uint64_t)from->live_variance),
        .allocated_variance =
            (int64_t)((uint64_t)to->allocated_variance - (uint64_t)from->allocated_variance),
    };
    if (memcmp(&change, &nothing, sizeof(change)) != 0) {
        slim->rows[count++] = (struct cairn_account_totals){.account = (uint32_t)i + 1, .totals = change};
    }
    return count;
}

static int compare_accounts(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* What the span changed. */
static size_t changes(struct slim *slim)
{
    size_t count = 0;
    if (slim->all_touched) {
        for (size_t i = 0; i < slim->now->state.count; i++) {
            count = add_change(slim, i, &slim->before->totals[i], count);
        }
        return count;
    }
    qsort(slim->touched, slim->touched_count, sizeof(*slim->touched), compare_accounts);
    for (size_t i = 0; i < slim->touched_count; i++) {
        count = add_change(slim, slim->touched[i], &slim->before->totals[slim->touched[i]], count);
    }
    return count;
}

/* All that accounts hold. */
static size_t everything(struct slim *slim)
{
    static const struct cairn_totals nothing;
    size_t count = 0;
    for (size_t i = 0; i < slim->now->state.count; i++) {
        count = add_change(slim, i, &nothing, count);
    }
    return count;
}

/* Blocks live on the heap: those of the span's beginning and what changed since. */
static int64_t live_blocks(const struct slim *slim)
{
    uint64_t sum = (uint64_t)slim->span.start_blocks;
    const size_t count = slim->all_touched ? slim->now->state.count : slim->touched_count;
    for (size_t i = 0; i < count; i++) {
        const size_t at = slim->all_touched ? i : slim->touched[i];
        if (slim->ledger.accounts[at].domain <= CAIRN_DOMAIN_LAST_HEAP) {
            sum +=
                (uint64_t)slim->now->totals[at].live_blocks - (uint64_t)slim->before->totals[at].live_blocks;
        }
    }
    return (int64_t)sum;
}

static void begin_span(struct slim *slim, uint64_t first_event)
{
    slim->span = (struct span){
        .first_event = first_event,
        .max_event = first_event,
        .first_t_ns = -1,
        .start_bytes = slim->ledger.heap_bytes,
        .start_blocks = live_blocks(slim),
        .max_bytes = INT64_MIN,
        .oldest_freed = UINT64_MAX,
    };
    for (size_t i = 0; i < slim->touched_count; i++) {
        slim->before->totals[slim->touched[i]] = slim->now->totals[slim->touched[i]];
        slim->is_touched[slim->touched[i]] = false;
    }
    if (slim->all_touched) {
        memcpy(slim->before->totals, slim->now->totals,
               slim->now->state.count * sizeof(slim->now->totals[0]));
    }
    slim->touched_count = 0;
    slim->all_touched = false;
}

/* Writes the chunk that ends before `end`, and the key frame of the next one. */
static enum cairn_status end_span(struct slim *slim, uint64_t end)
{
    enum cairn_status status = cairn_reader_go_on(slim->copy->from, slim->copy->error);
    if (status == CAIRN_OK) {
        status = put_row(slim, end);
    }
    if (status == CAIRN_OK) {
        status = add_changes(slim, changes(slim));
    }
    slim->chunks++;
    if (status == CAIRN_OK && slim->chunks % KEYFRAME_CHUNKS == 0) {
        status = put_keyframe(slim, everything(slim));
    }
    begin_span(slim, end);
    return status;
}

static bool is_heap(const struct slim *slim, uint32_t account)
{
    return slim->ledger.accounts[account - 1].domain <= CAIRN_DOMAIN_LAST_HEAP;
}

/* Counts an event that was applied. */
static void count_event(struct slim *slim, uint64_t ordinal, const struct cairn_event *event)
{
    struct span *span = &slim->span;
    const uint8_t kind = event->kind;
    span->first_t_ns = span->first_t_ns < 0 ? (int64_t)event->t_ns : span->first_t_ns;
    span->last_t_ns = (int64_t)event->t_ns;
    if (slim->ledger.heap_bytes > span->max_bytes) {
        span->max_bytes = slim->ledger.heap_bytes;
        span->max_event = ordinal;
    }
    if (kind == CAIRN_EVENT_END) {
        slim->all_touched = true;
        return;
    }
    touch(slim, event->account);
    if (kind == CAIRN_EVENT_REALLOC) {
        touch(slim, event->old_account);
    }
    if (kind != CAIRN_EVENT_ALLOC && event->birth < span->first_event && event->birth < span->oldest_freed) {
        span->oldest_freed = event->birth;
    }
    span->allocations +=
        (kind == CAIRN_EVENT_ALLOC || kind == CAIRN_EVENT_REALLOC) && is_heap(slim, event->account);
    span->frees += kind == CAIRN_EVENT_REALLOC ? is_heap(slim, event->old_account)
                                               : (kind == CAIRN_EVENT_FREE || kind == CAIRN_EVENT_LOST) &&
                                                     is_heap(slim, event->account);
}

static enum cairn_status sum_up_events(struct slim *slim, size_t chunk, uint64_t first)
{
    struct cairn_decoded *decoded;
    enum cairn_status status =
        cairn_reader_decode(slim->copy->from, chunk, false, &decoded, slim->copy->error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; status == CAIRN_OK && i < decoded->count; i++) {
        const uint64_t ordinal = first + i;
        const struct cairn_slim_borders *borders = &slim->borders;
        while (slim->next_border < borders->count && borders->positions[slim->next_border] < ordinal) {
            slim->next_border++;
        }
        if (slim->next_border < borders->count && borders->positions[slim->next_border] == ordinal &&
            ordinal > slim->span.first_event) {
            status = end_span(slim, ordinal);
        }
        if (status == CAIRN_OK && !cairn_ledger_apply(&slim->ledger, &decoded->events[i], first + i)) {
            status = cairn_reader_damaged(slim->copy->from, "its events do not fit its accounts",
                                          slim->copy->error);
        } else if (status == CAIRN_OK) {
            count_event(slim, ordinal, &decoded->events[i]);
        }
    }
    cairn_shared_drop(decoded);
    return status;
}

/* A chunk whose events were dropped before stays as it is. */
static enum cairn_status take_over(struct slim *slim, size_t chunk, const struct cairn_chunk *row)
{
    struct cairn_kept_state *after;
    const enum cairn_status status =
        cairn_reader_border(slim->copy->from, chunk + 1, &after, slim->copy->error);
    if (status != CAIRN_OK) {
        return status;
    }
    memcpy(slim->now->totals, after->totals, after->state.count * sizeof(after->totals[0]));
    cairn_shared_drop(after);
    cairn_ledger_sum(&slim->ledger);
    slim->all_touched = true;
    slim->span.first_t_ns = row->first_t_ns;
    slim->span.last_t_ns = row->last_t_ns;
    slim->span.max_bytes = row->max_bytes;
    slim->span.max_event = row->max_event;
    slim->span.allocations = row->allocations;
    slim->span.frees = row->frees;
    slim->span.oldest_freed =
        row->oldest_freed_event == CAIRN_UNKNOWN ? UINT64_MAX : (uint64_t)row->oldest_freed_event;
    return CAIRN_OK;
}

/* Whether the span must end with this chunk: this one or the next one has no events of its own to sum up. */
static bool must_end(const struct cairn_chunk *chunks, size_t chunk, size_t count)
{
    return chunk + 1 == count || !chunks[chunk].has_data || !chunks[chunk + 1].has_data;
}

static enum cairn_status write_chunks(struct slim *slim)
{
    size_t count;
    enum cairn_status status = CAIRN_OK;
    const struct cairn_chunk *chunks = cairn_reader_chunks(slim->copy->from, &count);
    begin_span(slim, 0);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        status = chunks[i].has_data ? sum_up_events(slim, i, chunks[i].first_event)
                                    : take_over(slim, i, &chunks[i]);
        if (status == CAIRN_OK && must_end(chunks, i, count)) {
            status = end_span(slim, chunks[i].first_event + chunks[i].events);
        }
    }
    return status == CAIRN_OK ? put_group(slim) : status;
}

static enum cairn_status prepare_states(struct slim *slim)
{
    struct cairn_trace *from = slim->copy->from;
    struct cairn_kept_state *empty;
    enum cairn_status status = cairn_reader_state(from, 0, &empty, slim->copy->error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = cairn_reader_copy_state(from, empty, &slim->now, slim->copy->error);
    if (status == CAIRN_OK) {
        status = cairn_reader_copy_state(from, empty, &slim->before, slim->copy->error);
    }
    cairn_shared_drop(empty);
    if (status == CAIRN_OK) {
        status = cairn_ledger_init(&slim->ledger, from, 0, slim->now, slim->copy->error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    const size_t count = slim->now->state.count + 1;
    slim->rows = calloc(count, sizeof(*slim->rows));
    slim->touched = calloc(count, sizeof(*slim->touched));
    slim->is_touched = calloc(count, sizeof(*slim->is_touched));
    return slim->rows && slim->touched && slim->is_touched ? CAIRN_OK
                                                           : cairn_reader_no_memory(from, slim->copy->error);
}

static enum cairn_status write_events(struct cairn_copy *copy)
{
    struct slim slim = {.copy = copy};
    enum cairn_status status = prepare_states(&slim);
    if (status == CAIRN_OK) {
        const struct cairn_slim_keep *keep = copy->plan->state;
        status = cairn_slim_borders_find(&slim.borders, copy, keep->wanted, keep->wanted_count);
    }
    if (status == CAIRN_OK) {
        status = prepare(&slim);
    }
    if (status == CAIRN_OK) {
        status = write_chunks(&slim);
    }
    sqlite3_finalize(slim.put_chunk);
    sqlite3_finalize(slim.put_delta);
    sqlite3_finalize(slim.put_keyframe);
    cairn_slim_borders_release(&slim.borders);
    cairn_totals_group_release(&slim.group);
    free(slim.rows);
    free(slim.touched);
    free(slim.is_touched);
    cairn_shared_drop(slim.now);
    cairn_shared_drop(slim.before);
    return status;
}

/* Chunks, their changes and key frames are made anew, all three at once. */
static bool write_table(struct cairn_copy *copy, const char *table, enum cairn_status *status)
{
    if (strcmp(table, "event_chunk") == 0) {
        *status = write_events(copy);
        return true;
    }
    return strcmp(table, "chunk_delta") == 0 || strcmp(table, "keyframe") == 0;
}

/* Single events begin where the recording ends. */
static enum cairn_status set_exact_from(struct cairn_copy *copy, const void *how, sqlite3_value *value,
                                        sqlite3_stmt *write, int index)
{
    (void)how;
    (void)value;
    return sqlite3_bind_int64(write, index, cairn_trace_recording(copy->from)->duration_ns) == SQLITE_OK
               ? CAIRN_OK
               : cairn_copy_failed(copy);
}

static bool find_column(const struct cairn_copy *copy, const char *table, const char *column,
                        cairn_copy_change **change, const void **how)
{
    (void)copy;
    *change = set_exact_from;
    *how = NULL;
    return strcmp(table, "recording") == 0 && strcmp(column, "exact_from_ns") == 0;
}

static bool keeps_row(const struct cairn_copy *copy, const char *table, sqlite3_stmt *row)
{
    return strcmp(table, "snapshot_site") != 0 ||
           cairn_slim_keeps(copy->plan->state, (uint32_t)sqlite3_column_int64(row, 0));
}

static enum cairn_status begin(struct cairn_copy *copy)
{
    return cairn_slim_choose(copy->plan->state, copy->from, copy->error);
}

enum cairn_status cairn_trace_slim(const char *from, const char *to, bool replace, const uint64_t *wanted,
                                   size_t wanted_count, int64_t *bytes_before, int64_t *bytes_after,
                                   struct cairn_error *error)
{
    struct cairn_slim_keep keep = {.wanted = wanted, .wanted_count = wanted_count};
    const struct cairn_copy_plan plan = {.begin = begin,
                                         .write_table = write_table,
                                         .find_column = find_column,
                                         .keeps_row = keeps_row,
                                         .state = &keep};
    const enum cairn_status status =
        cairn_trace_copy(from, to, replace, &plan, bytes_before, bytes_after, error);
    cairn_slim_keep_release(&keep);
    return status;
}
