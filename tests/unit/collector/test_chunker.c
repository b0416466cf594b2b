/* What the chunker makes of a stream of events: chunks that decode to them, deltas that add up to keyframes, snapshots and a
 * timeline that stay bounded however long the recording. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/chunker.h"
#include "collector/snapshots.h"
#include "collector/timeline.h"
#include "trace/event.h"

#define ACCOUNTS 500u

static uint64_t seed = 4242;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* The rows as a trace would hold them: later ones replace earlier ones. */
struct shelf {
    struct cairn_pipeline *pipeline;
    pthread_t thread;
    struct cairn_batch *batches[4096]; /* kept, for what points into them */
    size_t batch_count;
    const struct cairn_batch_chunk *chunks[256];
    const struct cairn_batch_keyframe *keyframes[256];
    struct cairn_account accounts[ACCOUNTS];
    struct cairn_recording recording;
    size_t chunk_rows, commits, snapshots, points, account_rows;
};

static void take(struct shelf *shelf, const struct cairn_batch_entry *entry)
{
    switch (entry->kind) {
    case CAIRN_BATCH_CHUNK:
        shelf->chunks[entry->of.chunk.row.chunk] = &entry->of.chunk;
        shelf->chunk_rows++;
        break;
    case CAIRN_BATCH_KEYFRAME:
        assert_null(shelf->keyframes[entry->of.keyframe.chunk]);
        assert_non_null(shelf->chunks[entry->of.keyframe.chunk]); /* it refers to its row */
        shelf->keyframes[entry->of.keyframe.chunk] = &entry->of.keyframe;
        break;
    case CAIRN_BATCH_ACCOUNT:
        shelf->accounts[entry->of.account.row.account - 1] = entry->of.account.row;
        shelf->account_rows++;
        break;
    case CAIRN_BATCH_ACCOUNT_SITE:
        assert_int_not_equal(shelf->accounts[entry->of.account_site.account - 1].account, 0);
        shelf->accounts[entry->of.account_site.account - 1].site = entry->of.account_site.frame;
        break;
    case CAIRN_BATCH_RECORDING:
        shelf->recording = entry->of.recording;
        break;
    case CAIRN_BATCH_SNAPSHOT:
        for (size_t i = 0; i < entry->of.snapshot.site_count; i++) {
            assert_true(shelf->accounts[entry->of.snapshot.sites[i].account - 1].account != 0);
        }
        shelf->snapshots++;
        break;
    case CAIRN_BATCH_TIMELINE:
        shelf->points++;
        break;
    case CAIRN_BATCH_COMMIT:
        shelf->commits++;
        break;
    default:
        break;
    }
}

static char end_of_batches;

static void *take_batches(void *state)
{
    struct shelf *shelf = state;
    for (;;) {
        struct cairn_batch *batch = cairn_queue_pop(&shelf->pipeline->batches);
        if ((void *)batch == &end_of_batches) {
            return NULL;
        }
        assert_false(batch->failed);
        shelf->batches[shelf->batch_count++] = batch;
        for (const struct cairn_batch_entry *entry = batch->first; entry; entry = entry->next) {
            take(shelf, entry);
        }
    }
}

static void post(struct cairn_pipeline *pipeline, struct cairn_message *message)
{
    cairn_queue_push(&pipeline->messages, message);
}

static void post_accounts(struct cairn_pipeline *pipeline)
{
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_ACCOUNTS, 0);
    message->of.accounts.list = calloc(ACCOUNTS, sizeof *message->of.accounts.list);
    message->of.accounts.count = ACCOUNTS;
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        message->of.accounts.list[i] =
            (struct cairn_account_identity){.process = 1, .thread = 1 + i % 3, .stack = i, .domain = 0};
    }
    post(pipeline, message);
}

static void post_events(struct cairn_pipeline *pipeline, struct cairn_chunk_buffer *buffer, uint32_t count,
                        bool sealed)
{
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_EVENTS, 0);
    message->of.events.buffer = buffer;
    message->of.events.count = count;
    message->of.events.sealed = sealed;
    post(pipeline, message);
}

static void post_commit(struct cairn_pipeline *pipeline, int64_t t_ns, bool everything)
{
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_COMMIT, t_ns);
    message->of.commit.row =
        (struct cairn_recording){.trace_id = "", .writer = "", .program = "", .duration_ns = t_ns};
    message->of.commit.everything = everything;
    post(pipeline, message);
}

struct stream {
    struct cairn_event *events; /* all of them */
    size_t count;
    uint64_t live[1000]; /* ordinals + 1 */
};

static struct cairn_event make_event(struct stream *stream, uint64_t t_ns)
{
    uint64_t *slot = &stream->live[next_random() % 1000];
    struct cairn_event event = {.t_ns = t_ns, .account = (uint32_t)(next_random() % ACCOUNTS) + 1};
    if (*slot) {
        const struct cairn_event *birth = &stream->events[*slot - 1];
        event.kind = CAIRN_EVENT_FREE;
        event.account = birth->account;
        event.size = birth->size;
        event.birth = *slot - 1;
        *slot = 0;
    } else {
        event.size = next_random() % 10000;
        *slot = stream->count + 1;
    }
    stream->events[stream->count++] = event;
    return event;
}

static void add_rows(struct cairn_totals *sums, const struct cairn_buffer *blob)
{
    struct cairn_account_totals *rows;
    size_t count;
    assert_int_equal(cairn_totals_decode(blob->data, blob->length, &rows, &count, NULL), CAIRN_OK);
    for (size_t i = 0; i < count; i++) {
        struct cairn_totals *sum = &sums[rows[i].account - 1];
        sum->live_bytes += rows[i].totals.live_bytes;
        sum->live_blocks += rows[i].totals.live_blocks;
        sum->allocated_bytes += rows[i].totals.allocated_bytes;
        sum->allocations += rows[i].totals.allocations;
        sum->reallocs += rows[i].totals.reallocs;
        sum->temporary += rows[i].totals.temporary;
    }
    free(rows);
}

static void assert_same_event(const struct cairn_event *got, const struct cairn_event *expected)
{
    assert_int_equal(got->t_ns, expected->t_ns);
    assert_int_equal(got->size, expected->size);
    assert_int_equal(got->birth, expected->birth);
    assert_int_equal(got->account, expected->account);
    assert_int_equal(got->kind, expected->kind);
    assert_int_equal(got->flags, expected->flags);
}

static void check_chunks(const struct shelf *shelf, const struct stream *stream, size_t chunk_count)
{
    struct cairn_totals *sums = calloc(ACCOUNTS, sizeof *sums), *key = calloc(ACCOUNTS, sizeof *key);
    struct cairn_event *decoded = malloc(CAIRN_CHUNK_EVENTS * sizeof *decoded);
    uint64_t position = 0;
    for (size_t i = 0; i < chunk_count; i++) {
        const struct cairn_batch_chunk *chunk = shelf->chunks[i];
        size_t count;
        assert_int_equal(chunk->row.first_event, position);
        assert_int_equal(cairn_events_decode(chunk->data.data, chunk->data.length, position, decoded,
                                             CAIRN_CHUNK_EVENTS, &count, NULL),
                         CAIRN_OK);
        assert_int_equal(count, chunk->row.events);
        for (size_t j = 0; j < count; j++) {
            assert_same_event(&decoded[j], &stream->events[position + j]);
        }
        assert_int_equal(shelf->keyframes[i] != NULL, i % CAIRN_KEYFRAME_CHUNKS == 0);
        if (shelf->keyframes[i]) {
            memset(key, 0, ACCOUNTS * sizeof *key);
            add_rows(key, &shelf->keyframes[i]->data);
            assert_memory_equal(key, sums, ACCOUNTS * sizeof *key);
        }
        add_rows(sums, &chunk->delta);
        position += count;
    }
    assert_int_equal(position, stream->count);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        assert_memory_equal(&shelf->accounts[i].totals, &sums[i], sizeof sums[i]);
    }
    free(sums);
    free(key);
    free(decoded);
}

/* A chunker that knows all accounts, and a thread that takes what it sends. */
static struct cairn_chunker *start(struct cairn_pipeline *pipeline, struct shelf *shelf)
{
    struct cairn_chunker *chunker;
    assert_true(cairn_pipeline_init(pipeline));
    assert_int_equal(cairn_chunker_start(pipeline, 0, &chunker, NULL), CAIRN_OK);
    shelf->pipeline = pipeline;
    pthread_create(&shelf->thread, NULL, take_batches, shelf);
    post_accounts(pipeline);
    return chunker;
}

static void finish(struct cairn_pipeline *pipeline, struct shelf *shelf, struct cairn_chunker *chunker)
{
    post(pipeline, cairn_message_new(CAIRN_MESSAGE_FINISH, 0));
    cairn_chunker_join(chunker);
    cairn_queue_push(&pipeline->batches, &end_of_batches);
    pthread_join(shelf->thread, NULL);
}

static void chunks_decode_and_add_up(void **state)
{
    (void)state;
    static struct shelf shelf;
    struct cairn_pipeline pipeline;
    struct cairn_chunker *chunker = start(&pipeline, &shelf);

    struct stream stream = {.events = malloc(20 * CAIRN_CHUNK_EVENTS * sizeof *stream.events)};
    size_t chunk_count = 0;
    for (size_t sealed = 0; sealed < 18; sealed++) {
        struct cairn_chunk_buffer *buffer = cairn_queue_pop(&pipeline.buffers);
        /* Some chunks end early, some are written in part several times. */
        const uint32_t size = sealed % 5 == 4 ? 20000 : CAIRN_CHUNK_EVENTS;
        for (uint32_t i = 0; i < size; i++) {
            buffer->events[i] = make_event(&stream, stream.count * 2000);
            buffer->lifetimes[i] = 3;
            if (sealed % 3 == 0 && i % 9000 == 8999) {
                post_events(&pipeline, buffer, i + 1, false);
                post_commit(&pipeline, (int64_t)buffer->events[i].t_ns, false);
            }
        }
        post_events(&pipeline, buffer, size, true);
        chunk_count++;
    }
    post_commit(&pipeline, (int64_t)stream.count * 2000, true);
    finish(&pipeline, &shelf, chunker);

    assert_int_equal(shelf.recording.events, stream.count);
    assert_true(shelf.chunk_rows > chunk_count);
    check_chunks(&shelf, &stream, chunk_count);
    for (size_t i = 0; i < shelf.batch_count; i++) {
        cairn_batch_free(shelf.batches[i]);
    }
    free(stream.events);
    cairn_pipeline_release(&pipeline);
}

static void post_sites(struct cairn_pipeline *pipeline, uint32_t first, uint32_t last)
{
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_SITES, 0);
    message->of.sites.list = calloc(last - first + 1, sizeof *message->of.sites.list);
    message->of.sites.count = last - first + 1;
    for (uint32_t account = first; account <= last; account++) {
        message->of.sites.list[account - first] =
            (struct cairn_account_site){.account = account, .frame = account + 1000};
    }
    post(pipeline, message);
}

/* Sites come before an account's row, behind it, and between two of its rows; no row is written for a site alone. */
static void sites_reach_every_row(void **state)
{
    (void)state;
    static struct shelf shelf;
    struct cairn_pipeline pipeline;
    struct cairn_chunker *chunker = start(&pipeline, &shelf);
    post_sites(&pipeline, 1, 100);
    post_commit(&pipeline, 1000, false);
    post_sites(&pipeline, 101, 200);
    struct cairn_chunk_buffer *buffer = cairn_queue_pop(&pipeline.buffers);
    for (uint32_t i = 0; i < 100; i++) {
        buffer->events[i] = (struct cairn_event){.t_ns = 2000, .account = 201 + i, .size = 10};
        buffer->lifetimes[i] = 0;
    }
    post_events(&pipeline, buffer, 100, true);
    post_sites(&pipeline, 201, ACCOUNTS);
    post_commit(&pipeline, 3000, true);
    finish(&pipeline, &shelf, chunker);

    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        assert_int_equal(shelf.accounts[i].site, i + 1001);
    }
    assert_int_equal(shelf.accounts[200].totals.live_bytes, 10);
    assert_int_equal(shelf.account_rows, ACCOUNTS + 100);
    for (size_t i = 0; i < shelf.batch_count; i++) {
        cairn_batch_free(shelf.batches[i]);
    }
    cairn_pipeline_release(&pipeline);
}

/* A month of recording: the rows kept are bounded, and they still span it. */
static void snapshots_and_timeline_stay_bounded(void **state)
{
    (void)state;
    static struct cairn_snapshots snapshots;
    struct cairn_timeline timeline;
    struct cairn_aggregate aggregate;
    const struct cairn_account_identity identity = {.process = 1, .thread = 1, .stack = 1};
    cairn_aggregate_init(&aggregate);
    cairn_aggregate_add_accounts(&aggregate, &identity, 1);
    cairn_snapshots_init(&snapshots, 0);
    assert_true(cairn_timeline_init(&timeline));
    int64_t oldest[CAIRN_TIMELINE_LEVELS] = {0}, rows[CAIRN_TIMELINE_LEVELS] = {0};
    const int64_t month_ns = 30ll * 24 * 3600 * 1000000000ll;
    int64_t step = 1000000;
    for (int64_t t = 0; t < month_ns; t += step, step += step / 5000) {
        const struct cairn_event event = {.t_ns = (uint64_t)t, .account = 1, .size = 10};
        const uint8_t lifetime = 0;
        struct cairn_batch *batch = cairn_batch_new();
        cairn_timeline_tick(&timeline, &aggregate, t, false, batch);
        cairn_snapshots_tick(&snapshots, &aggregate, t, batch);
        cairn_aggregate_events(&aggregate, &event, &lifetime, 1);
        for (const struct cairn_batch_entry *entry = batch->first; entry; entry = entry->next) {
            if (entry->kind == CAIRN_BATCH_TIMELINE) {
                rows[entry->of.timeline.level]++;
            } else if (entry->kind == CAIRN_BATCH_DROP_TIMELINE) {
                oldest[entry->of.timeline.level] = entry->of.timeline.before_t_ns;
                rows[entry->of.timeline.level] -= 1024;
            }
        }
        cairn_batch_free(batch);
        assert_true(snapshots.kept_count <= CAIRN_SNAPSHOTS_MAX_KEPT);
    }
    assert_true(snapshots.kept_count > CAIRN_SNAPSHOTS_MAX_KEPT / 4);
    assert_true(snapshots.interval_ns > month_ns / 4000);
    for (size_t i = 1; i < snapshots.kept_count; i++) {
        /* Wherever the program was busier than that. */
        assert_true(snapshots.kept[i].t_ns - snapshots.kept[i - 1].t_ns <= 2 * snapshots.interval_ns);
    }
    for (unsigned i = 0; i < CAIRN_TIMELINE_LEVELS; i++) {
        assert_true(rows[i] <= CAIRN_TIMELINE_POINTS + 1024);
    }
    assert_int_equal(oldest[CAIRN_TIMELINE_LEVELS - 1], 0);
    cairn_timeline_release(&timeline);
    cairn_aggregate_release(&aggregate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_decode_and_add_up),
        cmocka_unit_test(sites_reach_every_row),
        cmocka_unit_test(snapshots_and_timeline_stay_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
