#include <stdlib.h>

#include "trace/reader.h"
#include "trace/weight.h"

/* survived = live(b) − live(a) + what events of (a, b] took from blocks born before a.
 *
 * The first two are states. For the third, a chunk's cross section suffices: a block born before a is born before every
 * chunk behind a. An account without a live block at b has no survivors, which covers processes that ended.
 *
 * A block that a forked child adopts after a is no survivor when it was made before a: the ADOPT names the block it
 * continues, and counts back. What frees an adopted block names the ADOPT, so those are remembered in `adopted`. */
struct survey {
    struct cairn_trace *trace;
    const struct cairn_account *accounts;
    int64_t sample_bytes;          /* of the recording */
    struct cairn_totals *survived; /* by account − 1 */
    size_t count;
    uint64_t a;
    uint64_t
        before; /* what chunks behind a are asked for: births below. a, or all once there are adopted blocks */
    uint64_t *adopted; /* ordinals of ADOPT events that continue blocks older than a; ascending */
    size_t adopted_count, adopted_capacity;
    struct cairn_cross_free *cross; /* of one chunk */
    size_t cross_capacity;
    struct cairn_buffer head; /* of a chunk's BLOB */
    bool dropped;             /* events that would be needed are gone: nothing more is read */
    struct cairn_error *error;
};

static bool was_adopted(const struct survey *survey, uint64_t birth)
{
    size_t low = 0, high = survey->adopted_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (survey->adopted[middle] < birth) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < survey->adopted_count && survey->adopted[low] == birth;
}

static bool is_old(const struct survey *survey, uint64_t birth)
{
    return birth < survey->a || (survey->adopted_count > 0 && was_adopted(survey, birth));
}

static bool remember_adopted(struct survey *survey, uint64_t ordinal)
{
    if (survey->adopted_count == survey->adopted_capacity) {
        const size_t larger = survey->adopted_capacity ? survey->adopted_capacity * 2 : 256;
        uint64_t *grown = realloc(survey->adopted, larger * sizeof(*grown));
        if (!grown) {
            return false;
        }
        survey->adopted = grown;
        survey->adopted_capacity = larger;
    }
    survey->adopted[survey->adopted_count++] = ordinal;
    survey->before = UINT64_MAX;
    return true;
}

static void add(int64_t *value, uint64_t change)
{
    *value = (int64_t)((uint64_t)*value + change);
}

/* One event that names a block. Wrapping sums: a hostile trace may hold any number. */
static enum cairn_status take(struct survey *survey, uint64_t ordinal, const struct cairn_cross_free *event)
{
    if (!is_old(survey, event->birth)) {
        return CAIRN_OK;
    }
    if (event->account - 1u >= survey->count) {
        return cairn_reader_damaged(survey->trace, "its events do not fit its accounts", survey->error);
    }
    struct cairn_totals *totals = &survey->survived[event->account - 1];
    /* An adopted block counts under the ADOPT from here on. */
    const bool adopts = event->kind == CAIRN_EVENT_ADOPT;
    const struct cairn_weight weight =
        cairn_weigh_in(survey->sample_bytes, survey->accounts[event->account - 1].domain, event->size,
                       adopts ? ordinal : event->birth);
    switch (event->kind) {
    case CAIRN_EVENT_ADOPT:
        add(&totals->live_bytes, 0 - (uint64_t)weight.bytes);
        add(&totals->live_blocks, 0 - (uint64_t)weight.blocks);
        add(&totals->live_variance, 0 - (uint64_t)weight.variance);
        return remember_adopted(survey, ordinal) ? CAIRN_OK
                                                 : cairn_reader_no_memory(survey->trace, survey->error);
    case CAIRN_EVENT_SHRINK:
        add(&totals->live_bytes, event->size);
        return CAIRN_OK;
    default:
        add(&totals->live_bytes, (uint64_t)weight.bytes);
        add(&totals->live_blocks, (uint64_t)weight.blocks);
        add(&totals->live_variance, (uint64_t)weight.variance);
        return CAIRN_OK;
    }
}

static bool names_a_block(const struct cairn_event *event)
{
    return event->kind != CAIRN_EVENT_ALLOC && event->kind != CAIRN_EVENT_END;
}

/* Events [from, to) of one chunk, all decoded. */
static enum cairn_status survey_events(struct survey *survey, size_t chunk, uint64_t from, uint64_t to)
{
    size_t count;
    const uint64_t first = cairn_reader_chunks(survey->trace, &count)[chunk].first_event;
    struct cairn_decoded *decoded;
    if (!cairn_reader_chunks(survey->trace, &count)[chunk].has_data) {
        survey->dropped = true;
        return CAIRN_OK;
    }
    enum cairn_status status = cairn_reader_decode(survey->trace, chunk, true, &decoded, survey->error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (uint64_t i = from; status == CAIRN_OK && i < to; i++) {
        const struct cairn_event *event = &decoded->events[i - first];
        if (names_a_block(event)) {
            const bool resized = event->kind == CAIRN_EVENT_REALLOC;
            const struct cairn_cross_free names = {
                .birth = event->birth,
                .size = resized ? event->old_size : event->size,
                .account = resized ? event->old_account : event->account,
                .kind = event->kind,
            };
            status = take(survey, i, &names);
        }
    }
    cairn_shared_drop(decoded);
    return status;
}

/* Reads `size` bytes at the beginning of the open BLOB, behind what is there already. */
static enum cairn_status read_up_to(struct survey *survey, sqlite3_blob *blob, size_t size)
{
    struct cairn_buffer *head = &survey->head;
    if (size <= head->length) {
        return CAIRN_OK;
    }
    const size_t more = size - head->length;
    if (!cairn_buffer_reserve(head, more)) {
        return cairn_reader_no_memory(survey->trace, survey->error);
    }
    const int result = sqlite3_blob_read(blob, head->data + head->length, (int)more, (int)head->length);
    if (result != SQLITE_OK) {
        return cairn_reader_failed(survey->trace, result, survey->error);
    }
    head->length += more;
    return CAIRN_OK;
}

/* The beginning of a chunk's BLOB, as far as its cross section reaches, into survey->head. */
static enum cairn_status read_cross(struct survey *survey, sqlite3_blob *blob, uint64_t first_event)
{
    const size_t size = (size_t)sqlite3_blob_bytes(blob);
    size_t prefix = 0;
    cairn_buffer_reset(&survey->head);
    enum cairn_status status =
        read_up_to(survey, blob, size < CAIRN_EVENTS_HEADER_MOST ? size : CAIRN_EVENTS_HEADER_MOST);
    if (status == CAIRN_OK) {
        status = cairn_events_cross_prefix(survey->head.data, survey->head.length, first_event,
                                           survey->before, &prefix, survey->error);
    }
    if (status == CAIRN_OK && prefix > size) {
        status = cairn_reader_damaged(survey->trace, "events", survey->error);
    }
    return status == CAIRN_OK ? read_up_to(survey, blob, prefix) : status;
}

/* Opens the BLOB of a chunk, or moves there. */
static enum cairn_status open_blob(struct survey *survey, size_t chunk, sqlite3_blob **blob)
{
    const int result =
        *blob ? sqlite3_blob_reopen(*blob, (int64_t)chunk)
              : sqlite3_blob_open(survey->trace->db, "main", "event_chunk", "data", (int64_t)chunk, 0, blob);
    return result == SQLITE_OK ? CAIRN_OK : cairn_reader_failed(survey->trace, result, survey->error);
}

/* A whole chunk by its cross section. `*adopts`: it adopts old blocks, so its other events must be seen, too. */
static enum cairn_status survey_cross(struct survey *survey, sqlite3_blob *blob, size_t chunk, bool *adopts)
{
    size_t count, cross_count = 0;
    const struct cairn_chunk *row = &cairn_reader_chunks(survey->trace, &count)[chunk];
    enum cairn_status status = read_cross(survey, blob, row->first_event);
    if (status == CAIRN_OK) {
        status = cairn_event_decoder_cross(
            cairn_reader_decoder(survey->trace), survey->head.data, survey->head.length, row->first_event,
            survey->before, survey->cross, survey->cross_capacity, &cross_count, survey->error);
    }
    *adopts = false;
    for (size_t i = 0; i < cross_count; i++) {
        *adopts =
            *adopts || (survey->cross[i].kind == CAIRN_EVENT_ADOPT && is_old(survey, survey->cross[i].birth));
    }
    for (size_t i = 0; status == CAIRN_OK && !*adopts && i < cross_count; i++) {
        status = take(survey, row->first_event + survey->cross[i].position, &survey->cross[i]);
    }
    return status;
}

/* Whether no event of the chunk can name a block older than a. */
static bool is_young(const struct survey *survey, const struct cairn_chunk *chunk)
{
    return survey->adopted_count == 0 &&
           (chunk->oldest_freed_event == CAIRN_UNKNOWN || (uint64_t)chunk->oldest_freed_event >= survey->a);
}

static enum cairn_status survey_chunk(struct survey *survey, sqlite3_blob **blob, size_t chunk)
{
    size_t count;
    const struct cairn_chunk *row = &cairn_reader_chunks(survey->trace, &count)[chunk];
    bool adopts = false;
    enum cairn_status status = cairn_reader_go_on(survey->trace, survey->error);
    if (status != CAIRN_OK || is_young(survey, row)) {
        return status;
    }
    if (!row->has_data) {
        survey->dropped = true;
        return CAIRN_OK;
    }
    status = open_blob(survey, chunk, blob);
    if (status == CAIRN_OK) {
        status = survey_cross(survey, *blob, chunk, &adopts);
    }
    return status == CAIRN_OK && adopts
               ? survey_events(survey, chunk, row->first_event, row->first_event + row->events)
               : status;
}

static enum cairn_status survey_chunks(struct survey *survey, size_t first, size_t last)
{
    size_t count;
    const struct cairn_chunk *chunks = cairn_reader_chunks(survey->trace, &count);
    sqlite3_blob *blob = NULL;
    for (size_t i = first; i < last; i++) {
        survey->cross_capacity = chunks[i].has_data && chunks[i].events > survey->cross_capacity
                                     ? (size_t)chunks[i].events
                                     : survey->cross_capacity;
    }
    survey->cross = malloc((survey->cross_capacity + 1) * sizeof(*survey->cross));
    enum cairn_status status = survey->cross && cairn_reader_decoder(survey->trace)
                                   ? CAIRN_OK
                                   : cairn_reader_no_memory(survey->trace, survey->error);
    for (size_t i = first; status == CAIRN_OK && !survey->dropped && i < last; i++) {
        status = survey_chunk(survey, &blob, i);
    }
    sqlite3_blob_close(blob);
    return status;
}

static enum cairn_status survey_span(struct survey *survey, uint64_t a, uint64_t b)
{
    size_t first = 0, last = 0, count;
    enum cairn_status status = cairn_reader_chunk_until(survey->trace, a, &first, survey->error);
    if (status == CAIRN_OK) {
        status = cairn_reader_chunk_until(survey->trace, b, &last, survey->error);
    }
    if (status != CAIRN_OK || a == b) {
        return status;
    }
    const struct cairn_chunk *chunks = cairn_reader_chunks(survey->trace, &count);
    if (first == last) {
        return survey_events(survey, first, a, b);
    }
    if (a > chunks[first].first_event) {
        status = survey_events(survey, first, a, chunks[first].first_event + chunks[first].events);
        first++;
    }
    if (status == CAIRN_OK) {
        status = survey_chunks(survey, first, last);
    }
    if (status == CAIRN_OK && last < count && b > chunks[last].first_event) {
        status = survey_events(survey, last, chunks[last].first_event, b);
    }
    return status;
}

/* Adds live(b) − live(a), and empties accounts without a live block at b. */
static void add_states(struct survey *survey, const struct cairn_kept_state *at_a,
                       const struct cairn_kept_state *at_b)
{
    for (size_t i = 0; i < survey->count; i++) {
        struct cairn_totals *into = &survey->survived[i];
        add(&into->live_bytes, (uint64_t)at_b->totals[i].live_bytes - (uint64_t)at_a->totals[i].live_bytes);
        add(&into->live_blocks,
            (uint64_t)at_b->totals[i].live_blocks - (uint64_t)at_a->totals[i].live_blocks);
        add(&into->live_variance,
            (uint64_t)at_b->totals[i].live_variance - (uint64_t)at_a->totals[i].live_variance);
        if (at_b->totals[i].live_blocks == 0) {
            *into = (struct cairn_totals){.live_bytes = 0};
        }
    }
}

static enum cairn_status find_survivors(struct survey *survey, uint64_t a, uint64_t b)
{
    struct cairn_kept_state *at_a = NULL, *at_b = NULL;
    enum cairn_status status = cairn_reader_state(survey->trace, a, &at_a, survey->error);
    if (status == CAIRN_OK) {
        status = cairn_reader_state(survey->trace, b, &at_b, survey->error);
    }
    if (status == CAIRN_OK) {
        size_t count;
        status = cairn_trace_accounts(survey->trace, &survey->accounts, &count, survey->error);
        survey->sample_bytes = cairn_trace_recording(survey->trace)->sample_bytes;
    }
    if (status == CAIRN_OK) {
        survey->count = at_b->state.count;
        survey->survived = calloc(survey->count + 1, sizeof(*survey->survived));
        status = survey->survived ? survey_span(survey, a, b)
                                  : cairn_reader_no_memory(survey->trace, survey->error);
    }
    if (status == CAIRN_OK && survey->survived) {
        add_states(survey, at_a, at_b);
    }
    cairn_shared_drop(at_a);
    cairn_shared_drop(at_b);
    return status;
}

enum cairn_status cairn_trace_survived(struct cairn_trace *trace, uint64_t a, uint64_t b,
                                       struct cairn_totals **survived, size_t *count,
                                       struct cairn_error *error)
{
    struct survey survey = {.trace = trace, .a = a, .before = a, .error = error};
    if (a > b) {
        return cairn_fail(error, CAIRN_E_USAGE, "the second moment lies before the first");
    }
    enum cairn_status status = cairn_reader_hold(trace, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = find_survivors(&survey, a, b);
    cairn_reader_unhold(trace);
    free(survey.adopted);
    free(survey.cross);
    cairn_buffer_release(&survey.head);
    if (status != CAIRN_OK || survey.dropped) {
        free(survey.survived);
        survey.survived = NULL;
    }
    if (status != CAIRN_OK) {
        return status;
    }
    *survived = survey.survived;
    *count = survey.count;
    return CAIRN_OK;
}
