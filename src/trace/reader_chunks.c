#include <inttypes.h>
#include <stdlib.h>

#include "trace/event_columns.h"
#include "trace/reader.h"

/* Keys of the cache: the kind of value in the top bits. */
#define KEY_CHUNK (UINT64_C(1) << 62)

const struct cairn_chunk *cairn_reader_chunks(const struct cairn_trace *trace, size_t *count)
{
    *count = trace->contents->tables[CAIRN_TABLE_CHUNK].count;
    return trace->contents->tables[CAIRN_TABLE_CHUNK].rows;
}

uint64_t cairn_reader_events(const struct cairn_chunk *chunks, size_t count)
{
    return count ? chunks[count - 1].first_event + chunks[count - 1].events : 0;
}

enum cairn_status cairn_reader_chunk_of(struct cairn_trace *trace, uint64_t position, size_t *chunk,
                                        struct cairn_error *error)
{
    const struct cairn_table *table;
    const enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_CHUNK, &table, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_chunk *chunks = table->rows;
    size_t low = 0, high = table->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (chunks[middle].first_event + chunks[middle].events <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *chunk = low;
    return CAIRN_OK;
}

/* Times of events are whole microseconds, those of named moments are not. */
#define STAMP_NS 1000

/* Snapshots say after which event they are; stamps of events around them may be a little off. */
static bool is_snapshot(struct cairn_trace *trace, uint64_t position, int64_t t_ns)
{
    const struct cairn_snapshot *snapshots;
    size_t count;
    if (cairn_trace_snapshots(trace, &snapshots, &count, NULL) != CAIRN_OK) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (snapshots[i].event == position && snapshots[i].t_ns == t_ns) {
            return true;
        }
    }
    return false;
}

bool cairn_trace_is_exact(struct cairn_trace *trace, uint64_t position, int64_t t_ns)
{
    return position == (uint64_t)cairn_trace_recording(trace)->peak_event ||
           cairn_trace_is_counted(trace, position, t_ns);
}

bool cairn_trace_is_counted(struct cairn_trace *trace, uint64_t position, int64_t t_ns)
{
    struct cairn_error error;
    size_t chunk, count;
    if (t_ns >= cairn_trace_recording(trace)->exact_from_ns ||
        cairn_reader_chunk_of(trace, position, &chunk, &error) != CAIRN_OK) {
        return true;
    }
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    return chunk == count || chunks[chunk].has_data ||
           (position == chunks[chunk].first_event &&
            (t_ns < chunks[chunk].first_t_ns + STAMP_NS || is_snapshot(trace, position, t_ns)));
}

enum cairn_status cairn_reader_chunk_until(struct cairn_trace *trace, uint64_t position, size_t *chunk,
                                           struct cairn_error *error)
{
    size_t count;
    const enum cairn_status status = cairn_reader_chunk_of(trace, position, chunk, error);
    if (status == CAIRN_OK && trace->live) {
        (void)cairn_reader_chunks(trace, &count);
        *chunk = *chunk == count && count > 0 ? count - 1 : *chunk;
    }
    return status;
}

enum cairn_status cairn_reader_check_position(struct cairn_trace *trace, uint64_t position,
                                              struct cairn_error *error)
{
    const struct cairn_table *table;
    const enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_CHUNK, &table, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const uint64_t events = cairn_reader_events(table->rows, table->count);
    return position <= events
               ? CAIRN_OK
               : cairn_fail(error, CAIRN_E_NOT_FOUND, "%s: there is no event %" PRIu64 ": it holds %" PRIu64,
                            trace->path, position, events);
}

enum cairn_status cairn_reader_dropped(const struct cairn_trace *trace, struct cairn_error *error)
{
    return cairn_fail(
        error, CAIRN_E_NOT_FOUND,
        "%s: single events of that time were dropped to keep the trace small (slim, record --max-size): "
        "they begin at %.3f s",
        trace->path, (double)cairn_trace_recording(trace)->exact_from_ns / 1e9);
}

struct cairn_event_decoder *cairn_reader_decoder(struct cairn_trace *trace)
{
    if (!trace->decoder) {
        trace->decoder = cairn_event_decoder_new();
    }
    return trace->decoder;
}

/* A live trace's last chunk may have grown since its row was read: the events that were known then are the first. */
static size_t capacity_of(const struct cairn_trace *trace, const struct cairn_chunk *chunk)
{
    return trace->live ? CAIRN_CHUNK_MOST_EVENTS : (size_t)chunk->events;
}

enum cairn_status cairn_reader_unpack(struct cairn_trace *trace, size_t chunk, cairn_unpack *unpack,
                                      void *state, struct cairn_error *error)
{
    size_t chunk_count, count = 0;
    const struct cairn_chunk *row = cairn_reader_chunks(trace, &chunk_count) + chunk;
    struct cairn_event_decoder *decoder = cairn_reader_decoder(trace);
    if (!decoder) {
        return cairn_reader_no_memory(trace, error);
    }
    struct cairn_cursor cursor;
    cairn_cursor_open(&cursor, trace, NULL, "events", "SELECT data FROM event_chunk WHERE chunk = ?1", error);
    cairn_cursor_bind(&cursor, 1, row->chunk);
    if (cairn_cursor_next(&cursor)) {
        size_t size;
        const void *blob = cairn_cursor_blob(&cursor, 0, &size);
        if (!blob && cursor.status == CAIRN_OK) {
            cursor.status = cairn_reader_dropped(trace, error);
        } else if (blob) {
            cursor.status = unpack(state, decoder, blob, size, &count, error);
        }
    }
    if (cursor.status == CAIRN_OK && (count < row->events || count > capacity_of(trace, row))) {
        cairn_cursor_damaged(&cursor);
    }
    return cairn_cursor_close(&cursor);
}

struct whole {
    uint64_t first_event;
    struct cairn_decoded *decoded;
    size_t capacity;
};

static enum cairn_status unpack_whole(void *state, struct cairn_event_decoder *decoder, const void *blob,
                                      size_t size, size_t *count, struct cairn_error *error)
{
    struct whole *whole = state;
    return cairn_event_decoder_all(decoder, blob, size, whole->first_event, whole->decoded->events,
                                   whole->capacity, count, error);
}

/* Reads a chunk's blob and decodes it into memory of its own. */
static enum cairn_status load(struct cairn_trace *trace, size_t chunk, struct cairn_decoded **decoded,
                              struct cairn_error *error)
{
    size_t chunk_count;
    const struct cairn_chunk *row = cairn_reader_chunks(trace, &chunk_count) + chunk;
    const size_t capacity = capacity_of(trace, row), count = (size_t)row->events;
    struct cairn_decoded *made = malloc(sizeof(*made) + capacity * sizeof(made->events[0]));
    if (!made) {
        return cairn_reader_no_memory(trace, error);
    }
    *made = (struct cairn_decoded){.shared = {.references = 1}, .count = count};
    struct whole whole = {.first_event = row->first_event, .decoded = made, .capacity = capacity};
    const enum cairn_status status = cairn_reader_unpack(trace, chunk, unpack_whole, &whole, error);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    struct cairn_decoded *fitting =
        count < capacity ? realloc(made, sizeof(*made) + count * sizeof(made->events[0])) : NULL;
    *decoded = fitting ? fitting : made;
    return CAIRN_OK;
}

const struct cairn_decoded *cairn_reader_decoded(struct cairn_trace *trace, size_t chunk)
{
    return cairn_lru_get(trace->contents->cache, KEY_CHUNK | chunk);
}

enum cairn_status cairn_reader_decode(struct cairn_trace *trace, size_t chunk, bool keep,
                                      struct cairn_decoded **decoded, struct cairn_error *error)
{
    size_t count;
    const struct cairn_chunk *row = cairn_reader_chunks(trace, &count) + chunk;
    struct cairn_decoded *found = cairn_lru_get(trace->contents->cache, KEY_CHUNK | chunk);
    const enum cairn_status going = cairn_reader_go_on(trace, error);
    if (going != CAIRN_OK) {
        return going;
    }
    if (found) {
        found->shared.references++;
    } else {
        const enum cairn_status status =
            row->has_data ? load(trace, chunk, &found, error) : cairn_reader_dropped(trace, error);
        if (!found) {
            return status;
        }
        if (keep) {
            found->shared.references++;
            (void)cairn_lru_put(trace->contents->cache, KEY_CHUNK | chunk, found,
                                sizeof(*found) + found->count * sizeof(found->events[0]));
        }
    }
    *decoded = found;
    return CAIRN_OK;
}

static bool see_last(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    if (event->kind != CAIRN_EVENT_END) {
        *(uint64_t *)state = ordinal + 1;
    }
    return true;
}

enum cairn_status cairn_trace_end(struct cairn_trace *trace, uint64_t *position, struct cairn_error *error)
{
    const struct cairn_table *table;
    const struct cairn_process *processes;
    size_t process_count = 0;
    enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_CHUNK, &table, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_processes(trace, &processes, &process_count, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_chunk *chunks = table->rows;
    const uint64_t events = cairn_reader_events(chunks, table->count);
    if (table->count > 0 && !chunks[table->count - 1].has_data) {
        /* A slim copy keeps the END events that close it in a chunk of their own. */
        const struct cairn_chunk *last = &chunks[table->count - 1];
        const bool ends = last->allocations == 0 && last->frees == 0 && last->events <= process_count;
        *position = ends ? last->first_event : events;
        return CAIRN_OK;
    }
    uint64_t end = events > process_count ? events - process_count : 0;
    status = cairn_trace_events(trace, end, events, see_last, &end, error);
    if (status == CAIRN_OK) {
        *position = end;
    }
    return status;
}

enum cairn_status cairn_trace_events(struct cairn_trace *trace, uint64_t from, uint64_t to,
                                     bool (*visit)(void *state, uint64_t ordinal,
                                                   const struct cairn_event *event),
                                     void *state, struct cairn_error *error)
{
    size_t chunk = 0, count = 0;
    enum cairn_status status = cairn_reader_check_position(trace, to, error);
    if (status == CAIRN_OK) {
        status = cairn_reader_chunk_of(trace, from, &chunk, error);
    }
    if (status != CAIRN_OK || from >= to) {
        return status;
    }
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    const bool keep = to - from <= CAIRN_CHUNK_EVENTS;
    bool going = true;
    for (; status == CAIRN_OK && going && chunk < count && chunks[chunk].first_event < to; chunk++) {
        struct cairn_decoded *decoded = NULL;
        const uint64_t first = chunks[chunk].first_event;
        status = cairn_reader_decode(trace, chunk, keep, &decoded, error);
        if (!decoded) {
            break;
        }
        const size_t last = to - first < decoded->count ? (size_t)(to - first) : decoded->count;
        for (size_t i = from > first ? (size_t)(from - first) : 0; going && i < last; i++) {
            going = visit(state, first + i, &decoded->events[i]);
        }
        cairn_shared_drop(decoded);
    }
    return status;
}
