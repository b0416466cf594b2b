#include "trace/event_columns.h"
#include "trace/reader.h"

/* What is asked of a chunk's times: its first events, at most `most`, that are stamped at or before until_ns. */
struct passing {
    uint64_t until_ns;
    size_t most;
    size_t passed;
    uint64_t t_ns; /* of the last one */
};

static enum cairn_status unpack_times(void *state, struct cairn_event_decoder *decoder, const void *blob,
                                      size_t size, size_t *count, struct cairn_error *error)
{
    struct passing *passing = state;
    return cairn_event_decoder_times(decoder, blob, size, passing->until_ns, passing->most, &passing->passed,
                                     &passing->t_ns, count, error);
}

static void pass(struct passing *passing, const struct cairn_decoded *decoded)
{
    size_t low = 0, high = decoded->count < passing->most ? decoded->count : passing->most;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (decoded->events[middle].t_ns <= passing->until_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    passing->passed = low;
    if (low > 0) {
        passing->t_ns = decoded->events[low - 1].t_ns;
    }
}

/* A chunk that nobody has decoded yet is not decoded for its times alone. */
static enum cairn_status pass_in(struct cairn_trace *trace, size_t chunk, struct passing *passing,
                                 struct cairn_error *error)
{
    const struct cairn_decoded *decoded = cairn_reader_decoded(trace, chunk);
    if (decoded) {
        pass(passing, decoded);
        return CAIRN_OK;
    }
    const enum cairn_status going = cairn_reader_go_on(trace, error);
    return going == CAIRN_OK ? cairn_reader_unpack(trace, chunk, unpack_times, passing, error) : going;
}

enum cairn_status cairn_trace_position_at(struct cairn_trace *trace, int64_t t_ns, uint64_t *position,
                                          struct cairn_error *error)
{
    const struct cairn_table *table;
    enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_CHUNK, &table, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_chunk *chunks = table->rows;
    size_t low = 0, high = table->count; /* the first chunk that ends after t_ns */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (chunks[middle].last_t_ns <= t_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == table->count) {
        *position = cairn_reader_events(chunks, table->count);
        return CAIRN_OK;
    }
    /* Inside a chunk whose single events were dropped, the border before it is the nearest moment that is known. */
    if (t_ns < chunks[low].first_t_ns || !chunks[low].has_data) {
        *position = chunks[low].first_event;
        return CAIRN_OK;
    }
    struct passing passing = {.until_ns = (uint64_t)t_ns, .most = (size_t)chunks[low].events};
    status = pass_in(trace, low, &passing, error);
    if (status == CAIRN_OK) {
        *position = chunks[low].first_event + passing.passed;
    }
    return status;
}

/* The time of a position whose chunk was dropped: the recording's peak is known, anything else is as its chunk began. */
static int64_t time_in_dropped(const struct cairn_trace *trace, const struct cairn_chunk *chunk,
                               uint64_t position)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    return position == (uint64_t)recording->peak_event ? recording->peak_t_ns : chunk->first_t_ns;
}

enum cairn_status cairn_trace_time_of(struct cairn_trace *trace, uint64_t position, int64_t *t_ns,
                                      struct cairn_error *error)
{
    size_t chunk, count;
    enum cairn_status status = cairn_reader_check_position(trace, position, error);
    if (status == CAIRN_OK && position == 0) {
        *t_ns = 0;
        return CAIRN_OK;
    }
    if (status == CAIRN_OK) {
        status = cairn_reader_chunk_of(trace, position - 1, &chunk, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_chunk *row = cairn_reader_chunks(trace, &count) + chunk;
    if (position == row->first_event + row->events) {
        *t_ns = row->last_t_ns;
        return CAIRN_OK;
    }
    if (!row->has_data) {
        *t_ns = time_in_dropped(trace, row, position);
        return CAIRN_OK;
    }
    struct passing passing = {.until_ns = UINT64_MAX, .most = (size_t)(position - row->first_event)};
    status = pass_in(trace, chunk, &passing, error);
    if (status == CAIRN_OK) {
        *t_ns = (int64_t)passing.t_ns;
    }
    return status;
}
