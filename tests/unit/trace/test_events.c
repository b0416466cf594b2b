/* The chunk codec: what goes in comes out, in few bytes, and what a stranger made up is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "random_events.h"
#include "trace/event_columns.h"

#define SEEDS 40u

static struct cairn_event decoded[CAIRN_CHUNK_MOST_EVENTS];
static struct cairn_cross_free cross[CAIRN_CHUNK_MOST_EVENTS], expected_cross[CAIRN_CHUNK_MOST_EVENTS];

static bool names_birth(const struct cairn_event *event)
{
    return event->kind != CAIRN_EVENT_ALLOC && event->kind != CAIRN_EVENT_END;
}

static void check_same(const struct cairn_event *a, const struct cairn_event *b, size_t index)
{
    const bool realloc = a->kind == CAIRN_EVENT_REALLOC;
    if (a->t_ns != b->t_ns || a->kind != b->kind || a->flags != b->flags || a->account != b->account ||
        (a->kind != CAIRN_EVENT_END && a->size != b->size) || (names_birth(a) && a->birth != b->birth) ||
        (realloc && (a->old_size != b->old_size || a->old_account != b->old_account))) {
        fail_msg("event %zu of kind %d differs", index, a->kind);
    }
}

static int compare_cross(const void *a, const void *b)
{
    const struct cairn_cross_free *left = a, *right = b;
    if (left->birth != right->birth) {
        return left->birth < right->birth ? -1 : 1;
    }
    return (left->position > right->position) - (left->position < right->position);
}

/* The events that name a birth before `before`, by birth. */
static size_t expect_cross(const struct cairn_event *events, size_t count, uint64_t before)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct cairn_event *event = &events[i];
        if (names_birth(event) && event->birth < before) {
            const bool realloc = event->kind == CAIRN_EVENT_REALLOC;
            expected_cross[found++] = (struct cairn_cross_free){
                .birth = event->birth,
                .size = realloc ? event->old_size : event->size,
                .account = realloc ? event->old_account : event->account,
                .position = (uint32_t)i,
                .kind = event->kind,
            };
        }
    }
    qsort(expected_cross, found, sizeof(*expected_cross), compare_cross);
    return found;
}

/* With the part of the blob that it takes, in memory of its own so that a sanitiser sees a read behind it. */
static void check_cross(const struct cairn_buffer *blob, const struct cairn_event *events, size_t count,
                        uint64_t first_event, uint64_t before)
{
    size_t prefix, found;
    const size_t head = blob->length < CAIRN_EVENTS_HEADER_MOST ? blob->length : CAIRN_EVENTS_HEADER_MOST;
    assert_int_equal(cairn_events_cross_prefix(blob->data, head, first_event, before, &prefix, NULL),
                     CAIRN_OK);
    assert_true(prefix <= blob->length);
    void *part = malloc(prefix);
    assert_non_null(part);
    memcpy(part, blob->data, prefix);
    assert_int_equal(cairn_events_decode_cross(part, prefix, first_event, before, cross,
                                               CAIRN_CHUNK_MOST_EVENTS, &found, NULL),
                     CAIRN_OK);
    free(part);
    assert_int_equal(found, expect_cross(events, count, before < first_event ? before : first_event));
    for (size_t i = 0; i < found; i++) {
        const struct cairn_cross_free *a = &cross[i], *b = &expected_cross[i];
        assert_true(a->birth == b->birth && a->size == b->size && a->account == b->account &&
                    a->position == b->position && a->kind == b->kind);
    }
}

/* Returns the blob's size. */
static size_t round_trip(const struct cairn_event *events, size_t count, uint64_t first_event)
{
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    struct cairn_error error;
    size_t found = 0;
    if (cairn_events_encode(events, count, first_event, 1, &blob, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(cairn_events_decode(blob.data, blob.length, first_event, decoded,
                                         CAIRN_CHUNK_MOST_EVENTS, &found, &error),
                     CAIRN_OK);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        check_same(&events[i], &decoded[i], i);
    }
    const uint64_t moments[] = {0,
                                first_event / 2,
                                first_event,
                                UINT64_MAX,
                                cairn_old_before(first_event),
                                cairn_old_before(first_event) + 1};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        check_cross(&blob, events, count, first_event, moments[i]);
    }
    const size_t size = blob.length;
    cairn_buffer_release(&blob);
    return size;
}

static void test_random_streams_come_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random_events stream;
        random_events_make(&stream, seed, 3000);
        const size_t chunk = 1 + (size_t)(seed * 37 % 700);
        for (size_t at = 0; at < stream.count; at += chunk) {
            round_trip(stream.events + at, stream.count - at < chunk ? stream.count - at : chunk, at);
        }
        round_trip(stream.events, stream.count, 0);
        random_events_free(&stream);
    }
}

/* Blocks born long before the chunk, a while before it and in it. */
static void test_old_and_recent_births_come_back(void **state)
{
    const uint64_t first = UINT64_C(1) << 20, border = first - CAIRN_OLD_EVENTS;
    static const int64_t around_border[] = {-2, -1, 0, 1};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random_events stream;
        random_events_make(&stream, seed, 700);
        for (size_t i = 300; i < stream.count; i++) {
            struct cairn_event *event = &stream.events[i];
            if (event->birth >= 300) {
                event->birth += first - 300;
            } else if (event->birth % 3 == 0) {
                event->birth += first - 300;
            } else if (event->birth % 3 == 1) {
                event->birth = border + (uint64_t)around_border[event->birth % 4];
            }
        }
        round_trip(stream.events + 300, stream.count - 300, first);
        random_events_free(&stream);
    }
}

static void test_extreme_values(void **state)
{
    (void)state;
    const uint64_t first = UINT64_C(1) << 62;
    const uint64_t last_us = INT64_MAX / 1000 * 1000;
    const struct cairn_event events[] = {
        {.kind = CAIRN_EVENT_ALLOC, .account = UINT32_MAX, .size = UINT64_MAX},
        {.kind = CAIRN_EVENT_ALLOC, .account = 1, .size = 0},
        {.kind = CAIRN_EVENT_FREE, .account = UINT32_MAX, .size = UINT64_MAX, .birth = first},
        {.kind = CAIRN_EVENT_FREE, .account = UINT32_MAX, .size = UINT64_MAX, .birth = 0, .flags = 1},
        {.kind = CAIRN_EVENT_FREE, .account = 0, .size = 5, .birth = first - 1},
        {.kind = CAIRN_EVENT_REALLOC,
         .account = 0,
         .old_account = 7,
         .size = 1,
         .old_size = 2,
         .birth = 3,
         .flags = 1},
        {.kind = CAIRN_EVENT_END, .account = UINT32_MAX},
        {.kind = CAIRN_EVENT_ADOPT, .account = 1, .size = 9, .birth = first + 1, .t_ns = 1000},
        {.kind = CAIRN_EVENT_FREE, .account = 1, .size = 9, .birth = first + 7, .t_ns = 1000},
        {.kind = CAIRN_EVENT_SHRINK, .account = 1, .size = 9, .birth = first + 1, .t_ns = 1000},
        {.kind = CAIRN_EVENT_LOST, .account = 1, .size = 0, .birth = first + 1, .t_ns = last_us},
    };
    round_trip(events, sizeof events / sizeof *events, first);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        round_trip(&events[i], 1, first + i);
    }
}

/* The collector's ledger rules such streams out; should one come all the same, it is kept as it is. */
static void test_contradictions_are_kept(void **state)
{
    (void)state;
    const struct cairn_event events[] = {
        {.kind = CAIRN_EVENT_ALLOC, .account = 1, .size = 10},
        {.kind = CAIRN_EVENT_FREE, .account = 1, .size = 11, .birth = 0},
        {.kind = CAIRN_EVENT_FREE, .account = 2, .size = 10, .birth = 0},
        {.kind = CAIRN_EVENT_FREE, .account = 1, .size = 10, .birth = 0},
        {.kind = CAIRN_EVENT_FREE, .account = 1, .size = 10, .birth = 0},
        {.kind = CAIRN_EVENT_FREE, .account = 1, .size = 10, .birth = 3},
        {.kind = CAIRN_EVENT_REALLOC, .account = 1, .size = 10, .birth = 0, .old_account = 1, .old_size = 10},
        {.kind = CAIRN_EVENT_REALLOC, .account = 3, .size = 1, .birth = 6, .old_account = 1, .old_size = 10},
        {.kind = CAIRN_EVENT_FREE, .account = 3, .size = 1, .birth = 7},
    };
    round_trip(events, sizeof events / sizeof *events, 0);
}

static void test_the_largest_chunk(void **state)
{
    (void)state;
    static struct cairn_event events[CAIRN_CHUNK_MOST_EVENTS];
    for (size_t i = 0; i < CAIRN_CHUNK_MOST_EVENTS; i++) {
        events[i] = (struct cairn_event){.kind = CAIRN_EVENT_ALLOC,
                                         .account = (uint32_t)(i * 2654435761u),
                                         .size = i * i * i,
                                         .t_ns = i * 77000};
    }
    round_trip(events, CAIRN_CHUNK_MOST_EVENTS, 0);
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    assert_int_equal(cairn_events_encode(events, CAIRN_CHUNK_MOST_EVENTS + 1, 0, 1, &blob, NULL),
                     CAIRN_E_LIMIT);
    assert_int_equal(cairn_events_encode(events, 0, 0, 1, &blob, NULL), CAIRN_E_LIMIT);
    assert_int_equal(blob.length, 0);
    cairn_buffer_release(&blob);
}

static void test_events_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const struct cairn_event good = {.kind = CAIRN_EVENT_ALLOC, .account = 1, .size = 1, .t_ns = 5000};
    const struct cairn_event bad[] = {
        {.kind = 7, .t_ns = 5000},
        {.kind = CAIRN_EVENT_ALLOC, .t_ns = 4000},
        {.kind = CAIRN_EVENT_ALLOC, .t_ns = 5001},
        {.kind = CAIRN_EVENT_ALLOC, .t_ns = 5000, .flags = CAIRN_EVENT_TEMPORARY},
        {.kind = CAIRN_EVENT_FREE, .t_ns = 5000, .birth = 101},
        {.kind = CAIRN_EVENT_FREE, .t_ns = 5000, .flags = 2},
        {.kind = CAIRN_EVENT_FREE, .t_ns = 5000, .flags = 3},
        {.kind = CAIRN_EVENT_FREE, .t_ns = 6000, .birth = 101, .flags = CAIRN_EVENT_TEMPORARY},
        {.kind = CAIRN_EVENT_REALLOC, .t_ns = 5000, .birth = 101},
        {.kind = CAIRN_EVENT_ADOPT, .t_ns = 6000, .birth = 101},
    };
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct cairn_event events[] = {good, bad[i]};
        struct cairn_error error;
        assert_int_equal(cairn_events_encode(events, 2, 100, 1, &blob, &error), CAIRN_E_FORMAT);
        assert_non_null(strstr(error.message, "101"));
    }
    const struct cairn_event first = {.kind = CAIRN_EVENT_ALLOC, .account = 1, .t_ns = 5001};
    assert_int_equal(cairn_events_encode(&first, 1, 100, 1, &blob, NULL), CAIRN_E_FORMAT);
    assert_int_equal(blob.length, 0);
    cairn_buffer_release(&blob);
}

static uint64_t steps(uint64_t *seed, uint64_t t_ns)
{
    return t_ns + random_below(seed, 3) / 2 * 1000;
}

/* A program that is hard to predict: a hundred sites in random order, random sizes, blocks that live for a random while.
 * The format is meant to take at most 2.1 bytes for an event of real programs; this one is worse than they are. */
static void test_bytes_an_event(void **state)
{
    (void)state;
    enum { LIVE = 2000, SITES = 100 };
    static struct cairn_event events[CAIRN_CHUNK_EVENTS];
    static uint64_t live[LIVE];
    uint64_t seed = 5, t_ns = 0;
    size_t count = 0;
    for (size_t i = 0; i < LIVE; i++) {
        live[i] = i;
    }
    while (count < CAIRN_CHUNK_EVENTS) {
        t_ns = steps(&seed, t_ns);
        if (count < LIVE || count % 2 == 0) {
            const uint32_t account = 1 + (uint32_t)random_below(&seed, SITES);
            const uint64_t size = account % 4 == 0 ? 16 + random_below(&seed, 100) : account * 8;
            events[count] = (struct cairn_event){
                .kind = CAIRN_EVENT_ALLOC, .account = account, .size = size, .t_ns = t_ns};
        } else {
            uint64_t *slot = &live[random_below(&seed, LIVE)];
            events[count] = (struct cairn_event){.kind = CAIRN_EVENT_FREE,
                                                 .account = events[*slot].account,
                                                 .size = events[*slot].size,
                                                 .birth = *slot,
                                                 .t_ns = t_ns};
            *slot = count - 1;
        }
        count++;
    }
    const size_t size = round_trip(events, count, 0);
    assert_true(size < count * 21 / 10);
    /* The same without the beginning: most frees are now of blocks that the chunk does not know. */
    const size_t rest = round_trip(events + count - 4000, 4000, count - 4000);
    assert_true(rest < 4000 * 4);
}

/* A program in a loop: almost nothing but time is left to say. */
static void test_loops_cost_next_to_nothing(void **state)
{
    (void)state;
    static struct cairn_event events[CAIRN_CHUNK_EVENTS];
    uint64_t seed = 9, t_ns = 0;
    for (size_t i = 0; i < CAIRN_CHUNK_EVENTS; i++) {
        t_ns = steps(&seed, t_ns);
        const size_t step = i % 8;
        events[i] = step < 4 ? (struct cairn_event){.kind = CAIRN_EVENT_ALLOC,
                                                    .account = 1 + (uint32_t)step,
                                                    .size = 16 << step,
                                                    .t_ns = t_ns}
                             : (struct cairn_event){.kind = CAIRN_EVENT_FREE,
                                                    .account = events[i - 4].account,
                                                    .size = events[i - 4].size,
                                                    .birth = i - 4,
                                                    .t_ns = t_ns};
    }
    assert_true(round_trip(events, CAIRN_CHUNK_EVENTS, 0) < CAIRN_CHUNK_EVENTS / 4);
}

static void encode(const struct random_events *stream, size_t from, size_t to, struct cairn_buffer *blob)
{
    assert_int_equal(cairn_events_encode(stream->events + from, to - from, from, 1, blob, NULL), CAIRN_OK);
}

/* What is made of a damaged blob must be refused, or events that keep event.h's promises. */
static void decode_hostile(const void *data, size_t size, uint64_t first_event)
{
    /* A copy of exactly that size, so that a sanitiser sees a read behind it. */
    uint8_t *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    size_t count = 0;
    struct cairn_error error;
    const enum cairn_status status =
        cairn_events_decode(copy, size, first_event, decoded, CAIRN_CHUNK_MOST_EVENTS, &count, &error);
    assert_true(status == CAIRN_OK || status == CAIRN_E_FORMAT);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        assert_true(decoded[i].kind <= CAIRN_EVENT_END && decoded[i].flags <= CAIRN_EVENT_BY_REALLOC);
        assert_true(!names_birth(&decoded[i]) || decoded[i].birth < first_event + i);
        assert_true(decoded[i].t_ns % 1000 == 0 && (i == 0 || decoded[i].t_ns >= decoded[i - 1].t_ns));
    }
    const enum cairn_status cross_status = cairn_events_decode_cross(
        copy, size, first_event, first_event, cross, CAIRN_CHUNK_MOST_EVENTS, &count, &error);
    assert_true(cross_status == CAIRN_OK || cross_status == CAIRN_E_FORMAT);
    for (size_t i = 0; cross_status == CAIRN_OK && i < count; i++) {
        assert_true(cross[i].birth < first_event && cross[i].position < CAIRN_CHUNK_MOST_EVENTS);
    }
    free(copy);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    struct random_events stream;
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    size_t count;
    random_events_make(&stream, 11, 600);
    encode(&stream, 300, 600, &blob);
    for (size_t size = 0; size < blob.length; size++) {
        assert_int_equal(
            cairn_events_decode(blob.data, size, 300, decoded, CAIRN_CHUNK_MOST_EVENTS, &count, NULL),
            CAIRN_E_FORMAT);
    }
    size_t prefix;
    assert_int_equal(cairn_events_cross_prefix(blob.data, blob.length, 300, 300, &prefix, NULL), CAIRN_OK);
    assert_true(prefix < blob.length);
    for (size_t size = 0; size < prefix; size++) {
        assert_int_equal(cairn_events_decode_cross(blob.data, size, 300, 300, cross, CAIRN_CHUNK_MOST_EVENTS,
                                                   &count, NULL),
                         CAIRN_E_FORMAT);
    }
    cairn_buffer_byte(&blob, 0);
    assert_int_equal(
        cairn_events_decode(blob.data, blob.length, 300, decoded, CAIRN_CHUNK_MOST_EVENTS, &count, NULL),
        CAIRN_E_FORMAT);
    cairn_buffer_release(&blob);
    random_events_free(&stream);
}

static void test_every_flipped_bit_is_survived(void **state)
{
    (void)state;
    struct random_events stream;
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    random_events_make(&stream, 12, 400);
    encode(&stream, 200, 400, &blob);
    for (size_t bit = 0; bit < blob.length * 8; bit++) {
        blob.data[bit / 8] ^= (char)(1 << bit % 8);
        decode_hostile(blob.data, blob.length, 200);
        blob.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    cairn_buffer_release(&blob);
    random_events_free(&stream);
}

/* Damage behind the compression, where no checksum and no frame gives it away. */
static void spoil_columns(const struct cairn_buffer *blob, uint64_t *seed, struct cairn_buffer *spoilt)
{
    struct cairn_columns_in in = {.memory = NULL};
    struct cairn_columns_out out;
    assert_int_equal(cairn_columns_in_init(&in, blob->data, blob->length, CAIRN_COLUMN_COUNT, NULL),
                     CAIRN_OK);
    assert_true(cairn_columns_out_init(&out, in.header.events));
    const size_t victim = random_below(seed, CAIRN_COLUMN_COUNT + 1);
    for (size_t c = 0; c < CAIRN_COLUMN_COUNT; c++) {
        size_t size = (size_t)(in.column[c].end - in.column[c].at);
        memcpy(out.at[c], in.column[c].at, size);
        if (size > 0 && (c == victim || victim == CAIRN_COLUMN_COUNT)) {
            for (uint64_t i = random_below(seed, 4); i < 4; i++) {
                out.at[c][random_below(seed, size)] = (uint8_t)random_next(seed);
            }
            size -= random_below(seed, 8) == 0;
        }
        out.at[c] += size;
    }
    if (random_below(seed, 4) == 0) {
        in.header.events = random_below(seed, 2 * in.header.events);
    }
    if (random_below(seed, 4) == 0) {
        in.header.far_events = random_below(seed, in.header.events + 1);
    }
    if (random_below(seed, 4) == 0) {
        in.header.old_events = random_below(seed, in.header.events + 1);
    }
    if (random_below(seed, 16) == 0) {
        in.header.first_time = random_next(seed);
    }
    assert_int_equal(cairn_columns_write(&out, &in.header, 1, spoilt, NULL), CAIRN_OK);
    cairn_columns_out_release(&out);
    cairn_columns_in_release(&in);
}

static void test_spoilt_columns_are_survived(void **state)
{
    (void)state;
    uint64_t seed = 77;
    for (uint64_t stream_seed = 1; stream_seed <= SEEDS; stream_seed++) {
        struct random_events stream;
        struct cairn_buffer blob = CAIRN_BUFFER_INIT, spoilt = CAIRN_BUFFER_INIT;
        random_events_make(&stream, stream_seed, 500);
        encode(&stream, 200, 500, &blob);
        for (int round = 0; round < 200; round++) {
            cairn_buffer_reset(&spoilt);
            spoil_columns(&blob, &seed, &spoilt);
            decode_hostile(spoilt.data, spoilt.length, round % 8 == 0 ? random_below(&seed, 300) : 200);
        }
        cairn_buffer_release(&spoilt);
        cairn_buffer_release(&blob);
        random_events_free(&stream);
    }
}

static void put(struct cairn_buffer *blob, uint64_t value)
{
    uint8_t bytes[CAIRN_VARINT_MAX_BYTES];
    cairn_buffer_append(blob, bytes, (size_t)(cairn_varint_write(bytes, value) - bytes));
}

static void test_absurd_headers_are_refused(void **state)
{
    (void)state;
    /* version, events, far events, first time, raw size and stored size of the first column */
    static const uint64_t headers[][6] = {
        {0, 1, 0, 0, 0, 0},
        {2, 1, 0, 0, 0, 0},
        {1, CAIRN_CHUNK_MOST_EVENTS + 1, 0, 0, 0, 0},
        {1, UINT64_MAX, 0, 0, 0, 0},
        {1, 10, 11, 0, 0, 0},
        {1, 10, 1, 0, 1000, 0},
        {1, 10, 1, 0, UINT64_MAX, 0},
        {1, 10, 1, 0, 1, UINT64_MAX},
        {1, 10, 1, UINT64_MAX, 0, 0},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct cairn_buffer blob = CAIRN_BUFFER_INIT;
        size_t count = 0;
        for (size_t k = 0; k < 6; k++) {
            put(&blob, headers[i][k]);
        }
        for (size_t k = 0; k < 2 * (CAIRN_COLUMN_COUNT - 1); k++) {
            put(&blob, 0);
        }
        assert_int_equal(cairn_events_decode(blob.data, blob.length, 0, decoded, 10, &count, NULL),
                         CAIRN_E_FORMAT);
        cairn_buffer_release(&blob);
    }
}

static void test_no_more_events_than_there_is_room_for(void **state)
{
    (void)state;
    struct random_events stream;
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    size_t count = 77, crossing;
    random_events_make(&stream, 13, 400);
    encode(&stream, 200, 400, &blob);
    assert_int_equal(cairn_events_decode(blob.data, blob.length, 200, decoded, 199, &count, NULL),
                     CAIRN_E_FORMAT);
    assert_int_equal(count, 77);
    assert_int_equal(cairn_events_decode_cross(blob.data, blob.length, 200, 200, cross, 200, &crossing, NULL),
                     CAIRN_OK);
    assert_true(crossing > 0);
    assert_int_equal(
        cairn_events_decode_cross(blob.data, blob.length, 200, 200, cross, crossing - 1, &count, NULL),
        CAIRN_E_FORMAT);
    assert_int_equal(count, 77);
    cairn_buffer_release(&blob);
    random_events_free(&stream);
}

/* What an encoder keeps of earlier chunks, longer and shorter ones, leaves no trace in later ones. */
static void test_an_encoder_is_used_again(void **state)
{
    (void)state;
    struct random_events stream;
    random_events_make(&stream, 15, 3000);
    struct cairn_event_encoder *encoder = cairn_event_encoder_new();
    uint64_t seed = 15;
    assert_non_null(encoder);
    for (unsigned round = 0; round < 9000; round++) { /* more than there are generations of its maps */
        const size_t most = round % 100 == 0 ? 1500 : 12;
        const size_t from = random_below(&seed, 1500), count = 1 + random_below(&seed, most);
        struct cairn_buffer once = CAIRN_BUFFER_INIT, again = CAIRN_BUFFER_INIT;
        assert_int_equal(
            cairn_event_encoder_chunk(encoder, stream.events + from, count, from, 1, &again, NULL), CAIRN_OK);
        if (round % 100 == 0 || round > 8100) {
            encode(&stream, from, from + count, &once);
            assert_int_equal(once.length, again.length);
            assert_memory_equal(once.data, again.data, once.length);
        }
        cairn_buffer_release(&once);
        cairn_buffer_release(&again);
    }
    cairn_event_encoder_free(encoder);
    random_events_free(&stream);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct random_events stream;
    random_events_make(&stream, 14, 400);
    bool failed = true;
    for (unsigned long at = 1; failed; at++) {
        struct cairn_buffer blob = CAIRN_BUFFER_INIT;
        fault_allocation(at);
        const enum cairn_status status = cairn_events_encode(stream.events + 200, 200, 200, 1, &blob, NULL);
        failed = fault_happened();
        assert_int_equal(status, failed ? CAIRN_E_NOMEM : CAIRN_OK);
        cairn_buffer_release(&blob);
    }
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    encode(&stream, 200, 400, &blob);
    for (int crossing = 0; crossing < 2; crossing++) {
        failed = true;
        for (unsigned long at = 1; failed; at++) {
            size_t count = 77;
            fault_allocation(at);
            const enum cairn_status status =
                crossing
                    ? cairn_events_decode_cross(blob.data, blob.length, 200, 200, cross, 200, &count, NULL)
                    : cairn_events_decode(blob.data, blob.length, 200, decoded, 200, &count, NULL);
            failed = fault_happened();
            assert_int_equal(status, failed ? CAIRN_E_NOMEM : CAIRN_OK);
            assert_true(!failed || count == 77);
        }
    }
    cairn_buffer_release(&blob);
    random_events_free(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_streams_come_back),
        cmocka_unit_test(test_old_and_recent_births_come_back),
        cmocka_unit_test(test_extreme_values),
        cmocka_unit_test(test_contradictions_are_kept),
        cmocka_unit_test(test_the_largest_chunk),
        cmocka_unit_test(test_events_that_cannot_be_are_refused),
        cmocka_unit_test(test_bytes_an_event),
        cmocka_unit_test(test_loops_cost_next_to_nothing),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_every_flipped_bit_is_survived),
        cmocka_unit_test(test_spoilt_columns_are_survived),
        cmocka_unit_test(test_absurd_headers_are_refused),
        cmocka_unit_test(test_no_more_events_than_there_is_room_for),
        cmocka_unit_test(test_an_encoder_is_used_again),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
